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
#include "tell.h"

/* Sets of enum sl_reason, of 64 a word, so that a test is a shift. Words of which nothing is
 * in the set are constants, and cost nothing.
 */
static __always_inline bool reason_in(enum sl_reason why, __u64 low, __u64 high)
{
	return why < 64 ? low >> why & 1 : high >> (why - 64) & 1;
}

#define REASON_LOW(why, is)  ((__u64)(is && why < 64) << (why & 63))
#define REASON_HIGH(why, is) ((__u64)(is && why >= 64) << (why & 63))

static __always_inline bool reason_is(enum sl_reason why, enum sl_reason_group group)
{
	__u64 low = 0, high = 0;

#define X(name, action, group_, label, text)                    \
	low |= REASON_LOW(SL_R_##name, SL_G_##group_ == group); \
	high |= REASON_HIGH(SL_R_##name, SL_G_##group_ == group);
	SL_REASONS(X)
#undef X
	return reason_in(why, low, high);
}

static __always_inline bool reason_does(enum sl_reason why, enum xdp_action does)
{
	__u64 low = 0, high = 0;

#define X(name, action, group, label, text)                   \
	low |= REASON_LOW(SL_R_##name, XDP_##action == does); \
	high |= REASON_HIGH(SL_R_##name, XDP_##action == does);
	SL_REASONS(X)
#undef X
	return reason_in(why, low, high);
}

static __always_inline int reason_action(const struct pkt *p, enum sl_reason why)
{
	if (reason_does(why, XDP_REDIRECT))
		return bpf_redirect(p->egress, 0);
	if (reason_does(why, XDP_TX))
		return p->egress ? bpf_redirect(p->egress, 0) : XDP_TX;
	return reason_does(why, XDP_PASS) ? XDP_PASS : XDP_DROP;
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

/* What is told of a packet is told by a program of its own, which also returns @action: few
 * packets are told of, and others' way is the shorter to verify.
 */
static __always_inline void account_tell(const struct pkt *p, enum sl_reason why, __u32 seen,
					 int action)
{
	struct told *t = scratch();

	if (!t)
		return;
	__builtin_memset(t, 0, sizeof(*t));
	t->flow = *pkt_flow(p);
	t->device = p->device;
	t->instance = p->inst_id;
	t->reason = why;
	t->kind = p->kind;
	t->protocol = SL_P__MAX;
	t->row = p->row;
	t->redirected = p->egress != 0;
	t->seen = seen;
	t->action = action;
	if (p->svc) {
		t->service = p->svc->id;
		t->protocol = p->svc->protocol;
	}
	if (p->ret) {
		t->service = p->ret->service;
		t->instance = p->ret->instance;
		t->from = (struct sl_service_key){
			.addr = p->ret->vip,
			.port = p->ret->port,
			.proto = p->flow.proto,
			.bank = p->bank,
		};
	}
	if (p->account) {
		t->account = p->account->id;
		t->tenant = p->account->tenant;
	}
	bpf_tail_call(p->ctx, &sl_programs, SL_PROG_TELL);
}

static __always_inline int stage_account(struct pkt *p, enum sl_reason why)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct sl_cpu_counters *n = bpf_map_lookup_elem(&sl_counters, &cpu);
	__u64 seen = 0;
	int action;

	if (n) {
		seen = n->reason[why & 127]++;
		if (p->row)
			n->row[p->row & 31]++;
	}
	if (reason_is(why, SL_G_ADMITTED))
		account_admitted(p);
	else if (p->svc)
		tally(p, why);
	action = reason_action(p, why);
	/* Of SL_EVERY_PACKET no bit is left. */
	if (p->control->event_mask && !(seen & (SL_EVERY_PACKET - 1) & p->control->event_mask))
		account_tell(p, why, seen, action);
	return action;
}

#endif
