// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* When a tracked connection is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "plan/flow.h"

static void test_how_long(void **state)
{
	static const struct {
		uint32_t flags, idle, last; /* the last second in which it is kept */
	} rows[] = {
		{ 0, 3600, 3600 },
		{ SL_FLOW_NAMED | SL_FLOW_SETTLED | SL_FLOW_AGAIN, 3600, 3600 },
		{ SL_FLOW_DEVICE_FIN, 3600, 3600 }, /* it may be forged */
		{ SL_FLOW_INSTANCE_FIN, 3600, 120 },
		{ SL_FLOW_INSTANCE_FIN, 60, 60 },
		{ SL_FLOW_DEVICE_FIN | SL_FLOW_OVER | SL_FLOW_LAPSED, 3600, 3600 },
		{ SL_FLOW_INSTANCE_FIN | SL_FLOW_OVER | SL_FLOW_LAPSED, 3600, 120 },
		{ SL_FLOW_DEVICE_FIN | SL_FLOW_INSTANCE_FIN | SL_FLOW_OVER, 3600, 10 },
		{ SL_FLOW_OVER, 3600, 10 },
		{ SL_FLOW_OVER | SL_FLOW_DEVICE_RST, 3600, 120 },
		{ 0, UINT32_MAX, UINT32_MAX - 1000 },
		{ 0, 0, 0 }, /* no longer tracked */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_flow f = { .who = SL_FLOW_WHO(5, 6, rows[i].flags), .seen = 1000 };

		assert_false(flow_is_stale(&f, 1000 + rows[i].last, rows[i].idle));
		if (rows[i].last < UINT32_MAX - 1000)
			assert_true(flow_is_stale(&f, 1001 + rows[i].last, rows[i].idle));
		assert_false(flow_is_stale(&f, 999, rows[i].idle)); /* the clock it was seen by */
	}
}

static void test_what_lapses(void **state)
{
	static const struct {
		uint32_t flags;
		bool lapses;
	} rows[] = {
		{ SL_FLOW_DEVICE_FIN, true },
		{ SL_FLOW_DEVICE_FIN | SL_FLOW_NAMED | SL_FLOW_SETTLED, true },
		{ 0, false },
		{ SL_FLOW_INSTANCE_FIN, false },
		{ SL_FLOW_DEVICE_FIN | SL_FLOW_OVER, false }, /* counts no longer as it is */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_flow f = { .who = SL_FLOW_WHO(5, 6, rows[i].flags), .seen = 1000 };

		assert_false(flow_has_lapsed(&f, 1120));
		assert_int_equal(flow_has_lapsed(&f, 1121), rows[i].lapses);
		assert_false(flow_has_lapsed(&f, 999));
	}
}

static void test_half_open(void **state)
{
	struct sl_flow_open o = { .seen = 1000 };

	(void)state;
	assert_false(flow_open_is_stale(&o, 1020));
	assert_true(flow_open_is_stale(&o, 1021));
	assert_false(flow_open_is_stale(&o, 999));
}

static void test_whose(void **state)
{
	struct sl_flow f = { .who = SL_FLOW_WHO(SL_MAX_TENANTS - 1, SL_MAX_ACCOUNTS - 1,
						SL_FLOW_OVER) };

	(void)state;
	assert_int_equal(flow_tenant_of(&f), SL_MAX_TENANTS - 1);
	assert_int_equal(flow_account_of(&f), SL_MAX_ACCOUNTS - 1);
	assert_true(flow_has(&f, SL_FLOW_OVER));
	assert_false(flow_has(&f, SL_FLOW_NAMED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_how_long),
		cmocka_unit_test(test_what_lapses),
		cmocka_unit_test(test_half_open),
		cmocka_unit_test(test_whose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
