// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The contract of the buckets, on a clock that ticks: over any true time t,
 * admitted <= rate * t + burst (or one packet, if that is more), and at least
 * 99 % of rate * t while more is offered. Numbers as plan_quota() makes them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/device.h"
#include "lib/gcra.h"

#define SECOND 1000000000ull
#define TICK   4000000ull

struct quota {
	double rate;
	__u64 burst_ns;
};

static __u64 ticked(__u64 now_ns)
{
	return now_ns / TICK * TICK;
}

static double max2(double a, double b)
{
	return a > b ? a : b;
}

/* Offer @offered a second for @seconds from @start_ns on; count what passes. */
static __u64 offer(__u64 *tat, const struct quota *q, double offered, double seconds,
		   __u64 start_ns)
{
	__u64 cost = SECOND * SL_TAT_PER_NS / q->rate, passed = 0;
	__u64 limit = (q->burst_ns - TICK) * SL_TAT_PER_NS;
	__u64 n = offered * seconds;

	for (__u64 i = 0; i < n; i++) {
		__u64 now = ticked(start_ns + i * SECOND / offered);

		passed += gcra_step(tat, now * SL_TAT_PER_NS, cost, limit, TICK * SL_TAT_PER_NS) ==
			  GCRA_CONFORM;
	}
	return passed;
}

static void test_an_overload_is_held_to_the_rate(void **state)
{
	static const struct quota quotas[] = {
		{ 10, 10000000 },   { 1000, 10000000 },	  { 100000, 10000000 },
		{ 1000, 2 * TICK }, { 250, 2 * TICK },	  { 130, 2 * TICK },
		{ 1, 100000000 },   { 33333, 100000000 }, { 1000, 1000000000 },
		{ 99.5, 20000000 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(quotas); i++) {
		const struct quota *q = &quotas[i];

		for (__u64 phase = 0; phase < 8; phase++) {
			__u64 start = 7 * SECOND + phase * TICK / 8, tat = 0;
			double seconds = 20, offered = max2(1000, q->rate * 3);
			double got = offer(&tat, q, offered, seconds, start);
			double burst = max2(q->rate * q->burst_ns / SECOND, 1);

			if (got > q->rate * seconds + burst || got < 0.99 * q->rate * seconds)
				fail_msg("%g/s, burst %g, phase %llu: %g in %g s", q->rate, burst,
					 (unsigned long long)phase, got, seconds);
		}
	}
}

/* Any window, not only one that begins idle: random loads, all windows between
 * admissions checked by the largest excess over the rate so far.
 */
static void test_no_window_holds_more(void **state)
{
	(void)state;
	srand(3);
	for (int round = 0; round < 200; round++) {
		struct quota q = { 10 + rand() % 20000, 2 * TICK + rand() % 50000000 };
		__u64 cost = SECOND * SL_TAT_PER_NS / q.rate, tat = 0;
		__u64 limit = (q.burst_ns - TICK) * SL_TAT_PER_NS;
		double burst = max2(q.rate * q.burst_ns / SECOND, 1) + 1e-3;
		double lowest = 1e18; /* of admitted before - rate * t: the window's start */
		__u64 now = SECOND, admitted = 0;

		for (int i = 0; i < 20000; i++) {
			double line;

			now += rand() % 10 ? rand() % 20000 : rand() % 20000000;
			line = admitted - q.rate * now / SECOND;
			if (gcra_step(&tat, ticked(now) * SL_TAT_PER_NS, cost, limit,
				      TICK * SL_TAT_PER_NS) != GCRA_CONFORM)
				continue;
			lowest = line < lowest ? line : lowest;
			admitted++;
			line = admitted - q.rate * now / SECOND;
			/* with a burst below two ticks and a packet, one packet more */
			if (line - lowest > burst + (q.burst_ns < 2 * TICK + SECOND / q.rate))
				fail_msg("%g/s, burst %g: %g over in a window", q.rate, burst,
					 line - lowest - burst);
		}
	}
}

static void test_a_packet_over_the_burst_passes_a_full_bucket(void **state)
{
	__u64 tat = 0;

	(void)state;
	assert_int_equal(gcra_step(&tat, 1000, 500, 100, 10), GCRA_CONFORM);
	assert_int_equal(gcra_step(&tat, 1400, 500, 100, 10), GCRA_EXCEED);
	assert_int_equal(gcra_step(&tat, 1500, 500, 100, 10), GCRA_CONFORM);
	assert_int_equal(tat, 2000);
}

static void test_a_refund_is_as_if_nothing_was_charged(void **state)
{
	__u64 tat = 5000;

	(void)state;
	assert_int_equal(gcra_step(&tat, 4990, 7, 100, 1), GCRA_CONFORM);
	gcra_refund(&tat, 7);
	assert_int_equal(tat, 5000);
}

static enum device_result step(struct sl_device_line *l, __u16 tag, __u64 now,
			       struct device_charge *c)
{
	return device_step(l, tag, now, 100, 100, 1, c);
}

static void test_devices_share_a_line_without_sharing_a_bucket(void **state)
{
	struct sl_device_line line = {};
	struct device_charge c;

	(void)state;
	for (__u16 tag = 0; tag < DEVICE_WORDS; tag++) { /* tag 0 is a device like any other */
		assert_int_equal(step(&line, tag, 1000, &c), DEVICE_CONFORM);
		assert_int_equal(step(&line, tag, 1000, &c), DEVICE_EXCEED);
	}
	/* all live: the ninth is let by, and disturbs nobody */
	assert_int_equal(step(&line, 99, 1000, &c), DEVICE_BYPASS);
	for (__u16 tag = 0; tag < DEVICE_WORDS; tag++)
		assert_int_equal(step(&line, tag, 1000, &c), DEVICE_EXCEED);
	/* their time passes: words are free again */
	assert_int_equal(step(&line, 99, 1100, &c), DEVICE_CONFORM);
	assert_int_equal(step(&line, 99, 1100, &c), DEVICE_EXCEED);
	assert_int_equal(step(&line, 3, 1101, &c), DEVICE_CONFORM);
}

static void test_a_device_refund_restores_the_word(void **state)
{
	struct sl_device_line line = {}, before;
	struct device_charge c;

	(void)state;
	assert_int_equal(step(&line, 5, 1000, &c), DEVICE_CONFORM);
	before = line;
	assert_int_equal(step(&line, 6, 1000, &c), DEVICE_CONFORM);
	device_refund(&c);
	assert_memory_equal(&line, &before, sizeof(line));
	device_refund(&(struct device_charge){}); /* nothing was charged */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_overload_is_held_to_the_rate),
		cmocka_unit_test(test_no_window_holds_more),
		cmocka_unit_test(test_a_packet_over_the_burst_passes_a_full_bucket),
		cmocka_unit_test(test_a_refund_is_as_if_nothing_was_charged),
		cmocka_unit_test(test_devices_share_a_line_without_sharing_a_bucket),
		cmocka_unit_test(test_a_device_refund_restores_the_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
