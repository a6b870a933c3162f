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

#define RESET_HOPS     64
#define RESET_BURST_NS 100000000ull /* of the reply budget */
#define RESET_LEN_V4   (ETH_HLEN + sizeof(struct iphdr) + sizeof(struct tcphdr))
#define RESET_LEN_V6   (ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(struct tcphdr))

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

static __always_inline __u64 reset_sum(const void *from, int bytes)
{
	const __u16 *w = from;
	__u64 sum = 0;

	for (int i = 0; i < bytes / 2; i++)
		sum += w[i];
	return sum;
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
	pseudo += bpf_htons(IPPROTO_TCP) + bpf_htons(sizeof(*tcp));
	tcp->check = ~csum_fold(pseudo + reset_sum(tcp, sizeof(*tcp)));
}

static __always_inline bool reset_v4(void *data, void *end, const struct reset *r)
{
	struct iphdr *ip = data + ETH_HLEN;
	struct tcphdr *tcp = (void *)(ip + 1);
	__be32 device;

	if ((void *)(tcp + 1) > end)
		return false;
	device = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = device;
	ip->tos = 0;
	ip->tot_len = bpf_htons(RESET_LEN_V4 - ETH_HLEN);
	ip->id = 0;
	ip->frag_off = bpf_htons(IPV4_DF);
	ip->ttl = RESET_HOPS;
	ip->check = 0;
	ip->check = ~csum_fold(reset_sum(ip, sizeof(*ip)));
	reset_tcp(tcp, r, reset_sum(&ip->saddr, 2 * sizeof(ip->saddr)));
	return true;
}

static __always_inline bool reset_v6(void *data, void *end, const struct reset *r)
{
	struct ipv6hdr *ip = data + ETH_HLEN;
	struct tcphdr *tcp = (void *)(ip + 1);
	struct in6_addr device;

	if ((void *)(tcp + 1) > end)
		return false;
	device = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = device;
	*(__be32 *)ip = bpf_htonl(6u << 28); /* no traffic class, no flow label */
	ip->payload_len = bpf_htons(sizeof(*tcp));
	ip->hop_limit = RESET_HOPS;
	reset_tcp(tcp, r, reset_sum(&ip->saddr, 2 * sizeof(ip->saddr)));
	return true;
}

static __always_inline bool reset_build(struct xdp_md *ctx, bool is_v4, const struct reset *r)
{
	int len = is_v4 ? RESET_LEN_V4 : RESET_LEN_V6;
	struct ethhdr *eth;
	__u8 device[ETH_ALEN];
	void *data, *end;

	if (bpf_xdp_adjust_tail(ctx, len - (int)bpf_xdp_get_buff_len(ctx)))
		return false;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	if ((void *)(eth + 1) > end)
		return false;
	__builtin_memcpy(device, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, device, ETH_ALEN);
	return is_v4 ? reset_v4(data, end, r) : reset_v6(data, end, r);
}

/* VERIFIER: alone, because it is reached in many states. @payload: bytes. Returns
 * enum sl_reason.
 */
sl_global int sl_reset(struct xdp_md *ctx, const struct flow *f, const struct sl_service *svc,
		       __u32 payload)
{
	struct reset r;
	__u32 head;

	if (!f || !svc)
		return SL_R_INTERNAL;
	head = f->is_v4 ? RESET_LEN_V4 : RESET_LEN_V6;
	if (f->tcp_flags & TCP_RST || f->l4_offset + sizeof(struct tcphdr) != head ||
	    !reset_numbers(ctx, f, payload, &r))
		return SL_R_INSTANCE_GONE;
	if (!reset_within_budget(svc))
		return SL_R_RESET_BUDGET;
	return reset_build(ctx, f->is_v4, &r) ? SL_R_RESET : SL_R_INTERNAL;
}

/* Back by the way it came: by a redirect where that link takes them, because a veth
 * takes XDP_TX only from one that has a program at its other end.
 */
static __always_inline enum sl_reason stage_reset(struct pkt *p)
{
	__u32 ifindex = p->ctx->ingress_ifindex;

	if (bpf_map_lookup_elem(&sl_targets, &ifindex))
		p->egress = ifindex;
	return sl_reset(p->ctx, pkt_flow(p), p->svc, p->cur.left);
}

#endif
