// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "../common/cleanup.h"
#include "capture.h"
#include "ground_own.h"
#include "sluice.skel.h"

struct ground_events {
	struct ring_buffer *ring;
	struct sl_event last;
	unsigned int n;
	struct sl_cpu_counters before;
	int cpu;
	uint8_t bytes[CAPTURE_FRAME_MAX + 256];
};

static int take_event(void *arg, void *data, size_t size)
{
	struct ground_events *e = arg;

	if (size >= sizeof(e->last)) {
		memcpy(&e->last, data, sizeof(e->last));
		e->n++;
	}
	return 0;
}

/* Counters are one CPU's: stay on one. */
static int stay(int *ret_cpu)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	if (cpu < 0)
		return -errno;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	*ret_cpu = cpu;
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

int ground_events_open(struct ground *g)
{
	int err;

	g->events = calloc(1, sizeof(*g->events));
	if (!g->events)
		return -ENOMEM;
	err = stay(&g->events->cpu);
	if (err)
		return err;
	g->events->ring = ring_buffer__new(g->dp->events_fd, take_event, g->events, NULL);
	return g->events->ring ? 0 : -errno;
}

void ground_events_close(struct ground *g)
{
	if (g->events)
		ring_buffer__free(g->events->ring);
	free(g->events);
}

static uint32_t grown(const __u64 *before, const __u64 *now)
{
	uint32_t set = 0;

	for (int i = 0; i < 32; i++)
		set |= (uint32_t)(now[i] != before[i]) << i;
	return set;
}

void ground_wall(struct ground *g, uint64_t wall_s)
{
	g->dp->control->wall_s = wall_s;
}

int ground_run(struct ground *g, const uint8_t *bytes, uint32_t len, uint64_t now_ns,
	       struct verdict *ret)
{
	struct ground_events *e = g->events;
	const struct sl_cpu_counters *counters = &g->dp->counters[e->cpu];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bytes, .data_size_in = len,
		    .data_out = e->bytes, .data_size_out = sizeof(e->bytes));
	int err;

	g->dp->skel->bss->explain_now_ns = now_ns;
	e->before = *counters;
	e->n = 0;
	err = bpf_prog_test_run_opts(bpf_program__fd(g->dp->skel->progs.sl_xdp), &opts);
	if (err)
		return -errno;
	err = ring_buffer__consume(e->ring);
	if (err < 0 || e->n != 1)
		return err < 0 ? err : -EPROTO;
	*ret = (struct verdict){
		.event = e->last,
		.action = opts.retval,
		.rows = grown(e->before.row, counters->row),
		.notes = grown(e->before.note, counters->note),
		.bytes = e->bytes,
		.len = opts.data_size_out,
	};
	return 0;
}
