/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What becomes of TCP connections, and the sockets that were open before the recorder began. */

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
	record->local_port = local_port(sk, tcp);
	record->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
}

static __always_inline void record_tcp(struct sock *sk, int old_state, int new_state,
				       const struct record_owner *owner, __u16 flags)
{
	struct tcp_sock *tcp = tcp_of(sk);
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
	record->header.flags = flags | (owner->created ? RECORD_FLAG_OWNER_CREATED : 0);
	__builtin_memset(&record->actor, 0, sizeof(record->actor));
	__builtin_memset(&record->credentials, 0, sizeof(record->credentials));
	if (flags & RECORD_FLAG_TASK_CONTEXT) {
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
	bpf_ringbuf_submit(record, wake_for_flows());
}

#define TCP_FLAG_SYN_BIT 0x02

/* Where a connection goes. */
struct remote {
	__u8 address[16];
	__u16 port;
	__u8 tcp_flags; /* of the packet that tells it; 0 where the socket does */
};

/*
 * When an attempt or a failure was, for the batch that tells it. A failure right behind its attempt within a tick of the
 * kernel's clock, as where this very host refuses, costs no look at the clock.
 */
static __always_inline __u64 change_time(struct batch_slot *slot, struct sock *sk, int new_state)
{
	__u64 last = (__u64)slot->batch.count - 1;

	barrier_var(last);
	if (new_state == BPF_TCP_CLOSE && last < RECORD_BATCH_MAX &&
	    slot->batch.targets[last].socket == (__u64)sk && slot->batch.targets[last].state == BPF_TCP_SYN_SENT &&
	    slot->tick == (__u32)bpf_jiffies64())
		return slot->now += 1;
	return exact_time(slot);
}

/* A batch for attempts to connect and their failures, by the owner's process. `context` as for packet_batch. */
static __always_inline struct batch_slot *connection_batch(struct flow_cpu *cpu, void *context, struct sock *sk,
							   int new_state, const __u8 *local,
							   const struct record_owner *owner)
{
	struct batch_slot *slot = batch_of(owner->process.tgid);
	bool task_context = context;
	struct record_batch *batch;
	struct actor actor = {};

	if (!slot)
		return NULL;
	batch = &slot->batch;
	/* A failure is told by whoever happens to run: it joins its owner's batch without an actor. */
	if (task_context)
		read_actor(is_by_task(cpu, context) ? cpu : NULL, context, &actor);
	if (batch->count && batch->protocol == IPPROTO_TCP && batch->via == RECORD_VIA_SOCKET &&
	    batch->header.process.tgid == owner->process.tgid &&
	    batch->header.process.start_ns == owner->process.start_ns &&
	    batch->header.process.exec == owner->process.exec &&
	    (!task_context || (slot->actor.tgid == actor.tgid && slot->actor.exec == actor.exec &&
			       slot->actor.cred == actor.cred)) &&
	    batch->family == sk->__sk_common.skc_family && same_address(batch->local_address, local) &&
	    fits_time(batch, change_time(slot, sk, new_state)))
		return slot;
	write_batch(batch);
	begin_batch(slot, &actor,
		    (owner->created ? RECORD_FLAG_OWNER_CREATED : 0) | (task_context ? RECORD_FLAG_TASK_CONTEXT : 0),
		    &owner->process);
	slot->cookie = 0;
	batch->socket = 0;
	copy_address(batch->local_address, local);
	batch->net_ns = sk->__sk_common.skc_net.net->ns.inum;
	batch->family = sk->__sk_common.skc_family;
	batch->protocol = IPPROTO_TCP;
	batch->via = RECORD_VIA_SOCKET;
	return slot;
}

/* The remote side of a connection, as its socket has it. */
static __always_inline void read_remote(struct sock *sk, struct remote *remote)
{
	__builtin_memset(remote->address, 0, sizeof(remote->address));
	if (sk->__sk_common.skc_family == AF_INET)
		*(__u32 *)remote->address = sk->__sk_common.skc_daddr;
	else
		bpf_core_read(remote->address, 16, &sk->__sk_common.skc_v6_daddr);
	remote->port = bpf_ntohs(sk->__sk_common.skc_dport);
	remote->tcp_flags = 0;
}

/* Tells of an attempt or a failure in a batch; false where the CPU's part is in use. `context` as for packet_batch. */
static __always_inline bool batch_connection(void *context, struct sock *sk, int new_state,
					     const struct remote *remote, const struct record_owner *owner)
{
	struct flow_cpu *cpu = this_cpu();
	struct tcp_sock *tcp = tcp_of(sk);
	struct record_target *target;
	struct batch_slot *slot;
	__u8 local[16] = {};

	if (!cpu || !take(cpu))
		return false;
	cpu->changes += 1;
	if (sk->__sk_common.skc_family == AF_INET)
		*(__u32 *)local = sk->__sk_common.skc_rcv_saddr;
	else
		bpf_core_read(local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
	slot = connection_batch(cpu, context, sk, new_state, local, owner);
	target = slot && tcp ? next_target(&slot->batch, slot->now) : NULL;
	if (!target) {
		give_back(cpu);
		return false;
	}
	target->socket = (__u64)sk;
	copy_address(target->remote_address, remote->address);
	target->remote_port = remote->port;
	target->local_port = local_port(sk, tcp);
	target->bytes = 0;
	target->tcp_flags = remote->tcp_flags;
	target->state = new_state;
	target->error = sk->sk_err;
	if (slot->batch.count >= RECORD_BATCH_MAX)
		write_batch(&slot->batch);
	give_back(cpu);
	return true;
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

/* The kernel makes the sockets of which a connection of MPTCP consists; the program has another one, which is returned. */
static __always_inline __u64 multipath_of(struct sock *sk)
{
	struct tcp_sock *tcp = tcp_of(sk);
	struct mptcp_subflow_context *part;

	if (!tcp || !bpf_core_field_exists(tcp->is_mptcp) || !tcp->is_mptcp)
		return 0;
	part = BPF_CORE_READ(tcp, inet_conn.icsk_ulp_data);
	return (__u64)BPF_CORE_READ(part, conn);
}

/* Whether it is the kernel that adds another path to a connection, in a thread of its own. */
static __always_inline bool is_kernels_path(void *context, struct sock *sk)
{
	return !sk->__sk_common.skc_cookie.counter && multipath_of(sk) && !in_task_context(context);
}

/* Who owns a TCP socket: its maker, or whom the recorder's start or the port that was listened on tells. */
static __always_inline bool find_maker(struct sock *sk, struct record_owner *owner)
{
	__u64 cookie = sk->__sk_common.skc_cookie.counter, socket = (__u64)sk;
	struct maker *maker = cookie ? maker_of(cookie) : NULL;
	struct record_owner *known;

	if (maker && maker->cookie == cookie) {
		owner->process = maker->process;
		owner->created = true;
		return true;
	}
	known = bpf_map_lookup_elem(&owners, &socket);
	if (!known) {
		socket = multipath_of(sk);
		known = socket ? bpf_map_lookup_elem(&owners, &socket) : NULL;
	}
	if (!known)
		return false;
	*owner = *known;
	return true;
}

/*
 * Tells where the first segment of a connection leaves for another address than the program asked for, as rules of the
 * host's firewall have it (DNAT): what it is from then on.
 */
static __always_inline void tell_translated(void *context, struct sk_buff *skb, struct sock *sk)
{
	const unsigned char *ip = skb->head + skb->network_header;
	struct record_owner owner = {};
	struct remote remote = {};
	__u32 ports = word_at(skb->head + skb->transport_header);

	remote.port = bpf_ntohs(ports >> 16);
	remote.tcp_flags = TCP_FLAG_SYN_BIT;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		__u32 address = word_at(ip + 16);

		/* IPsec has put it into a packet of its own. */
		if ((__u8)(word_at(ip + 8) >> 8) != IPPROTO_TCP)
			return;
		if (address == sk->__sk_common.skc_daddr && ports >> 16 == sk->__sk_common.skc_dport)
			return;
		if (sk->__sk_common.skc_family == AF_INET) {
			*(__u32 *)remote.address = address;
		} else {
			((__u32 *)remote.address)[2] = bpf_htonl(0xffff);
			((__u32 *)remote.address)[3] = address;
		}
	} else {
		__u64 asked[2];

		if ((__u8)(word_at(ip) >> 48) != IPPROTO_TCP)
			return;
		bpf_core_read(asked, 16, &sk->__sk_common.skc_v6_daddr);
		((__u64 *)remote.address)[0] = word_at(ip + 24);
		((__u64 *)remote.address)[1] = word_at(ip + 32);
		if (same_address(remote.address, (const __u8 *)asked) && ports >> 16 == sk->__sk_common.skc_dport)
			return;
	}
	/* The recorder knows whose attempt it is where this does not. */
	if (!find_maker(sk, &owner) && scoped)
		return;
	if (!batch_connection(in_task_context(context) ? context : NULL, sk, BPF_TCP_SYN_SENT, &remote, &owner))
		lose(RECORD_LOSS_FLOW, 1);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, struct sock *sk, int old_state, int new_state)
{
	struct record_owner owner = {};
	struct remote remote;
	__u64 socket = (__u64)sk;
	bool accepted = false;
	__u16 flags = 0;

	if (sk->sk_protocol != IPPROTO_TCP || !is_telling(old_state, new_state))
		return 0;
	if (old_state == BPF_TCP_SYN_RECV || !find_maker(sk, &owner)) {
		if (new_state == BPF_TCP_SYN_SENT || new_state == BPF_TCP_LISTEN) {
			if (!in_scope())
				return 0;
			if (!is_kernels_path(ctx, sk))
				identify_current(&owner.process);
		} else {
			accepted = inherit_listener(sk, &owner);
			if (!accepted && scoped)
				return 0;
		}
	}
	if (new_state == BPF_TCP_LISTEN)
		note_listener(sk, &owner);
	if (new_state == BPF_TCP_SYN_SENT || (old_state == BPF_TCP_SYN_SENT && new_state == BPF_TCP_CLOSE)) {
		if (new_state == BPF_TCP_SYN_SENT && !is_kernels_path(ctx, sk))
			flags = RECORD_FLAG_TASK_CONTEXT;
		read_remote(sk, &remote);
		if (batch_connection(flags ? ctx : NULL, sk, new_state, &remote, &owner))
			return 0;
	} else {
		/*
		 * The lower half of TCP works for whoever happens to run; only a system call's context tells. That a connection
		 * stands is the other side's news, which a program that carries packets (a tun device's) may have brought.
		 */
		if (new_state == BPF_TCP_LISTEN || (new_state == BPF_TCP_CLOSE && in_task_context(ctx)))
			flags = RECORD_FLAG_TASK_CONTEXT;
		if (accepted)
			flags |= RECORD_FLAG_OWNER_LISTENS;
	}
	record_tcp(sk, old_state, new_state, &owner, flags);
	/* Whoever asks for a socket's number (`ss`) gives it one. */
	if (new_state == BPF_TCP_CLOSE && !owner.created)
		bpf_map_delete_elem(&owners, &socket);
	return 0;
}

/*
 * Sockets that were open before the recorder began. Those with a connection or a port become records; all get their
 * owner. The file's private data is its socket, for sockets.
 */
SEC("iter/task_file")
int list_sockets(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct file *file = context->file;
	struct record_owner owner = {};
	struct socket *socket;
	struct sock *sk;
	__u16 family, protocol;
	__u64 key;

	if (!task || !file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6)
		return 0;
	IDENTIFY(task, &owner.process);
	key = (__u64)sk;
	/* Whoever made or used it meanwhile is known already; of several that hold it the first is taken. */
	if (bpf_map_update_elem(&owners, &key, &owner, BPF_NOEXIST))
		return 0;
	protocol = BPF_CORE_READ(sk, sk_protocol);
	/* One of several paths stands for them. */
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP) {
		struct record_tcp record = {};

		record.new_state = BPF_CORE_READ(sk, __sk_common.skc_state);
		if (record.new_state != BPF_TCP_ESTABLISHED && record.new_state != BPF_TCP_LISTEN)
			return 0;
		begin(&record.header, RECORD_TCP, sizeof(record));
		record.header.flags = RECORD_FLAG_SNAPSHOT;
		record.header.process = owner.process;
		record.socket = key;
		record.family = family;
		if (family == AF_INET) {
			__u32 local = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
			__u32 remote = BPF_CORE_READ(sk, __sk_common.skc_daddr);

			__builtin_memcpy(record.local_address, &local, 4);
			__builtin_memcpy(record.remote_address, &remote, 4);
		} else {
			bpf_core_read(record.local_address, 16, &sk->__sk_common.skc_v6_rcv_saddr);
			bpf_core_read(record.remote_address, 16, &sk->__sk_common.skc_v6_daddr);
		}
		record.local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
		record.remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
		record.net_ns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
		if (record.new_state == BPF_TCP_LISTEN) {
			struct record_listener listener = { record.net_ns, record.local_port, family };

			__builtin_memcpy(listener.address, record.local_address, 16);
			bpf_map_update_elem(&listeners, &listener, &owner, BPF_NOEXIST);
		}
		bpf_seq_write(context->meta->seq, &record, sizeof(record));
	} else if (BPF_CORE_READ(sk, __sk_common.skc_num)) {
		struct record_bind record = {};

		begin(&record.header, RECORD_BIND, sizeof(record));
		record.header.flags = RECORD_FLAG_SNAPSHOT;
		record.header.process = owner.process;
		record.socket = key;
		record.family = family;
		record.port = BPF_CORE_READ(sk, __sk_common.skc_num);
		record.protocol = protocol;
		if (family == AF_INET) {
			__u32 local = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);

			__builtin_memcpy(record.address, &local, 4);
		} else {
			bpf_core_read(record.address, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		}
		bpf_seq_write(context->meta->seq, &record, sizeof(record));
	}
	return 0;
}
