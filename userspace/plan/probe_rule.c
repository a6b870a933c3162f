// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rise, fall and jitter, see probe_rule.h. */
#include "probe_rule.h"

enum {
	JITTER_SHIFT = 4, /* a sixteenth, both ways */
};

enum probe_verdict probe_rule_count(struct probe_counts *c, bool ok, enum probe_verdict view,
				    uint32_t rise, uint32_t fall)
{
	uint32_t *n = ok ? &c->ok : &c->failed;

	if (ok)
		c->failed = 0;
	else
		c->ok = 0;
	if (*n < UINT32_MAX)
		(*n)++;

	if (ok && view == PROBE_VERDICT_NONE)
		return PROBE_VERDICT_UP;
	if (ok && view == PROBE_VERDICT_DOWN && c->ok >= rise)
		return PROBE_VERDICT_UP;
	if (!ok && view != PROBE_VERDICT_DOWN && c->failed >= fall)
		return PROBE_VERDICT_DOWN;
	return PROBE_VERDICT_NONE;
}

uint64_t probe_rule_random(uint64_t *rng)
{
	uint64_t z = *rng += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Evenly from 0 to @limit - 1, near enough; 0 if @limit is. */
static uint64_t random_below(uint64_t *rng, uint64_t limit)
{
	return limit ? probe_rule_random(rng) % limit : 0;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Never longer than the interval, which may be short. */
static uint64_t delay_base(uint64_t interval_ns, enum probe_pace pace)
{
	uint64_t eighth = interval_ns / 8;

	switch (pace) {
	case PROBE_PACE_UNDECIDED:
		return smaller(interval_ns, PROBE_RULE_FIRST_NS);
	case PROBE_PACE_REFUSED:
		if (eighth < PROBE_RULE_REFUSED_NS)
			eighth = PROBE_RULE_REFUSED_NS;
		return smaller(interval_ns, eighth);
	case PROBE_PACE_NORMAL:
		break;
	}
	return interval_ns;
}

uint64_t probe_rule_delay(uint64_t *rng, uint64_t interval_ns, enum probe_pace pace)
{
	uint64_t base = delay_base(interval_ns, pace), swing;

	swing = base >> JITTER_SHIFT;
	return base - swing + random_below(rng, 2 * swing + 1);
}

uint64_t probe_rule_stagger(uint64_t *rng, uint64_t interval_ns, uint32_t targets)
{
	uint64_t spread = targets * PROBE_RULE_SPACING_NS;

	return random_below(rng, spread < interval_ns ? spread : interval_ns);
}
