/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a drain is told of, and how a weight goes over to another in small steps. Pure:
 * the caller says what time it is.
 */
#ifndef SL_DRAIN_H
#define SL_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

/* Of one drain, what was told last; all zero: nothing yet. */
struct drain_told {
	bool any;
	uint32_t at_s;
	uint32_t flows, slots;
};

#define DRAIN_TELL_EVERY_S 10

/* Is it to be told that so many are left? At first, and then at most every
 * DRAIN_TELL_EVERY_S and only if the numbers are others. True: it counts as told.
 */
bool drain_tell(struct drain_told *t, uint32_t now_s, uint32_t flows, uint32_t slots);

/* A weight on its way. .over_ns 0: there is none. */
struct ramp {
	uint32_t from, to;
	uint64_t begun_ns, over_ns;
};

/* Each of the steps goes at most this part of the way. */
#define RAMP_STEPS 16

/* The weight at @now_ns: steps of the same size, give or take one, evenly over the
 * time. At its end, and where there is no ramp, .to.
 */
uint32_t ramp_weight(const struct ramp *r, uint64_t now_ns);
bool ramp_is_over(const struct ramp *r, uint64_t now_ns);
/* When the next step is due, of a ramp that is not over. */
uint64_t ramp_next_ns(const struct ramp *r, uint64_t now_ns);

#endif /* SL_DRAIN_H */
