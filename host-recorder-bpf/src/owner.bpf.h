/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Who owns which socket: who made it, or was first seen to use it; and who listens or is bound where. */

#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_UDPLITE 136
#define IPPROTO_MPTCP 262
#define SOCK_STREAM 1
#define SOCK_RAW 3
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define SOCKETS_MAX 65536
#define LISTENERS_MAX 8192

/*
 * Who made the last TCP sockets, by their cookies, which are never used again. It is needed only until the socket
 * connects or listens; from then on the recorder follows the connection.
 */
#define MAKERS 16384

struct maker {
	__u64 cookie;
	struct record_process_id process;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAKERS);
	__type(key, __u32);
	__type(value, struct maker);
} makers SEC(".maps");

/*
 * Owners of other sockets, and of TCP sockets that are older than the recorder, by the address of `struct sock`.
 * Entries leave when the socket does, so an address is never mistaken.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SOCKETS_MAX);
	__type(key, __u64);
	__type(value, struct record_owner);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LISTENERS_MAX);
	__type(key, struct record_listener);
	__type(value, struct record_owner);
} listeners SEC(".maps");

static __always_inline void note_owner(__u64 socket, const struct record_owner *owner)
{
	if (bpf_map_update_elem(&owners, &socket, owner, BPF_ANY))
		lose(RECORD_LOSS_OWNER, 1);
}

static __always_inline struct maker *maker_of(__u64 cookie)
{
	__u32 index = cookie & (MAKERS - 1);

	return bpf_map_lookup_elem(&makers, &index);
}

/* Socket programs may use the trusted pointer in newer kernels only; the type came to them later still. */
#define TRUSTED_IN_SOCKET_PROGRAMS bpf_core_type_exists(struct bpf_iter_bits)

SEC("cgroup/sock_create")
int on_sock_create(struct bpf_sock *context)
{
	/* A number of its own: its address may come again while something still names it. */
	__u64 cookie = bpf_get_socket_cookie(context);
	struct record_owner owner = {};
	struct maker *maker;

	if (TRUSTED_IN_SOCKET_PROGRAMS)
		identify_current(&owner.process);
	else
		identify_by_calls((struct task_struct *)bpf_get_current_task(), &owner.process);
	if (context->protocol == IPPROTO_TCP) {
		maker = maker_of(cookie);
		if (maker) {
			maker->cookie = cookie;
			maker->process = owner.process;
		}
		return 1;
	}
	owner.created = true;
	note_owner((__u64)context, &owner);
	return 1;
}

/* TCP sockets that are older than the recorder are forgotten when they are closed (on_tcp_state). */
SEC("cgroup/sock_release")
int on_sock_release(struct bpf_sock *context)
{
	__u64 socket = (__u64)context;

	if (context->protocol != IPPROTO_TCP)
		bpf_map_delete_elem(&owners, &socket);
	return 1;
}

/*
 * Whether datagrams that reach a socket are looked at (on_ingress), as enum record_receiving. That hook costs every
 * packet of TCP, too, so that the recorder attaches it once a program can receive UDP from elsewhere, and leaves it then.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} receiving SEC(".maps");

/* Becomes readable when the hook is needed: it must be there before what is received. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024); /* whole pages of every size that there is */
} receiving_calls SEC(".maps");

static __always_inline bool sees_receiving(void)
{
	__u32 zero = 0, *state = bpf_map_lookup_elem(&receiving, &zero);

	return state && *state >= RECORD_RECEIVING_SEEN;
}

/* Asks for the hook where it is not there and nobody has asked. */
static __always_inline void need_receiving(void)
{
	__u32 zero = 0, *state = bpf_map_lookup_elem(&receiving, &zero), call = 1;

	if (!state || *state != RECORD_RECEIVING_NOT_NEEDED)
		return;
	*state = RECORD_RECEIVING_NEEDED;
	bpf_ringbuf_output(&receiving_calls, &call, sizeof(call), BPF_RB_FORCE_WAKEUP);
}

/* Whether what comes to this local address may come from elsewhere. */
static __always_inline bool is_reached_from_elsewhere(__u16 family, const __u32 address[4])
{
	const __u8 *bytes = (const __u8 *)address;

	if (family == AF_INET)
		return bytes[0] != 127;
	if (address[0] || address[1])
		return true;
	if (address[2] == bpf_htonl(0xffff))
		return bytes[12] != 127;
	return address[2] || address[3] != bpf_htonl(1);
}

/* What is known of a socket as one of TCP, which the caller has found it to be: without a call where the kernel allows. */
static __always_inline struct tcp_sock *tcp_of(struct sock *sk)
{
	if (plain_headers && bpf_ksym_exists(bpf_rdonly_cast))
		return bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct tcp_sock));
	return bpf_skc_to_tcp_sock(sk);
}

/* The hashed port is gone once a socket is closed; the one in the header is not. */
static __always_inline __u16 local_port(struct sock *sk, struct tcp_sock *tcp)
{
	__u16 port = tcp ? bpf_ntohs(tcp->inet_conn.icsk_inet.inet_sport) : 0;

	return port ? port : sk->__sk_common.skc_num;
}

static __always_inline void identify_port(struct sock *sk, struct record_listener *key)
{
	key->net_ns = sk->__sk_common.skc_net.net->ns.inum;
	key->port = local_port(sk, tcp_of(sk));
	key->family = sk->__sk_common.skc_family;
	if (key->family == AF_INET)
		*(__u32 *)key->address = sk->__sk_common.skc_rcv_saddr;
	else
		bpf_core_read(key->address, 16, &sk->__sk_common.skc_v6_rcv_saddr);
}

/*
 * Finds the owner of an accepted socket by the port that was listened on: at its own address, else at all of them, as
 * the kernel does.
 */
static __always_inline bool inherit_listener(struct sock *sk, struct record_owner *owner)
{
	struct record_listener key = {};
	struct record_owner *listener;

	identify_port(sk, &key);
	listener = bpf_map_lookup_elem(&listeners, &key);
	if (!listener) {
		__builtin_memset(key.address, 0, sizeof(key.address));
		listener = bpf_map_lookup_elem(&listeners, &key);
	}
	if (!listener) {
		key.family = key.family == AF_INET ? AF_INET6 : AF_INET;
		listener = bpf_map_lookup_elem(&listeners, &key);
	}
	if (!listener)
		return false;
	*owner = *listener;
	return true;
}

static __always_inline void note_listener(struct sock *sk, const struct record_owner *owner)
{
	struct record_listener key = {};

	identify_port(sk, &key);
	bpf_map_update_elem(&listeners, &key, owner, BPF_ANY);
}

/* A program chose the port of a socket. */
static __always_inline void write_bind(const struct record_process_id *process, __u64 socket,
				       const __u32 address[4], __u16 port, __u16 family, __u32 protocol,
				       __u16 flags)
{
	struct record_bind *record;

	if ((protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE) && is_reached_from_elsewhere(family, address))
		need_receiving();
	record = bpf_ringbuf_reserve(&flow_ring, sizeof(*record), 0);
	if (!record) {
		lose(RECORD_LOSS_FLOW, 1);
		return;
	}
	begin(&record->header, RECORD_BIND, sizeof(*record));
	record->header.flags = flags;
	record->header.process = *process;
	record->socket = socket;
	__builtin_memcpy(record->address, address, 16);
	record->port = port;
	record->family = family;
	record->protocol = protocol;
	record->net_ns = 0;
	record->pad = 0;
	bpf_ringbuf_submit(record, wake_for_flows());
}

SEC("cgroup/post_bind4")
int on_bind4(struct bpf_sock *context)
{
	__u32 address[4] = { context->src_ip4 };
	struct record_process_id process;

	identify_by_calls((struct task_struct *)bpf_get_current_task(), &process);
	write_bind(&process, (__u64)context, address, context->src_port, AF_INET, context->protocol, 0);
	return 1;
}

SEC("cgroup/post_bind6")
int on_bind6(struct bpf_sock *context)
{
	__u32 address[4] = { context->src_ip6[0], context->src_ip6[1], context->src_ip6[2], context->src_ip6[3] };
	struct record_process_id process;

	identify_by_calls((struct task_struct *)bpf_get_current_task(), &process);
	write_bind(&process, (__u64)context, address, context->src_port, AF_INET6, context->protocol, 0);
	return 1;
}
