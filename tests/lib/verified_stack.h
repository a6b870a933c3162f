/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How much stack a loaded program needs as Linux 6.1 counts it: each frame rounded up
 * to 32 bytes, in sum along the deepest chain of calls, global functions among them.
 * Newer kernels count less, and do not notice what 6.1 will refuse (512 bytes).
 */
#ifndef VERIFIED_STACK_H
#define VERIFIED_STACK_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>

#define STACK_FUNCTIONS 64
#define STACK_LOG_LEVEL 4 /* statistics */
#define STACK_LOG_BYTES 4096
#define STACK_ROUNDS_TO 32

struct stack {
	const struct bpf_insn *insns;
	size_t n_insns;
	size_t first[STACK_FUNCTIONS + 1]; /* instruction of each function; behind the last */
	unsigned int bytes[STACK_FUNCTIONS];
	size_t n;
};

/* A call, or the address of a function that a helper calls, from a frame of its own. */
static inline bool stack_is_call(const struct bpf_insn *i)
{
	if (i->code == (BPF_LD | BPF_IMM | BPF_DW))
		return i->src_reg == BPF_PSEUDO_FUNC;
	return i->code == (BPF_JMP | BPF_CALL) && i->src_reg == BPF_PSEUDO_CALL;
}

/* The function that begins at @insn; s->n: none is known to. */
static inline size_t stack_function(const struct stack *s, size_t insn)
{
	size_t f = 0;

	while (f < s->n && s->first[f] != insn)
		f++;
	return f;
}

static inline int stack_compare(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static inline bool stack_find_functions(struct stack *s)
{
	s->n = 1; /* the first is at 0 */
	for (size_t i = 0; i < s->n_insns; i++) {
		size_t to = i + 1 + s->insns[i].imm;

		if (!stack_is_call(&s->insns[i]) || stack_function(s, to) < s->n)
			continue;
		if (s->n == STACK_FUNCTIONS)
			return false;
		s->first[s->n++] = to;
	}
	qsort(s->first, s->n, sizeof(*s->first), stack_compare);
	s->first[s->n] = s->n_insns;
	return true;
}

/* The verifier names the frames in the functions' order: "stack depth 304+24+32". */
static inline bool stack_read_log(struct stack *s, const char *log)
{
	static const char words[] = "stack depth ";
	const char *at = strstr(log, words);

	if (!at)
		return false;
	at += sizeof(words) - 1;
	for (size_t f = 0; f < s->n; f++) {
		char *end;
		unsigned long bytes = strtoul(at, &end, 10);

		if (end == at || *end != (f + 1 < s->n ? '+' : '\n'))
			return false;
		s->bytes[f] = bytes ?: 1;
		at = end + 1;
	}
	return true;
}

/* Of function @f and what it calls; the verifier has refused recursion. */
static inline unsigned int stack_deepest(const struct stack *s, size_t f)
{
	unsigned int frame = (s->bytes[f] + STACK_ROUNDS_TO - 1) & ~(STACK_ROUNDS_TO - 1u);
	unsigned int below = 0;

	for (size_t i = s->first[f]; i < s->first[f + 1]; i++) {
		unsigned int called;

		if (!stack_is_call(&s->insns[i]))
			continue;
		called = stack_deepest(s, stack_function(s, i + 1 + s->insns[i].imm));
		below = called > below ? called : below;
	}
	return frame + below;
}

/* Bytes that @p needs, which was loaded with STACK_LOG_LEVEL into @log. Negative: the
 * log does not tell.
 */
static inline int stack_of(const struct bpf_program *p, const char *log)
{
	struct stack s = { .insns = bpf_program__insns(p), .n_insns = bpf_program__insn_cnt(p) };

	if (!stack_find_functions(&s) || !stack_read_log(&s, log))
		return -1;
	return stack_deepest(&s, 0);
}

#endif /* VERIFIED_STACK_H */
