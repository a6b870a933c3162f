/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The packet bench as a whole: its cases, what it was asked, what it has measured. */
#ifndef PERF_BENCH_H
#define PERF_BENCH_H

#include <bpf/libbpf.h>
#include "measure.h"

#define BENCH_CASES 144 /* at most */
#define BENCH_LABEL 80

extern const struct measure_case cases[];
extern const size_t n_cases;

struct options {
	int rounds;
	uint32_t repeats;
	const char *json, *only, *raw, *rows;
	const char *turns[2];	/* FIFOs: whose turn it is; NULL: always ours */
	const char *objects[2]; /* to be compared; NULL: the build's own */
	bool list;
};

/* Of one case; by round. */
struct row {
	double ns[2][MEASURE_ROUNDS], harness[MEASURE_ROUNDS], difference[MEASURE_ROUNDS];
	bool wanted;
};

struct bench {
	struct options opts;
	struct world world;
	struct bpf_object *objects[2];
	int n_objects;
	int turn_fds[2];
	struct row rows[BENCH_CASES];
	double yardstick[MEASURE_ROUNDS];
};

static inline bool bench_wants(const struct bench *b, size_t i)
{
	return b->rows[i].wanted;
}

/* A row of the decision table (lib/affinity.h) that no case takes; NULL: none. */
const char *case_missing(void);

/* What a case is called in a table: its name and parameters. */
void case_label(const struct measure_case *c, const struct world *w, char *ret, size_t size);
bool case_is_many(const struct measure_case *c);
const char *case_distribution(const struct measure_case *c);

/* To stdout; into opts.json; into opts.raw, a row a line, label and rounds by tabs. */
void report_table(const struct bench *b);
int report_json(const struct bench *b);
int report_raw(const struct bench *b);

/* Take turns with another bench, a measurement each: wait for it, and let it have
 * its turn. 0, or a negative errno.
 */
int turns_open(struct bench *b);
int turns_wait(const struct bench *b);
int turns_pass(const struct bench *b);

#endif /* PERF_BENCH_H */
