/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A device whose instance is gone is told by a TCP RST in the instance's name, so
 * that it connects anew at once. RFC 9293 3.10.7.1: what the device acknowledged
 * is what it expects next; of a segment without ACK its own numbers are returned.
 * The frame is made its own answer; it never grows.
 */
#ifndef SL_STAGE_RESET_H
#define SL_STAGE_RESET_H

#include "../config.h"
#include "../lib/csum.h"
#include "../lib/gcra.h"
#include "../maps.h"
#include "../pkt.h"
#include "turn.h"

#define RESET_BURST_NS 100000000ull /* of the reply budget */

/* What the answer takes from the segment before it is cut. */
struct reset {
	__be32 seq, ack;
	__u8 flags;
};

/* The node answers as often as the service may: a flood gets no echo. */
static __always_inline bool reset_within_budget(const struct sl_service *svc)
{
	__u32 id = svc->id;
	struct sl_service_state *state = bpf_map_lookup_elem(&sl_svc_states, &id);

	if (!state)
		return false;
	if (!svc->reply_cost)
		return true;
	return gcra_step(&state->reply_tat, now_coarse_ns() * SL_TAT_PER_NS, svc->reply_cost,
			 RESET_BURST_NS * SL_TAT_PER_NS,
			 cfg_tick_ns * SL_TAT_PER_NS) == GCRA_CONFORM;
}

static __always_inline bool reset_numbers(struct xdp_md *ctx, const struct flow *f, __u32 len,
					  struct reset *ret)
{
	struct tcphdr tcp;

	if (bpf_xdp_load_bytes(ctx, f->l4_offset, &tcp, sizeof(tcp)))
		return false;
	if (f->tcp_flags & TCP_ACK) {
		*ret = (struct reset){ .seq = tcp.ack_seq, .flags = TCP_RST };
		return true;
	}
	len += !!(f->tcp_flags & TCP_SYN) + !!(f->tcp_flags & TCP_FIN);
	*ret = (struct reset){ .ack = bpf_htonl(bpf_ntohl(tcp.seq) + len),
			       .flags = TCP_RST | TCP_ACK };
	return true;
}

static __always_inline void reset_tcp(struct tcphdr *tcp, const struct reset *r, __u64 pseudo)
{
	__be16 device = tcp->source;

	tcp->source = tcp->dest;
	tcp->dest = device;
	tcp->seq = r->seq;
	tcp->ack_seq = r->ack;
	((__u8 *)tcp)[12] = sizeof(*tcp) / 4 << 4;
	((__u8 *)tcp)[13] = r->flags;
	tcp->window = 0;
	tcp->urg_ptr = 0;
	tcp->check = 0;
	tcp->check = ~csum_fold(pseudo + turn_sum(tcp, sizeof(*tcp)));
}

static __always_inline bool reset_build(struct xdp_md *ctx, const struct flow *f,
					const struct reset *r)
{
	__u64 sum;
	struct tcphdr *tcp = turn(ctx, f, sizeof(*tcp), sizeof(*tcp), &sum);

	if (!tcp)
		return false;
	reset_tcp(tcp, r, sum);
	return true;
}

/* VERIFIER: alone, because it is reached in many states. @payload: bytes. Returns
 * enum sl_reason.
 */
sl_global int sl_reset(struct xdp_md *ctx, const struct flow *f, const struct sl_service *svc,
		       __u32 payload)
{
	struct reset r;

	if (!f || !svc)
		return SL_R_INTERNAL;
	if (f->tcp_flags & TCP_RST || f->l4_offset != turn_head(f) ||
	    !reset_numbers(ctx, f, payload, &r))
		return SL_R_INSTANCE_GONE;
	if (!reset_within_budget(svc))
		return SL_R_RESET_BUDGET;
	return reset_build(ctx, f, &r) ? SL_R_RESET : SL_R_INTERNAL;
}

static __always_inline enum sl_reason stage_reset(struct pkt *p)
{
	turn_way(p);
	return sl_reset(p->ctx, pkt_flow(p), p->svc, p->cur.left);
}

#endif
