/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Packets as they are queued for sending: UDP, ICMP, raw IP, AF_PACKET and forwarded ones. TCP sockets are
 * left to on_tcp_state. Flows are summed in a cache per CPU: the first packet is written at once, totals when
 * another flow takes the slot; the recorder reads what is still in the cache.
 */

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define ETH_P_8021Q 0x8100
#define ARPHRD_ETHER 1
#define ARPHRD_LOOPBACK 772
#define SOCK_STREAM 1
#define SOCK_RAW 3
#define IPPROTO_ICMP 1
#define IPPROTO_UDP 17
#define IPPROTO_UDPLITE 136
#define IPPROTO_ICMPV6 58
#define TCP_TIME_WAIT 6
#define TCP_NEW_SYN_RECV 12
#define FLOW_SLOTS 1024

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FLOW_SLOTS);
	__type(key, __u32);
	__type(value, struct record_flow_slot);
} flows SEC(".maps");

/* Packets counted, so that the recorder need not read `flows` while nothing is sent. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} packets_seen SEC(".maps");

/* What a packet says of its flow. */
struct packet {
	__u8 local[16], remote[16];
	__u16 local_port, remote_port;
	__u16 family;
	__u8 protocol, via, tcp_flags;
	__u64 bytes, count;
};

static __always_inline bool read_ports(struct packet *packet, const void *at)
{
	__u8 header[16];

	switch (packet->protocol) {
	case IPPROTO_TCP:
		if (bpf_probe_read_kernel(header, sizeof(header), at))
			return false;
		packet->tcp_flags = header[13];
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case 132: /* SCTP */
		if (bpf_probe_read_kernel(header, 4, at))
			return false;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (bpf_probe_read_kernel(header, 2, at))
			return false;
		packet->remote_port = header[0] << 8 | header[1];
		return true;
	default:
		return true;
	}
	packet->local_port = header[0] << 8 | header[1];
	packet->remote_port = header[2] << 8 | header[3];
	return true;
}

static __always_inline bool read_ipv4(struct packet *packet, const void *at)
{
	struct iphdr ip;

	if (bpf_probe_read_kernel(&ip, sizeof(ip), at) || ip.version != 4)
		return false;
	packet->family = AF_INET;
	packet->protocol = ip.protocol;
	__builtin_memcpy(packet->local, &ip.saddr, 4);
	__builtin_memcpy(packet->remote, &ip.daddr, 4);
	/* A later fragment has no transport header. */
	if (ip.frag_off & bpf_htons(0x1fff))
		return true;
	return read_ports(packet, at + ip.ihl * 4);
}

static __always_inline bool read_ipv6(struct packet *packet, const void *at)
{
	struct ipv6hdr ip;
	__u8 next[4];

	if (bpf_probe_read_kernel(&ip, sizeof(ip), at) || ip.version != 6)
		return false;
	packet->family = AF_INET6;
	packet->protocol = ip.nexthdr;
	__builtin_memcpy(packet->local, &ip.saddr, 16);
	__builtin_memcpy(packet->remote, &ip.daddr, 16);
	at += sizeof(ip);
	/* Hop-by-hop, routing, destination options; a fragment's first part goes on likewise. */
	for (int i = 0; i < 4; i++) {
		__u8 kind = packet->protocol;

		if (kind != 0 && kind != 43 && kind != 60 && kind != 44)
			return read_ports(packet, at);
		if (bpf_probe_read_kernel(next, sizeof(next), at))
			return false;
		packet->protocol = next[0];
		if (kind == 44 && (next[2] || next[3] & 0xf8))
			return true;
		at += kind == 44 ? 8 : (next[1] + 1) * 8;
	}
	return true;
}

/* Finds the network header. A frame that a program wrote itself is read from its first byte. */
static __always_inline bool read_packet(struct sk_buff *skb, struct packet *packet)
{
	const unsigned char *head = skb->head;
	const unsigned char *data = skb->data;
	const void *network = head + skb->network_header;
	const struct skb_shared_info *shared = (const void *)(head + skb->end);
	__u16 type = skb->dev->type, segments = 0;
	__u16 ether_type = skb->protocol;

	if (packet->via == RECORD_VIA_PACKET && (type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK)) {
		network = data + 14;
		bpf_probe_read_kernel(&ether_type, 2, data + 12);
		if (ether_type == bpf_htons(ETH_P_8021Q)) {
			bpf_probe_read_kernel(&ether_type, 2, data + 16);
			network += 4;
		}
	}
	bpf_core_read(&segments, sizeof(segments), &shared->gso_segs);
	packet->count = segments ? segments : 1;
	packet->bytes = skb->len - ((const unsigned char *)network - data);
	if (ether_type == bpf_htons(ETH_P_IP))
		return read_ipv4(packet, network);
	if (ether_type == bpf_htons(ETH_P_IPV6))
		return read_ipv6(packet, network);
	packet->family = 0; /* ARP and others: not traffic to a remote host */
	return true;
}

/*
 * The kernel's own answers (resets, unreachables) are summed by whom they go to: whoever scans this host would
 * otherwise have a flow written for every port of ours.
 */
static __always_inline void forget_ports(struct packet *packet)
{
	__builtin_memset(packet->local, 0, sizeof(packet->local));
	packet->local_port = 0;
	if (packet->protocol == IPPROTO_TCP)
		packet->remote_port = 0;
}

static __always_inline __u32 slot_of(const struct packet *packet)
{
	const __u64 *remote = (const __u64 *)packet->remote;
	__u64 hash = remote[0] ^ remote[1] * 31 ^
		     ((__u64)packet->remote_port << 32 | (__u64)packet->protocol << 16 | packet->local_port);

	hash *= 0x9e3779b97f4a7c15ull;
	return hash >> 54;
}
_Static_assert(FLOW_SLOTS == 1 << (64 - 54), "slot_of takes as many bits as there are slots");

static __always_inline bool same_flow(const struct record_packets *flow, __u64 socket,
				      const struct packet *packet)
{
	const __u64 *known = (const __u64 *)flow->remote_address;
	const __u64 *remote = (const __u64 *)packet->remote;
	const __u64 *known_local = (const __u64 *)flow->local_address;
	const __u64 *local = (const __u64 *)packet->local;

	return flow->socket == socket && known[0] == remote[0] && known[1] == remote[1] &&
	       known_local[0] == local[0] && known_local[1] == local[1] &&
	       flow->remote_port == packet->remote_port && flow->local_port == packet->local_port &&
	       flow->protocol == packet->protocol && flow->via == packet->via &&
	       flow->family == packet->family;
}

static __always_inline void write_flow(const struct record_packets *flow)
{
	if (bpf_ringbuf_output(&flow_ring, (void *)flow, sizeof(*flow), wake_flags(&flow_ring)))
		lose(RECORD_LOSS_FLOW, flow->packets);
}

static __always_inline void begin_flow(struct record_flow_slot *slot, struct sk_buff *skb, __u64 socket,
				       const struct packet *packet, const struct record_owner *owner,
				       bool task_context)
{
	struct record_packets *flow = &slot->packets;
	struct net *net;

	if (flow->packets > 1)
		write_flow(flow);
	slot->begun++;
	barrier();
	begin(&flow->header, RECORD_PACKETS, sizeof(*flow));
	flow->header.process = owner->process;
	if (owner->created)
		flow->header.flags |= RECORD_FLAG_OWNER_CREATED;
	__builtin_memset(&flow->actor, 0, sizeof(flow->actor));
	__builtin_memset(&flow->credentials, 0, sizeof(flow->credentials));
	if (task_context) {
		flow->header.flags |= RECORD_FLAG_TASK_CONTEXT;
		identify_current(&flow->actor);
		read_current_credentials(&flow->credentials);
	}
	flow->socket = socket;
	flow->first_ns = flow->last_ns = flow->header.time_ns;
	flow->packets = packet->count;
	flow->bytes = packet->bytes;
	__builtin_memcpy(flow->local_address, packet->local, 16);
	__builtin_memcpy(flow->remote_address, packet->remote, 16);
	flow->local_port = packet->local_port;
	flow->remote_port = packet->remote_port;
	flow->family = packet->family;
	flow->protocol = packet->protocol;
	flow->via = packet->via;
	flow->tcp_flags = packet->tcp_flags;
	net = skb->dev->nd_net.net;
	flow->net_ns = net->ns.inum;
	barrier();
	slot->ended = slot->begun;
	write_flow(flow);
}

/* Which kind of socket sent it; false where the packet is not ours to record. */
static __always_inline bool classify(struct sock *sk, struct packet *packet)
{
	__u8 state;

	if (!sk) {
		packet->via = RECORD_VIA_FORWARDED;
		return !scoped;
	}
	/* Half-open and finished connections have a stub in place of a socket. */
	state = sk->__sk_common.skc_state;
	if (state == TCP_NEW_SYN_RECV || state == TCP_TIME_WAIT)
		return false;
	if (sk->__sk_common.skc_family == AF_PACKET) {
		packet->via = RECORD_VIA_PACKET;
	} else if (BPF_CORE_READ_BITFIELD(sk, sk_kern_sock)) {
		packet->via = RECORD_VIA_KERNEL;
		return !scoped && sk->sk_type != SOCK_STREAM;
	} else if (sk->sk_type == SOCK_STREAM) {
		return false;
	} else {
		packet->via = sk->sk_type == SOCK_RAW ? RECORD_VIA_RAW_IP : RECORD_VIA_SOCKET;
	}
	return true;
}

/* Finds or takes the owner; false when the socket is out of scope. */
static __always_inline bool find_owner(__u64 socket, const struct packet *packet, bool task_context,
				       struct record_owner *owner)
{
	struct record_owner *known;

	if (packet->via == RECORD_VIA_FORWARDED || packet->via == RECORD_VIA_KERNEL)
		return true;
	known = packet->via == RECORD_VIA_PACKET ? NULL : bpf_map_lookup_elem(&owners, &socket);
	if (known) {
		*owner = *known;
		return true;
	}
	if (!task_context || !in_scope())
		return !scoped;
	identify_current(&owner->process);
	/* Packet sockets have no hook for their end, so their owner is who uses them. */
	if (packet->via != RECORD_VIA_PACKET)
		note_owner(socket, owner);
	return true;
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(on_queue, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	__u64 socket = (__u64)sk, *seen, now;
	struct record_flow_slot *slot;
	struct record_owner owner = {};
	struct packet packet = {};
	bool task_context;
	__u32 index, zero = 0;

	if (!classify(sk, &packet))
		return 0;
	if (!read_packet(skb, &packet)) {
		lose(RECORD_LOSS_UNREADABLE_PACKET, 1);
		return 0;
	}
	if (!packet.family)
		return 0;
	if (packet.via == RECORD_VIA_KERNEL)
		forget_ports(&packet);
	seen = bpf_map_lookup_elem(&packets_seen, &zero);
	if (seen)
		*seen += 1;
	index = slot_of(&packet);
	slot = bpf_map_lookup_elem(&flows, &index);
	if (!slot)
		return 0;
	task_context = packet.via < RECORD_VIA_KERNEL && in_task_context(ctx);
	if (slot->packets.packets && same_flow(&slot->packets, socket, &packet) &&
	    (packet.via >= RECORD_VIA_KERNEL || !task_context ||
	     slot->packets.actor.tgid == bpf_get_current_pid_tgid() >> 32)) {
		now = bpf_ktime_get_boot_ns();
		slot->packets.packets += packet.count;
		slot->packets.bytes += packet.bytes;
		slot->packets.last_ns = now;
		slot->packets.header.time_ns = now;
		return 0;
	}
	if (!find_owner(socket, &packet, task_context, &owner))
		return 0;
	begin_flow(slot, skb, socket, &packet, &owner, task_context);
	return 0;
}
