// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The packet bench: what a packet costs in the data plane's program, by test-run,
 * in rounds over all cases so that a machine's slow phases meet all alike. What a
 * test-run does not contain: the driver, and what follows a redirect.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/cleanup.h"
#include "bench.h"
#include "object.h"

#define FULL_ROUNDS   11
#define FULL_REPEATS  (1u << 19)
#define QUICK_ROUNDS  5
#define QUICK_REPEATS (1u << 16)
#define YARDSTICK     4 /* times as many: so little is lost in noise else */

/* -- rounds -- */

static uint32_t repeats_of(const struct bench *b, size_t i)
{
	bool few = measure_makes(&cases[i]) && b->opts.repeats > WORLD_FRESH_MOST;

	return few ? WORLD_FRESH_MOST : b->opts.repeats;
}

static int one_round(struct bench *b, bool apart, int round, struct measure_error *reterr)
{
	int err = measure_yardstick(&b->world, YARDSTICK * b->opts.repeats, &b->yardstick[round],
				    reterr);

	for (size_t i = 0; i < n_cases && !err; i++) {
		struct row *row = &b->rows[i];

		if (!bench_wants(b, i) || cases[i].apart != apart)
			continue;
		err = turns_wait(b);
		for (int o = 0; o < b->n_objects && !err; o++) {
			int which = (o + round) % b->n_objects; /* each goes first as often */
			struct measure_result r = {};

			err = measure(&b->world, &cases[i], PERF_A + which, repeats_of(b, i), &r,
				      reterr);
			row->ns[which][round] = r.whole - r.harness;
			row->harness[round] = r.harness;
		}
		row->difference[round] = row->ns[1][round] - row->ns[0][round];
		if (!err)
			err = turns_pass(b);
	}
	return err;
}

static int run(struct bench *b, bool apart, struct measure_error *reterr)
{
	int err = 0;

	for (size_t i = 0; i < n_cases && !err; i++) {
		if (bench_wants(b, i) && cases[i].apart == apart)
			err = measure_prime(&b->world, &cases[i], reterr);
	}
	for (int round = 0; round < b->opts.rounds && !err; round++) {
		fprintf(stderr, "\r%sround %d of %d", apart ? "used-up devices: " : "", round + 1,
			b->opts.rounds);
		err = one_round(b, apart, round, reterr);
	}
	fprintf(stderr, "\n");
	return err;
}

/* -- which cases -- */

/* Is @label a line of the file @path? */
static bool is_line_of(const char *path, const char *label)
{
	FILE *f = fopen(path, "re");
	char line[BENCH_LABEL];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		found = !strcmp(line, label);
	}
	if (f)
		fclose(f);
	return found;
}

static void choose(struct bench *b)
{
	char label[BENCH_LABEL];

	for (size_t i = 0; i < n_cases; i++) {
		case_label(&cases[i], &b->world, label, sizeof(label));
		b->rows[i].wanted = (!b->opts.only || strstr(cases[i].name, b->opts.only)) &&
				    (!b->opts.rows || is_line_of(b->opts.rows, label));
	}
}

static int list(struct bench *b)
{
	char label[BENCH_LABEL];

	world_counts(&b->world);
	choose(b);
	for (size_t i = 0; i < n_cases; i++) {
		case_label(&cases[i], &b->world, label, sizeof(label));
		if (bench_wants(b, i))
			puts(label);
	}
	return 0;
}

/* -- start -- */

static int load_objects(struct bench *b, struct dataplane_error *reterr)
{
	b->n_objects = 1;
	for (int o = 0; o < 2 && b->opts.objects[o]; o++) {
		int err = object_load(&b->world, b->opts.objects[o], &b->objects[o], reterr);

		if (!err)
			err = world_target(&b->world, PERF_A + o,
					   bpf_program__fd(bpf_object__find_program_by_name(
						   b->objects[o], SL_PROGRAM_NAME)));
		if (err)
			return err;
		b->n_objects = o + 1;
	}
	return 0;
}

/* One CPU, the last one, because the first takes more of the machine's interrupts;
 * and ahead of everybody else there. Both as far as they are allowed.
 */
static void stay_on_a_cpu(void)
{
	struct sched_param first = { .sched_priority = 1 };
	cpu_set_t all, one;

	(void)sched_setscheduler(0, SCHED_FIFO, &first);
	if (sched_getaffinity(0, sizeof(all), &all))
		return;
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		(void)sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

static int usage(void)
{
	fprintf(stderr, "usage: bench [--quick] [--rounds N] [--only CASE] [--json FILE] "
			"[--compare OBJECT OBJECT]\n"
			"             [--list] [--rows FILE] [--raw FILE] [--turns OURS THEIRS]\n");
	return 2;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "quick", no_argument, NULL, 'q' },
					       { "rounds", required_argument, NULL, 'r' },
					       { "only", required_argument, NULL, 'o' },
					       { "json", required_argument, NULL, 'j' },
					       { "compare", required_argument, NULL, 'c' },
					       { "list", no_argument, NULL, 'l' },
					       { "rows", required_argument, NULL, 'R' },
					       { "raw", required_argument, NULL, 'w' },
					       { "turns", required_argument, NULL, 't' },
					       {} };
	char *end;
	int c;

	*o = (struct options){ .repeats = FULL_REPEATS };
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'q') {
			o->repeats = QUICK_REPEATS;
		} else if (c == 'r') {
			o->rounds = (int)strtol(optarg, &end, 10);
			if (*end || o->rounds < 1 || o->rounds > MEASURE_ROUNDS) {
				fprintf(stderr, "bench: --rounds: want 1 to %d\n", MEASURE_ROUNDS);
				return -EINVAL;
			}
		} else if (c == 'o') {
			o->only = optarg;
		} else if (c == 'j') {
			o->json = optarg;
		} else if (c == 'l') {
			o->list = true;
		} else if (c == 'R') {
			o->rows = optarg;
		} else if (c == 'w') {
			o->raw = optarg;
		} else if (c == 't' && optind < argc) {
			o->turns[0] = optarg;
			o->turns[1] = argv[optind++];
		} else if (c == 'c' && optind < argc) {
			o->objects[0] = optarg;
			o->objects[1] = argv[optind++];
		} else {
			return -EINVAL;
		}
	}
	if (!o->rounds)
		o->rounds = o->repeats == QUICK_REPEATS ? QUICK_ROUNDS : FULL_ROUNDS;
	return optind == argc ? 0 : -EINVAL;
}

static int report(const struct bench *b)
{
	int err = 0;

	report_table(b);
	if (b->opts.json)
		err = report_json(b);
	if (!err && b->opts.raw)
		err = report_raw(b);
	if (err)
		fprintf(stderr, "bench: writing: %s\n", strerror(-err));
	return err;
}

static int set_up(struct bench *b, struct dataplane_error *reterr)
{
	int err;

	fprintf(stderr, "setting up: %d tenants, %d flows, as many pins\n", WORLD_TENANTS,
		WORLD_FLOWS);
	err = world_open(&b->world, reterr);
	if (!err)
		err = load_objects(b, reterr);
	if (!err)
		err = turns_open(b);
	choose(b);
	stay_on_a_cpu();
	return err;
}

int main(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct measure_error why = {};
	struct dataplane_error none = {};
	int err;

	if (!b)
		return 1;
	if (parse(argc, argv, &b->opts))
		return usage();
	if (case_missing()) {
		fprintf(stderr, "bench: no case for the row %s\n", case_missing());
		return 1;
	}
	if (b->opts.list)
		return list(b);
	err = set_up(b, &none);
	if (!err)
		err = run(b, false, &why);
	if (!err)
		err = run(b, true, &why);
	if (!err)
		err = report(b);
	else
		fprintf(stderr, "bench: %s\n", none.text[0] ? none.text : why.text);
	for (int o = 0; o < 2; o++)
		bpf_object__close(b->objects[o]);
	world_close(&b->world);
	free(b);
	return err ? 1 : 0;
}
