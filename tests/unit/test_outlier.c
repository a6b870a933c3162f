// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who is an outlier, who may be ejected, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "plan/outlier.h"

#define S 1000000000ull

static const struct model_outlier rule = {
	.present = true,
	.requests = 20,
	.answered = 0.5,
	.interval_ns = 5 * S,
	.ejection_ns = 30 * S,
	.ejection_max_ns = 300 * S,
};

static void test_bad(void **state)
{
	static const struct {
		const char *name;
		struct sl_answers counted;
		bool bad;
	} rows[] = {
		{ "nothing was asked", { 0, 0 }, false },
		{ "too few to tell", { 19, 0 }, false },
		{ "silent", { 20, 0 }, true },
		{ "less than half", { 20, 9 }, true },
		{ "half", { 20, 10 }, false },
		{ "all", { 1000, 1000 }, false },
		{ "more than asked", { 20, 4000 }, false },
		{ "many", { 4000000000u, 1999999999u }, true },
	};
	struct model_outlier any = rule;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		print_message("case: %s\n", rows[i].name);
		assert_int_equal(outlier_is_bad(&rule, rows[i].counted), rows[i].bad);
	}
	any.requests = 0;
	assert_false(outlier_is_bad(&any, (struct sl_answers){ 0, 0 }));
}

static void test_worst(void **state)
{
	const struct sl_answers counted[] = {
		{ 100, 100 }, { 100, 40 }, { 10, 0 }, { 1000, 50 }, { 40, 4 }
	};

	(void)state;
	assert_int_equal(outlier_worst(&rule, counted, 5), 3);
	assert_int_equal(outlier_worst(&rule, counted, 3), 1);
	assert_int_equal(outlier_worst(&rule, counted, 1), 1); /* none */
	assert_int_equal(outlier_worst(&rule, counted, 0), 0);
}

static void test_may_eject(void **state)
{
	static const struct {
		uint32_t taking, wanted;
		double min_healthy;
		bool may;
	} rows[] = {
		{ 4, 4, 0.5, true }, { 3, 4, 0.5, true }, { 2, 4, 0.5, false },
		{ 1, 1, 0, false },  { 2, 2, 0, true },	  { 0, 4, 0, false },
		{ 4, 4, 1, false },  { 2, 2, 0.5, true }, { 2, 3, 0.5, false },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++)
		assert_int_equal(
			outlier_may_eject(rows[i].taking, rows[i].wanted, rows[i].min_healthy),
			rows[i].may);
}

static void test_reading_wraps(void **state)
{
	struct outlier o = {};
	struct sl_answers c = outlier_read(&o, (struct sl_answers){ UINT32_MAX - 4, 7 });

	(void)state;
	assert_int_equal(c.asked, 0); /* from before it was looked at */
	c = outlier_read(&o, (struct sl_answers){ 15, 9 });
	assert_int_equal(c.asked, 20);
	assert_int_equal(c.answered, 2);
}

static void test_ejections_grow_and_are_forgiven(void **state)
{
	static const uint64_t lasts[] = { 30, 60, 120, 240, 300, 300 };
	struct outlier o = {};
	uint64_t now = 1000 * S;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(lasts); i++) {
		outlier_eject(&o, &rule, now);
		assert_true(o.ejected);
		assert_int_equal(o.in_a_row, i + 1);
		assert_false(outlier_tick(&o, &rule, now + lasts[i] * S - 1));
		now += lasts[i] * S;
		assert_true(outlier_tick(&o, &rule, now));
		assert_false(o.ejected);
		assert_false(outlier_tick(&o, &rule, now + 29 * S)); /* again, too soon */
		assert_int_equal(o.in_a_row, i + 1);
	}
	/* Not well is not forgiven. */
	outlier_spare(&o, now + 20 * S);
	outlier_tick(&o, &rule, now + 49 * S);
	assert_int_equal(o.in_a_row, 6);
	outlier_tick(&o, &rule, now + 50 * S);
	assert_int_equal(o.in_a_row, 5);
	outlier_tick(&o, &rule, now + 110 * S);
	assert_int_equal(o.in_a_row, 3);
	outlier_tick(&o, &rule, now + 10000 * S);
	assert_int_equal(o.in_a_row, 0);
	now += 10000 * S;
	outlier_eject(&o, &rule, now);
	assert_int_equal(o.until_ns, now + 30 * S);
}

static void test_one_that_never_ends(void **state)
{
	struct outlier o = { .in_a_row = UINT32_MAX };

	(void)state;
	outlier_eject(&o, &rule, 5);
	assert_int_equal(o.in_a_row, UINT32_MAX);
	assert_int_equal(o.until_ns, 5 + 300 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_worst),
		cmocka_unit_test(test_may_eject),
		cmocka_unit_test(test_reading_wraps),
		cmocka_unit_test(test_ejections_grow_and_are_forgiven),
		cmocka_unit_test(test_one_that_never_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
