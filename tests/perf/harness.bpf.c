// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Restores the frame and tail-calls the program to be measured: the data plane's
 * own, byte for byte as it is loaded elsewhere. BPF_PROG_TEST_RUN's repeat does
 * not restore the frame, and a program that rewrites it would be measured on its
 * own output. The same harness in front of a program that does nothing is what
 * has to be subtracted; it contains the tail call.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "harness.h"

struct perf_run perf_run;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct perf_flow);
	__uint(max_entries, PERF_FLOWS);
} perf_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, PERF__MAX);
} perf_targets SEC(".maps");

struct key {
	__u8 bytes[20];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct key);
	__type(value, __u64);
	__uint(max_entries, 2048);
} perf_hash SEC(".maps");

static __always_inline void put(void *data, __u32 i, __u64 word)
{
	*(__u64 *)(data + PERF_HEAD + 8 * i) = word;
}

/* Also where it has not changed, as in front of the program that does nothing. */
static __always_inline void restore_length(struct xdp_md *ctx)
{
	bpf_xdp_adjust_tail(ctx, (int)perf_run.len - (int)bpf_xdp_get_buff_len(ctx));
}

static __always_inline int restore(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	__u64 turn = perf_run.turn++, w3, w4, w6;
	__u32 at = perf_run.first + (turn & perf_run.mask), addr;
	const struct perf_flow *f = bpf_map_lookup_elem(&perf_flows, &at);
	__u16 port;

	if (!f || data + PERF_BYTES > (void *)(long)ctx->data_end)
		return -1;
	addr = bpf_htonl(f->addr + (turn & perf_run.fresh));
	port = bpf_htons(f->port);
	w3 = perf_run.word[3];
	w4 = perf_run.word[4];
	w6 = perf_run.word[6];
	if (perf_run.way == PERF_TO_SERVICE4) {
		w3 |= addr;
		w4 |= port;
	} else if (perf_run.way == PERF_TO_DEVICE4) {
		w3 |= (__u64)addr << 32;
		w4 |= (__u32)port << 16;
	} else {
		w4 |= addr;
		w6 |= (__u64)port << 32;
	}
	*(__u16 *)data = perf_run.head;
	put(data, 0, perf_run.word[0]);
	put(data, 1, perf_run.word[1]);
	put(data, 2, perf_run.word[2]);
	put(data, 3, w3);
	put(data, 4, w4);
	put(data, 5, perf_run.word[5]);
	put(data, 6, w6);
	put(data, 7, perf_run.word[7]);
	put(data, 8, perf_run.word[8]);
	put(data, 9, perf_run.word[9]);
	put(data, 10, perf_run.word[10]);
	return 0;
}

/* One program a target, as a tail call with a constant index is a plain jump. */
#define HARNESS(name, target)                                             \
	SEC("xdp.frags")                                                  \
	int name(struct xdp_md *ctx)                                      \
	{                                                                 \
		if (perf_run.len)                                         \
			restore_length(ctx);                              \
		if (!restore(ctx))                                        \
			bpf_tail_call_static(ctx, &perf_targets, target); \
		return XDP_ABORTED;                                       \
	}

HARNESS(perf_nothing, PERF_NOTHING)
HARNESS(perf_yardstick, PERF_YARDSTICK)
HARNESS(perf_a, PERF_A)
HARNESS(perf_b, PERF_B)

SEC("xdp.frags")
int target_nothing(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

/* What a machine is compared by: one look-up of a 20-byte key, always the same. */
SEC("xdp.frags")
int target_lookup(struct xdp_md *ctx)
{
	struct key key = { .bytes = { 1, 2, 3 } };

	(void)ctx;
	return bpf_map_lookup_elem(&perf_hash, &key) ? XDP_PASS : XDP_ABORTED;
}

char _license[] SEC("license") = "Dual BSD/GPL";
