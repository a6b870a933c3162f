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
#include "pick.h"
#include "replying.h"
#include "resolve.h"
#include "static.h"
#include "steer.h"

/* @response: which of its tenant's the packet is to have; 0: its source is to be asked. Returns
 * only if the program is missing.
 */
static __always_inline enum sl_reason reply_elsewhere(struct pkt *p, __u32 response)
{
	struct replying *r = scratch();

	if (!r)
		return SL_R_INTERNAL;
	r->flow = *pkt_flow(p);
	r->offset = p->cur.pos - (void *)(long)p->ctx->data;
	r->left = p->cur.left;
	r->device = p->device;
	r->now_ns = p->now_ns;
	r->tenant = p->account->tenant;
	r->response = response;
	r->messages = p->messages;
	r->mid = p->mid;
	r->mid_of = p->mid_of;
	r->bank = p->bank;
	r->kind = p->kind;
	r->step = p->step;
	bpf_tail_call(p->ctx, &sl_programs, SL_PROG_REPLY);
	return SL_R_INTERNAL;
}

/* The packet as the other program had it. */
static __always_inline enum sl_reason reply_resume(struct pkt *p, const struct replying *r)
{
	struct sl_content *c = content_scratch();

	p->flow = r->flow;
	p->device = r->device;
	p->now_ns = r->now_ns;
	p->messages = r->messages;
	p->mid = r->mid;
	p->mid_of = r->mid_of;
	p->bank = r->bank;
	p->kind = r->kind;
	p->step = r->step;
	p->svc = c && c->pool ? resolve_pool(p, c, c->pool) : resolve_service(p);
	return p->svc ? resolve_account(p, r->tenant) : SL_R_INTERNAL;
}

/* What the node has no reply for goes the way of all others: nothing was written to it. */
static __always_inline enum sl_reason reply_pass(struct pkt *p, const struct replying *r)
{
	enum sl_reason why;

	p->egress = 0;
	p->cur = cursor_over_frame((void *)(long)p->ctx->data + (r->offset & PAYLOAD_OFFSET_MAX),
				   (void *)(long)p->ctx->data_end, r->left);
	why = stage_pick(p);
	return why ? why : stage_steer(p);
}

static __always_inline enum sl_reason reply(struct pkt *p, struct replying *r)
{
	enum sl_reason why;

	turn_way(p);
	if (!r->response)
		return sl_challenge(p->ctx, pkt_flow(p), p->svc);
	why = sl_static(p->ctx, pkt_flow(p), p->svc);
	return why ? why : reply_pass(p, r);
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
	return stage_account(&p, why ? why : reply(&p, r));
}

#endif
