/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What processes do to the kernel, or to what can be seen of them; and the optional tier of system calls. */

#define SOL_PACKET 263
#define PACKET_TX_RING 13
#define PACKET_QDISC_BYPASS 20
#define SOL_XDP 283
#define XDP_TX_RING 3
#define TS_COMPAT 0x0002

/* An operation's record, begun; NULL and counted where there is no room, NULL where it is out of scope. */
static __always_inline struct record_operation *begin_operation(__u32 operation, __u32 number)
{
	struct record_operation *record;

	if (!in_scope())
		return NULL;
	record = bpf_ringbuf_reserve(&identity_ring, sizeof(*record), 0);
	if (!record) {
		lose(RECORD_LOSS_IDENTITY, 1);
		return NULL;
	}
	begin(&record->header, RECORD_OPERATION, sizeof(*record));
	identify_by_calls((struct task_struct *)bpf_get_current_task(), &record->header.process);
	record->operation = operation;
	record->number = number;
	record->cgroup_id = 0;
	record->detail[0] = 0;
	return record;
}

static __always_inline void end_operation(struct record_operation *record)
{
	bpf_ringbuf_submit(record, wake_for_identities());
}

SEC("tp_btf/module_load")
int BPF_PROG(on_module, struct module *module)
{
	struct record_operation *record = begin_operation(RECORD_OPERATION_MODULE, 0);

	if (!record)
		return 0;
	bpf_probe_read_kernel_str(record->detail, sizeof(record->detail), module->name);
	end_operation(record);
	return 0;
}

SEC("tp_btf/io_uring_create")
int BPF_PROG(on_io_uring, int fd, void *ring, __u32 entries, __u32 completions, __u32 flags)
{
	struct record_operation *record = begin_operation(RECORD_OPERATION_IO_URING, flags);

	if (record)
		end_operation(record);
	return 0;
}

static __always_inline void write_cgroup(__u32 operation, struct cgroup *cgroup, const char *path)
{
	struct record_operation *record = begin_operation(operation, 0);

	if (!record)
		return;
	/* Trees of version 1 have numbers of their own; that of version 2 is the one without. */
	if (!cgroup->root->hierarchy_id)
		record->cgroup_id = cgroup->kn->id;
	bpf_probe_read_kernel_str(record->detail, sizeof(record->detail), path);
	end_operation(record);
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_cgroup_create, struct cgroup *cgroup, const char *path)
{
	write_cgroup(RECORD_OPERATION_CGROUP_CREATE, cgroup, path);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(on_cgroup_remove, struct cgroup *cgroup, const char *path)
{
	write_cgroup(RECORD_OPERATION_CGROUP_REMOVE, cgroup, path);
	return 0;
}

/* Sockets that are set up so that what they send is not seen where packets are queued. */
SEC("cgroup/setsockopt")
int on_socket_option(struct bpf_sockopt *context)
{
	struct record_operation *record;
	__u32 operation = 0;

	if (context->level == SOL_PACKET) {
		if (context->optname == PACKET_TX_RING)
			operation = RECORD_OPERATION_PACKET_TRANSMIT_RING;
		else if (context->optname == PACKET_QDISC_BYPASS)
			operation = RECORD_OPERATION_PACKET_BYPASS;
	} else if (context->level == SOL_XDP && context->optname == XDP_TX_RING) {
		operation = RECORD_OPERATION_XDP;
	}
	if (operation) {
		record = begin_operation(operation, 0);
		if (record)
			end_operation(record);
	}
	/* The kernel goes on with the caller's own value, whatever its length. */
	context->optlen = 0;
	return 1;
}

/* Text of the caller's, read after the call. */
static __always_inline __u16 read_text(char *to, __u64 at)
{
	long copied = at ? bpf_probe_read_user_str(to, RECORD_DETAIL_MAX, (void *)at) : 0;

	return copied > 0 ? copied : 0;
}

/*
 * Returns of the system calls that the configuration names, and of nothing else: attached only where it names any.
 * `syscalls` has a bit for each number. They travel with flows: whoever floods them evicts no identity.
 */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_syscall, struct pt_regs *regs, long result)
{
	struct record_syscall *record;
	__u32 texts, word;
	long number;

#if defined(__TARGET_ARCH_x86)
	/* A 32-bit program's numbers are others. */
	if (BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), thread_info.status) & TS_COMPAT)
		return 0;
	number = regs->orig_ax;
#else
	number = regs->syscallno;
#endif
	if (number < 0 || number >= 64 * SYSCALL_WORDS)
		return 0;
	word = (__u32)number / 64;
	barrier_var(word);
	if (word >= SYSCALL_WORDS || !(syscalls[word] & 1ull << (number & 63)) || !in_scope())
		return 0;
	record = bpf_ringbuf_reserve(&flow_ring, sizeof(*record), 0);
	if (!record) {
		lose(RECORD_LOSS_FLOW, 1);
		return 0;
	}
	begin(&record->header, RECORD_SYSCALL, sizeof(*record));
	identify_current(&record->header.process);
	if (TRUSTED_CURRENT) {
		read_context(bpf_get_current_task_btf(), &record->context);
	} else {
		__builtin_memset(&record->context, 0, sizeof(record->context));
		read_current_credentials(&record->context.credentials);
	}
	record->result = result;
	record->number = number;
#if defined(__TARGET_ARCH_x86)
	record->arguments[0] = regs->di;
	record->arguments[1] = regs->si;
	record->arguments[2] = regs->dx;
	record->arguments[3] = regs->r10;
	record->arguments[4] = regs->r8;
	record->arguments[5] = regs->r9;
#else
	record->arguments[0] = regs->orig_x0;
	record->arguments[1] = regs->regs[1];
	record->arguments[2] = regs->regs[2];
	record->arguments[3] = regs->regs[3];
	record->arguments[4] = regs->regs[4];
	record->arguments[5] = regs->regs[5];
#endif
	record->text_len[0] = 0;
	record->text_len[1] = 0;
	/* Which arguments are texts: two bits for each half, argument number plus one. */
	texts = syscall_texts[(__u32)number & (64 * SYSCALL_WORDS - 1)];
	for (int half = 0; half < 2; half++) {
		__u32 which = texts >> (4 * half) & 15;

		if (which == 1)
			record->text_len[half] =
				read_text(record->texts + half * RECORD_DETAIL_MAX, record->arguments[0]);
		else if (which == 2)
			record->text_len[half] =
				read_text(record->texts + half * RECORD_DETAIL_MAX, record->arguments[1]);
		else if (which == 3)
			record->text_len[half] =
				read_text(record->texts + half * RECORD_DETAIL_MAX, record->arguments[2]);
		else if (which == 4)
			record->text_len[half] =
				read_text(record->texts + half * RECORD_DETAIL_MAX, record->arguments[3]);
	}
	bpf_ringbuf_submit(record, wake_for_flows());
	return 0;
}
