// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Heavy devices by bpf/lib/top.h: the rule itself, and what it finds among 100,000
 * devices whose shares follow Zipf's law, also while strangers flood.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/hash.h"
#include "lib/top.h"
#include "zipf.h"

#define DEVICES 100000
#define PACKETS 2000000
#define TEN	10

static uint64_t rng;

/* xorshift64*: the tests' own randomness. */
static uint32_t random_u32(void)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return rng * 0x2545f4914f6cdd1dull >> 32;
}

static struct sl_top_set table[SL_TOP_SETS];

static void offer(uint64_t hash, uint32_t random)
{
	struct sl_top_set *set = &table[hash & (SL_TOP_SETS - 1)];
	uint32_t way = top_find(set, hash);

	if (way < SL_TOP_WAYS)
		top_add(&set->entry[way].offered);
	else
		top_admit(set, hash, random);
}

static uint32_t figure(uint64_t hash)
{
	const struct sl_top_set *set = &table[hash & (SL_TOP_SETS - 1)];
	uint32_t way = top_find(set, hash);

	return way < SL_TOP_WAYS ? set->entry[way].offered : 0;
}

/* -- the rule -- */

static void test_find(void **state)
{
	struct sl_top_set set = {};

	(void)state;
	for (uint32_t i = 0; i < SL_TOP_WAYS; i++)
		set.entry[i].device = (i + 1ull) << 40 | 7;
	for (uint32_t i = 0; i < SL_TOP_WAYS; i++)
		assert_int_equal(top_find(&set, (i + 1ull) << 40 | 7), i);
	assert_int_equal(top_find(&set, 7), TOP_NONE);
	assert_int_equal(top_find(&set, 1ull << 40 | 6), TOP_NONE);
	assert_int_equal(top_find(&set, 1ull << 40 | 1ull << 63 | 7), TOP_NONE);
}

static void test_who_gives_way(void **state)
{
	struct sl_top_set set, before;

	(void)state;
	for (uint32_t i = 0; i < SL_TOP_WAYS; i++)
		set.entry[i] = (struct sl_top_entry){ i + 1, 100 + i, 50 };
	set.entry[5].offered = 9;
	before = set;
	/* one in ten: 2^32 / 10 */
	top_admit(&set, 77, 429496730);
	assert_memory_equal(&set, &before, sizeof(set));
	top_admit(&set, 77, 429496729);
	before.entry[5] = (struct sl_top_entry){ 77, 1, 0 };
	assert_memory_equal(&set, &before, sizeof(set));
	/* a full count is the heaviest, and stays */
	set.entry[5].offered = 0xffffffff;
	top_add(&set.entry[5].offered);
	assert_int_equal(set.entry[5].offered, 0xffffffff);
	assert_int_equal(top_lightest(&set, 3), 0);
}

static void test_equals_take_turns(void **state)
{
	struct sl_top_set set = {};
	uint32_t seen = 0;

	(void)state;
	for (uint32_t random = 0; random < SL_TOP_WAYS; random++)
		seen |= 1u << top_lightest(&set, random);
	assert_int_equal(seen, 0xff);
}

/* -- a stream -- */

static double cumulative[DEVICES];
static uint32_t sent[DEVICES];

static uint32_t draw(void)
{
	return zipf_at(cumulative, DEVICES, (random_u32() + 0.5) / 4294967296.0);
}

static uint64_t hash_of(uint64_t seed, uint64_t i)
{
	return hash_finish((i + 1) * 0x9e3779b97f4a7c15ull + seed);
}

/* The heaviest @n by @count, which is by device; selection, as n is small. */
static void heaviest(const uint32_t *count, uint32_t ret[TEN])
{
	for (int k = 0; k < TEN; k++) {
		uint32_t best = DEVICES;

		for (uint32_t i = 0; i < DEVICES; i++) {
			bool taken = false;

			for (int j = 0; j < k; j++)
				taken |= ret[j] == i;
			if (!taken && (best == DEVICES || count[i] > count[best]))
				best = i;
		}
		ret[k] = best;
	}
}

/* Ten heaviest are the ten that were sent, as far as 2 % tell them apart, within 2 %, and
 * nobody is told more than he sent.
 */
static void check_ten(uint64_t seed)
{
	static uint32_t told[DEVICES];
	uint32_t want[TEN], got[TEN];

	for (uint32_t i = 0; i < DEVICES; i++) {
		told[i] = figure(hash_of(seed, i));
		if (told[i] > sent[i])
			fail_msg("device %u sent %u, told %u", i, sent[i], told[i]);
	}
	heaviest(sent, want);
	heaviest(told, got);
	for (int k = 0; k < TEN; k++) {
		uint32_t i = want[k];

		if (told[i] < 0.98 * sent[i])
			fail_msg("device %u sent %u, told %u", i, sent[i], told[i]);
		if (sent[got[k]] < 0.98 * sent[want[TEN - 1]])
			fail_msg("device %u is none of the ten", got[k]);
	}
}

/* @strangers packets of sources that come once, for each of a device. */
static void stream(double s, uint64_t seed, uint32_t strangers)
{
	uint64_t once = DEVICES;

	zipf_fill(cumulative, DEVICES, s);
	rng = seed;
	memset(table, 0, sizeof(table));
	memset(sent, 0, sizeof(sent));
	for (int n = 0; n < PACKETS; n++) {
		uint32_t i = draw();

		sent[i]++;
		offer(hash_of(seed, i), random_u32());
		for (uint32_t k = 0; k < strangers; k++)
			offer(hash_of(seed, once++), random_u32());
	}
	check_ten(seed);
}

static void test_zipf(void **state)
{
	static const double exponents[] = { 0.8, 1.0, 1.2 };

	(void)state;
	for (int e = 0; e < 3; e++)
		for (uint64_t seed = 1; seed <= 4; seed++)
			stream(exponents[e], seed * 0x1234567, 0);
}

static void test_strangers_flood(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++)
		stream(1.0, seed * 0x7654321, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_who_gives_way),
		cmocka_unit_test(test_equals_take_turns),
		cmocka_unit_test(test_zipf),
		cmocka_unit_test(test_strangers_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
