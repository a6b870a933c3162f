// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Runs the harness, takes the time, and checks that what was measured happened. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "dataplane/stats.h"
#include "measure.h"
#include "payload.h"
#include "tests/perf/harness.skel.h"

#define FOREIGN_ADDR "192.0.2.77"

static bool speaks_mqtt(enum world_service s)
{
	return s == W_MQTT || s == W_MQTT_DEVICE || s == W_MQTT_MANY || s == W_PINS ||
	       s == W_RESET || s == W_MQTT_PAST || s == W_CLOSING || s == W_HALF_OPEN ||
	       s == W_MQTT_CLASS || s == W_MQTT_STREAM;
}

static enum perf_payload payload_of(const struct measure_case *c)
{
	if (c->payload)
		return c->payload;
	if (speaks_mqtt(c->service))
		return PAYLOAD_MQTT_PUBLISH;
	return c->way == PERF_TO_DEVICE4 ? PAYLOAD_COAP_CONTENT : PAYLOAD_COAP_GET;
}

static void make_frame(const struct measure_case *c, struct frame *ret)
{
	struct world_message m = { .tcp_flags = c->tcp_flags };

	m.payload = payload_bytes(payload_of(c), &m.len);
	world_frame(c->service, c->way, &m, ret);
	if (c->foreign) {
		struct sl_addr a = addr_of(FOREIGN_ADDR);

		memcpy(ret->bytes + ret->l3 + 16, &a.w[3], 4);
	}
}

static void tell_harness(struct world *w, const struct measure_case *c, const struct frame *f)
{
	struct perf_run *run = &w->harness->bss->perf_run;

	memcpy(&run->head, f->bytes, sizeof(run->head));
	memcpy(run->word, f->bytes + PERF_HEAD, sizeof(run->word));
	run->way = c->way;
	run->first = w->first[c->flows];
	run->mask = w->count[c->flows] - 1;
	run->fresh = c->fresh ? WORLD_FRESH : 0;
	run->len = c->shrinks ? f->len : 0;
	if (measure_makes(c))
		run->turn = 1;
}

static int program_fd(const struct world *w, enum perf_target target)
{
	const struct bpf_program *programs[] = {
		[PERF_NOTHING] = w->harness->progs.perf_nothing,
		[PERF_YARDSTICK] = w->harness->progs.perf_yardstick,
		[PERF_A] = w->harness->progs.perf_a,
		[PERF_B] = w->harness->progs.perf_b,
	};

	return bpf_program__fd(programs[target]);
}

/* CPU time and not wall time: others run on this machine, too. */
static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int run(struct world *w, const struct frame *f, enum perf_target target, uint32_t repeats,
	       double *ret_ns, struct measure_error *reterr)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->bytes, .data_size_in = f->len,
		    .repeat = repeats);
	double start = cpu_ns();
	int err = bpf_prog_test_run_opts(program_fd(w, target), &opts);

	*ret_ns = (cpu_ns() - start) / repeats;
	if (err)
		snprintf(reterr->text, sizeof(reterr->text), "test run: %s", strerror(-err));
	else if (opts.retval == XDP_ABORTED)
		snprintf(reterr->text, sizeof(reterr->text), "the harness reached no program");
	else
		return 0;
	return err ? err : -EINVAL;
}

/* All of @repeats packets left, and all under the case's reason? */
static int check(const struct measure_case *c, const struct stats_reasons *before,
		 const struct stats_reasons *after, uint32_t repeats, struct measure_error *reterr)
{
	uint64_t all = 0, other = 0;
	int what = SL_R_NONE;

	for (enum sl_reason why = 0; why < SL_R__MAX; why++) {
		uint64_t n = after->reason[why] - before->reason[why];

		all += n;
		if (why != c->why && n > other) {
			other = n;
			what = why;
		}
	}
	if (all == repeats && !other)
		return 0;
	snprintf(reterr->text, sizeof(reterr->text),
		 "%s: of %u packets %llu were counted, %llu of them under reason %d and not %d",
		 c->name, repeats, (unsigned long long)all, (unsigned long long)other, what,
		 c->why);
	return -EPROTO;
}

/* Packets decided by the case's row of the table so far. */
static uint64_t decided(const struct world *w, const struct measure_case *c)
{
	uint64_t n = 0;

	for (uint32_t cpu = 0; c->row && cpu < w->dp->n_cpus; cpu++)
		n += w->dp->counters[cpu].row[c->row];
	return n;
}

/* Between world_prepare() and world_tidy(). */
static int measure_prepared(struct world *w, const struct measure_case *c, enum perf_target target,
			    uint32_t repeats, struct measure_result *ret,
			    struct measure_error *reterr)
{
	struct stats_reasons before, after;
	struct measure_result r;
	struct frame f;
	uint64_t rows;
	double warm;
	int err;

	make_frame(c, &f);
	tell_harness(w, c, &f);
	err = run(w, &f, PERF_NOTHING, repeats, &r.harness, reterr);
	if (!err && !measure_makes(c))
		err = run(w, &f, target, repeats / 4, &warm, reterr);
	tell_harness(w, c, &f);
	stats_reasons(w->dp, &before);
	rows = decided(w, c);
	if (!err)
		err = run(w, &f, target, repeats, &r.whole, reterr);
	stats_reasons(w->dp, &after);
	if (!err)
		err = check(c, &before, &after, repeats, reterr);
	if (!err && c->row && decided(w, c) - rows != repeats) {
		snprintf(reterr->text, sizeof(reterr->text), "%s: decided by another row", c->name);
		err = -EPROTO;
	}
	if (!err)
		*ret = r;
	return err;
}

static struct world_flows_of flows_of(const struct measure_case *c, uint32_t repeats)
{
	struct world_flows_of of = { .service = c->service, .makes = c->makes, .fresh = c->fresh };

	if (c->fresh)
		of.n = repeats;
	else if (c->flows != W_SEQ_1)
		of.n = WORLD_FEW;
	return of;
}

int measure(struct world *w, const struct measure_case *c, enum perf_target target,
	    uint32_t repeats, struct measure_result *ret, struct measure_error *reterr)
{
	struct world_flows_of flows = flows_of(c, repeats);
	int err = world_prepare(w, &flows);

	if (!err)
		err = measure_prepared(w, c, target, repeats, ret, reterr);
	if (!err)
		err = world_tidy(w, &flows);
	if (err && !reterr->text[0])
		snprintf(reterr->text, sizeof(reterr->text), "%s: making or removing pins: %s",
			 c->name, strerror(-err));
	return err;
}

int measure_yardstick(struct world *w, uint32_t repeats, double *ret, struct measure_error *reterr)
{
	const struct measure_case c = { .name = "yardstick" };
	double whole, harness;
	struct frame f;
	int err;

	make_frame(&c, &f);
	tell_harness(w, &c, &f);
	err = run(w, &f, PERF_NOTHING, repeats, &harness, reterr);
	if (!err)
		err = run(w, &f, PERF_YARDSTICK, repeats, &whole, reterr);
	if (!err)
		*ret = whole - harness;
	return err;
}

int measure_prime(struct world *w, const struct measure_case *c, struct measure_error *reterr)
{
	struct world_flows_of flows = flows_of(c, 0);
	struct frame f;
	double ns;
	int err;

	if (measure_makes(c))
		return 0;
	make_frame(c, &f);
	tell_harness(w, c, &f);
	err = world_prepare(w, &flows);
	if (!err)
		err = run(w, &f, PERF_A, w->count[c->flows], &ns, reterr);
	return err ?: world_tidy(w, &flows);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double measure_median(const double *values, int n)
{
	double sorted[MEASURE_ROUNDS];

	memcpy(sorted, values, n * sizeof(*values));
	qsort(sorted, n, sizeof(*sorted), compare);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}
