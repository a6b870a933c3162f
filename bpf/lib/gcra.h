/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Generic cell rate algorithm on a clock that ticks. Pure: the caller has the
 * clock, the daemon has done the arithmetic of the quota.
 *
 * The state is one word, the theoretical arrival time (tat): when the next
 * packet is due if the sender keeps exactly to its rate. A packet of @cost
 * conforms while tat + cost lies at most @limit ahead of @now.
 *
 * @now is up to one tick behind the true time. So that no window of true time t
 * sees more than rate * t + burst, @limit is the burst less one tick; and so
 * that no rate is lost between a packet's being due and the tick that shows it,
 * a tat that passed less than @slack ago still counts as the start, where slack
 * is what the limit leaves short of cost + tick. Slack never gives credit: the
 * n-th packet since an idle bucket passes at (n * cost - limit) or later.
 *
 * A packet larger than the limit passes when its bucket is full.
 */
#ifndef SL_GCRA_H
#define SL_GCRA_H

#include <sluice/base.h>

#define GCRA_RETRIES 4

enum gcra_result {
	GCRA_CONFORM,
	GCRA_EXCEED,
	GCRA_CONTENDED, /* lost every race; the caller chooses the policy */
};

/* What tat becomes if a packet of @cost passes at @now, or 0 if it may not. All
 * five in one unit.
 */
static __always_inline __u64 gcra_next(__u64 tat, __u64 now, __u64 cost, __u64 limit, __u64 tick)
{
	__u64 room = limit > cost ? limit - cost : 0;
	__u64 slack = tick > room ? tick - room : 0;
	__u64 zero = now, base;

	/* VERIFIER: one state, whichever way the choices went. */
	sl_opaque(zero);
	zero ^= now;
	slack += zero;
	base = (tat + slack < now ? now : tat) + zero;
	if (base + cost > now + limit && base > now)
		return 0;
	return base + cost;
}

static __always_inline enum gcra_result gcra_step(__u64 *tat, __u64 now, __u64 cost, __u64 limit,
						  __u64 tick)
{
	for (int i = 0; i < GCRA_RETRIES; i++) {
		__u64 old = *(volatile __u64 *)tat;
		__u64 next = gcra_next(old, now, cost, limit, tick);

		if (!next)
			return GCRA_EXCEED;
		if (__sync_val_compare_and_swap(tat, old, next) == old)
			return GCRA_CONFORM;
	}
	return GCRA_CONTENDED;
}

/* Give back what a step charged, because another level refused the packet. */
static __always_inline void gcra_refund(__u64 *tat, __u64 cost)
{
	__sync_fetch_and_sub(tat, cost);
}

#endif /* SL_GCRA_H */
