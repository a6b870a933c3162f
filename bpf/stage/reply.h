/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CoAP requests that the node itself replies to, in a program of its own: sl_xdp_content
 * decides that it does and leaves what is needed in the scratch; what was found in the
 * message's options is still where it was. A reply's UDP payload is never more than three
 * times the request's (RFC 9175 2.6), unless its source has proven itself; none is made to
 * OSCORE, and all are within the service's reply budget.
 */
#ifndef SL_STAGE_REPLY_H
#define SL_STAGE_REPLY_H

#include "account.h"
#include "challenge.h"
#include "replying.h"
#include "resolve.h"

/* Of a packet that is to leave as @why, if all goes well. Returns only if the program is
 * missing.
 */
static __always_inline enum sl_reason reply_elsewhere(struct pkt *p, enum sl_reason why)
{
	struct replying *r = scratch();

	if (!r)
		return SL_R_INTERNAL;
	r->flow = *pkt_flow(p);
	r->offset = p->cur.pos - (void *)(long)p->ctx->data;
	r->left = p->cur.left;
	r->tenant = p->account->tenant;
	r->bank = p->bank;
	r->kind = p->kind;
	r->why = why;
	bpf_tail_call(p->ctx, &sl_programs, SL_PROG_REPLY);
	return SL_R_INTERNAL;
}

/* The packet as the other program had it, as far as it matters from here on. */
static __always_inline enum sl_reason reply_resume(struct pkt *p, const struct replying *r)
{
	p->flow = r->flow;
	p->bank = r->bank;
	p->kind = r->kind;
	p->svc = resolve_service(p);
	return p->svc ? resolve_account(p, r->tenant) : SL_R_INTERNAL;
}

/* Returns the packet's XDP action. */
static __always_inline int stage_reply(struct xdp_md *ctx)
{
	struct pkt p = { .ctx = ctx };
	struct replying *r = scratch();
	enum sl_reason why;
	__u32 zero = 0;

	sl_in_memory(p);
	p.control = bpf_map_lookup_elem(&sl_control, &zero);
	if (!r || !p.control) /* impossible */
		return XDP_ABORTED;
	why = reply_resume(&p, r);
	if (!why) {
		turn_way(&p);
		why = sl_challenge(ctx, pkt_flow(&p), p.svc);
	}
	return stage_account(&p, why);
}

#endif
