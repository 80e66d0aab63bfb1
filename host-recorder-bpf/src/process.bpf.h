/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Processes: fork, exec, exit, and those that ran before the recorder did. */

#define EXEC_PAYLOAD_MAX (RECORD_ARGV_MAX + RECORD_ENV_MAX + 2 * RECORD_PATH_MAX + RECORD_TTY_MAX + RECORD_SCRIPT_MAX)
#define NAME_MAX_BYTES 256

/* Room for the payload and for one write that begins at its last byte. A per-CPU value holds 32 KiB. */
#define EXEC_PAYLOAD_ROOM (EXEC_PAYLOAD_MAX + RECORD_ARGV_MAX)

/* An exec record while it is put together. */
struct exec_scratch {
	struct record_exec record;
	char payload[EXEC_PAYLOAD_ROOM];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct exec_scratch);
} exec_scratches SEC(".maps");

static __always_inline struct exec_scratch *exec_scratch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&exec_scratches, &zero);
}

/*
 * Where in the payload a write may begin; NULL when that is behind its end. The check stands on the very number
 * that is added: verifiers before 6.2 forget what was found out about a copy of it.
 */
static __always_inline char *payload_at(struct exec_scratch *scratch, __u64 offset)
{
	barrier_var(offset);
	if (offset > EXEC_PAYLOAD_MAX)
		return NULL;
	return scratch->payload + offset;
}

/*
 * Writes the names of a path into the scratch's payload, from the innermost outwards; returns bytes written.
 * A function of its own, and its addresses plain numbers, so that the verifier walks the loop once.
 */
__noinline __u64 write_path(__u64 at, __u64 dentry_at, __u64 mount_at, __u64 root_dentry, __u64 root_mount)
{
	struct exec_scratch *scratch = exec_scratch();
	struct dentry *dentry = (void *)dentry_at;
	struct vfsmount *vfsmount = (void *)mount_at;
	__u64 length = 0;

	if (!scratch)
		return 0;
	for (int depth = 0; depth < RECORD_PATH_DEPTH; depth++) {
		const unsigned char *name;
		struct dentry *up;
		char *room;
		long copied;

		length &= 2 * RECORD_PATH_MAX - 1; /* for the verifier: one range at every turn */
		if ((__u64)dentry == root_dentry && (__u64)vfsmount == root_mount)
			return length;
		if (dentry == BPF_CORE_READ(vfsmount, mnt_root)) {
			struct mount *mount = container_of(vfsmount, struct mount, mnt);
			struct mount *parent = BPF_CORE_READ(mount, mnt_parent);

			if (parent == mount)
				return length;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			vfsmount = &parent->mnt;
			continue;
		}
		if (length > RECORD_PATH_MAX - NAME_MAX_BYTES)
			break;
		up = BPF_CORE_READ(dentry, d_parent);
		name = BPF_CORE_READ(dentry, d_name.name);
		room = payload_at(scratch, at + length);
		if (!room)
			break;
		copied = bpf_probe_read_kernel_str(room, NAME_MAX_BYTES, name);
		if (copied <= 0)
			break;
		length += copied & (2 * NAME_MAX_BYTES - 1);
		/* A file without a directory (memfd, pipe) is its own parent. */
		if (up == dentry)
			return length;
		dentry = up;
	}
	scratch->record.header.flags |= RECORD_FLAG_PATH_CUT;
	return length;
}

/* Copies an area of the new image's memory to the payload; returns bytes written. */
__noinline __u64 write_area(__u64 at, __u64 from, __u64 to, __u32 cut)
{
	struct exec_scratch *scratch = exec_scratch();
	__u64 length = to > from ? to - from : 0;

	char *room;

	if (!scratch || !length)
		return 0;
	if (length > RECORD_ARGV_MAX) {
		length = RECORD_ARGV_MAX;
		scratch->record.header.flags |= cut;
	}
	room = payload_at(scratch, at);
	if (!room)
		return 0;
	barrier_var(length);
	if (length <= RECORD_ARGV_MAX && !bpf_probe_read_user(room, length, (void *)from))
		return length;
	scratch->record.header.flags |= cut;
	return 0;
}

static __always_inline void describe(struct task_struct *task, struct record_exec *record)
{
	struct task_struct *parent = task->real_parent;
	struct nsproxy *namespaces = task->nsproxy;
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid upid = {};

	IDENTIFY(task, &record->header.process);
	IDENTIFY(parent, &record->parent);
	read_credentials(task, &record->credentials);
	read_groups(task, &record->groups);
	record->mount_ns = BPF_CORE_READ(namespaces, mnt_ns, ns.inum);
	record->net_ns = BPF_CORE_READ(namespaces, net_ns, ns.inum);
	record->user_ns = task->cred->user_ns->ns.inum;
	bpf_core_read(&upid, sizeof(upid), &pid->numbers[level]);
	record->pid_ns = BPF_CORE_READ(upid.ns, ns.inum);
	record->cgroup_id = task->cgroups->dfl_cgrp->kn->id;
	record->exe_inode = BPF_CORE_READ(file, f_inode, i_ino);
	if (file && !BPF_CORE_READ(file, f_inode, i_nlink))
		record->header.flags |= RECORD_FLAG_EXE_DELETED;
	bpf_probe_read_kernel_str(&record->comm, sizeof(record->comm), task->comm);
	record->argv_len = 0;
	record->env_len = 0;
	record->exe_len = 0;
	record->cwd_len = 0;
	record->tty_len = 0;
	record->script_len = 0;
}

__noinline __u64 write_tty(__u64 at, __u64 tty_at)
{
	struct exec_scratch *scratch = exec_scratch();
	struct tty_struct *tty = (void *)tty_at;
	long copied;
	char *room;

	if (!scratch || !tty)
		return 0;
	room = payload_at(scratch, at);
	if (!room)
		return 0;
	copied = bpf_probe_read_kernel_str(room, RECORD_TTY_MAX, &tty->name);
	return copied > 0 ? copied : 0;
}

/* The file that was to be executed, where another one is for it. */
__noinline __u64 write_script(__u64 at, __u64 name)
{
	struct exec_scratch *scratch = exec_scratch();
	long copied;
	char *room;

	if (!scratch)
		return 0;
	room = payload_at(scratch, at);
	if (!room)
		return 0;
	copied = bpf_probe_read_kernel_str(room, RECORD_SCRIPT_MAX, (void *)name);
	return copied > 0 ? copied : 0;
}

/* What a function of its own returns is any number to the verifier. */
static __always_inline __u64 bounded(__u64 length, __u64 limit)
{
	return length > limit ? limit : length;
}

/* Writes the texts of a new image behind its record; returns their length. */
static __always_inline __u64 write_payload(struct task_struct *task, struct linux_binprm *bprm,
					   struct record_exec *record)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct file *file = BPF_CORE_READ(mm, exe_file);
	__u64 root = (__u64)BPF_CORE_READ(fs, root.dentry), root_mount = (__u64)BPF_CORE_READ(fs, root.mnt);
	__u64 at;

	record->argv_len = bounded(write_area(0, BPF_CORE_READ(mm, arg_start), BPF_CORE_READ(mm, arg_end),
					      RECORD_FLAG_ARGV_CUT),
				   RECORD_ARGV_MAX);
	at = record->argv_len;
	record->env_len = bounded(write_area(at, BPF_CORE_READ(mm, env_start), BPF_CORE_READ(mm, env_end),
					     RECORD_FLAG_ENV_CUT),
				  RECORD_ENV_MAX);
	at += record->env_len;
	record->exe_len = bounded(write_path(at, (__u64)BPF_CORE_READ(file, f_path.dentry),
					     (__u64)BPF_CORE_READ(file, f_path.mnt), root, root_mount),
				  RECORD_PATH_MAX);
	at += record->exe_len;
	record->cwd_len = bounded(write_path(at, (__u64)BPF_CORE_READ(fs, pwd.dentry),
					     (__u64)BPF_CORE_READ(fs, pwd.mnt), root, root_mount),
				  RECORD_PATH_MAX);
	at += record->cwd_len;
	record->tty_len = bounded(write_tty(at, (__u64)BPF_CORE_READ(task, signal, tty)), RECORD_TTY_MAX);
	at += record->tty_len;
	if (bprm->interp != bprm->filename)
		record->script_len = bounded(write_script(at, (__u64)BPF_CORE_READ(bprm, filename)), RECORD_SCRIPT_MAX);
	return at + record->script_len;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct exec_scratch *scratch = exec_scratch();
	__u64 length;

	if (!scratch || !in_scope())
		return 0;
	begin(&scratch->record.header, RECORD_EXEC, 0);
	describe(task, &scratch->record);
	length = write_payload(task, bprm, &scratch->record);
	barrier_var(length); /* clang knows the bound and would drop the check that tells the verifier */
	if (length > EXEC_PAYLOAD_MAX)
		return 0;
	scratch->record.header.size = sizeof(scratch->record) + length;
	if (bpf_ringbuf_output(&identity_ring, scratch, sizeof(scratch->record) + length,
			       wake_for_identities()))
		lose(RECORD_LOSS_IDENTITY, 1);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct record_fork *record;

	/* A new thread is no new process. */
	if (child->pid != child->tgid || !in_scope())
		return 0;
	record = bpf_ringbuf_reserve(&identity_ring, sizeof(*record), 0);
	if (!record) {
		lose(RECORD_LOSS_IDENTITY, 1);
		return 0;
	}
	begin(&record->header, RECORD_FORK, sizeof(*record));
	IDENTIFY(parent, &record->header.process);
	read_context(parent, &record->context);
	/* The child leads its own group, and is not yet linked so everywhere. */
	record->child.tgid = child->tgid;
	record->child.start_ns = child->start_boottime;
	record->child.exec = (__u32)child->self_exec_id;
	bpf_ringbuf_submit(record, wake_for_identities());
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct record_exit *record;

	__sync_fetch_and_add(&ended, 1);
	/* Threads end without a word; the last one ends the process. */
	if (task->signal->live.counter != 0 || !in_scope())
		return 0;
	record = bpf_ringbuf_reserve(&identity_ring, sizeof(*record), 0);
	if (!record) {
		lose(RECORD_LOSS_IDENTITY, 1);
		return 0;
	}
	begin(&record->header, RECORD_EXIT, sizeof(*record));
	IDENTIFY(task, &record->header.process);
	read_context(task, &record->context);
	record->exit_code = task->signal->group_exit_code;
	if (!record->exit_code)
		record->exit_code = task->exit_code;
	record->pad = 0;
	bpf_ringbuf_submit(record, wake_for_identities());
	return 0;
}

/* Processes that ran before the recorder did. Their texts are read from /proc by the recorder. */
SEC("iter/task")
int list_tasks(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct record_exec record = {};

	if (!task || task->pid != task->tgid)
		return 0;
	if (task->flags & PF_KTHREAD)
		return 0;
	begin(&record.header, RECORD_TASK, sizeof(record));
	describe(task, &record);
	bpf_seq_write(context->meta->seq, &record, sizeof(record));
	return 0;
}
