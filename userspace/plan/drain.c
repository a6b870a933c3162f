// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "drain.h"

bool drain_tell(struct drain_told *t, uint32_t now_s, uint32_t flows, uint32_t slots)
{
	if (t->any &&
	    (now_s - t->at_s < DRAIN_TELL_EVERY_S || (t->flows == flows && t->slots == slots)))
		return false;
	*t = (struct drain_told){ .any = true, .at_s = now_s, .flows = flows, .slots = slots };
	return true;
}

static uint64_t span(const struct ramp *r)
{
	return r->to > r->from ? r->to - r->from : r->from - r->to;
}

/* No step is less than one. */
static uint64_t steps(const struct ramp *r)
{
	uint64_t n = span(r);

	if (n > RAMP_STEPS)
		n = RAMP_STEPS;
	return n ? n : 1;
}

/* When step @k of 1 to steps() is taken. */
static uint64_t step_at(const struct ramp *r, uint64_t k)
{
	uint64_t n = steps(r);

	/* Not over * k / n, which may pass 2^64. */
	return r->begun_ns + r->over_ns / n * k + r->over_ns % n * k / n;
}

static uint64_t steps_taken(const struct ramp *r, uint64_t now_ns)
{
	uint64_t k = 0;

	while (k < steps(r) && step_at(r, k + 1) <= now_ns)
		k++;
	return k;
}

bool ramp_is_over(const struct ramp *r, uint64_t now_ns)
{
	return !r->over_ns || now_ns >= r->begun_ns + r->over_ns;
}

uint32_t ramp_weight(const struct ramp *r, uint64_t now_ns)
{
	uint64_t way;

	if (ramp_is_over(r, now_ns))
		return r->to;
	way = span(r) * steps_taken(r, now_ns) / steps(r);
	return r->to > r->from ? r->from + way : r->from - way;
}

uint64_t ramp_next_ns(const struct ramp *r, uint64_t now_ns)
{
	return step_at(r, steps_taken(r, now_ns) + 1);
}
