// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The scaling controller. Between "one more is wanted" and "one fewer will do"
 * lies a band twice the tolerance wide, in which a pool of any size rests.
 */
#include <math.h>
#include <stdbool.h>
#include "scale.h"

static uint32_t clamp_size(const struct model_scaling *s, double n)
{
	if (!(n > s->min))
		return s->min;
	return n < s->max ? (uint32_t)n : s->max;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The smallest size that would rest: load below its targets less tolerance. */
static uint32_t size_at_rest(const struct model_scaling *s, double load)
{
	double each = s->target_rate * (1 - s->tolerance);

	if (load <= 0)
		return s->min;
	if (!(each > 0))
		return s->max;
	return clamp_size(s, floor(load / each) + 1);
}

/* Has what began at *@since lasted @span by now? 0 is "not begun": it begins. */
static bool window_over(uint64_t *since, uint64_t now_ns, uint64_t span_ns)
{
	if (!*since)
		*since = now_ns ? now_ns : 1;
	return now_ns >= *since && now_ns - *since >= span_ns;
}

static bool cooling(const struct model_scaling *s, const struct scale_state *st, uint64_t now_ns)
{
	return st->last_change_ns && now_ns - st->last_change_ns < s->cooldown_ns;
}

static void change(const struct model_scaling *s, struct scale_state *st, uint64_t now_ns,
		   struct scale_decision *d, enum scale_action action, uint32_t count,
		   const char *why)
{
	*st = (struct scale_state){ .last_change_ns = now_ns ? now_ns : 1 };
	d->action = action;
	d->count = smaller(count, s->step ? s->step : 1);
	d->why = why;
}

static void decide_up(const struct model_scaling *s, struct scale_state *st, uint32_t have,
		      uint64_t now_ns, struct scale_decision *d)
{
	if (!window_over(&st->above_since_ns, now_ns, s->up_after_ns))
		d->why = "waiting for up_after";
	else if (cooling(s, st, now_ns))
		d->why = "cooldown";
	else
		change(s, st, now_ns, d, SCALE_UP, d->desired - have, "load above target");
}

/* @rest: the size that would do now. What the window's worst moment needed stays. */
static void decide_down(const struct model_scaling *s, struct scale_state *st, uint32_t have,
			uint32_t rest, uint64_t now_ns, struct scale_decision *d)
{
	if (!st->below_since_ns || rest > st->peak_desired)
		st->peak_desired = rest;
	if (!window_over(&st->below_since_ns, now_ns, s->down_after_ns))
		d->why = "waiting for down_after";
	else if (cooling(s, st, now_ns))
		d->why = "cooldown";
	else
		change(s, st, now_ns, d, SCALE_DOWN, have - st->peak_desired, "load below target");
}

/* Within bounds: above, below, or at rest. */
static void decide(const struct model_scaling *s, struct scale_state *st, double load,
		   uint32_t have, uint64_t now_ns, struct scale_decision *d)
{
	uint32_t rest = size_at_rest(s, load);
	bool above = load > have * s->target_rate * (1 + s->tolerance);

	if (!above || have == s->max)
		st->above_since_ns = 0;
	if (rest >= have)
		st->below_since_ns = 0;
	if (above && have == s->max)
		d->why = "at max";
	else if (above)
		decide_up(s, st, have, now_ns, d);
	else if (rest < have)
		decide_down(s, st, have, rest, now_ns, d);
	else if (have == s->min && d->desired == have)
		d->why = "at min";
}

struct scale_decision scale_decide(const struct model_scaling *s, struct scale_state *st,
				   double load, uint32_t have, uint64_t now_ns)
{
	struct scale_decision d = { .action = SCALE_HOLD, .desired = clamp_size(s, have) };
	bool measured = s->target_rate > 0 && isfinite(load);

	if (measured && load < 0)
		load = 0;
	if (measured)
		d.desired = clamp_size(s, ceil(load / s->target_rate));
	if (have < s->min) {
		change(s, st, now_ns, &d, SCALE_UP, s->min - have, "below min");
	} else if (have > s->max) {
		change(s, st, now_ns, &d, SCALE_DOWN, have - s->max, "above max");
	} else if (measured) {
		d.why = "within tolerance";
		decide(s, st, load, have, now_ns, &d);
	} else {
		st->above_since_ns = 0;
		st->below_since_ns = 0;
		d.why = "no figure";
	}
	return d;
}
