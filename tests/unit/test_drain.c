// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* When a drain is told of, and how a weight changes in steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sluice/base.h>
#include "plan/drain.h"

#define S 1000000000ull

static void test_told(void **state)
{
	static const struct {
		const char *name;
		uint32_t now_s, flows, slots;
		bool told;
	} rows[] = {
		{ "at first", 100, 0, 0, true },
		{ "too soon", 109, 9, 0, false },
		{ "after 10 s", 110, 9, 0, true },
		{ "too soon again", 115, 8, 0, false },
		{ "the same as before", 130, 9, 0, false },
		{ "another number of slots", 131, 9, 1, true },
		{ "fewer flows", 141, 8, 1, true },
		{ "nothing left", 151, 0, 0, true },
	};
	struct drain_told t = {};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		print_message("case: %s\n", rows[i].name);
		assert_int_equal(drain_tell(&t, rows[i].now_s, rows[i].flows, rows[i].slots),
				 rows[i].told);
	}
}

/* Walk a ramp from step to step, as its timer would. */
static void walk(struct ramp r)
{
	uint64_t now = r.begun_ns, next, n = 0;
	uint32_t weight = ramp_weight(&r, now), before;
	uint32_t span = labs((long)r.to - (long)r.from);
	uint32_t most = (span + RAMP_STEPS - 1) / RAMP_STEPS;

	assert_int_equal(weight, r.from);
	while (!ramp_is_over(&r, now)) {
		next = ramp_next_ns(&r, now);
		assert_true(next > now);
		assert_int_equal(ramp_weight(&r, next - 1), weight);
		/* evenly: within a rounded nanosecond */
		if (span >= RAMP_STEPS)
			assert_in_range(next - now, r.over_ns / RAMP_STEPS,
					r.over_ns / RAMP_STEPS + 1);
		now = next;
		before = weight;
		weight = ramp_weight(&r, now);
		assert_int_equal(r.to > r.from ? weight > before : weight<before, span> 0);
		assert_in_range(labs((long)weight - (long)before), 0, most);
		n++;
	}
	assert_int_equal(weight, r.to);
	assert_int_equal(now, r.begun_ns + r.over_ns);
	assert_in_range(n, 1, RAMP_STEPS);
}

static void test_ramps(void **state)
{
	static const uint32_t ends[][2] = { { 60, 100 }, { 100, 60 }, { 1, 1000 }, { 1000, 1 },
					    { 5, 7 },	 { 7, 5 },    { 5, 6 },	   { 5, 5 },
					    { 1, 17 },	 { 1, 18 },   { 1, 10 } };
	static const uint64_t overs[] = { 60 * S, S, 86400 * S, 1000000007 };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(ends); i++) {
		for (size_t k = 0; k < SL_ARRAY_SIZE(overs); k++)
			walk((struct ramp){ ends[i][0], ends[i][1], 77 * S + 1, overs[k] });
	}
}

static void test_no_ramp(void **state)
{
	struct ramp none = { .from = 3, .to = 9 };

	(void)state;
	assert_true(ramp_is_over(&none, 0));
	assert_int_equal(ramp_weight(&none, 0), 9);
	assert_int_equal(ramp_weight(&none, UINT64_MAX), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_ramps),
		cmocka_unit_test(test_no_ramp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
