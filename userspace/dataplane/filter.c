// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include "../common/cleanup.h"
#include "filter.h"
#include "lib/hash.h"

#define FILTER_WORDS (SL_FILTER_BITS / 64)

static void bit_set(uint64_t *words, const struct dataplane *dp, const struct sl_addr *addr)
{
	uint32_t bit = filter_bit((const __u64 *)dp->control->flow_key, addr);

	words[bit / 64] |= 1ull << (bit & 63);
}

void filter_add(struct dataplane *dp, const struct sl_addr *addr)
{
	bit_set(dp->filter, dp, addr);
}

int filter_rewrite(struct dataplane *dp, const struct sl_addr *virtual, size_t n)
{
	sl_autofree uint64_t *words = calloc(FILTER_WORDS, sizeof(*words));

	if (!words)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		bit_set(words, dp, &virtual[i]);
	for (uint32_t id = 1; id < dp->cap.instances; id++) {
		if (dp->instances[id].service)
			bit_set(words, dp, &dp->instances[id].addr);
	}
	for (size_t i = 0; i < FILTER_WORDS; i++) {
		if (dp->filter[i] != words[i])
			__atomic_store_n(&dp->filter[i], words[i], __ATOMIC_RELAXED);
	}
	return 0;
}
