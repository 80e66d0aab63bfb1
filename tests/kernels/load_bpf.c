/* Loads a BPF program that does nothing, then becomes another program: `load_bpf PROGRAM [ARGUMENT ...]`. */
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct bpf_insn instructions[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attributes = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (unsigned long)instructions,
		.insn_cnt = sizeof(instructions) / sizeof(instructions[0]),
		.license = (unsigned long)"",
	};

	/* Before 5.11 programs count as locked memory, and the recorder's have taken what root has. */
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	if (argc < 2 || syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes)) < 0) {
		perror("load_bpf");
		return 1;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 1;
}
