/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is told of a packet that has just left its pipeline: a sampled event, and, while
 * somebody traces, its headers. All of it is behind a test that every packet makes anyway.
 */
#ifndef SL_STAGE_TELL_H
#define SL_STAGE_TELL_H

#include "note.h"
#include "told.h"
#include "trace.h"

/* A flood of a thousand times what is usual is no thousand times as interesting. */
static __always_inline bool event_allowed(const struct sl_control *control)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct sl_cpu_counters *n = bpf_map_lookup_elem(&sl_counters, &cpu);
	__u32 now_s = now_coarse_ns() / 1000000000;

	if (!n || !control->event_max)
		return true;
	if (n->event_s != now_s) {
		n->event_s = now_s;
		n->events = 0;
	}
	return n->events++ < control->event_max;
}

static __always_inline void tell_event(struct xdp_md *ctx, const struct told *t,
				       const struct sl_control *control)
{
	struct sl_event *e;

	if (!event_allowed(control)) {
		note(SL_N_EVENT_CAPPED);
		return;
	}
	e = bpf_ringbuf_reserve(&sl_events, sizeof(*e), 0);
	if (!e) {
		note(SL_N_EVENT_LOST);
		return;
	}
	event_write(e, ctx, t, control);
	bpf_ringbuf_submit(e, 0);
}

/* Returns the packet's XDP action, which has been decided before. */
static __always_inline int stage_tell(struct xdp_md *ctx)
{
	const struct told *t = scratch();
	struct sl_control *control;
	__u32 zero = 0, mask;

	control = bpf_map_lookup_elem(&sl_control, &zero);
	if (!t || !control) /* impossible */
		return XDP_ABORTED;
	mask = control->traced_s ? trace(ctx, t, control) : control->event_mask;
	if (mask && !(t->seen & mask))
		tell_event(ctx, t, control);
	return t->action;
}

#endif
