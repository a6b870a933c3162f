/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stage 1: frame -> addresses, and the cheap question whether any of them is
 * ours; then, only for what may be ours, the ports.
 */
#ifndef SL_STAGE_PARSE_H
#define SL_STAGE_PARSE_H

#include "../lib/hash.h"
#include "../maps.h"
#include "../pkt.h"

#define FRAME_LEN_MAX 0x7fffffff

static __always_inline bool filter_has(const struct pkt *p, const struct sl_addr *a)
{
	__u32 bit = filter_bit(p->control->flow_key, a);
	__u32 word = bit / 64;
	__u64 *bits = bpf_map_lookup_elem(&sl_filter, &word);

	return bits && *bits >> (bit & 63) & 1;
}

static __always_inline enum sl_reason stage_parse(struct pkt *p)
{
	enum sl_reason why = frame_parse(&p->cur, &p->flow);

	if (why)
		return why;
	p->flow.l4_offset += cursor_opaque_zero(p->cur.left); /* VERIFIER: one state for all tags */
	p->dst_owned = filter_has(p, &p->flow.dst);
	return p->dst_owned || filter_has(p, &p->flow.src) ? SL_R_NONE : SL_R_NOT_OURS;
}

static __always_inline bool address_is_virtual(const struct pkt *p)
{
	struct sl_addr_key key = { .addr = p->flow.dst, .bank = p->bank };

	return p->dst_owned && bpf_map_lookup_elem(&sl_addresses, &key);
}

/* The walk over extension headers ended at one: more, or longer ones, than are
 * walked, or a routing header with segments left. UDP or TCP may follow.
 */
static __always_inline bool hides_ports(__u8 proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS ||
	       proto == IPPROTO_AH;
}

/* What has no ports, or not where the rewrite expects them. Dropped if a service
 * may be meant, because the node's own stack must not see it.
 */
static __always_inline enum sl_reason parse_portless(struct pkt *p)
{
	bool is_l4 = p->flow.proto == IPPROTO_UDP || p->flow.proto == IPPROTO_TCP;

	if (!address_is_virtual(p))
		return SL_R_NOT_OURS;
	if (p->flow.is_fragment)
		return SL_R_FRAGMENT;
	if (is_l4 && p->flow.has_vlan)
		return SL_R_VLAN;
	if (p->flow.proto == IPPROTO_ICMP || p->flow.proto == IPPROTO_ICMPV6)
		return SL_R_ICMP;
	return is_l4 || hides_ports(p->flow.proto) ? SL_R_HIDDEN_PORTS : SL_R_OTHER_PROTOCOL;
}

/* Is the frame as long as its headers say? Asked for what is ours only, and the
 * kernel only where the linear bytes are not all of it.
 */
static __always_inline bool parse_fits(const struct pkt *p)
{
	__u32 need = p->flow.l4_offset + p->cur.left;

	return need <= p->ctx->data_end - p->ctx->data || need <= bpf_xdp_get_buff_len(p->ctx);
}

static __always_inline enum sl_reason stage_transport(struct pkt *p)
{
	__u32 offset = p->flow.l4_offset + cursor_opaque_zero(p->cur.left);

	if (p->flow.is_fragment || p->flow.has_vlan || p->flow.l4_offset > L4_OFFSET_MAX)
		return parse_portless(p);

	/* VERIFIER: one packet pointer, however many headers lie in front. */
	p->flow.l4_offset = offset & L4_OFFSET_MAX;
	p->cur.pos = (void *)(long)p->ctx->data + p->flow.l4_offset;
	if (!parse_fits(p))
		return SL_R_TRUNCATED;
	switch (p->flow.proto) {
	case IPPROTO_UDP:
		return udp_parse(&p->cur, &p->flow);
	case IPPROTO_TCP:
		return tcp_parse(&p->cur, &p->flow);
	default:
		return parse_portless(p);
	}
}

#endif
