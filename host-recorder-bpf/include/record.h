/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The records that the BPF programs hand to the recorder: the only contract between kernel and user space.
 * The Rust side (`record.rs` in OUT_DIR) is generated from this file; sizes are asserted on both sides.
 *
 * Numbers are in host byte order unless a field says otherwise. Times are nanoseconds since boot, suspend
 * included (CLOCK_BOOTTIME). Kinds and flags are never reused. A record's payload follows its fixed part.
 */
#ifndef GUMSHOE_RECORD_H
#define GUMSHOE_RECORD_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Limits, bytes. What is longer is cut and flagged. */
#define RECORD_ARGV_MAX 8192
#define RECORD_ENV_MAX 8192
#define RECORD_PATH_MAX 2048
#define RECORD_PATH_DEPTH 40
#define RECORD_TTY_MAX 32
#define RECORD_SCRIPT_MAX 1024
#define RECORD_COMM_LEN 16

/* An id that is not set, as the kernel writes it. */
#define RECORD_ID_UNSET 0xffffffffu

enum record_kind {
	RECORD_FORK = 1,
	RECORD_EXEC = 2,
	RECORD_EXIT = 3,
	/* A process that ran before the recorder did; written by the task iterator. */
	RECORD_TASK = 4,
	RECORD_TCP = 5,
	RECORD_PACKETS = 6,
};

/* Classes of loss; each has a counter in the map `losses`. */
enum record_loss {
	RECORD_LOSS_IDENTITY = 0,
	RECORD_LOSS_FLOW = 1,
	/* A packet whose headers could not be read. */
	RECORD_LOSS_UNREADABLE_PACKET = 2,
	/* A socket that could not be noted, so that its owner may be missing. */
	RECORD_LOSS_OWNER = 3,
	NR_RECORD_LOSS = 4,
};

enum record_flag {
	RECORD_FLAG_ARGV_CUT = 1 << 0,
	RECORD_FLAG_ENV_CUT = 1 << 1,
	RECORD_FLAG_PATH_CUT = 1 << 2,
	/* The executable has no name on disk any more. */
	RECORD_FLAG_EXE_DELETED = 1 << 3,
	/* The hook ran in the context of the task that did it, so that `actor` can be trusted. */
	RECORD_FLAG_TASK_CONTEXT = 1 << 4,
	/* The owner was known from the socket's making, not from its use. */
	RECORD_FLAG_OWNER_CREATED = 1 << 5,
};

/* By which kind of socket a packet left. */
enum record_via {
	RECORD_VIA_SOCKET = 0,
	RECORD_VIA_RAW_IP = 1,
	RECORD_VIA_PACKET = 2,
	RECORD_VIA_KERNEL = 3,
	RECORD_VIA_FORWARDED = 4,
};

/* One image of one process; all zero where unknown. */
struct record_process_id {
	__u64 start_ns; /* start_boottime of the thread-group leader */
	__u32 tgid;     /* in the initial pid namespace */
	__u32 exec;     /* self_exec_id */
};

struct record_credentials {
	__u32 uid, euid, gid, egid, suid, sgid, fsuid, fsgid;
	__u32 login_uid; /* RECORD_ID_UNSET where no login set it */
	__u32 session;   /* RECORD_ID_UNSET where there is none */
	__u64 capabilities; /* effective */
};

struct record_header {
	__u16 kind;  /* enum record_kind */
	__u16 flags; /* enum record_flag */
	__u32 size;  /* of the whole record with its payload */
	__u64 time_ns;
	struct record_process_id process;
};

/* RECORD_FORK: `header.process` is the parent. */
struct record_fork {
	struct record_header header;
	struct record_process_id child;
};

/*
 * RECORD_EXEC and RECORD_TASK. The payload holds, one after the other: arguments, environment (both NUL
 * separated, as the process has them), path of the executable and of the working directory (names from the
 * innermost outwards, each ended by NUL), name of the terminal, path of the script whose interpreter this is.
 */
struct record_exec {
	struct record_header header;
	struct record_process_id parent;
	struct record_credentials credentials;
	__u64 cgroup_id;
	__u64 exe_inode;
	__u32 mount_ns, net_ns, pid_ns, user_ns; /* inode numbers */
	char comm[RECORD_COMM_LEN];
	__u32 argv_len, env_len, exe_len, cwd_len, tty_len, script_len;
};

struct record_exit {
	struct record_header header;
	__u32 exit_code; /* as wait(2) has it */
	__u32 pad;
};

/* RECORD_TCP: a change of state; `header.process` owns the socket. */
struct record_tcp {
	struct record_header header;
	struct record_process_id actor; /* who did it, with RECORD_FLAG_TASK_CONTEXT */
	struct record_credentials credentials; /* of the actor */
	__u64 socket;
	__u64 bytes_sent, bytes_received; /* payload, acknowledged or taken in */
	__u8 local_address[16], remote_address[16]; /* network order; IPv4 in the first four */
	__u16 local_port, remote_port;
	__u16 family; /* AF_INET or AF_INET6 */
	__u8 old_state, new_state; /* TCP_ESTABLISHED = 1 ... */
	__u32 error; /* errno where the kernel set one */
	__u32 net_ns;
};

/*
 * RECORD_PACKETS: packets of one flow as they were queued for sending. `header.process` owns the socket. The
 * first packet of a flow is written at once; totals when the flow leaves the cache. User space reads totals
 * of flows still in the cache from the map `flows`. The kernel's own packets are summed by remote address: they
 * have no local address, and no ports but for ICMP.
 */
struct record_packets {
	struct record_header header;
	struct record_process_id actor; /* who sent last */
	struct record_credentials credentials; /* of the actor at the first packet */
	__u64 socket; /* 0 for forwarded packets */
	__u64 first_ns, last_ns;
	__u64 packets, bytes; /* bytes from the network header on */
	__u8 local_address[16], remote_address[16]; /* network order; IPv4 in the first four */
	__u16 local_port, remote_port; /* ICMP: remote_port is type * 256 + code */
	__u16 family;
	__u8 protocol;
	__u8 via; /* enum record_via */
	__u8 tcp_flags; /* of the first packet */
	__u8 pad[3];
	__u32 net_ns;
};

/*
 * A slot of the map `flows`. The writer sets `begun`, then the record, then `ended` to the same value; a
 * reader that finds them different reads again later.
 */
struct record_flow_slot {
	__u64 begun;
	struct record_packets packets;
	__u64 ended;
};

/* Owner of a socket, by the address of the kernel's `struct sock`. */
struct record_owner {
	struct record_process_id process;
	__u64 created; /* 1 when noted at the socket's making */
};

/* A listening port, so that accepted sockets find their owner. */
struct record_listener {
	__u32 net_ns;
	__u16 port;
	__u16 family;
};

#ifdef __cplusplus
#define RECORD_ASSERT(type, bytes)
#else
#define RECORD_ASSERT(type, bytes) \
	_Static_assert(sizeof(struct type) == (bytes), #type " has changed its size")
#endif
RECORD_ASSERT(record_process_id, 16);
RECORD_ASSERT(record_credentials, 48);
RECORD_ASSERT(record_header, 32);
RECORD_ASSERT(record_fork, 48);
RECORD_ASSERT(record_exec, 168);
RECORD_ASSERT(record_exit, 40);
RECORD_ASSERT(record_tcp, 168);
RECORD_ASSERT(record_packets, 184);
RECORD_ASSERT(record_flow_slot, 200);
RECORD_ASSERT(record_owner, 24);
RECORD_ASSERT(record_listener, 8);

#endif
