/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Packets as they are queued for sending (UDP, ICMP, raw IP, AF_PACKET, forwarded), and UDP datagrams as they reach a
 * socket. TCP sockets are left to on_tcp_state.
 */

#define ETH_P_8021Q 0x8100
#define ARPHRD_ETHER 1
#define ARPHRD_LOOPBACK 772
#define IPPROTO_ICMP 1
#define IPPROTO_ICMPV6 58
#define IPPROTO_SCTP 132
#define TCP_TIME_WAIT 6
#define TCP_NEW_SYN_RECV 12
#define DNS_PORT 53
#define DNS_HEADER 12
#define LOOPBACK_IFINDEX 1 /* in every network namespace */

/* DNS messages kept in a second on one CPU. */
#define DNS_RATE 512

/* Bytes from the network header on that are looked at. */
#define HEADERS 96

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym __weak;

struct headers {
	__u8 bytes[HEADERS + 32]; /* room for a look behind the last offset that is checked */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct headers);
} packet_headers SEC(".maps");

/*
 * Copies the headers from an offset to skb->data on, also where they lie in pages of their own; returns how many
 * bytes of the packet are there to be read, 0 where none are.
 */
static __always_inline int copy_headers(struct sk_buff *skb, int at, struct headers *to)
{
	int whole = skb->len, linear = whole - (int)skb->data_len;

	if (linear - at < HEADERS && linear != whole && read_fragments && bpf_ksym_exists(bpf_dynptr_from_skb) &&
	    at >= 0) {
		__u64 length = whole - at;
		struct bpf_dynptr bytes;

		barrier_var(length);
		if (length > HEADERS)
			length = HEADERS;
		if (length && !bpf_dynptr_from_skb((struct __sk_buff *)skb, 0, &bytes) &&
		    !bpf_dynptr_read(to->bytes, length, &bytes, at, 0))
			return length;
		return 0;
	}
	/* Behind a packet's bytes lie others of the same buffer. */
	return bpf_probe_read_kernel(to->bytes, HEADERS, skb->data + at) ? 0 : linear - at;
}

/* Ports or ICMP type; `at` is the offset of the transport header. */
static __always_inline bool read_transport(struct packet *packet, const struct headers *headers, __u32 at,
					   int available)
{
	const __u8 *header;

	barrier_var(at);
	if (at > HEADERS)
		return false;
	header = headers->bytes + at;
	switch (packet->protocol) {
	case IPPROTO_TCP:
		if ((int)at + 4 > available)
			return false;
		/* A first fragment may end with the ports, as scanners have it that do not want to be seen. */
		if ((int)at + 14 > available)
			break;
		packet->tcp_flags = header[13];
		packet->header = (header[12] >> 4) * 4;
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		packet->header = 8;
		if ((int)at + 4 > available)
			return false;
		break;
	case IPPROTO_SCTP:
		if ((int)at + 4 > available)
			return false;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if ((int)at + 2 > available)
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

/* Reads an IPv4 header; returns the offset of the transport header, 0 where there is none, negative for no header. */
static __always_inline int read_ipv4(struct packet *packet, const struct headers *headers, int available)
{
	const struct iphdr *ip = (const void *)headers->bytes;

	if (available < (int)sizeof(*ip) || ip->version != 4)
		return -1;
	packet->family = AF_INET;
	packet->protocol = ip->protocol;
	*(__u32 *)packet->local = ip->saddr;
	*(__u32 *)packet->remote = ip->daddr;
	/* A later fragment has no transport header. */
	return ip->frag_off & bpf_htons(0x1fff) ? 0 : ip->ihl * 4;
}

/* The same for IPv6. */
static __always_inline int read_ipv6(struct packet *packet, const struct headers *headers, int available)
{
	const struct ipv6hdr *ip = (const void *)headers->bytes;
	__u32 at = sizeof(*ip);

	if (available < (int)sizeof(*ip) || ip->version != 6)
		return -1;
	packet->family = AF_INET6;
	packet->protocol = ip->nexthdr;
	__builtin_memcpy(packet->local, &ip->saddr, 16);
	__builtin_memcpy(packet->remote, &ip->daddr, 16);
	/* Hop-by-hop, routing, destination options; a fragment's first part goes on likewise. */
	for (int i = 0; i < 4; i++) {
		__u8 kind = packet->protocol;
		const __u8 *next;

		if (kind != 0 && kind != 43 && kind != 60 && kind != 44)
			break;
		barrier_var(at);
		if (at > HEADERS)
			return -1;
		next = headers->bytes + at;
		packet->protocol = next[0];
		if (kind == 44 && (next[2] || next[3] & 0xf8))
			return 0;
		at += kind == 44 ? 8 : (next[1] + 1) * 8;
	}
	return at;
}

/*
 * The commonest packet, UDP in one piece over IPv4 without options, by the words of its headers as they lie in memory:
 * three loads in place of a copy and a look at each field.
 */
struct plain {
	__u64 shape;	 /* version and length, type, total length, number, fragment */
	__u64 from;	 /* time to live, protocol, checksum, source */
	__u64 to;	 /* destination, source port, destination port */
};
#define PLAIN_SHAPE_MASK 0xff1f0000000000ffull
#define PLAIN_SHAPE 0x45ull
#define PLAIN_PROTOCOL(plain) ((__u8)((plain)->from >> 8))
#define PLAIN_BYTES(plain) bpf_ntohs((__u16)((plain)->shape >> 16))
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the words of headers are taken apart so");

/* False where it is another kind of packet. */
static __always_inline bool read_plain(struct sk_buff *skb, struct plain *plain)
{
	const unsigned char *ip;

	if (!plain_headers || !bpf_ksym_exists(bpf_rdonly_cast) || skb->data_len ||
	    skb->protocol != bpf_htons(ETH_P_IP))
		return false;
	ip = skb->head + skb->network_header;
	plain->shape = WORD_AT(ip);
	plain->from = WORD_AT(ip + 8);
	plain->to = WORD_AT(ip + 16);
	return (plain->shape & PLAIN_SHAPE_MASK) == PLAIN_SHAPE && PLAIN_PROTOCOL(plain) == IPPROTO_UDP;
}

static __always_inline void unpack(const struct plain *plain, struct packet *packet)
{
	packet->family = AF_INET;
	packet->protocol = IPPROTO_UDP;
	*(__u32 *)packet->local = plain->from >> 32;
	*(__u32 *)packet->remote = plain->to;
	packet->local_port = bpf_ntohs((__u16)(plain->to >> 32));
	packet->remote_port = bpf_ntohs((__u16)(plain->to >> 48));
	packet->header = 8;
	packet->bytes = PLAIN_BYTES(plain);
	packet->count = 1;
}

/* Into what a packet is split on its way; zero where it is not, or where that is not counted yet. */
struct segments {
	__u16 size, count;
};

static __always_inline void read_segments(const struct skb_shared_info *shared, struct segments *segments)
{
	__u64 word = word_at((const char *)shared + bpf_core_field_offset(struct skb_shared_info, gso_size));

	segments->size = word;
	segments->count = word >> 16; /* gso_segs, which follows it */
}

/* Length of the headers up to those of what a tunnel carries, which is split within it. */
static __always_inline __u32 carried_headers(struct sk_buff *skb, const struct skb_shared_info *shared)
{
	__u32 length = skb->inner_transport_header - skb->network_header, kind = 0;
	__u64 word = word_at(skb->head + skb->inner_transport_header + 12);

	bpf_core_read(&kind, sizeof(kind), &shared->gso_type);
	return length + (kind & SKB_GSO_UDP_L4 ? 8 : ((__u8)word >> 4) * 4);
}

/*
 * Finds the network header and reads on from there; false where it cannot be read. A frame that a program wrote
 * itself is read from its first byte. `transport` is the offset of the transport header, 0 where there is none.
 */
static __always_inline bool read_packet(struct sk_buff *skb, struct packet *packet, int *transport)
{
	__u32 zero = 0;
	struct headers *headers;
	const unsigned char *head = skb->head;
	const struct skb_shared_info *shared = (const void *)(head + skb->end);
	int network = (int)skb->network_header - (int)((__u64)skb->data - (__u64)head);
	struct segments segments = {};
	__u32 length;
	__u16 ether_type = skb->protocol;
	int available, at;

	if (packet->via == RECORD_VIA_PACKET) {
		__u16 type = skb->dev->type;

		if (type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK) {
			network = 14;
			bpf_probe_read_kernel(&ether_type, 2, skb->data + 12);
			if (ether_type == bpf_htons(ETH_P_8021Q)) {
				bpf_probe_read_kernel(&ether_type, 2, skb->data + 16);
				network = 18;
			}
		}
	}
	/* Where a driver may split one packet, it is counted as what it becomes. */
	if (skb->data_len || packet->via >= RECORD_VIA_KERNEL || (packet->via == RECORD_VIA_PACKET && plain_headers))
		read_segments(shared, &segments);
	packet->count = segments.count ? segments.count : 1;
	packet->bytes = (int)skb->len - network;
	if (ether_type != bpf_htons(ETH_P_IP) && ether_type != bpf_htons(ETH_P_IPV6))
		return true; /* ARP and others: not traffic to a remote host */
	headers = bpf_map_lookup_elem(&packet_headers, &zero);
	if (!headers)
		return false;
	available = copy_headers(skb, network, headers);
	at = ether_type == bpf_htons(ETH_P_IP) ? read_ipv4(packet, headers, available) :
						  read_ipv6(packet, headers, available);
	if (at < 0)
		return false;
	*transport = at ? network + at : 0;
	if (!at)
		return true;
	if (!read_transport(packet, headers, at, available))
		return false;
	/* What a program hands over to be split says only into pieces of which size. */
	length = BPF_CORE_READ_BITFIELD(skb, encapsulation) && segments.size ? carried_headers(skb, shared) :
									       at + packet->header;
	if (segments.size && !segments.count && packet->header && packet->bytes > length)
		packet->count = (packet->bytes - length + segments.size - 1) / segments.size;
	/* Each of the pieces has them. */
	if (packet->count > 1 && packet->header)
		packet->bytes += (packet->count - 1) * length;
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

/* Streams of other protocols (SCTP) are told by their packets, TCP by on_tcp_state. */
static __always_inline bool is_tcp(struct sock *sk)
{
	return sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_TCP;
}

/*
 * Whether the kernel answers an attempt to connect once more: whoever it goes to does not want it, as one whose address
 * is forged in it.
 */
static __always_inline bool is_asked_again(struct sock *sk)
{
	return (__u8)word_at((const char *)sk + bpf_core_field_offset(struct request_sock, num_retrans));
}

/* Which kind of socket sent it; negative where the packet is not ours to record. */
static __always_inline int classify(struct sk_buff *skb, struct sock *sk)
{
	__u16 family;
	__u8 state;

	/* What came in by a device goes out for others; the kernel's own has no socket where it is not to be held up by one. */
	if (!sk && skb->skb_iif)
		return scoped ? -1 : RECORD_VIA_FORWARDED;
	if (!sk)
		return scoped || skb->dev->type == ARPHRD_LOOPBACK ? -1 : RECORD_VIA_KERNEL;
	/* Half-open and finished connections have a stub in place of a socket. */
	state = sk->__sk_common.skc_state;
	if (state == TCP_NEW_SYN_RECV)
		return !scoped && is_asked_again(sk) && skb->dev->type != ARPHRD_LOOPBACK ? RECORD_VIA_KERNEL : -1;
	if (state == TCP_TIME_WAIT)
		return -1;
	/* What a tunnel makes of its segments has other ends. */
	if (is_tcp(sk))
		return BPF_CORE_READ_BITFIELD(skb, encapsulation) ? RECORD_VIA_SOCKET : -1;
	family = sk->__sk_common.skc_family;
	/*
	 * What a bridge passes on still has its socket: it was told where it was sent. That of a tun device is of no protocol,
	 * and what comes in by it is not its program's own.
	 */
	if (skb->skb_iif)
		return family || scoped ? -1 : RECORD_VIA_FORWARDED;
	if (family == AF_PACKET)
		return RECORD_VIA_PACKET;
	/* What the kernel answers to this host itself leaves it not. */
	if (BPF_CORE_READ_BITFIELD(sk, sk_kern_sock))
		return scoped || skb->dev->type == ARPHRD_LOOPBACK ? -1 : RECORD_VIA_KERNEL;
	return sk->sk_type == SOCK_RAW ? RECORD_VIA_RAW_IP : RECORD_VIA_SOCKET;
}

/* Finds or takes the owner; false when the socket is out of scope. */
static __always_inline bool find_owner(struct sk_buff *skb, __u64 socket, const struct packet *packet,
				       bool task_context, struct record_owner *owner)
{
	struct record_owner *known;
	struct sock *sk = skb ? skb->sk : NULL;

	if (packet->via == RECORD_VIA_FORWARDED || packet->via == RECORD_VIA_KERNEL)
		return true;
	/* A tunnel's. */
	if (sk && packet->via == RECORD_VIA_SOCKET && is_tcp(sk))
		return find_maker(sk, owner) || inherit_listener(sk, owner) || !scoped;
	known = socket && packet->via != RECORD_VIA_PACKET ? bpf_map_lookup_elem(&owners, &socket) : NULL;
	if (known) {
		*owner = *known;
		return true;
	}
	if (!task_context || !in_scope())
		return !scoped;
	identify_current(&owner->process);
	/* Packet sockets have no hook for their end, so their owner is who uses them. */
	if (socket && packet->via != RECORD_VIA_PACKET)
		note_owner(socket, owner);
	return true;
}

static __always_inline __u16 flow_flags(const struct packet *packet, const struct record_owner *owner,
					bool task_context)
{
	return (owner->created ? RECORD_FLAG_OWNER_CREATED : 0) |
	       (task_context ? RECORD_FLAG_TASK_CONTEXT : 0) | (packet->received ? RECORD_FLAG_RECEIVED : 0);
}

static __always_inline __u32 net_ns_of(struct sk_buff *skb)
{
	return skb && skb->dev ? skb->dev->nd_net.net->ns.inum : 0;
}

/*
 * A batch for packets of a socket by whoever sends now, a task where `context` is not NULL; NULL when the socket is
 * out of scope.
 */
static __always_inline struct batch_slot *packet_batch(const struct flow_cpu *cpu, void *context, struct sk_buff *skb,
						       __u64 socket, __u64 cookie, const struct packet *packet)
{
	bool task_context = context;
	struct batch_slot *slot = batch_of(cookie << 8 ^ packet->via << 1 ^ packet->received);
	struct record_owner owner = {};
	struct record_batch *batch;
	struct actor actor = {};

	if (!slot)
		return NULL;
	batch = &slot->batch;
	if (task_context)
		read_actor(cpu, context, &actor);
	if (batch->count && batch->socket == socket && slot->cookie == cookie && slot->actor.tgid == actor.tgid &&
	    slot->actor.exec == actor.exec && slot->actor.cred == actor.cred && batch->via == packet->via &&
	    batch->protocol == packet->protocol && batch->family == packet->family &&
	    same_address(batch->local_address, packet->local) &&
	    !(batch->header.flags & RECORD_FLAG_RECEIVED) == !packet->received &&
	    fits_time(batch, batch_time(slot)))
		return slot;
	write_batch(batch);
	if (!find_owner(skb, socket, packet, task_context, &owner))
		return NULL;
	begin_batch(slot, &actor, flow_flags(packet, &owner, task_context), &owner.process);
	slot->cookie = cookie;
	batch->socket = socket;
	copy_address(batch->local_address, packet->local);
	batch->net_ns = net_ns_of(skb);
	batch->family = packet->family;
	batch->protocol = packet->protocol;
	batch->via = packet->via;
	return slot;
}

/* Whether a flow whose first packet was told in this batch needs no slot yet. */
static __always_inline bool is_first_alone(const struct packet *packet, const struct record_batch *batch)
{
	return packet->family == AF_INET && packet->count == 1 &&
	       (batch->header.flags & RECORD_FLAG_TASK_CONTEXT) &&
	       batch->header.process.start_ns == batch->actor.start_ns &&
	       batch->header.process.tgid == batch->actor.tgid && batch->header.process.exec == batch->actor.exec;
}

/* Gives a flow that was its place's alone its slot, with its first packet. */
static __always_inline void give_slot(const struct flow_place *place, __u32 *tag, struct flow_slot *slot,
				      struct sk_buff *skb, const struct packet *packet)
{
	fill_slot(slot, place->socket, packet, place->flags, net_ns_of(skb), place->first_ns);
	slot->packets = slot->told = 1;
	slot->bytes = place->bytes;
	slot->tcp_flags = place->tcp_flags;
	slot->owner = slot->actor = place->actor;
	/* The clock is read for its next packet. */
	slot->last_tick -= 1;
	*tag |= FLOW_HAS_SLOT;
}

/* Puts a new flow into the cache and tells of its first packet. `context` as for packet_batch. */
static __always_inline void begin_flow(const struct flow_cpu *cpu, void *context, struct flow_place *place, __u32 *tag,
				       __u32 its_tag, struct flow_slot *slot, struct sk_buff *skb, __u64 socket,
				       __u64 cookie, const struct packet *packet)
{
	struct record_target *target;
	struct record_batch *batch;
	struct batch_slot *waiting;

	if ((*tag & FLOW_HAS_SLOT) && (__u32)slot->packets != slot->told)
		write_totals(slot, NULL);
	*tag = 0;
	waiting = packet_batch(cpu, context, skb, socket, cookie, packet);
	if (!waiting)
		return;
	batch = &waiting->batch;
	target = next_target(batch, waiting->now);
	if (!target)
		return;
	target->socket = 0;
	copy_address(target->remote_address, packet->remote);
	target->remote_port = packet->remote_port;
	target->local_port = packet->local_port;
	target->bytes = packet->bytes;
	target->tcp_flags = packet->tcp_flags;
	target->state = 0;
	target->error = 0;
	place->ends = ends_of(packet);
	place->socket = socket;
	place->device = 0;
	place->first_ns = waiting->now;
	place->actor = batch->actor;
	place->local = *(const __u32 *)packet->local;
	place->bytes = packet->bytes;
	place->flags = batch->header.flags;
	place->protocol = packet->protocol;
	place->via = packet->via;
	place->tcp_flags = packet->tcp_flags;
	*tag = its_tag;
	if (!is_first_alone(packet, batch)) {
		fill_slot(slot, socket, packet, batch->header.flags, batch->net_ns, waiting->now);
		slot->owner = batch->header.process;
		slot->actor = batch->actor;
		/* A packet that stands for several is not told in full by the batch. */
		slot->told = packet->count == 1;
		*tag |= FLOW_HAS_SLOT;
	}
	/* Whoever sends UDP somewhere else may be answered, or be asked. */
	if (packet->protocol == IPPROTO_UDP && packet->via == RECORD_VIA_SOCKET && skb &&
	    skb->dev->type != ARPHRD_LOOPBACK)
		need_receiving();
	if (batch->count >= RECORD_BATCH_MAX)
		write_batch(batch);
}

/* One packet as a record of its own, where the CPU's cache is in use. */
static __always_inline void write_alone(struct sk_buff *skb, __u64 socket, const struct packet *packet,
					bool task_context)
{
	struct record_credentials credentials = {};
	struct record_owner owner = {};
	struct flow_slot alone = {};

	if (!find_owner(skb, socket, packet, task_context, &owner))
		return;
	fill_slot(&alone, socket, packet, flow_flags(packet, &owner, task_context), net_ns_of(skb),
		  bpf_ktime_get_boot_ns());
	alone.owner = owner.process;
	if (task_context) {
		identify_current(&alone.actor);
		read_current_credentials(&credentials);
	}
	write_totals(&alone, &credentials);
}

/* How many DNS messages a CPU kept in which second. */
struct dns_rate {
	__u64 second_ns, kept;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dns_rate);
} dns_rates SEC(".maps");

static __always_inline bool within_dns_rate(__u64 now)
{
	__u32 zero = 0;
	struct dns_rate *rate = bpf_map_lookup_elem(&dns_rates, &zero);

	if (!rate)
		return false;
	if (now - rate->second_ns >= 1000000000) {
		rate->second_ns = now;
		rate->kept = 0;
	}
	return rate->kept++ < DNS_RATE;
}

/* Who has a socket, where no task says it. */
static __always_inline void find_holder(const struct packet *packet, __u64 socket, __u64 cookie,
					struct record_process_id *process)
{
	struct record_owner *owner;
	struct maker *maker;

	if (packet->protocol == IPPROTO_TCP) {
		maker = maker_of(cookie);
		if (maker && maker->cookie == cookie) {
			*process = maker->process;
			return;
		}
	}
	owner = bpf_map_lookup_elem(&owners, &socket);
	if (owner)
		*process = owner->process;
}

/* A record for a DNS message, without the message; NULL and counted where none can be kept. */
static __always_inline struct record_dns *begin_dns(const struct packet *packet, __u64 socket, __u64 cookie,
						    bool task_context)
{
	struct record_dns *record = NULL;

	if (within_dns_rate(bpf_ktime_get_boot_ns()))
		record = bpf_ringbuf_reserve(&flow_ring, sizeof(*record), 0);
	if (!record) {
		lose(RECORD_LOSS_DNS, 1);
		return NULL;
	}
	begin(&record->header, RECORD_DNS, sizeof(*record));
	__builtin_memset(&record->header.process, 0, sizeof(record->header.process));
	if (task_context) {
		record->header.flags |= RECORD_FLAG_TASK_CONTEXT;
		identify_current(&record->header.process);
	} else {
		find_holder(packet, socket, cookie, &record->header.process);
	}
	if (packet->received)
		record->header.flags |= RECORD_FLAG_RECEIVED;
	copy_address(record->remote_address, packet->remote);
	record->remote_port = packet->remote_port;
	record->local_port = packet->local_port;
	record->family = packet->family;
	record->protocol = packet->protocol;
	record->pad = 0;
	return record;
}

/* Copies what a packet holds from an offset on; returns how much, 0 where it cannot be read. */
static __always_inline __u16 copy_message(struct sk_buff *skb, __u32 at, __u8 *to)
{
	__u64 length = skb->len - at;
	struct bpf_dynptr bytes;

	barrier_var(length);
	if (length > RECORD_DNS_MAX)
		length = RECORD_DNS_MAX;
	if (at + length <= skb->len - skb->data_len)
		return bpf_probe_read_kernel(to, length, skb->data + at) ? 0 : length;
	barrier_var(length);
	if (!read_fragments || !bpf_ksym_exists(bpf_dynptr_from_skb) || !length || length > RECORD_DNS_MAX ||
	    bpf_dynptr_from_skb((struct __sk_buff *)skb, 0, &bytes) || bpf_dynptr_read(to, length, &bytes, at, 0))
		return 0;
	return length;
}

/* Keeps a DNS message that is sent, from this offset on. */
static __always_inline void write_dns(struct sk_buff *skb, struct sock *sk, const struct packet *packet, __u32 at,
				      bool task_context)
{
	struct record_dns *record;

	if (scoped && !(task_context && in_scope()))
		return;
	if (skb->len < at + DNS_HEADER) {
		lose(RECORD_LOSS_DNS, 1);
		return;
	}
	/* Its answer may be there before what looks for it is. */
	if (packet->remote_port == DNS_PORT && skb->dev->type != ARPHRD_LOOPBACK && !sees_receiving()) {
		need_receiving();
		lose(RECORD_LOSS_DNS, 1);
	}
	record = begin_dns(packet, (__u64)sk, sk ? sk->__sk_common.skc_cookie.counter : 0, task_context);
	if (!record)
		return;
	record->length = copy_message(skb, at, record->message);
	if (!record->length) {
		bpf_ringbuf_discard(record, 0);
		lose(RECORD_LOSS_DNS, 1);
		return;
	}
	bpf_ringbuf_submit(record, wake_for_flows());
}

/* Ports are at the same place in half-open and finished connections. */
static __always_inline bool is_dns_connection(struct sock *sk)
{
	return sk->__sk_common.skc_dport == bpf_htons(DNS_PORT) || sk->__sk_common.skc_num == DNS_PORT;
}

/* What a connection of DNS sends: a segment that begins a message has its length first. */
static __always_inline void write_dns_segment(void *context, struct sk_buff *skb, struct sock *sk)
{
	int network = (int)skb->network_header - (int)((__u64)skb->data - (__u64)skb->head);
	__u32 at = (int)skb->transport_header - (int)((__u64)skb->data - (__u64)skb->head), zero = 0;
	struct headers *headers = bpf_map_lookup_elem(&packet_headers, &zero);
	struct packet packet = {};
	__u8 words = 0;
	int available, transport;

	if (!headers || bpf_probe_read_kernel(&words, 1, skb->data + at + 12))
		return;
	at += (words >> 4) * 4;
	/* Acknowledgements and the like. */
	if (skb->len < at + 2 + DNS_HEADER)
		return;
	available = copy_headers(skb, network, headers);
	transport = skb->protocol == bpf_htons(ETH_P_IP) ? read_ipv4(&packet, headers, available) :
							  read_ipv6(&packet, headers, available);
	if (transport <= 0 || packet.protocol != IPPROTO_TCP ||
	    !read_transport(&packet, headers, transport, available))
		return;
	write_dns(skb, sk, &packet, at, in_task_context(context));
}

static __always_inline bool is_dns(const struct packet *packet)
{
	return packet->protocol == IPPROTO_UDP &&
	       (packet->remote_port == DNS_PORT || packet->local_port == DNS_PORT);
}

/* Whether a device hands what it is given to another one: VLAN, macvlan, bridge, bond, VRF and the like. */
static __always_inline bool stands_on_another(const struct net_device *device)
{
	__u64 lower = (__u64)device + bpf_core_field_offset(struct net_device, adj_list.lower);

	return (__u64)BPF_CORE_READ(device, adj_list.lower.next) != lower;
}

/* Whether a packet was queued for an upper device just before; notes it. */
static __always_inline bool is_handed_down(struct flow_cpu *cpu, struct sk_buff *skb)
{
	__u64 packet = (__u64)skb, device = (__u64)skb->dev, before = cpu->device;
	bool again = cpu->packet == packet && before != device && before &&
		     stands_on_another((const struct net_device *)before);

	cpu->packet = packet;
	cpu->device = device;
	return again;
}

/* Notes of a flow whose packet was found by all that it says whether the next may be found by its words. */
static __always_inline void expect_next(struct flow_place *place, struct sk_buff *skb)
{
	struct net_device *device = skb->dev;

	if (place->device != (__u64)device)
		place->device = stands_on_another(device) ? 0 : (__u64)device;
}

/*
 * Counts a packet to its flow; false where it was counted already. `context` is the hook's, NULL where it is known
 * that no task is behind it. `plain`: it was read by its words, and nothing but its count is wanted of the next.
 */
static __always_inline bool count_flow(void *context, struct sk_buff *skb, __u64 socket, __u64 cookie,
				       const struct packet *packet, bool plain)
{
	__u64 hash = spread(hash_of(packet));
	__u32 index = PLACE_OF(hash);
	__u32 *tag = bpf_map_lookup_elem(&flow_tags, &index);
	struct flow_place *place = bpf_map_lookup_elem(&flow_places, &index);
	struct flow_slot *slot = bpf_map_lookup_elem(&flow_slots, &index);
	struct flow_cpu *cpu = this_cpu();
	bool task_context, again, known = false;

	if (!tag || !place || !slot || !cpu)
		return true;
	cpu->changes += 1;
	if (!take(cpu)) {
		task_context = context && packet->via < RECORD_VIA_KERNEL && in_task_context(context);
		write_alone(skb, socket, packet, task_context);
		return true;
	}
	again = context && is_handed_down(cpu, skb);
	if ((*tag & ~FLOW_HAS_SLOT) == TAG_OF(hash) && place->ends == ends_of(packet))
		known = *tag & FLOW_HAS_SLOT ? same_flow(slot, socket, packet) : same_first(place, socket, packet);
	task_context = context && packet->via < RECORD_VIA_KERNEL && is_by_task(cpu, context);
	/* What another process sends is a flow of its own. */
	if (known && task_context && !is_process(cpu, place->actor.tgid))
		known = false;
	if (!known) {
		begin_flow(cpu, task_context ? context : NULL, place, tag, TAG_OF(hash), slot, skb, socket, cookie,
			   packet);
	} else if (!again) {
		if (!(*tag & FLOW_HAS_SLOT))
			give_slot(place, tag, slot, skb, packet);
		count_packets(slot, packet->count, packet->bytes);
		if (plain)
			expect_next(place, skb);
	}
	give_back(cpu);
	return !again;
}

/*
 * Whether the flow of a place is the one that these words tell of, whoever sends. It was found by all that they say
 * before.
 */
static __always_inline bool is_next(const struct flow_place *place, __u64 socket, __u64 device,
				    const struct plain *plain)
{
	return place->ends == plain->to && place->device == device && place->socket == socket &&
	       place->local == plain->from >> 32;
}

/* Counts one more packet of a flow that is known by its words; false where it has to be looked at whole. */
static __always_inline bool count_next(void *context, struct sk_buff *skb, struct sock *sk, const struct plain *plain)
{
	__u64 ports = (__u64)bpf_ntohs((__u16)(plain->to >> 48)) << 32 | (__u64)IPPROTO_UDP << 16 |
		      bpf_ntohs((__u16)(plain->to >> 32));
	__u64 hash = spread((__u32)plain->to ^ ports);
	__u32 index = PLACE_OF(hash);
	__u32 *tag = bpf_map_lookup_elem(&flow_tags, &index);
	struct flow_place *place = bpf_map_lookup_elem(&flow_places, &index);
	struct flow_slot *slot = bpf_map_lookup_elem(&flow_slots, &index);
	struct flow_cpu *cpu = this_cpu();
	__u64 device = (__u64)skb->dev;
	bool next;

	if (!tag || *tag != (TAG_OF(hash) | FLOW_HAS_SLOT) || !place || !slot || !cpu)
		return false;
	/* One that another device handed down is known as such there. */
	if ((cpu->packet == (__u64)skb && cpu->device != device) || !take(cpu))
		return false;
	next = is_next(place, (__u64)sk, device, plain) && is_by_noted_process(cpu, context, place->actor.tgid);
	if (next) {
		cpu->changes += 1;
		cpu->packet = 0;
		count_packets(slot, 1, PLAIN_BYTES(plain));
	}
	give_back(cpu);
	return next;
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(on_queue, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	struct packet packet = {};
	struct plain words;
	int transport = 0, via;
	bool plain;

	/* Before all else: of which kind its socket is was found out at the flow's first packets. */
	if (sk && sk->sk_protocol == IPPROTO_UDP && read_plain(skb, &words) && count_next(ctx, skb, sk, &words))
		return 0;
	via = classify(skb, sk);
	if (via < 0) {
		if (sk && sk->__sk_common.skc_state == BPF_TCP_SYN_SENT && is_tcp(sk))
			tell_translated(ctx, skb, sk);
		if (sk && is_dns_connection(sk))
			write_dns_segment(ctx, skb, sk);
		return 0;
	}
	packet.via = via;
	plain = via == RECORD_VIA_SOCKET && read_plain(skb, &words);
	if (plain) {
		unpack(&words, &packet);
		transport = (int)skb->network_header - (int)((__u64)skb->data - (__u64)skb->head) + 20;
	} else if (!read_packet(skb, &packet, &transport)) {
		lose(RECORD_LOSS_UNREADABLE_PACKET, 1);
		return 0;
	}
	if (!packet.family)
		return 0;
	/* Here the kinds of packets meet. */
	packet.via ^= unknown;
	packet.family ^= unknown;
	packet.protocol ^= unknown;
	packet.header ^= unknown;
	packet.tcp_flags ^= unknown;
	packet.count ^= unknown;
	transport ^= unknown;
	/* Nor does it tell by which of the kernel's sockets, or for which attempt of many. */
	if (packet.via == RECORD_VIA_KERNEL) {
		forget_ports(&packet);
		sk = NULL;
	}
	if (count_flow(ctx, skb, (__u64)sk, sk ? sk->__sk_common.skc_cookie.counter : 0, &packet,
		       plain && !is_dns(&packet)) &&
	    transport && is_dns(&packet))
		write_dns(skb, sk, &packet, transport + 8, packet.via < RECORD_VIA_KERNEL && in_task_context(ctx));
	return 0;
}

/*
 * Headers of a datagram, or of a segment on a connection of DNS, as cgroup programs see packets: from the network
 * header on. Returns the offset of the transport header, 0 where it is neither.
 */
static __always_inline int read_received(struct __sk_buff *skb, struct packet *packet)
{
	const void *data = (const void *)(long)skb->data, *end = (const void *)(long)skb->data_end;
	const struct iphdr *ip = data;
	const struct ipv6hdr *six = data;
	const __be16 *near;
	__be16 ports[2];
	int at;

	if ((const void *)(ip + 1) > end)
		return 0;
	if (ip->version == 4) {
		packet->protocol = ip->protocol;
		packet->family = AF_INET;
		*(__u32 *)packet->local = ip->daddr;
		*(__u32 *)packet->remote = ip->saddr;
		at = ip->ihl * 4;
		near = (const void *)(ip + 1);
	} else {
		/* With extension headers it is not looked for: a service's clients send none. */
		if ((const void *)(six + 1) > end)
			return 0;
		packet->protocol = six->nexthdr;
		packet->family = AF_INET6;
		__builtin_memcpy(packet->local, &six->daddr, 16);
		__builtin_memcpy(packet->remote, &six->saddr, 16);
		at = sizeof(*six);
		near = (const void *)(six + 1);
	}
	if (packet->protocol == IPPROTO_TCP) {
		/* The cheapest look, since all of TCP comes by; segments of DNS have no options of IP. */
		if ((const void *)(near + 2) > end ||
		    (near[0] != bpf_htons(DNS_PORT) && near[1] != bpf_htons(DNS_PORT)))
			return 0;
	} else if (packet->protocol != IPPROTO_UDP) {
		return 0;
	}
	if (bpf_skb_load_bytes(skb, at, ports, sizeof(ports)))
		return 0;
	packet->remote_port = bpf_ntohs(ports[0]);
	packet->local_port = bpf_ntohs(ports[1]);
	packet->bytes = skb->len;
	return at;
}

/* Keeps a DNS message that was received, from this offset on. */
static __always_inline void write_received_dns(struct __sk_buff *skb, const struct packet *packet, __u64 cookie,
					       __u32 at)
{
	struct record_dns *record = begin_dns(packet, (__u64)skb->sk, cookie, false);
	__u64 length;

	if (!record)
		return;
	length = skb->len - at;
	barrier_var(length);
	if (length > RECORD_DNS_MAX)
		length = RECORD_DNS_MAX;
	record->length = 0;
	/* Verifiers before 6.2 learn the least length only from a comparison by order. */
	barrier_var(length);
	if (length >= DNS_HEADER) {
		barrier_var(length); /* two comparisons, which the compiler would make one of a difference */
		if (length <= RECORD_DNS_MAX && !bpf_skb_load_bytes(skb, at, record->message, length))
			record->length = length;
	}
	bpf_ringbuf_submit(record, wake_for_flows());
}

/*
 * Datagrams from elsewhere that reach a socket: what causes an answer, and answers to questions of DNS, also those
 * on connections.
 */
#define SOCK_BINDPORT_LOCK 8
#define PACKET_LOOPBACK 5

/* Datagrams of each socket since on_ingress was attached, until what had come before is counted. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
} arrivals SEC(".maps");

static __always_inline void count_arrival(__u64 socket)
{
	__u32 zero = 0, *state = bpf_map_lookup_elem(&receiving, &zero);
	__u64 *count, one = 1;

	if (!state || *state == RECORD_RECEIVING_SETTLED)
		return;
	count = bpf_map_lookup_elem(&arrivals, &socket);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&arrivals, &socket, &one, BPF_ANY);
}

/*
 * What had reached sockets before on_ingress was there: run once, right after it was attached. Datagrams that wait and
 * did not pass it are counted; where none waits and a program has taken some already, it is one at least. Only of
 * sockets that were made in scope, and whose port was chosen: what reaches others are answers.
 */
SEC("iter/task_file")
int count_unread(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct file *file = context->file;
	struct record_owner *owner;
	__u64 *arrived, key, waiting;
	struct socket *socket;
	struct udp_sock *udp;
	__u16 protocol;
	struct sock *sk;

	if (!task || !file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	key = (__u64)sk;
	owner = bpf_map_lookup_elem(&owners, &key);
	if (!owner || !owner->created || owner->counted)
		return 0;
	owner->counted = 1;
	protocol = BPF_CORE_READ(sk, sk_protocol);
	if (protocol != IPPROTO_UDP && protocol != IPPROTO_UDPLITE)
		return 0;
	if (!(BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK))
		return 0;
	udp = (struct udp_sock *)sk;
	waiting = BPF_CORE_READ(sk, sk_receive_queue.qlen) + BPF_CORE_READ(udp, reader_queue.qlen);
	arrived = bpf_map_lookup_elem(&arrivals, &key);
	if (arrived && waiting > *arrived)
		lose(RECORD_LOSS_RECEIVED, waiting - *arrived);
	else if (!arrived && (waiting || BPF_CORE_READ(udp, forward_deficit)))
		lose(RECORD_LOSS_RECEIVED, waiting ? waiting : 1);
	return 0;
}

SEC("cgroup_skb/ingress")
int on_ingress(struct __sk_buff *skb)
{
	struct packet packet = {};
	__u64 cookie;
	__u8 words;
	int at;

	if (skb->sk)
		count_arrival((__u64)skb->sk);
	/* What this host sent to itself was seen when it was sent. */
	if (skb->ifindex == LOOPBACK_IFINDEX)
		return 1;
	at = read_received(skb, &packet);
	/* Nor did what it sent to many, and itself among them, come from elsewhere. */
	if (!at || skb->pkt_type == PACKET_LOOPBACK)
		return 1;
	packet.via = RECORD_VIA_SOCKET;
	packet.received = 1;
	packet.count = 1;
	cookie = bpf_get_socket_cookie(skb);
	if (packet.protocol == IPPROTO_UDP) {
		count_flow(NULL, NULL, (__u64)skb->sk, cookie, &packet, false);
		if (is_dns(&packet))
			write_received_dns(skb, &packet, cookie, at + 8);
		return 1;
	}
	if (bpf_skb_load_bytes(skb, at + 12, &words, 1))
		return 1;
	at += (words >> 4) * 4;
	/* Acknowledgements and the like say nothing. */
	if (skb->len >= at + 2 + DNS_HEADER)
		write_received_dns(skb, &packet, cookie, at);
	return 1;
}
