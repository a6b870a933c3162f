// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The scaling controller: single decisions, and simulations in which every
 * decision is carried out after a start-up time.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "plan/scale.h"

#define S 1000000000ull

static const struct model_scaling standard = {
	.present = true,
	.min = 1,
	.max = 8,
	.step = 1,
	.target = TARGET_MESSAGES,
	.target_rate = 1000,
	.tolerance = 0.1,
	.up_after_ns = 5 * S,
	.down_after_ns = 60 * S,
	.cooldown_ns = 30 * S,
};

/* -- single decisions, with every window and the cooldown over -- */

static void test_decisions(void **state)
{
	static const struct {
		const char *name;
		double load;
		uint32_t have, min, max, step, desired;
		enum scale_action action;
		uint32_t count;
	} rows[] = {
		{ "at rest", 1000, 1, 1, 8, 1, 1, SCALE_HOLD, 0 },
		{ "above, within tolerance", 1100, 1, 1, 8, 1, 2, SCALE_HOLD, 0 },
		{ "above tolerance", 1101, 1, 1, 8, 1, 2, SCALE_UP, 1 },
		{ "one step of three", 4000, 1, 1, 8, 1, 4, SCALE_UP, 1 },
		{ "a wider step", 4000, 1, 1, 8, 2, 4, SCALE_UP, 2 },
		{ "a step wider than the way", 2500, 1, 1, 8, 5, 3, SCALE_UP, 2 },
		{ "step 0 is 1", 4000, 1, 1, 8, 0, 4, SCALE_UP, 1 },
		{ "at max", 9999, 8, 1, 8, 1, 8, SCALE_HOLD, 0 },
		{ "up to max", 99999, 7, 1, 8, 5, 8, SCALE_UP, 1 },
		{ "one fewer is not enough", 1000, 2, 1, 8, 1, 1, SCALE_HOLD, 0 },
		{ "nor at the edge of tolerance", 900, 2, 1, 8, 1, 1, SCALE_HOLD, 0 },
		{ "one fewer will do", 899, 2, 1, 8, 1, 1, SCALE_DOWN, 1 },
		{ "two fewer would not", 1700, 3, 1, 8, 2, 2, SCALE_DOWN, 1 },
		{ "down by a step", 0, 8, 1, 8, 3, 1, SCALE_DOWN, 3 },
		{ "down to min", 0, 3, 2, 8, 5, 2, SCALE_DOWN, 1 },
		{ "at min", 0, 2, 2, 8, 1, 2, SCALE_HOLD, 0 },
		{ "to nothing", 0, 1, 0, 8, 1, 0, SCALE_DOWN, 1 },
		{ "from nothing", 1, 0, 0, 8, 1, 1, SCALE_UP, 1 },
		{ "nothing wanted", 0, 0, 0, 8, 1, 0, SCALE_HOLD, 0 },
		{ "below min", 0, 1, 3, 8, 1, 3, SCALE_UP, 1 },
		{ "below min, wide step", 0, 0, 3, 8, 9, 3, SCALE_UP, 3 },
		{ "above max", 9999, 10, 1, 8, 1, 8, SCALE_DOWN, 1 },
		{ "above max, wide step", 9999, 11, 1, 8, 9, 8, SCALE_DOWN, 3 },
		{ "no figure", NAN, 3, 1, 8, 1, 3, SCALE_HOLD, 0 },
		{ "beyond figures", INFINITY, 3, 1, 8, 1, 3, SCALE_HOLD, 0 },
		{ "more than counts", 1e300, 3, 1, 8, 1, 8, SCALE_UP, 1 },
		{ "less than nothing", -5, 2, 1, 8, 1, 1, SCALE_DOWN, 1 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct model_scaling s = standard;
		struct scale_state st = {};
		struct scale_decision d;

		print_message("case: %s\n", rows[i].name);
		s.min = rows[i].min;
		s.max = rows[i].max;
		s.step = rows[i].step;
		s.up_after_ns = s.down_after_ns = 0;
		d = scale_decide(&s, &st, rows[i].load, rows[i].have, 1000 * S);
		assert_int_equal(d.action, rows[i].action);
		assert_int_equal(d.count, rows[i].count);
		assert_int_equal(d.desired, rows[i].desired);
		assert_non_null(d.why);
		assert_int_equal(st.last_change_ns, d.action ? 1000 * S : 0);
	}
}

/* A line of time: at each second a load and what is decided. */
static void test_windows(void **state)
{
	static const struct {
		uint64_t t;
		double load;
		uint32_t have;
		enum scale_action action;
		const char *why;
	} rows[] = {
		{ 0, 2000, 1, SCALE_HOLD, "waiting for up_after" },
		{ 4, 2000, 1, SCALE_HOLD, "waiting for up_after" },
		{ 5, 2000, 1, SCALE_UP, "load above target" },
		{ 6, 4000, 2, SCALE_HOLD, "waiting for up_after" },
		{ 11, 4000, 2, SCALE_HOLD, "cooldown" },
		{ 34, 4000, 2, SCALE_HOLD, "cooldown" },
		{ 35, 4000, 2, SCALE_UP, "load above target" },
		{ 70, 4000, 3, SCALE_HOLD, "waiting for up_after" },
		{ 71, 3300, 3, SCALE_HOLD, "within tolerance" }, /* begins anew */
		{ 72, 4000, 3, SCALE_HOLD, "waiting for up_after" },
		{ 76, 4000, 3, SCALE_HOLD, "waiting for up_after" },
		{ 77, 4000, 3, SCALE_UP, "load above target" },
		{ 200, 100, 4, SCALE_HOLD, "waiting for down_after" },
		{ 230, 2650, 4, SCALE_HOLD, "waiting for down_after" }, /* 3 would do */
		{ 259, 100, 4, SCALE_HOLD, "waiting for down_after" },
		{ 260, 100, 4, SCALE_DOWN, "load below target" },
		{ 261, 100, 3, SCALE_HOLD, "waiting for down_after" },
		{ 290, 2900, 3, SCALE_HOLD, "within tolerance" }, /* begins anew */
		{ 321, 100, 3, SCALE_HOLD, "waiting for down_after" },
		{ 381, 100, 3, SCALE_DOWN, "load below target" },
		/* An instance failed: at once, whatever the cooldown. */
		{ 382, 100, 0, SCALE_UP, "below min" },
		{ 383, 100, 1, SCALE_HOLD, "at min" },
	};
	struct scale_state st = {};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct scale_decision d;

		d = scale_decide(&standard, &st, rows[i].load, rows[i].have, (100 + rows[i].t) * S);
		if (d.action != rows[i].action)
			fail_msg("at %u s: %s", (unsigned int)rows[i].t, d.why);
		assert_string_equal(d.why, rows[i].why);
	}
}

/* What the window's worst second needed is what stays. */
static void test_down_to_the_windows_peak(void **state)
{
	struct model_scaling s = standard;
	struct scale_state st = {};
	struct scale_decision d = {};

	(void)state;
	s.step = 8;
	for (uint64_t t = 1; t <= 61; t++)
		d = scale_decide(&s, &st, t == 30 ? 3500 : 100, 8, t * S);
	assert_int_equal(d.action, SCALE_DOWN);
	assert_int_equal(d.count, 4); /* 3,500 rest on 4 instances, not on 3 */
}

/* -- simulations -- */

static uint64_t seed;

static double noise(void) /* -1..1 */
{
	uint64_t z = seed += 0x9e3779b97f4a7c15ull; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return ((z ^ z >> 31) >> 11) * 0x1p-52 - 1;
}

static double steady(double t)
{
	(void)t;
	return 3500;
}

static double steady_at_a_target(double t)
{
	(void)t;
	return 4000;
}

static double ramp(double t)
{
	return t < 1000 ? 500 + 6 * t : t < 2000 ? 6500 : t < 3000 ? 6500 - 6 * (t - 2000) : 500;
}

static double flash_crowd(double t)
{
	return t >= 600 && t < 900 ? 7500 : 800;
}

/* Shorter than the up window: no reason to do anything. */
static double spikes(double t)
{
	return fmod(t, 100) < 4 ? 8000 : 1500;
}

static double noisy(double t)
{
	(void)t;
	return 4000 * (1 + 0.08 * noise());
}

static double very_noisy(double t)
{
	(void)t;
	return 4000 * (1 + 0.5 * noise());
}

static double day(double t)
{
	return (4000 - 3500 * cos(t * 6.2831853 / 4000)) * (1 + 0.05 * noise());
}

static const struct simulation {
	const char *name;
	double (*load)(double t);
	uint32_t start;
	uint32_t turns; /* changes of direction, at most */
	uint32_t end_min, end_max;
	uint32_t peak_min, peak_max;
} simulations[] = {
	{ "steady", steady, 4, 0, 4, 4, 4, 4 },
	{ "steady from 1", steady, 1, 0, 4, 4, 4, 4 },
	{ "steady from 8", steady, 8, 0, 4, 4, 8, 8 },
	{ "at a target", steady_at_a_target, 4, 0, 4, 4, 4, 4 },
	{ "ramp", ramp, 1, 1, 1, 1, 6, 7 },
	{ "flash crowd", flash_crowd, 1, 1, 1, 1, 7, 8 },
	{ "spikes", spikes, 2, 0, 2, 2, 2, 2 },
	{ "noisy", noisy, 4, 0, 4, 4, 4, 4 },
	{ "very noisy", very_noisy, 4, 0, 4, 6, 4, 6 },
	{ "a day", day, 1, 1, 1, 1, 7, 8 },
};

struct figures {
	uint32_t have, peak, turns, changes;
	enum scale_action last;
	double last_change;
};

/* What must hold of every decision. */
static void check_decision(const struct scale_decision *d, struct figures *f, double t)
{
	if (d->action == SCALE_HOLD) {
		assert_int_equal(d->count, 0);
		return;
	}
	assert_in_range(d->count, 1, standard.step);
	if (f->changes)
		assert_true(t - f->last_change >= standard.cooldown_ns / (double)S);
	f->turns += f->last != SCALE_HOLD && f->last != d->action;
	f->have = d->action == SCALE_UP ? f->have + d->count : f->have - d->count;
	assert_in_range(f->have, standard.min, standard.max);
	f->peak = f->have > f->peak ? f->have : f->peak;
	f->last = d->action;
	f->last_change = t;
	f->changes++;
}

static void test_simulations(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(simulations); i++) {
		const struct simulation *m = &simulations[i];

		for (uint64_t round = 0; round < 10; round++) {
			struct figures f = { .have = m->start, .peak = m->start };
			struct scale_state st = {};

			seed = round;
			for (double t = 1; t < 4000; t++) {
				struct scale_decision d = scale_decide(&standard, &st, m->load(t),
								       f.have, (uint64_t)(t * S));

				check_decision(&d, &f, t);
			}
			if (!round || f.turns > m->turns)
				print_message("%-14s ends with %u, peak %u, %u changes, %u turns\n",
					      m->name, f.have, f.peak, f.changes, f.turns);
			assert_in_range(f.turns, 0, m->turns);
			assert_in_range(f.have, m->end_min, m->end_max);
			assert_in_range(f.peak, m->peak_min, m->peak_max);
		}
	}
}

/* From 1 to 4: an up window, then a cooldown for each further step. */
static void test_in_time(void **state)
{
	struct scale_state st = {};
	uint32_t have = 1;
	uint64_t t;

	(void)state;
	for (t = 1; t < 1000 && have < 4; t++)
		have += scale_decide(&standard, &st, 3500, have, t * S).count;
	assert_int_equal(have, 4);
	assert_in_range(t, 5 + 2 * 30, 5 + 2 * 30 + 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_down_to_the_windows_peak),
		cmocka_unit_test(test_simulations),
		cmocka_unit_test(test_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
