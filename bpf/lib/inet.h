/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ethernet, VLAN tags, IPv4 (RFC 791), IPv6 with extension headers (RFC 8200),
 * UDP (RFC 768) and TCP (RFC 9293) headers into one flow of either family. Pure.
 *
 * A length is believed only within both the frame and the enclosing header.
 */
#ifndef SL_INET_H
#define SL_INET_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <sluice/abi.h>
#include <sluice/reason.h>
#include "cursor.h"

#define IPV4_MIN_IHL   5
#define IPV4_DF	       0x4000
#define IPV4_FRAG_MASK 0x3fff /* more-fragments bit and offset */
#define TCP_MIN_DOFF   5
#define L4_OFFSET_MAX  511 /* from the frame's start; extension headers beyond are "other" */

#define TCP_FIN	       0x01
#define TCP_SYN	       0x02
#define TCP_RST	       0x04
#define TCP_PSH	       0x08
#define TCP_ACK	       0x10

struct __attribute__((aligned(8))) flow { /* addresses are copied in whole words */
	struct sl_addr src, dst;
	__be16 sport, dport;
	__u16 l4_offset; /* from the frame's start */
	__u16 l3_len;	 /* of the whole IP packet */
	__u8 proto;	 /* after extension headers */
	__u8 hops;	 /* TTL or hop limit */
	__u8 tcp_flags;
	bool is_v4;
	bool has_vlan;
	bool is_fragment;
	bool dont_fragment;
};

static __always_inline bool flow_is_syn_ack(const struct flow *f)
{
	return (f->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
}

struct vlan_tag {
	__be16 tci;
	__be16 proto;
};

static __always_inline struct sl_addr addr_from_v4(__be32 a)
{
	return (struct sl_addr){ .w = { 0, 0, bpf_htonl(0xffff), a } };
}

/* The address's two words in host order, as prefix tables have them. */
static __always_inline __u64 addr_word0(const struct sl_addr *a, bool is_v4)
{
	if (is_v4)
		return (__u64)bpf_ntohl(a->w[3]) << 32;
	return (__u64)bpf_ntohl(a->w[0]) << 32 | bpf_ntohl(a->w[1]);
}

static __always_inline __u64 addr_word1(const struct sl_addr *a)
{
	return (__u64)bpf_ntohl(a->w[2]) << 32 | bpf_ntohl(a->w[3]);
}

static __always_inline enum sl_reason ipv4_parse(struct cursor *c, struct flow *f)
{
	const struct iphdr *ip = cursor_take(c, sizeof(*ip));
	__u32 options, total;

	if (!ip)
		return SL_R_TRUNCATED;
	if (ip->version != 4 || ip->ihl < IPV4_MIN_IHL)
		return SL_R_BAD_HEADER;

	options = (ip->ihl - IPV4_MIN_IHL) * 4;
	sl_opaque(options); /* VERIFIER: keep the bound next to its use */
	options &= 0x3c;
	total = bpf_ntohs(ip->tot_len);
	if (total < sizeof(*ip) + options)
		return SL_R_BAD_HEADER;
	if (!cursor_limit(c, total - sizeof(*ip)) || !cursor_skip(c, options))
		return SL_R_TRUNCATED;

	f->src = addr_from_v4(ip->saddr);
	f->dst = addr_from_v4(ip->daddr);
	f->proto = ip->protocol;
	f->hops = ip->ttl;
	f->l3_len = total;
	f->l4_offset += sizeof(*ip) + options;
	f->is_v4 = true;
	f->is_fragment = ip->frag_off & bpf_htons(IPV4_FRAG_MASK);
	f->dont_fragment = ip->frag_off & bpf_htons(IPV4_DF);
	return SL_R_NONE;
}

struct ipv6_ext {
	__u8 next;
	__u8 len; /* in units of 8 bytes, the first not counted */
};

/* Walk extension headers up to UDP, TCP, or what is neither: flow.proto then
 * says which header ended the walk. A routing header that still has segments
 * left ends it too, because the destination is not the last one.
 */
static __always_inline enum sl_reason ipv6_walk(struct cursor *c, struct flow *f)
{
	for (int i = 0; i < SL_IPV6_EXT_DEPTH; i++) {
		const struct ipv6_ext *ext;
		__u16 len;

		switch (f->proto) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			break;
		case IPPROTO_FRAGMENT:
			f->is_fragment = true;
			return SL_R_NONE;
		default:
			return SL_R_NONE;
		}
		ext = cursor_take(c, 8);
		if (!ext)
			return SL_R_TRUNCATED;
		if (f->proto == IPPROTO_ROUTING && ((const __u8 *)ext)[3])
			return SL_R_NONE;
		len = ext->len * 8;
		f->proto = ext->next;
		f->l4_offset += 8 + len;
		if (f->l4_offset > L4_OFFSET_MAX) /* VERIFIER: and no packet pointer gets far */
			return SL_R_NONE;
		if (!cursor_skip(c, len))
			return SL_R_TRUNCATED;
	}
	return SL_R_NONE;
}

static __always_inline enum sl_reason ipv6_parse(struct cursor *c, struct flow *f)
{
	const struct ipv6hdr *ip = cursor_take(c, sizeof(*ip));
	__u16 payload;

	if (!ip)
		return SL_R_TRUNCATED;
	if (ip->version != 6)
		return SL_R_BAD_HEADER;
	payload = bpf_ntohs(ip->payload_len);
	if (!cursor_limit(c, payload))
		return SL_R_TRUNCATED;

	__builtin_memcpy(&f->src, &ip->saddr, sizeof(f->src));
	__builtin_memcpy(&f->dst, &ip->daddr, sizeof(f->dst));
	f->proto = ip->nexthdr;
	f->hops = ip->hop_limit;
	f->l3_len = sizeof(*ip) + payload;
	f->l4_offset += sizeof(*ip);
	f->dont_fragment = true; /* by routers */
	if (f->proto == IPPROTO_UDP || f->proto == IPPROTO_TCP)
		return SL_R_NONE;
	return ipv6_walk(c, f);
}

/* Frame -> addresses. SL_R_NOT_IP for what has none. */
static __always_inline enum sl_reason frame_parse(struct cursor *c, struct flow *f)
{
	const struct ethhdr *eth = cursor_take(c, sizeof(*eth));
	__be16 proto;

	if (!eth)
		return SL_R_TRUNCATED;
	proto = eth->h_proto;
	f->l4_offset = sizeof(*eth);
	for (int i = 0; i < SL_VLAN_DEPTH; i++) {
		const struct vlan_tag *tag;

		if (proto != bpf_htons(ETH_P_8021Q) && proto != bpf_htons(ETH_P_8021AD))
			break;
		tag = cursor_take(c, sizeof(*tag));
		if (!tag)
			return SL_R_TRUNCATED;
		proto = tag->proto;
		f->l4_offset += sizeof(*tag);
		f->has_vlan = true;
	}
	if (proto == bpf_htons(ETH_P_IP))
		return ipv4_parse(c, f);
	if (proto == bpf_htons(ETH_P_IPV6))
		return ipv6_parse(c, f);
	return SL_R_NOT_IP;
}

static __always_inline enum sl_reason udp_parse(struct cursor *c, struct flow *f)
{
	const struct udphdr *udp = cursor_take(c, sizeof(*udp));
	__u16 len;

	if (!udp)
		return SL_R_TRUNCATED;
	len = bpf_ntohs(udp->len);
	if (len < sizeof(*udp))
		return SL_R_BAD_HEADER;
	if (!cursor_limit(c, len - sizeof(*udp)))
		return SL_R_TRUNCATED;

	f->sport = udp->source;
	f->dport = udp->dest;
	return SL_R_NONE;
}

static __always_inline enum sl_reason tcp_parse(struct cursor *c, struct flow *f)
{
	const struct tcphdr *tcp = cursor_take(c, sizeof(*tcp));
	__u32 options;

	if (!tcp)
		return SL_R_TRUNCATED;
	if (tcp->doff < TCP_MIN_DOFF)
		return SL_R_BAD_HEADER;

	f->sport = tcp->source;
	f->dport = tcp->dest;
	f->tcp_flags = ((const __u8 *)tcp)[13];
	options = (tcp->doff - TCP_MIN_DOFF) * 4;
	sl_opaque(options);
	if (!cursor_skip(c, options & 0x3c))
		return SL_R_TRUNCATED;
	return SL_R_NONE;
}

#endif /* SL_INET_H */
