/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Last stage: count the reason, count for the account, sample an event, and turn
 * the reason into an XDP action.
 */
#ifndef SL_STAGE_ACCOUNT_H
#define SL_STAGE_ACCOUNT_H

#include "../config.h"
#include "../lib/hash.h"
#include "../maps.h"
#include "../pkt.h"
#include "note.h"
#include "top.h"
#include "trace.h"

/* Bit sets over enum sl_reason, so that a test is a shift. */
static __always_inline bool reason_is(enum sl_reason why, enum sl_reason_group group)
{
	__u64 set = 0;

#define X(name, action, group_, label, text) set |= (__u64)(SL_G_##group_ == group) << SL_R_##name;
	SL_REASONS(X)
#undef X
	return set >> why & 1;
}

static __always_inline int reason_action(const struct pkt *p, enum sl_reason why)
{
	__u64 pass = 0, redirect = 0, back = 0;

#define X(name, action, group, label, text)                               \
	pass |= (__u64)(XDP_##action == XDP_PASS) << SL_R_##name;         \
	redirect |= (__u64)(XDP_##action == XDP_REDIRECT) << SL_R_##name; \
	back |= (__u64)(XDP_##action == XDP_TX) << SL_R_##name;
	SL_REASONS(X)
#undef X
	if (redirect >> why & 1)
		return bpf_redirect(p->egress, 0);
	if (back >> why & 1)
		return p->egress ? bpf_redirect(p->egress, 0) : XDP_TX;
	return pass >> why & 1 ? XDP_PASS : XDP_DROP;
}

static __always_inline void account_admitted(const struct pkt *p)
{
	__u32 index = bpf_get_smp_processor_id() * cfg_accounts + p->account->id;
	struct sl_hot *hot = bpf_map_lookup_elem(&sl_hot, &index);

	if (!hot) /* one writer a CPU, and XDP does not nest: no atomics needed */
		return;
	hot->packets++;
	hot->bytes += p->flow.l3_len;
	hot->messages += p->messages;
	hot->connections += p->step == FLOW_OPENER;
}

static __always_inline void account_refused(const struct pkt *p, enum sl_reason why)
{
	tally(p, why);
	if (p->device) /* then it has an account */
		top_count(p, true);
}

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

/* VERIFIER: alone, because it is reached in many states. @seen: packets of the same reason
 * and CPU before this one. Returns nothing.
 */
sl_global int sl_sample(struct xdp_md *ctx, const struct flow *f, const struct sampled *s,
			const struct sl_return *ret, __u32 seen)
{
	struct sl_control *control;
	struct sl_event *e;
	__u32 zero = 0, mask;

	control = bpf_map_lookup_elem(&sl_control, &zero);
	if (!control || !f || !s)
		return 0;
	mask = control->traced_s ? trace(ctx, f, s, ret, control) : control->event_mask;
	if (!mask || seen & mask)
		return 0;
	if (!event_allowed(control)) {
		note(SL_N_EVENT_CAPPED);
		return 0;
	}
	e = bpf_ringbuf_reserve(&sl_events, sizeof(*e), 0);
	if (!e) {
		note(SL_N_EVENT_LOST);
		return 0;
	}
	event_write(e, ctx, f, s, control);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

static __always_inline void account_event(const struct pkt *p, enum sl_reason why, __u32 seen)
{
	struct sampled s = {
		.device = p->device,
		.instance = p->inst_id,
		.reason = why,
		.kind = p->kind,
		.protocol = p->svc ? p->svc->protocol : SL_P__MAX,
		.row = p->row,
		.redirected = p->egress != 0,
	};

	if (p->svc)
		s.service = p->svc->id;
	if (p->ret) {
		s.service = p->ret->service;
		s.instance = p->ret->instance;
	}
	if (p->account) {
		s.account = p->account->id;
		s.tenant = p->account->tenant;
	}
	sl_sample(p->ctx, pkt_flow(p), &s, p->ret, seen);
}

static __always_inline int stage_account(struct pkt *p, enum sl_reason why)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct sl_cpu_counters *n = bpf_map_lookup_elem(&sl_counters, &cpu);
	__u64 seen = 0;

	if (n) {
		seen = n->reason[why & 63]++;
		if (p->row)
			n->row[p->row & 31]++;
	}
	if (reason_is(why, SL_G_ADMITTED))
		account_admitted(p);
	else if (p->svc)
		account_refused(p, why);
	/* Of SL_EVERY_PACKET no bit is left. */
	if (p->control->event_mask && !(seen & (SL_EVERY_PACKET - 1) & p->control->event_mask))
		account_event(p, why, seen);
	return reason_action(p, why);
}

#endif
