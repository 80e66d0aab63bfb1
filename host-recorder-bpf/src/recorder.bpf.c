// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The recorder's hooks. Each writes what happened as the kernel knows it, never what a system call was asked
 * for: nothing is read from user memory except the argument and environment areas of a new image, right after
 * execve and before its first instruction.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "record.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set by the recorder before loading. */
const volatile bool scoped = false;         /* only tasks below the cgroup in `scope` */
const volatile bool read_fragments = false; /* the kernel lets tracing programs read a packet's pages (6.12) */
const volatile bool plain_headers = false;  /* and kernel memory by plain loads (6.2) */

/* System calls of the optional tier, a bit a number; and which of their arguments are texts (operation.bpf.h). */
#define SYSCALL_WORDS 8
const volatile __u64 syscalls[SYSCALL_WORDS] = {};
const volatile __u8 syscall_texts[64 * SYSCALL_WORDS] = {};

#include "common.bpf.h"
#include "process.bpf.h"
#include "owner.bpf.h"
#include "flow.bpf.h"
#include "tcp.bpf.h"
#include "packet.bpf.h"
#include "operation.bpf.h"
