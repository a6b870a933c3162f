// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From counters to the load that scaling sees. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "plan/load.h"

#define S 1000000000ull
#define P SL_Q_PACKETS
#define B SL_Q_BYTES
#define M SL_Q_MESSAGES
#define C SL_Q_CONNECTIONS

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-6 * (1 + fabs(b));
}

/* clang-format off */
static const struct {
	const char *name;
	struct load_counters delta;
	uint64_t dt_ns;
	enum sl_quota unit;
	double quota;
	double offered, load;
} rows[] = {
	{ "silence", { .unserved = 0 }, S, M, 0, 0, 0 },
	{ "within quota", { .admitted = { [M] = 500 } }, S, M, 1000, 500, 500 },
	{ "half a second", { .admitted = { [M] = 500 } }, S / 2, M, 2000, 1000, 1000 },
	{ "four seconds", { .admitted = { [M] = 500 } }, 4 * S, M, 0, 125, 125 },
	{ "an abuser is worth its quota",
	  { .admitted = { [M] = 1000 }, .refused = { [M] = 99000 } }, S, M, 1000, 100000, 1000 },
	{ "a burst over the quota is not load",
	  { .admitted = { [M] = 1100 } }, S, M, 1000, 1100, 1000 },
	{ "refused in bursts, yet below the quota on the whole",
	  { .admitted = { [M] = 400 }, .refused = { [M] = 300 } }, S, M, 1000, 700, 700 },
	{ "not held to any", { .admitted = { [M] = 90000 } }, S, M, 0, 90000, 90000 },
	{ "what another quota refused is offered, not load",
	  { .admitted = { [M] = 100 }, .refused = { [P] = 9000, [B] = 900 } }, S, M, 0, 10000, 100 },
	{ "what device quotas refused is offered, not load",
	  { .admitted = { [M] = 100 }, .refused_device = 9900 }, S, M, 0, 10000, 100 },
	{ "with no instance, what is within the quota is wanted all the same",
	  { .unserved = 700 }, S, M, 1000, 700, 700 },
	{ "with no instance, an abuser is worth its quota",
	  { .unserved = 5000 }, S, M, 1000, 5000, 1000 },
	{ "packets", { .admitted = { [P] = 10, [M] = 99 }, .refused = { [P] = 5 } }, S, P, 0, 15, 15 },
	{ "refused packets are as long as admitted ones",
	  { .admitted = { [P] = 10, [B] = 1000 }, .refused = { [B] = 90 } }, S, B, 0, 10000, 10000 },
	{ "refused bytes over the quota",
	  { .admitted = { [P] = 10, [B] = 1000 }, .refused = { [B] = 90 } }, S, B, 2000, 10000, 2000 },
	{ "bytes of unknown length are none", { .refused = { [B] = 90 } }, S, B, 2000, 0, 0 },
	{ "connections",
	  { .admitted = { [C] = 20 }, .refused = { [C] = 80, [P] = 1000, [M] = 5 }, .refused_device = 7 },
	  S, C, 50, 100, 50 },
};
/* clang-format on */

static void test_rates(void **state)
{
	/* From any start, as counters never begin at 0 for a restarted daemon. */
	static const uint64_t starts[] = { 0, 12345, 1ull << 40 };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows) * SL_ARRAY_SIZE(starts); i++) {
		const typeof(rows[0]) *row = &rows[i / SL_ARRAY_SIZE(starts)];
		uint64_t start = starts[i % SL_ARRAY_SIZE(starts)];
		struct load_counters before = { .refused_device = start, .unserved = start };
		struct load_counters now = row->delta;
		struct load_rates got;

		for (int q = 0; q < SL_Q__MAX; q++) {
			before.admitted[q] = before.refused[q] = start;
			now.admitted[q] += start;
			now.refused[q] += start;
		}
		now.refused_device += start;
		now.unserved += start;

		print_message("case: %s\n", row->name);
		assert_true(load_rates(&before, &now, row->dt_ns, row->unit, row->quota, &got));
		assert_true(near(got.offered, row->offered));
		assert_true(near(got.load, row->load));
		assert_true(got.load <= got.offered);
	}
}

/* Every counter that goes back makes the reading a first one. */
static void test_counters_that_go_back(void **state)
{
	struct load_counters before, now;
	uint64_t *all = (uint64_t *)&now;
	struct load_rates got = { 7, 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(now) / sizeof(*all); i++) {
		memset(&before, 0, sizeof(before));
		for (size_t k = 0; k < sizeof(before) / sizeof(*all); k++)
			((uint64_t *)&before)[k] = 1000;
		now = before;
		all[i] = 999;
		assert_false(load_rates(&before, &now, S, M, 0, &got));
		all[i] = 0;
		assert_false(load_rates(&before, &now, S, M, 0, &got));
		assert_true(got.offered == 7 && got.load == 7);
	}
}

static void test_no_time_no_rate(void **state)
{
	struct load_counters before = { 0 }, now = { .admitted = { [M] = 5 } };
	struct load_rates got = { 7, 7 };

	(void)state;
	assert_false(load_rates(&before, &now, 0, M, 0, &got));
	assert_true(got.offered == 7 && got.load == 7);
}

static void test_average_takes_its_first_sample_whole(void **state)
{
	struct load_average a = { 0 };

	(void)state;
	load_average_add(&a, 5000, S, 3 * S);
	assert_true(a.primed && near(a.value, 5000));
}

static void test_average_follows_within_its_time(void **state)
{
	struct load_average a = { 0 };

	(void)state;
	load_average_add(&a, 0, S, 3 * S);
	load_average_add(&a, 1000, S, 3 * S);
	assert_true(near(a.value, 250)); /* one second of three does not decide */
	for (int i = 0; i < 3; i++)
		load_average_add(&a, 1000, S, 3 * S);
	assert_true(a.value > 600 && a.value < 800);
	for (int i = 0; i < 20; i++)
		load_average_add(&a, 1000, S, 3 * S);
	assert_true(a.value > 990 && a.value <= 1000);
}

/* A late reading covers more time, and weighs more. */
static void test_average_weighs_by_time(void **state)
{
	struct load_average a = { .value = 0, .primed = true }, b = a;

	(void)state;
	load_average_add(&a, 1000, 30 * S, 3 * S);
	load_average_add(&b, 1000, S, 3 * S);
	assert_true(a.value > 900 && b.value < 300);
	load_average_add(&b, 42, S, 0);
	assert_true(near(b.value, 42));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_counters_that_go_back),
		cmocka_unit_test(test_no_time_no_rate),
		cmocka_unit_test(test_average_takes_its_first_sample_whole),
		cmocka_unit_test(test_average_follows_within_its_time),
		cmocka_unit_test(test_average_weighs_by_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
