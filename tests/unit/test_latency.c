// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Histograms of times: each nanosecond has one bucket, buckets are narrow, and quantiles are
 * within a bucket's width of what they would be of the times themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/latency.h"

#define LAST (SL_LATENCY_BUCKETS - 1)

static void test_log2(void **state)
{
	(void)state;
	for (int bit = 0; bit < 64; bit++) {
		assert_int_equal(latency_log2(1ull << bit), bit);
		assert_int_equal(latency_log2((1ull << bit) | ((1ull << bit) - 1)), bit);
	}
}

static void test_buckets_follow_each_other(void **state)
{
	(void)state;
	assert_int_equal(latency_bucket(0), 0);
	assert_int_equal(latency_floor_ns(0), 0);
	assert_int_equal(latency_floor_ns(1), 1ull << SL_LATENCY_MIN_LOG2);
	assert_int_equal(latency_floor_ns(LAST), 1ull << SL_LATENCY_MAX_LOG2);
	assert_int_equal(latency_bucket(UINT64_MAX), LAST);
	for (uint32_t i = 1; i <= LAST; i++) {
		uint64_t floor = latency_floor_ns(i), next = latency_floor_ns(i + 1);

		assert_int_equal(latency_bucket(floor), i);
		assert_int_equal(latency_bucket(floor - 1), i - 1);
		if (i < LAST)
			assert_true(next > floor && (next - floor) * SL_LATENCY_SUBS <= floor);
	}
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 33;
}

/* Times of all sizes: a power of two and as much again. */
static void test_quantiles(void **state)
{
	static const uint32_t permille[] = { 1, 10, 250, 500, 900, 990, 999, 1000 };
	enum {
		N = 20000
	};
	uint64_t *times = calloc(N, sizeof(*times)), random = 1;
	__u64 bucket[SL_LATENCY_BUCKETS] = {};

	(void)state;
	assert_non_null(times);
	for (int i = 0; i < N; i++) {
		times[i] = 1ull << (11 + next_random(&random) % 24);
		times[i] += next_random(&random) % times[i];
		bucket[latency_bucket(times[i])]++;
	}
	qsort(times, N, sizeof(*times), by_size);
	assert_int_equal(latency_count(bucket), N);
	for (size_t i = 0; i < SL_ARRAY_SIZE(permille); i++) {
		uint64_t is = times[(uint64_t)N * permille[i] / 1000 - 1];
		uint64_t said = latency_quantile_ns(bucket, permille[i]);

		assert_in_range(said, is - is / 16, is + is / 16);
	}
	free(times);
}

static void test_quantiles_at_the_ends(void **state)
{
	__u64 bucket[SL_LATENCY_BUCKETS] = {};

	(void)state;
	assert_int_equal(latency_quantile_ns(bucket, 500), 0);
	bucket[LAST] = 1;
	assert_int_equal(latency_quantile_ns(bucket, 500), 1ull << SL_LATENCY_MAX_LOG2);
	bucket[1] = 99;
	assert_in_range(latency_quantile_ns(bucket, 990), latency_floor_ns(1), latency_floor_ns(2));
	assert_int_equal(latency_quantile_ns(bucket, 991), 1ull << SL_LATENCY_MAX_LOG2);
}

static void test_hash_knows_all_of_a_request(void **state)
{
	const __u64 key[SL_HASH_WORDS] = { 3, 5, 7, 11, 13, 17, 19, 23 };
	const struct latency_ask a = { .addr.w = { 1, 2, 3, 4 }, 5, 6, 7, 8 };
	struct latency_ask b;

	(void)state;
	for (size_t i = 0; i < sizeof(a); i++) {
		b = a;
		((uint8_t *)&b)[i] ^= 0x10;
		assert_int_not_equal(latency_hash(key, &a), latency_hash(key, &b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log2),
		cmocka_unit_test(test_buckets_follow_each_other),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_quantiles_at_the_ends),
		cmocka_unit_test(test_hash_knows_all_of_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
