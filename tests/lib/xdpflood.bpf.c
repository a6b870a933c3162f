// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Writes a frame and sends it out of a device, again and again: run as live
 * frames by BPF_PROG_TEST_RUN. The kernel hands the same pages out again with
 * what was done to them on their way, so every byte is written each time.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "xdpflood.h"

const volatile struct flood_frame frame;
const volatile __u32 base,
	bits; /* source i is base + permutation(i): address of IPv4, second word of IPv6 */
const volatile __u32 out_ifindex;
const volatile __u32 reply_verdict;

struct flood_share shares[FLOOD_CPUS] __attribute__((aligned(64)));
__u64 replies; /* of all CPUs */

/* Finalizer of splitmix64. */
static __always_inline __u64 mix(__u64 x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static __always_inline __u64 sum_word(__u64 word)
{
	return (word & 0xffffffff) + (word >> 32);
}

static __always_inline void write_template(void *data)
{
	for (__u32 i = 0; i < FLOOD_FRAME_MAX / 8 && i < frame.len / 8; i++)
		((__u64 *)data)[i] = ((const volatile __u64 *)frame.bytes)[i];
	for (__u32 i = frame.len & ~7u; i < FLOOD_FRAME_MAX && i < frame.len; i++)
		((__u8 *)data)[i] = frame.bytes[i];
}

/* The next source: the address and a port that it had in no round before. */
static __always_inline void write_source(void *data, const struct flood_share *s, __u64 *l3_sum,
					 __u64 *l4_sum)
{
	__u32 i = s->first + s->at;
	__u64 rnd = mix(s->seed + s->sent);
	__u32 address = bpf_htonl(base + flood_permute(i, bits));
	__u16 port = bpf_htons(0x8000 | ((mix(i) + s->rounds) & (FLOOD_PORT_ROUNDS - 1)));
	__u64 w0 = frame.window[0] | (rnd & frame.random[0]);
	__u64 w1 = frame.window[1] | (mix(rnd) & frame.random[1]);

	*(__u32 *)(data + frame.source_at) = address;
	*(__u16 *)(data + frame.port_at) = port;
	*(__u64 *)(data + frame.window_at) = w0;
	*(__u64 *)(data + frame.window_at + 8) = w1;
	*l3_sum += address;
	*l4_sum += sum_word(w0) + sum_word(w1) + address + port;
}

static __always_inline void write_sums(void *data, __u64 l3_sum, __u64 l4_sum)
{
	__u16 check = ~fold(l4_sum);

	if (frame.is_udp && !check)
		check = 0xffff;
	*(__u16 *)(data + frame.l4_check_at) = check;
	if (frame.l3_check_at)
		*(__u16 *)(data + frame.l3_check_at) = ~fold(l3_sum);
}

/* Live frames enter at the loopback device. What enters at the device that floods came back.
 * One program does both because it is attached then: the kernel need not patch its dispatcher for
 * each BPF_PROG_TEST_RUN, which takes 25 ms.
 */
SEC("xdp")
int flood(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	struct flood_share *s = &shares[bpf_get_smp_processor_id() & (FLOOD_CPUS - 1)];
	__u64 l3_sum = frame.l3_sum, l4_sum = frame.l4_sum;

	if (ctx->ingress_ifindex == out_ifindex) {
		__sync_fetch_and_add(&replies, 1);
		return reply_verdict;
	}
	if (data + frame.len > (void *)(long)ctx->data_end) {
		s->failed++;
		return XDP_DROP;
	}
	write_template(data);
	write_source(data, s, &l3_sum, &l4_sum);
	write_sums(data, l3_sum, l4_sum);
	s->sent++;
	if (++s->at == s->count) {
		s->at = 0;
		s->rounds++;
	}
	return bpf_redirect(out_ifindex, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
