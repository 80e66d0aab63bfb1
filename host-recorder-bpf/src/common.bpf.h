/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What all hooks share: rings, loss counters, identity of a task, scope. */

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

/* A kernel's type that is nothing but a number, by which any memory may be read. */
#define WORD_AT(address) \
	(((struct timespec64 *)bpf_rdonly_cast(address, bpf_core_type_id_kernel(struct timespec64)))->tv_sec)

/* Eight bytes of kernel memory, as they lie there; a call only where the kernel allows no plain load. */
static __always_inline __u64 word_at(const void *address)
{
	__u64 word = 0;

	if (plain_headers && bpf_ksym_exists(bpf_rdonly_cast))
		return WORD_AT(address);
	bpf_probe_read_kernel(&word, sizeof(word), address);
	return word;
}

#define AF_INET 2
#define AF_INET6 10
#define AF_PACKET 17
#define AF_XDP 44
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define PF_EXITING 0x00000004
#define PF_KTHREAD 0x00200000
#define THREAD_SIZE (16 * 1024)
#define SOFTIRQ_SERVING 0x00000100
#define HARDIRQ_AND_NMI 0x00ff0000

/* Wakes the recorder once this much is waiting; below it the recorder's own timer is soon enough. */
#define WAKE_BYTES (256 * 1024)

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024);
} identity_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024);
} flow_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NR_RECORD_LOSS);
	__type(key, __u32);
	__type(value, __u64);
} losses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} scope SEC(".maps");

/*
 * Zero, which the verifier does not know: a number that it is XORed with is any number from there on. What comes after a
 * choice between constants is looked at once then, and not for each of them.
 */
__u32 unknown = 0;

/* Tasks that ended, from one on: until then a task's stack is its own, and afterwards it may be another one's. */
__u64 ended = 1;

static __always_inline void lose(__u32 class, __u64 count)
{
	__u64 *lost = bpf_map_lookup_elem(&losses, &class);

	if (lost)
		*lost += count;
}

/*
 * Where each ring stood when the recorder was last woken for it. While it is at work much is waiting all the time, and to
 * wake it is an interrupt.
 */
struct woken {
	__u64 identity, flow;
} woken = {};

static __always_inline __u64 wake_flags(void *ring, __u64 *last)
{
	__u64 produced;

	if (bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) < WAKE_BYTES)
		return BPF_RB_NO_WAKEUP;
	produced = bpf_ringbuf_query(ring, BPF_RB_PROD_POS);
	if (produced - *last < WAKE_BYTES)
		return BPF_RB_NO_WAKEUP;
	*last = produced;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline __u64 wake_for_identities(void)
{
	return wake_flags(&identity_ring, &woken.identity);
}

static __always_inline __u64 wake_for_flows(void)
{
	return wake_flags(&flow_ring, &woken.flow);
}

static __always_inline bool in_scope(void)
{
	return !scoped || bpf_current_task_under_cgroup(&scope, 0) == 1;
}

/*
 * The running task by plain loads, where the kernel hands it out as a trusted pointer (5.11): the hooks that run for
 * every packet and connection cannot afford a call for every field.
 */
#define TRUSTED_CURRENT bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)

/* Whether the current task is ending. It is so before the hook of its end runs, and may send after that. */
static __always_inline bool is_ending(void)
{
	if (TRUSTED_CURRENT) {
		struct task_struct *task = bpf_get_current_task_btf();

		return task->flags & PF_EXITING;
	} else {
		struct task_struct *task = (struct task_struct *)bpf_get_current_task();

		return BPF_CORE_READ(task, flags) & PF_EXITING;
	}
}

#if defined(__TARGET_ARCH_x86)
/* How far from the end of the current task's stack a hook's context lies; beyond THREAD_SIZE where not on that at all. */
static __always_inline __u64 stack_depth(void *context)
{
	if (TRUSTED_CURRENT) {
		struct task_struct *task = bpf_get_current_task_btf();
		/* Two pointers' difference is a number to the verifier, which a pointer is not. */
		__u64 ahead = (const char *)context - (const char *)task;

		barrier_var(ahead);
		if (task->flags & PF_KTHREAD)
			return ~0ull;
		return ahead + bpf_get_current_task() - (__u64)task->stack;
	} else {
		struct task_struct *task = (struct task_struct *)bpf_get_current_task();
		volatile __u64 spilled = (__u64)context; /* read back as a number */
		__u64 at = 0;

		if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
			return ~0ull;
		bpf_probe_read_kernel(&at, sizeof(at), (void *)&spilled);
		return at - (__u64)BPF_CORE_READ(task, stack);
	}
}
#endif

/*
 * Whether the code that reached this hook was called by `current`, not by an interrupt on top of it. The
 * hook's context lies on the stack of whoever called the tracepoint. On x86 interrupts and the work after them
 * have stacks of their own, and the count of preempted contexts cannot be read where the kernel's data symbols
 * are not listed; elsewhere that count stands in the task.
 */
static __always_inline bool in_task_context(void *context)
{
#if defined(__TARGET_ARCH_x86)
	return stack_depth(context) < THREAD_SIZE;
#else
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return false;
	return !(BPF_CORE_READ(task, thread_info.preempt_count) & (SOFTIRQ_SERVING | HARDIRQ_AND_NMI));
#endif
}

/*
 * Of a task that is known by a trusted pointer or one that was loaded through one: plain loads, which the kernel
 * makes safe. The same fields by calls: for pointers that are mere numbers.
 */
#define IDENTIFY(task, id)                                                       \
	({                                                                       \
		(id)->tgid = (task)->tgid;                                       \
		(id)->start_ns = (task)->group_leader->start_boottime;           \
		(id)->exec = (__u32)(task)->self_exec_id;                        \
	})

static __always_inline void identify_by_calls(struct task_struct *task, struct record_process_id *id)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	id->tgid = BPF_CORE_READ(task, tgid);
	id->start_ns = BPF_CORE_READ(leader, start_boottime);
	id->exec = (__u32)BPF_CORE_READ(task, self_exec_id);
}

static __always_inline void identify_current(struct record_process_id *id)
{
	if (TRUSTED_CURRENT) {
		struct task_struct *task = bpf_get_current_task_btf();

		IDENTIFY(task, id);
	} else {
		identify_by_calls((struct task_struct *)bpf_get_current_task(), id);
	}
}

static __always_inline void read_credentials(struct task_struct *task, struct record_credentials *to)
{
	const struct cred *cred = task->cred;

	to->uid = cred->uid.val;
	to->euid = cred->euid.val;
	to->gid = cred->gid.val;
	to->egid = cred->egid.val;
	to->suid = cred->suid.val;
	to->sgid = cred->sgid.val;
	to->fsuid = cred->fsuid.val;
	to->fsgid = cred->fsgid.val;
	/* Two words until 6.3, one since; the same bytes. */
	bpf_core_read(&to->capabilities, sizeof(to->capabilities), &cred->cap_effective);
	to->login_uid = RECORD_ID_UNSET;
	to->session = RECORD_ID_UNSET;
	if (bpf_core_field_exists(task->loginuid))
		to->login_uid = task->loginuid.val;
	if (bpf_core_field_exists(task->sessionid))
		to->session = task->sessionid;
}

static __always_inline void read_current_credentials(struct record_credentials *to)
{
	if (TRUSTED_CURRENT) {
		read_credentials(bpf_get_current_task_btf(), to);
	} else {
		struct task_struct *task = (struct task_struct *)bpf_get_current_task();
		const struct cred *cred = BPF_CORE_READ(task, cred);

		to->uid = BPF_CORE_READ(cred, uid.val);
		to->euid = BPF_CORE_READ(cred, euid.val);
		to->gid = BPF_CORE_READ(cred, gid.val);
		to->egid = BPF_CORE_READ(cred, egid.val);
		to->suid = BPF_CORE_READ(cred, suid.val);
		to->sgid = BPF_CORE_READ(cred, sgid.val);
		to->fsuid = BPF_CORE_READ(cred, fsuid.val);
		to->fsgid = BPF_CORE_READ(cred, fsgid.val);
		bpf_core_read(&to->capabilities, sizeof(to->capabilities), &cred->cap_effective);
		to->login_uid = RECORD_ID_UNSET;
		to->session = RECORD_ID_UNSET;
		if (bpf_core_field_exists(task->loginuid))
			to->login_uid = BPF_CORE_READ(task, loginuid.val);
		if (bpf_core_field_exists(task->sessionid))
			to->session = BPF_CORE_READ(task, sessionid);
	}
}

/* The bound is checked on the very number that is used, see payload_at. */
static __always_inline void read_groups(struct task_struct *task, struct record_groups *to)
{
	struct group_info *info = task->cred->group_info;
	__u64 size;

	to->count = info->ngroups;
	to->pad = 0;
	size = (__u64)to->count * sizeof(to->ids[0]);
	barrier_var(size);
	if (size > sizeof(to->ids))
		size = sizeof(to->ids);
	/* Most services have none: a call less. */
	if (size && bpf_probe_read_kernel(to->ids, size, info->gid))
		to->count = 0;
}

/* A process that ends has left its namespaces. */
static __always_inline void read_context(struct task_struct *task, struct record_context *to)
{
	struct nsproxy *namespaces = task->nsproxy;

	read_credentials(task, &to->credentials);
	read_groups(task, &to->groups);
	to->mount_ns = BPF_CORE_READ(namespaces, mnt_ns, ns.inum);
	to->net_ns = BPF_CORE_READ(namespaces, net_ns, ns.inum);
	to->pid_ns = BPF_CORE_READ(namespaces, pid_ns_for_children, ns.inum);
	to->user_ns = task->cred->user_ns->ns.inum;
}

static __always_inline void begin(struct record_header *header, __u16 kind, __u32 size)
{
	header->kind = kind;
	header->flags = 0;
	header->size = size;
	header->time_ns = bpf_ktime_get_boot_ns();
}
