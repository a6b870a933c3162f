/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A frame becomes the answer to itself: back from where it came, in the name of whom
 * it was for. Link and IP headers; what they carry is the caller's.
 */
#ifndef SL_STAGE_TURN_H
#define SL_STAGE_TURN_H

#include "../lib/csum.h"
#include "../pkt.h"

#define TURN_HOPS    64
#define TURN_HEAD_V4 (ETH_HLEN + sizeof(struct iphdr))
#define TURN_HEAD_V6 (ETH_HLEN + sizeof(struct ipv6hdr))

/* Bytes in front of UDP or TCP, without options or extension headers; a frame that has
 * some is not answered.
 */
static __always_inline __u32 turn_head(const struct flow *f)
{
	return f->is_v4 ? TURN_HEAD_V4 : TURN_HEAD_V6;
}

static __always_inline __u64 turn_sum(const void *from, int bytes)
{
	const __u16 *w = from;
	__u64 sum = 0;

	for (int i = 0; i < bytes / 2; i++)
		sum += w[i];
	return sum;
}

static __always_inline __u64 turn_v4(struct iphdr *ip, __u16 l4_len)
{
	__be32 device = ip->saddr;

	ip->saddr = ip->daddr;
	ip->daddr = device;
	ip->tos = 0;
	ip->tot_len = bpf_htons(sizeof(*ip) + l4_len);
	ip->id = 0;
	ip->frag_off = bpf_htons(IPV4_DF);
	ip->ttl = TURN_HOPS;
	ip->check = 0;
	ip->check = ~csum_fold(turn_sum(ip, sizeof(*ip)));
	return turn_sum(&ip->saddr, 2 * sizeof(ip->saddr));
}

static __always_inline __u64 turn_v6(struct ipv6hdr *ip, __u16 l4_len)
{
	struct in6_addr device = ip->saddr;

	ip->saddr = ip->daddr;
	ip->daddr = device;
	*(__be32 *)ip = bpf_htonl(6u << 28); /* no traffic class, no flow label */
	ip->payload_len = bpf_htons(l4_len);
	ip->hop_limit = TURN_HOPS;
	return turn_sum(&ip->saddr, 2 * sizeof(ip->saddr));
}

static __always_inline void turn_eth(struct ethhdr *eth)
{
	__u8 device[ETH_ALEN];

	__builtin_memcpy(device, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, device, ETH_ALEN);
}

/* Make room for @l4_len bytes of UDP or TCP and turn what is in front. *@ret_sum: of
 * the pseudo header. Returns the place of UDP's or TCP's header, of which @head bytes
 * are there; NULL: there is no room.
 */
static __always_inline void *turn(struct xdp_md *ctx, const struct flow *f, __u16 l4_len,
				  __u32 head, __u64 *ret_sum)
{
	int len = (int)(turn_head(f) + l4_len) - (int)bpf_xdp_get_buff_len(ctx);
	void *l3, *l4, *end;
	struct ethhdr *eth;

	if (bpf_xdp_adjust_tail(ctx, len))
		return NULL;
	end = (void *)(long)ctx->data_end;
	eth = (void *)(long)ctx->data;
	l3 = eth + 1;
	/* VERIFIER: a place a family, not one that is computed. */
	if (f->is_v4) {
		l4 = l3 + sizeof(struct iphdr);
		if (l4 + head > end)
			return NULL;
		*ret_sum = turn_v4(l3, l4_len);
	} else {
		l4 = l3 + sizeof(struct ipv6hdr);
		if (l4 + head > end)
			return NULL;
		*ret_sum = turn_v6(l3, l4_len);
	}
	*ret_sum += bpf_htons(f->proto) + bpf_htons(l4_len);
	turn_eth(eth);
	return l4;
}

/* @udp, which is the request's, becomes that of the answer; @sum is what turn() said, and of
 * all that follows.
 */
static __always_inline void turn_udp(struct udphdr *udp, __u16 l4_len, __u64 sum)
{
	__be16 device = udp->source;

	udp->source = udp->dest;
	udp->dest = device;
	udp->len = bpf_htons(l4_len);
	udp->check = 0;
	sum += turn_sum(udp, sizeof(*udp));
	udp->check = ~csum_fold(sum);
	if (!udp->check)
		udp->check = 0xffff;
}

/* Back by the way it came: by a redirect where that link takes them, because a veth
 * takes XDP_TX only from one that has a program at its other end.
 */
static __always_inline void turn_way(struct pkt *p)
{
	__u32 ifindex = p->ctx->ingress_ifindex;

	if (bpf_map_lookup_elem(&sl_targets, &ifindex))
		p->egress = ifindex;
}

#endif
