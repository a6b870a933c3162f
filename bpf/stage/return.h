/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The way back: an instance's answer gets the virtual address as its source. The
 * way to the device is asked first, because an answer to the node's own probe
 * is not return traffic and must pass untouched.
 */
#ifndef SL_STAGE_RETURN_H
#define SL_STAGE_RETURN_H

#include "explain.h"
#include "learn.h"
#include "steer.h"

#define AF_INET_  2 /* <sys/socket.h> is not for BPF */
#define AF_INET6_ 10

static __always_inline void fib_fill(struct pkt *p, struct bpf_fib_lookup *fib)
{
	fib->family = p->flow.is_v4 ? AF_INET_ : AF_INET6_;
	fib->l4_protocol = p->flow.proto;
	fib->sport = p->ret->port;
	fib->dport = p->flow.dport;
	fib->tot_len = p->flow.l3_len;
	fib->ifindex = p->ctx->ingress_ifindex;
	if (p->flow.is_v4) {
		fib->ipv4_src = p->ret->vip.w[3];
		fib->ipv4_dst = p->flow.dst.w[3];
	} else {
		__builtin_memcpy(fib->ipv6_src, &p->ret->vip, sizeof(p->ret->vip));
		__builtin_memcpy(fib->ipv6_dst, &p->flow.dst, sizeof(p->flow.dst));
	}
}

/* What a look-up of the way that did not end in a neighbour means; NONE: rewrite,
 * and let the kernel forward (it resolves the neighbour, or fragments).
 */
static __always_inline enum sl_reason fib_reason(const struct pkt *p, long rc)
{
	switch (rc) {
	case BPF_FIB_LKUP_RET_NOT_FWDED:
		return SL_R_LOCAL;
	case BPF_FIB_LKUP_RET_NO_NEIGH:
	case BPF_FIB_LKUP_RET_UNSUPP_LWT:
		return SL_R_NONE;
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		return p->flow.dont_fragment ? SL_R_RETURN_TOO_BIG : SL_R_NONE;
	default:
		return SL_R_RETURN_UNROUTABLE;
	}
}

/* The way to the device, into p->egress; 0: the kernel's own. The frame gets its link-layer
 * addresses at once, so that they need not be kept on the stack.
 */
static __always_inline enum sl_reason return_route(struct pkt *p)
{
	struct bpf_fib_lookup fib = {};
	enum sl_reason why;
	long rc;

	fib_fill(p, &fib);
	rc = bpf_fib_lookup(p->ctx, &fib, sizeof(fib), 0);
	if (rc) {
		why = fib_reason(p, rc);
		if (why)
			return why;
	}
	if (p->flow.hops <= 1)
		return SL_R_HOP_LIMIT;
	if (rc || !bpf_map_lookup_elem(&sl_targets, &fib.ifindex))
		return SL_R_NONE;
	if (!rewrite_macs(p, fib.dmac, fib.smac))
		return SL_R_INTERNAL;
	p->egress = fib.ifindex;
	return SL_R_NONE;
}

static __always_inline bool return_rewrite(struct pkt *p)
{
	struct rewrite w = {
		.addr = &p->ret->vip,
		.port = p->ret->port,
		.l3_delta = csum_negate(p->ret->l3_delta),
		.l4_delta = csum_negate(p->ret->l4_delta),
		.to_source = true,
		.take_hop = p->egress,
	};

	return rewrite(p, &w);
}

static __always_inline enum sl_reason stage_return(struct pkt *p)
{
	enum sl_reason why;

	if (cfg_explain)
		stage_explain(p);
	why = return_route(p);
	if (why)
		return why;
	stage_learn(p);
	if (!return_rewrite(p))
		return SL_R_INTERNAL;
	return p->egress ? SL_R_RETURNED : SL_R_RETURNED_STACK;
}

#endif
