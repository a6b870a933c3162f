// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An end of the road for floods: counts frames, and marks which addresses of one
 * IPv4 prefix or which /64s of an IPv6 one they came from.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define BITMAP_WORDS (1u << 19) /* 2^25 sources */

const volatile __u32 base, bits;	/* as in struct flood_sources */
const volatile __u32 is_v6, first_word; /* of IPv6: must be it, network order */
const volatile __u32 verdict;		/* of what comes from the prefix */

struct count {
	__u64 frames, bytes, others;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct count);
	__uint(max_entries, 1);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, BITMAP_WORDS);
} seen SEC(".maps");

/* The number of the frame's source in the prefix; false if it is not from there. */
static __always_inline bool source_of(void *data, void *end, __u32 *ret)
{
	struct ethhdr *eth = data;
	struct iphdr *ip4 = data + sizeof(*eth);
	struct ipv6hdr *ip6 = data + sizeof(*eth);
	__u32 address;

	if (!is_v6) {
		if ((void *)(ip4 + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
			return false;
		address = bpf_ntohl(ip4->saddr);
	} else {
		if ((void *)(ip6 + 1) > end || eth->h_proto != bpf_htons(ETH_P_IPV6))
			return false;
		if (ip6->saddr.in6_u.u6_addr32[0] != first_word)
			return false;
		address = bpf_ntohl(ip6->saddr.in6_u.u6_addr32[1]);
	}
	*ret = address - base;
	return *ret >> bits == 0;
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 zero = 0, i = 0, word;
	struct count *c = bpf_map_lookup_elem(&counts, &zero);
	__u64 *w;

	if (!c)
		return XDP_ABORTED;
	if (!source_of(data, end, &i)) {
		c->others++;
		return XDP_PASS;
	}
	c->frames++;
	c->bytes += end - data;
	word = i / 64;
	w = bpf_map_lookup_elem(&seen, &word);
	if (w && !(*w >> (i & 63) & 1))
		__sync_fetch_and_or(w, 1ull << (i & 63));
	return verdict;
}

char _license[] SEC("license") = "Dual BSD/GPL";
