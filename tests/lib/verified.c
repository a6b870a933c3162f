// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Loads the programs of object files and prints what the verifier had to do for
 * each: verified OBJECT... One line a program, fields by tabs: object, program,
 * instructions processed, instructions of the program, bytes of machine code, bytes
 * of stack as 6.1 counts them (-1: not told). With what sluicectl explain adds, which
 * the verifier would else leave out.
 * Nothing is attached or pinned. Needs root.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "rodata.h"
#include "verified_stack.h"

#define PROGRAMS 16 /* of an object, at most */

/* The verifier's log, if a program is refused: its last lines say why. */
static int complain(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, args) : 0;
}

static int print_program(const char *path, const struct bpf_program *p, const char *log)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int err = bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &len);

	if (err)
		return err;
	printf("%s\t%s\t%u\t%zu\t%u\t%d\n", path, bpf_program__name(p), info.verified_insns,
	       info.xlated_prog_len / sizeof(struct bpf_insn), info.jited_prog_len,
	       stack_of(p, log));
	return 0;
}

/* Again, with libbpf's own log, which says why. */
static void load_again(const char *path)
{
	struct bpf_object *o = bpf_object__open_file(path, NULL);

	if (o)
		bpf_object__load(o);
	bpf_object__close(o);
}

static int print_object(const char *path)
{
	static char logs[PROGRAMS][STACK_LOG_BYTES];
	struct bpf_object *o = bpf_object__open_file(path, NULL);
	struct bpf_program *p;
	int err = o ? 0 : -errno, n = 0;

	if (!err && rodata_of(o))
		rodata_set(o, rodata_of(o), "cfg_explain", true, sizeof(bool));
	bpf_object__for_each_program(p, o) {
		if (n == PROGRAMS)
			err = -E2BIG;
		if (!err)
			err = bpf_program__set_log_level(p, STACK_LOG_LEVEL);
		if (!err)
			err = bpf_program__set_log_buf(p, logs[n++], STACK_LOG_BYTES);
	}
	if (!err) {
		err = bpf_object__load(o);
		if (err)
			load_again(path);
	}
	n = 0;
	bpf_object__for_each_program(p, o) {
		if (!err)
			err = print_program(path, p, logs[n++]);
	}
	if (err)
		fprintf(stderr, "verified: %s: %s\n", path, strerror(-err));
	bpf_object__close(o);
	return err;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: verified OBJECT...\n");
		return 2;
	}
	libbpf_set_print(complain);
	for (int i = 1; i < argc; i++) {
		if (print_object(argv[i]))
			return 1;
	}
	return 0;
}
