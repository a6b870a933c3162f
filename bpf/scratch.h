/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet's own memory for what is too much for the stack. Stages follow one another in
 * it: each has a structure of its own, which ends before second_ns.
 */
#ifndef SL_SCRATCH_BPF_H
#define SL_SCRATCH_BPF_H

#include "config.h"
#include "maps.h"

/* NULL: impossible, but the verifier wants it asked. */
static __always_inline void *scratch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sl_scratch, &zero);
}

/* The time in seconds, by @scratch. It is divided for once a second and CPU: a division costs
 * as much as a small map's look-up.
 */
static __always_inline __u32 scratch_now_s(void *scratch, __u64 now_ns)
{
	struct sl_scratch *s = scratch;

	if (now_ns - s->second_ns >= NS_PER_S) {
		s->second = now_ns / NS_PER_S;
		s->second_ns = s->second * NS_PER_S;
	}
	return s->second;
}

/* What the message says of itself; of services with SL_SVC_CONTENT. NULL: as above. */
static __always_inline struct sl_content *content_scratch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sl_content, &zero);
}

#endif /* SL_SCRATCH_BPF_H */
