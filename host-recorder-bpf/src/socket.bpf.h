/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Sockets: who owns which, and what became of TCP connections. */

#define IPPROTO_TCP 6
#define SOCKETS_MAX 65536
#define LISTENERS_MAX 8192

/* By the address of `struct sock`. Entries leave when the socket does, so an address is never mistaken. */
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

SEC("cgroup/sock_create")
int on_sock_create(struct bpf_sock *context)
{
	struct record_owner owner = {};

	identify((struct task_struct *)bpf_get_current_task(), &owner.process);
	owner.created = true;
	note_owner((__u64)context, &owner);
	return 1;
}

/* A TCP socket that still has to say goodbye is forgotten when it is closed (on_tcp_state). */
SEC("cgroup/sock_release")
int on_sock_release(struct bpf_sock *context)
{
	__u64 socket = (__u64)context;

	if (context->protocol == IPPROTO_TCP && context->state != BPF_TCP_CLOSE &&
	    context->state != BPF_TCP_LISTEN)
		return 1;
	bpf_map_delete_elem(&owners, &socket);
	return 1;
}

static __always_inline void identify_port(struct sock *sk, struct record_listener *key)
{
	key->net_ns = sk->__sk_common.skc_net.net->ns.inum;
	key->port = sk->__sk_common.skc_num;
	key->family = sk->__sk_common.skc_family;
}

/* Finds the owner of an accepted socket by the port that was listened on. */
static __always_inline bool inherit_listener(struct sock *sk, struct record_owner *owner)
{
	struct record_listener key = {};
	struct record_owner *listener;

	identify_port(sk, &key);
	listener = bpf_map_lookup_elem(&listeners, &key);
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

static __always_inline void read_addresses(struct sock *sk, struct tcp_sock *tcp, struct record_tcp *record)
{
	record->family = sk->__sk_common.skc_family;
	if (record->family == AF_INET) {
		__u32 local = sk->__sk_common.skc_rcv_saddr;
		__u32 remote = sk->__sk_common.skc_daddr;

		__builtin_memset(record->local_address, 0, 16);
		__builtin_memset(record->remote_address, 0, 16);
		__builtin_memcpy(record->local_address, &local, 4);
		__builtin_memcpy(record->remote_address, &remote, 4);
	} else {
		bpf_core_read(record->local_address, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(record->remote_address, 16, &sk->__sk_common.skc_v6_daddr);
	}
	/* The hashed port is gone once a socket is closed; the one in the header is not. */
	record->local_port = bpf_ntohs(tcp->inet_conn.icsk_inet.inet_sport);
	if (!record->local_port)
		record->local_port = sk->__sk_common.skc_num;
	record->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
}

static __always_inline void record_tcp(struct sock *sk, int old_state, int new_state,
				       const struct record_owner *owner, bool task_context)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct record_tcp *record;

	if (!tcp)
		return;
	record = bpf_ringbuf_reserve(&flow_ring, sizeof(*record), 0);
	if (!record) {
		lose(RECORD_LOSS_FLOW, 1);
		return;
	}
	begin(&record->header, RECORD_TCP, sizeof(*record));
	record->header.process = owner->process;
	if (owner->created)
		record->header.flags |= RECORD_FLAG_OWNER_CREATED;
	__builtin_memset(&record->actor, 0, sizeof(record->actor));
	__builtin_memset(&record->credentials, 0, sizeof(record->credentials));
	if (task_context) {
		record->header.flags |= RECORD_FLAG_TASK_CONTEXT;
		identify_current(&record->actor);
		read_current_credentials(&record->credentials);
	}
	record->socket = (__u64)sk;
	record->bytes_sent = tcp->bytes_acked;
	record->bytes_received = tcp->bytes_received;
	read_addresses(sk, tcp, record);
	record->old_state = old_state;
	record->new_state = new_state;
	record->error = sk->sk_err;
	record->net_ns = sk->__sk_common.skc_net.net->ns.inum;
	bpf_ringbuf_submit(record, wake_flags(&flow_ring));
}

/* Whether a change of state says something new about the connection. */
static __always_inline bool is_telling(int old_state, int new_state)
{
	switch (new_state) {
	case BPF_TCP_SYN_SENT:
	case BPF_TCP_ESTABLISHED:
	case BPF_TCP_LISTEN:
		return old_state != new_state;
	case BPF_TCP_CLOSE:
		return old_state != BPF_TCP_CLOSE;
	default:
		return false;
	}
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, struct sock *sk, int old_state, int new_state)
{
	struct record_owner owner = {}, *known;
	__u64 socket = (__u64)sk;
	bool task_context;

	if (sk->sk_protocol != IPPROTO_TCP || !is_telling(old_state, new_state))
		return 0;
	task_context = new_state == BPF_TCP_SYN_SENT || new_state == BPF_TCP_LISTEN || in_task_context(ctx);
	known = bpf_map_lookup_elem(&owners, &socket);
	if (known) {
		owner = *known;
	} else if (old_state == BPF_TCP_SYN_RECV) {
		if (inherit_listener(sk, &owner))
			note_owner(socket, &owner);
		else if (scoped)
			return 0;
	} else if (new_state == BPF_TCP_SYN_SENT || new_state == BPF_TCP_LISTEN) {
		if (!in_scope())
			return 0;
		identify_current(&owner.process);
		note_owner(socket, &owner);
	} else if (scoped) {
		return 0;
	}
	if (new_state == BPF_TCP_LISTEN)
		note_listener(sk, &owner);
	/* The lower half of TCP works for whoever happens to run; only a system call's context tells. */
	record_tcp(sk, old_state, new_state, &owner, task_context);
	if (new_state == BPF_TCP_CLOSE && !sk->sk_socket)
		bpf_map_delete_elem(&owners, &socket);
	return 0;
}
