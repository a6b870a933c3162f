/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stage 7: address the frame to the instance (nat). The first write to the packet
 * happens here; every earlier stage only reads.
 */
#ifndef SL_STAGE_STEER_H
#define SL_STAGE_STEER_H

#include "../maps.h"
#include "../pkt.h"

#define UDP_CSUM_OFFSET 6
#define TCP_CSUM_OFFSET 16
#define TTL_MINUS_ONE	bpf_htons(0xfeff) /* in ones' complement, where TTL is the upper byte */

/* What one direction of nat replaces. */
struct rewrite {
	const struct sl_addr *addr;
	__be16 port;
	__u16 l3_delta, l4_delta;
	bool to_source; /* replace the source, else the destination */
	bool take_hop;	/* we forward; else the kernel will, and takes the hop itself */
};

static __always_inline bool rewrite_l4(struct pkt *p, const struct rewrite *w, void *data,
				       void *data_end)
{
	bool is_udp = p->flow.proto == IPPROTO_UDP;
	__u32 offset = p->flow.l4_offset;
	__be16 *ports;
	__u16 *check;

	sl_opaque(offset); /* VERIFIER: keep the mask next to its use */
	ports = data + (offset & L4_OFFSET_MAX);
	check = (void *)ports + (is_udp ? UDP_CSUM_OFFSET : TCP_CSUM_OFFSET);
	if ((void *)(ports + 2) > data_end || (void *)(check + 1) > data_end)
		return false;
	ports[w->to_source ? 0 : 1] = w->port;
	if (is_udp && !*check)
		return true; /* the sender made none (RFC 768); zero is kept */
	*check = csum_apply(*check, w->l4_delta);
	if (is_udp && !*check)
		*check = 0xffff;
	return true;
}

static __always_inline bool rewrite_l3(struct pkt *p, const struct rewrite *w, void *data,
				       void *data_end)
{
	struct ipv6hdr *ip6 = data + ETH_HLEN;
	struct iphdr *ip = data + ETH_HLEN;

	if (p->flow.is_v4) {
		__u64 delta = w->l3_delta;

		if ((void *)(ip + 1) > data_end)
			return false;
		if (w->take_hop) {
			ip->ttl--;
			delta += TTL_MINUS_ONE;
		}
		if (w->to_source)
			ip->saddr = w->addr->w[3];
		else
			ip->daddr = w->addr->w[3];
		ip->check = csum_apply(ip->check, csum_fold(delta));
		return true;
	}
	if ((void *)(ip6 + 1) > data_end)
		return false;
	if (w->take_hop)
		ip6->hop_limit--;
	__builtin_memcpy(w->to_source ? &ip6->saddr : &ip6->daddr, w->addr, sizeof(*w->addr));
	return true;
}

/* False: the frame is shorter than parse has seen, which cannot be. */
static __always_inline bool rewrite(struct pkt *p, const struct rewrite *w)
{
	void *data = (void *)(long)p->ctx->data;
	void *data_end = (void *)(long)p->ctx->data_end;

	return rewrite_l3(p, w, data, data_end) && rewrite_l4(p, w, data, data_end);
}

static __always_inline bool rewrite_macs(struct pkt *p, const __u8 *dmac, const __u8 *smac)
{
	struct ethhdr *eth = (void *)(long)p->ctx->data;

	if ((void *)(eth + 1) > (void *)(long)p->ctx->data_end)
		return false;
	__builtin_memcpy(eth->h_dest, dmac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, smac, ETH_ALEN);
	return true;
}

static __always_inline enum sl_reason stage_steer(struct pkt *p)
{
	const struct sl_hop *hop = &p->inst->hops[p->inst->hop & 1];
	struct rewrite w = {
		.addr = &p->inst->addr,
		.port = p->inst->port,
		.l3_delta = p->inst->l3_delta,
		.l4_delta = p->inst->l4_delta,
		.take_hop = hop->ifindex,
	};

	if (p->flow.hops <= 1)
		return SL_R_HOP_LIMIT;
	if (hop->ifindex && p->flow.l3_len > hop->mtu)
		return SL_R_TOO_BIG;
	if (!rewrite(p, &w))
		return SL_R_INTERNAL;
	if (!hop->ifindex)
		return SL_R_STEERED_STACK;
	if (!rewrite_macs(p, hop->dmac, hop->smac))
		return SL_R_INTERNAL;
	p->egress = hop->ifindex;
	return SL_R_STEERED;
}

#endif
