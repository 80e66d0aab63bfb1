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

/* Supplementary groups that are kept. */
#define RECORD_GROUPS_MAX 32

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
	/* Many first packets, or many attempts and failures to connect, of one process. */
	RECORD_BATCH = 7,
	RECORD_BIND = 8,
	RECORD_DNS = 9,
	RECORD_OPERATION = 10,
	RECORD_SYSCALL = 11,
};

/* Classes of loss; each has a counter in the map `losses`. */
enum record_loss {
	RECORD_LOSS_IDENTITY = 0,
	RECORD_LOSS_FLOW = 1,
	/* A packet whose headers could not be read. */
	RECORD_LOSS_UNREADABLE_PACKET = 2,
	/* A socket that could not be noted, so that its owner may be missing. */
	RECORD_LOSS_OWNER = 3,
	/* A DNS message over the rate that is kept, one that could not be read, or an answer that may come unseen. */
	RECORD_LOSS_DNS = 4,
	/* A datagram that reached a socket before what looks for those was attached. */
	RECORD_LOSS_RECEIVED = 5,
	NR_RECORD_LOSS = 6,
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
	/* It was so before the recorder began. */
	RECORD_FLAG_SNAPSHOT = 1 << 6,
	/* Packets were received, not sent. */
	RECORD_FLAG_RECEIVED = 1 << 7,
	/* The owner of a connection was found by the port that it listens on: the other side began it. */
	RECORD_FLAG_OWNER_LISTENS = 1 << 8,
};

/* What a process did to the kernel, or to what can be seen of it. */
enum record_operation_kind {
	RECORD_OPERATION_MODULE = 1,
	RECORD_OPERATION_IO_URING = 2, /* number: flags of io_uring_setup */
	RECORD_OPERATION_CGROUP_CREATE = 3,
	RECORD_OPERATION_CGROUP_REMOVE = 4,
	RECORD_OPERATION_PACKET_TRANSMIT_RING = 5,
	RECORD_OPERATION_PACKET_BYPASS = 6,
	RECORD_OPERATION_XDP = 7,
};

/* Whether datagrams that reach sockets are looked at: the programs ask for it, the recorder attaches the hook. */
enum record_receiving {
	RECORD_RECEIVING_NOT_NEEDED = 0,
	RECORD_RECEIVING_NEEDED = 1,
	RECORD_RECEIVING_SEEN = 2,
	/* And what had come before is counted. */
	RECORD_RECEIVING_SETTLED = 3,
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

/* Supplementary groups; of those beyond RECORD_GROUPS_MAX only the number is told. */
struct record_groups {
	__u32 count; /* how many the process has */
	__u32 pad;
	__u32 ids[RECORD_GROUPS_MAX]; /* the first `count` are written */
};

/* Who a process is when it forks or ends. */
struct record_context {
	struct record_credentials credentials;
	struct record_groups groups;
	__u32 mount_ns, net_ns, pid_ns, user_ns; /* inode numbers; 0 where the process has left them */
};

/* RECORD_FORK: `header.process` is the parent. */
struct record_fork {
	struct record_header header;
	struct record_process_id child;
	struct record_context context; /* of the parent */
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
	struct record_groups groups;
	__u64 cgroup_id;
	__u64 exe_inode;
	__u32 mount_ns, net_ns, pid_ns, user_ns; /* inode numbers */
	char comm[RECORD_COMM_LEN];
	__u32 argv_len, env_len, exe_len, cwd_len, tty_len, script_len;
};

struct record_exit {
	struct record_header header;
	struct record_context context;
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
 * RECORD_PACKETS: totals of one flow, as packets were queued for sending or, with RECORD_FLAG_RECEIVED, reached
 * a socket. `header.process` owns the socket. The first packet of a flow is told in a batch; totals when it
 * leaves the cache or the recorder asks. The kernel's own packets are summed by remote address: they have no local
 * address, and no ports but for ICMP.
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

/* One entry of a batch. */
struct record_target {
	__u64 socket; /* TCP: the kernel's socket */
	__u8 remote_address[16]; /* network order; IPv4 in the first four */
	__u16 remote_port, local_port; /* ICMP: remote_port is type * 256 + code */
	__u32 after_ns; /* since the batch's first_ns */
	__u32 bytes;
	__u8 tcp_flags; /* of the packet; of a connection: its first segment left for this address, not for the socket's */
	__u8 state; /* TCP: TCP_SYN_SENT (2) or TCP_CLOSE (7) without having been established */
	__u16 error; /* TCP: errno where the kernel set one */
};

#define RECORD_BATCH_MAX 128

/* RECORD_BATCH: `header.process` owns the sockets. */
struct record_batch {
	struct record_header header;
	struct record_process_id actor; /* who did it, with RECORD_FLAG_TASK_CONTEXT */
	struct record_credentials credentials; /* of the actor at the first entry */
	__u64 socket; /* packets: the kernel's socket, 0 for forwarded ones */
	__u64 first_ns;
	__u8 local_address[16];
	__u32 net_ns;
	__u16 family;
	__u8 protocol; /* IPPROTO_TCP with RECORD_VIA_SOCKET: connections; packets otherwise */
	__u8 via; /* enum record_via */
	__u32 count;
	__u32 pad;
	struct record_target targets[RECORD_BATCH_MAX]; /* the first `count` are written */
};

/* RECORD_BIND: a program chose a local port, or a socket without connections was open at the start. */
struct record_bind {
	struct record_header header;
	__u64 socket;
	__u8 address[16];
	__u16 port, family;
	__u32 protocol;
	__u32 net_ns, pad;
};

#define RECORD_DNS_MAX 1232

/*
 * RECORD_DNS: a message from or to port 53. `header.process` sent it, or owns the socket that it reached
 * (RECORD_FLAG_RECEIVED).
 */
struct record_dns {
	struct record_header header;
	__u8 remote_address[16];
	__u16 remote_port, local_port, family;
	__u16 length; /* of what is kept of the message */
	__u32 protocol, pad; /* over TCP a message begins with its length, two bytes */
	__u8 message[RECORD_DNS_MAX];
};

#define RECORD_DETAIL_MAX 256

/* RECORD_OPERATION */
struct record_operation {
	struct record_header header;
	__u32 operation; /* enum record_operation_kind */
	__u32 number;
	__u64 cgroup_id; /* of a cgroup of version 2 that is made or removed; else 0 */
	char detail[RECORD_DETAIL_MAX]; /* ended by NUL */
};

/*
 * RECORD_SYSCALL: a system call of the optional tier returned. Texts are as the program gave them, read after the
 * call, so a thread beside it may have changed them; an opened file's path is the kernel's.
 */
struct record_syscall {
	struct record_header header;
	struct record_context context;
	__s64 result;
	__u64 arguments[6];
	__u32 number; /* of this architecture */
	__u16 text_len[2]; /* with NUL; 0 where there is none */
	char texts[2 * RECORD_DETAIL_MAX]; /* each in its half */
};

/* Owner of a socket, by the address of the kernel's `struct sock`. */
struct record_owner {
	struct record_process_id process;
	__u32 created; /* 1 when noted at the socket's making */
	__u32 counted; /* 1 when its unread datagrams were counted */
};

/* A listening port, so that accepted sockets find their owner. */
struct record_listener {
	__u32 net_ns;
	__u16 port;
	__u16 family;
	__u8 address[16]; /* network order; IPv4 in the first four; zero where it listens at all */
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
RECORD_ASSERT(record_groups, 8 + RECORD_GROUPS_MAX * 4);
RECORD_ASSERT(record_context, 200);
RECORD_ASSERT(record_fork, 248);
RECORD_ASSERT(record_exec, 304);
RECORD_ASSERT(record_exit, 240);
RECORD_ASSERT(record_tcp, 168);
RECORD_ASSERT(record_packets, 184);
RECORD_ASSERT(record_target, 40);
RECORD_ASSERT(record_batch, 144 + RECORD_BATCH_MAX * 40);
RECORD_ASSERT(record_bind, 72);
RECORD_ASSERT(record_dns, 64 + RECORD_DNS_MAX);
RECORD_ASSERT(record_operation, 304);
RECORD_ASSERT(record_syscall, 296 + 2 * RECORD_DETAIL_MAX);
RECORD_ASSERT(record_owner, 24);
RECORD_ASSERT(record_listener, 24);

#endif
