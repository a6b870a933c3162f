/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The heaviest devices in bounded memory: sets of eight entries, a device's set by
 * its hash. A device that is not in its full set takes the place of the lightest with
 * probability 1 / (its count + 1), and begins at 1: a figure is never more than the
 * device has sent, and what comes once does not displace what comes often. Pure;
 * randomness is the caller's. One writer a table.
 */
#ifndef SL_TOP_H
#define SL_TOP_H

#include <sluice/abi.h>

#define TOP_NONE SL_TOP_WAYS

/* All ones if @x is 0, else 0; without a branch.
 * VERIFIER: a branch for each entry would multiply its paths.
 */
static __always_inline __u64 top_is_zero(__u64 x)
{
	__u64 zero = ~x & (x - 1);

	sl_opaque(zero);
	return 0 - (zero >> 63);
}

/* Which entry is @hash's; TOP_NONE: it has none. */
static __always_inline __u32 top_find(const struct sl_top_set *set, __u64 hash)
{
	__u64 found = TOP_NONE;

	for (__u32 i = 0; i < SL_TOP_WAYS; i++) {
		__u64 differs = set->entry[i].device ^ hash;
		/* the upper half folded in: then it is below 2^32, and 0 only if all is */
		__u64 mine = top_is_zero((differs | differs >> 32) & 0xffffffff);

		found ^= mine & (found ^ i);
	}
	return found;
}

/* Which entry has the least count. Of equals, one by the lowest bits of @random: else
 * whoever comes would always displace the same one, the last who came.
 */
static __always_inline __u32 top_lightest(const struct sl_top_set *set, __u32 random)
{
	__u64 least = ~0ull >> 1;

	for (__u32 i = 0; i < SL_TOP_WAYS; i++) {
		__u64 rank = (__u64)set->entry[i].offered << 3 | ((i + random) & (SL_TOP_WAYS - 1));
		__u64 less = rank - least;

		sl_opaque(less);
		least ^= (0 - (less >> 63)) & (least ^ rank);
	}
	return (least - random) & (SL_TOP_WAYS - 1);
}

/* A packet of @hash, which has no entry in @set. @random: 32 uniform bits. A reader
 * that finds the same device before and after has read one device's figures.
 */
static __always_inline void top_admit(struct sl_top_set *set, __u64 hash, __u32 random)
{
	struct sl_top_entry *e = &set->entry[top_lightest(set, random) & (SL_TOP_WAYS - 1)];

	if ((__u64)random * ((__u64)e->offered + 1) >> 32)
		return;
	*(volatile __u64 *)&e->device = 0;
	*(volatile __u32 *)&e->refused = 0;
	*(volatile __u32 *)&e->offered = 1;
	*(volatile __u64 *)&e->device = hash;
}

/* Counts stay at their end: nobody turns the windows while the daemon is not there. */
static __always_inline void top_add(__u32 *count)
{
	*count += *count != 0xffffffff;
}

#endif /* SL_TOP_H */
