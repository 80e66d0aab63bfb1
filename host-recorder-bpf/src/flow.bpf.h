/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Flows on their way to the recorder. Per CPU there is a cache that sums the packets of a flow, and a few batches in
 * which first packets and attempts to connect wait for each other, so that a scan costs one small entry a target.
 * A batch is written when it is full or another process needs its place; the recorder has both written out several
 * times a second (`flush`). Whoever finds the CPU's part in use, because it interrupted its user, writes a record of
 * its own instead.
 */

#define FLOW_SLOTS 1024
#define FLOW_SLOT_BITS 10
#define BATCHES 4
_Static_assert(FLOW_SLOTS == 1 << FLOW_SLOT_BITS, "PLACE_OF takes as many bits as there are places");

/* What a packet says of its flow. */
struct packet {
	__u8 local[16], remote[16];
	__u16 local_port, remote_port;
	__u16 family;
	__u8 protocol, via;
	__u8 tcp_flags, received;
	__u8 header; /* length of the transport header, where it is known */
	__u64 bytes, count;
};

/*
 * Whether a place of the cache may have the flow of a packet: bits of its hash, FLOW_TAGGED, and whether it has the slot,
 * too. Most flows of a scan are one packet. They read nothing but this: to bring place and slot into the processor's cache
 * costs a first packet more than all else that is done for it.
 */
#define FLOW_TAGGED 2
#define FLOW_HAS_SLOT 1

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FLOW_SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} flow_tags SEC(".maps");

/* Which flow has a place of the cache; all of one whose first packet was told in a batch, until its second gets it a slot. */
struct flow_place {
	__u64 ends; /* ends_of its packets */
	__u64 socket;
	/*
	 * The device that plain datagrams of this flow are queued for, where it hands them to no other one: the next of them
	 * is known by its headers' words (is_next). 0 for other flows.
	 */
	__u64 device;
	__u64 first_ns;
	struct record_process_id actor; /* who owns the socket, too, where there is no slot */
	__u32 local; /* IPv4 */
	__u32 bytes; /* of the first packet */
	__u16 flags;
	__u8 protocol, via, tcp_flags, pad;
};
_Static_assert(sizeof(struct flow_place) == 64, "a line of a processor's cache");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FLOW_SLOTS);
	__type(key, __u32);
	__type(value, struct flow_place);
} flow_places SEC(".maps");

/* One flow of the cache. */
struct flow_slot {
	__u64 socket;
	__u8 local[16], remote[16];
	__u16 local_port, remote_port, family;
	__u8 protocol, via;
	__u64 packets, bytes;
	__u64 first_ns, last_ns;
	struct record_process_id owner, actor;
	__u32 last_tick, told; /* low bits of jiffies at the last packet, of packets when last written */
	__u32 net_ns;
	__u16 flags;
	__u8 tcp_flags, received;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FLOW_SLOTS);
	__type(key, __u32);
	__type(value, struct flow_slot);
} flow_slots SEC(".maps");

/* Who acts: told by three words from any other actor of the time a batch lives. */
struct actor {
	__u64 cred;
	__u32 tgid, exec;
};

struct batch_slot {
	struct actor actor;
	__u64 cookie;
	__u64 now;  /* the time of its last entry */
	__u32 tick; /* low bits of jiffies when the clock was read for it */
	__u32 pad;
	struct record_batch batch;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BATCHES);
	__type(key, __u32);
	__type(value, struct batch_slot);
} flow_batches SEC(".maps");

/* What a CPU says of its flows and batches. */
struct flow_cpu {
	__u64 changes; /* so that the recorder flushes only where there is something; it reads this */
	__u64 busy;
	/* What was queued last, and for which device: a packet passes a VLAN's device and then the card's. */
	__u64 packet, device;
	/*
	 * Whose call came here last: where its stack begins, as its distance from this; how many tasks had ended by then; the
	 * task; its process. Each call of a helper costs a packet as much as all loads and comparisons of these.
	 */
	__u64 stack, ended, task;
	__u32 tgid, pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_cpu);
} flow_cpus SEC(".maps");

static __always_inline struct flow_cpu *this_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&flow_cpus, &zero);
}

/* Takes the CPU's part; false where it is in use. */
static __always_inline bool take(struct flow_cpu *cpu)
{
	if (cpu->busy)
		return false;
	cpu->busy = 1;
	barrier();
	return true;
}

static __always_inline void give_back(struct flow_cpu *cpu)
{
	barrier();
	cpu->busy = 0;
}

/*
 * Whether a hook was called by the very task that is noted. Two pointers' difference is a number to the verifier,
 * which a pointer is not.
 */
static __always_inline bool is_by_noted_task(const struct flow_cpu *cpu, void *context)
{
#if defined(__TARGET_ARCH_x86)
	__u64 at = (const char *)context - (const char *)cpu;

	barrier_var(at);
	return at - cpu->stack < THREAD_SIZE && cpu->ended == ended;
#else
	return false;
#endif
}

/* Whether a hook was called by the current task (in_task_context); notes that one. */
static __always_inline bool is_by_task(struct flow_cpu *cpu, void *context)
{
#if defined(__TARGET_ARCH_x86)
	__u64 at, depth;

	if (is_by_noted_task(cpu, context))
		return true;
	depth = stack_depth(context);
	if (depth >= THREAD_SIZE)
		return false;
	at = (const char *)context - (const char *)cpu;
	barrier_var(at);
	cpu->stack = at - depth;
	/*
	 * One that closes its sockets while it ends has been counted among those that ended: its stack may be another's next,
	 * so it is noted for this packet only.
	 */
	cpu->ended = is_ending() ? 0 : ended;
	cpu->task = bpf_get_current_task();
	cpu->tgid = bpf_get_current_pid_tgid() >> 32;
	return true;
#else
	return in_task_context(context);
#endif
}

/* The same where nothing but what is noted is looked at, at no call. */
static __always_inline bool is_by_noted_process(const struct flow_cpu *cpu, void *context, __u32 tgid)
{
#if defined(__TARGET_ARCH_x86)
	return cpu->tgid == tgid && is_by_noted_task(cpu, context);
#else
	return bpf_get_current_pid_tgid() >> 32 == tgid;
#endif
}

/* Whether the task that called the hook, which is_by_task said, is of this process. */
static __always_inline bool is_process(const struct flow_cpu *cpu, __u32 tgid)
{
#if defined(__TARGET_ARCH_x86)
	return cpu->tgid == tgid;
#else
	return bpf_get_current_pid_tgid() >> 32 == tgid;
#endif
}

/* The actor is the noted task. */
static __always_inline void read_noted_actor(const struct flow_cpu *cpu, struct actor *actor)
{
	struct task_struct *task =
		bpf_rdonly_cast((const void *)cpu->task, bpf_core_type_id_kernel(struct task_struct));

	actor->cred = (__u64)task->cred;
	actor->tgid = task->tgid;
	actor->exec = (__u32)task->self_exec_id;
}

static __always_inline void read_actor(const struct flow_cpu *cpu, void *context, struct actor *actor)
{
	if (cpu && plain_headers && bpf_ksym_exists(bpf_rdonly_cast) && is_by_noted_task(cpu, context)) {
		read_noted_actor(cpu, actor);
	} else if (TRUSTED_CURRENT) {
		struct task_struct *task = bpf_get_current_task_btf();

		actor->cred = (__u64)task->cred;
		actor->tgid = task->tgid;
		actor->exec = (__u32)task->self_exec_id;
	} else {
		struct task_struct *task = (struct task_struct *)bpf_get_current_task();

		actor->cred = (__u64)BPF_CORE_READ(task, cred);
		actor->tgid = BPF_CORE_READ(task, tgid);
		actor->exec = (__u32)BPF_CORE_READ(task, self_exec_id);
	}
}

static __always_inline bool same_address(const __u8 *one, const __u8 *other)
{
	const __u64 *a = (const __u64 *)one, *b = (const __u64 *)other;

	return a[0] == b[0] && a[1] == b[1];
}

static __always_inline void copy_address(__u8 *to, const __u8 *from)
{
	((__u64 *)to)[0] = ((const __u64 *)from)[0];
	((__u64 *)to)[1] = ((const __u64 *)from)[1];
}

/* Writes a batch out, where it has anything. */
static __always_inline void write_batch(struct record_batch *batch)
{
	__u64 count = batch->count;
	__u64 size;

	if (!count)
		return;
	barrier_var(count);
	if (count > RECORD_BATCH_MAX)
		return;
	size = __builtin_offsetof(struct record_batch, targets) + count * sizeof(struct record_target);
	batch->header.size = size;
	if (bpf_ringbuf_output(&flow_ring, batch, size, wake_for_flows()))
		lose(RECORD_LOSS_FLOW, count);
	batch->count = 0;
}

/* The next free entry of a batch that was begun, `after_ns` set. A full batch was written by whoever filled it. */
static __always_inline struct record_target *next_target(struct record_batch *batch, __u64 now)
{
	__u64 count = batch->count;
	struct record_target *target;

	barrier_var(count);
	if (count >= RECORD_BATCH_MAX)
		return NULL;
	target = &batch->targets[count];
	target->after_ns = now - batch->first_ns;
	batch->count = count + 1;
	return target;
}

/* The time for the next entry where what is told elsewhere, with its time, comes before or after it. */
static __always_inline __u64 exact_time(struct batch_slot *slot)
{
	slot->now = bpf_ktime_get_boot_ns();
	slot->tick = bpf_jiffies64();
	return slot->now;
}

/*
 * The time for the next entry of a batch that was begun, where all that is told of its socket is in it. The clock is read
 * once a tick, since that costs more than all else that an entry does; no two entries have the same, to the microsecond
 * that the ring keeps, since a flow is told from others by when it began.
 */
static __always_inline __u64 batch_time(struct batch_slot *slot)
{
	__u64 next = slot->now + 1000, now;
	__u32 tick = bpf_jiffies64();

	if (slot->tick != tick) {
		slot->tick = tick;
		now = bpf_ktime_get_boot_ns();
		if (now > next)
			next = now;
	}
	slot->now = next;
	return next;
}

static __always_inline bool fits_time(const struct record_batch *batch, __u64 now)
{
	return now - batch->first_ns < 1ull << 32;
}

/* The batch for a key, of the CPU's part that was taken. */
static __always_inline struct batch_slot *batch_of(__u64 key)
{
	__u32 index = (key * 0x9e3779b97f4a7c15ull) >> 62;

	return bpf_map_lookup_elem(&flow_batches, &index);
}

/* Begins a batch of what `owner` does, or has done with its socket; the previous one was written. */
static __always_inline void begin_batch(struct batch_slot *slot, const struct actor *actor, __u16 flags,
					const struct record_process_id *owner)
{
	struct record_batch *batch = &slot->batch;
	__u64 now = exact_time(slot);

	slot->actor = *actor;
	batch->header.kind = RECORD_BATCH;
	batch->header.flags = flags;
	batch->header.time_ns = now;
	batch->header.process = *owner;
	if (flags & RECORD_FLAG_TASK_CONTEXT) {
		identify_current(&batch->actor);
		read_current_credentials(&batch->credentials);
	} else {
		__builtin_memset(&batch->actor, 0, sizeof(batch->actor));
		__builtin_memset(&batch->credentials, 0, sizeof(batch->credentials));
	}
	batch->first_ns = now;
	batch->pad = 0;
}

/* Makes a slot the flow of this packet, its first. Who owns it and who sent it are the caller's to say. */
static __always_inline void fill_slot(struct flow_slot *slot, __u64 socket, const struct packet *packet, __u16 flags,
				      __u32 net_ns, __u64 now)
{
	slot->socket = socket;
	copy_address(slot->local, packet->local);
	copy_address(slot->remote, packet->remote);
	slot->local_port = packet->local_port;
	slot->remote_port = packet->remote_port;
	slot->family = packet->family;
	slot->protocol = packet->protocol;
	slot->via = packet->via;
	slot->packets = packet->count;
	slot->bytes = packet->bytes;
	slot->first_ns = slot->last_ns = now;
	slot->last_tick = bpf_jiffies64();
	slot->net_ns = net_ns;
	slot->flags = flags;
	slot->tcp_flags = packet->tcp_flags;
	slot->received = packet->received;
}

/* Writes the totals of a flow, with the ids of who sent it where they were not told in a batch. */
static __always_inline void write_totals(const struct flow_slot *slot, const struct record_credentials *credentials)
{
	struct record_packets *record = bpf_ringbuf_reserve(&flow_ring, sizeof(*record), 0);

	if (!record) {
		lose(RECORD_LOSS_FLOW, (__u32)slot->packets - slot->told);
		return;
	}
	record->header.kind = RECORD_PACKETS;
	record->header.flags = slot->flags;
	record->header.size = sizeof(*record);
	record->header.time_ns = slot->last_ns;
	record->header.process = slot->owner;
	record->actor = slot->actor;
	if (credentials)
		record->credentials = *credentials;
	else
		__builtin_memset(&record->credentials, 0, sizeof(record->credentials));
	record->socket = slot->socket;
	record->first_ns = slot->first_ns;
	record->last_ns = slot->last_ns;
	record->packets = slot->packets;
	record->bytes = slot->bytes;
	copy_address(record->local_address, slot->local);
	copy_address(record->remote_address, slot->remote);
	record->local_port = slot->local_port;
	record->remote_port = slot->remote_port;
	record->family = slot->family;
	record->protocol = slot->protocol;
	record->via = slot->via;
	record->tcp_flags = slot->tcp_flags;
	__builtin_memset(record->pad, 0, sizeof(record->pad));
	record->net_ns = slot->net_ns;
	bpf_ringbuf_submit(record, wake_for_flows());
}

static __always_inline __u64 spread(__u64 hash)
{
	return hash * 0x9e3779b97f4a7c15ull;
}

/* The place of a hash that was spread, and the tag there, without what it says of the slot. */
#define PLACE_OF(spread) ((__u32)((spread) >> (64 - FLOW_SLOT_BITS)))
#define TAG_OF(spread) (((__u32)((spread) >> 22) | FLOW_TAGGED) & ~FLOW_HAS_SLOT)

/* What a container sends and the host forwards for it are two flows, that would take each other's slot for each packet. */
static __always_inline __u64 hash_of(const struct packet *packet)
{
	const __u64 *remote = (const __u64 *)packet->remote;

	return remote[0] ^ remote[1] * 31 ^
	       ((__u64)packet->remote_port << 32 | (__u64)packet->via << 25 | (__u64)packet->received << 24 |
		(__u64)packet->protocol << 16 | packet->local_port);
}

/* Remote address and both ports as IPv4's headers have them; of other flows a number that few others have. */
static __always_inline __u64 ends_of(const struct packet *packet)
{
	const __u32 *remote = (const __u32 *)packet->remote;

	return (remote[0] ^ remote[1] ^ remote[2] ^ remote[3]) | (__u64)bpf_htons(packet->local_port) << 32 |
	       (__u64)bpf_htons(packet->remote_port) << 48;
}

/*
 * Whether this packet is another one of the flow that is the place's alone, or that has the slot. One comparison of all
 * but the pointer: a verifier follows each branch.
 */
static __always_inline bool same_first(const struct flow_place *place, __u64 socket, const struct packet *packet)
{
	__u64 other = (place->local ^ *(const __u32 *)packet->local) |
		      (place->protocol ^ packet->protocol) | (place->via ^ packet->via) | (packet->family ^ AF_INET) |
		      packet->received;

	return place->socket == socket && !other;
}

static __always_inline bool same_flow(const struct flow_slot *slot, __u64 socket, const struct packet *packet)
{
	const __u64 *remote = (const __u64 *)slot->remote, *local = (const __u64 *)slot->local;
	const __u64 *to = (const __u64 *)packet->remote, *from = (const __u64 *)packet->local;
	__u64 other = (remote[0] ^ to[0]) | (remote[1] ^ to[1]) | (local[0] ^ from[0]) |
		      (local[1] ^ from[1]) | (slot->remote_port ^ packet->remote_port) |
		      (slot->local_port ^ packet->local_port) | (slot->protocol ^ packet->protocol) |
		      (slot->via ^ packet->via) | (slot->family ^ packet->family) | (slot->received ^ packet->received);

	return slot->socket == socket && !other;
}

/* Counts packets of a cached flow. The clock is read once a tick. */
static __always_inline void count_packets(struct flow_slot *slot, __u64 count, __u64 bytes)
{
	__u32 tick = bpf_jiffies64();

	slot->packets += count;
	slot->bytes += bytes;
	if (slot->last_tick != tick) {
		slot->last_tick = tick;
		slot->last_ns = bpf_ktime_get_boot_ns();
	}
}

/*
 * Writes out what waits on the CPU that runs this; called by the recorder for each. Returns 1 where it could not,
 * because it interrupted another hook.
 */
SEC("raw_tp")
int flush(void *context)
{
	struct flow_cpu *cpu = this_cpu();

	if (!cpu || !take(cpu))
		return 1;
	for (__u32 i = 0; i < BATCHES; i++) {
		__u32 index = i;
		struct batch_slot *waiting = bpf_map_lookup_elem(&flow_batches, &index);

		if (waiting)
			write_batch(&waiting->batch);
	}
	for (__u32 i = 0; i < FLOW_SLOTS; i++) {
		__u32 index = i;
		__u32 *tag = bpf_map_lookup_elem(&flow_tags, &index);
		struct flow_slot *slot = bpf_map_lookup_elem(&flow_slots, &index);

		if (!tag || !(*tag & FLOW_HAS_SLOT) || !slot || (__u32)slot->packets == slot->told)
			continue;
		write_totals(slot, NULL);
		slot->told = slot->packets;
	}
	give_back(cpu);
	return 0;
}
