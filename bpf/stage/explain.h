/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For sluicectl explain alone (cfg_explain): what an instance's answer is. Nothing on
 * the packet's way depends on it.
 */
#ifndef SL_STAGE_EXPLAIN_H
#define SL_STAGE_EXPLAIN_H

#include "learn.h"

/* VERIFIER: alone, for the stack. @payload: its offset << 16 | its length. */
sl_global int sl_answer_kind(struct xdp_md *ctx, const struct flow *f, const struct sl_return *ret,
			     __u32 bank, __u32 payload)
{
	struct learn *l = scratch();
	const struct sl_service *svc;

	if (!l || !f || !ret)
		return SL_K_NONE;
	learn_fill(l, f, ret, bank);
	svc = bpf_map_lookup_elem(&sl_services, &l->service);
	if (!svc)
		return SL_K_NONE;
	if (f->proto == IPPROTO_TCP && (!(payload & 0xffff) || f->tcp_flags & (TCP_SYN | TCP_RST)))
		return SL_K_TCP_CONTROL;
	if (!has_parser(svc->protocol)) /* nobody looks into it */
		return f->proto == IPPROTO_TCP ? SL_K_TCP_DATA : SL_K_UDP;
	return SAID_KIND(classify_by(ctx, svc->protocol, payload, svc->cid_len | HOW_BY_INSTANCE));
}

static __always_inline void stage_explain(struct pkt *p)
{
	p->kind = sl_answer_kind(p->ctx, pkt_flow(p), p->ret, p->bank, pkt_payload(p));
}

#endif
