// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whom a ring holds when instances fail or drain, and where rings lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <stdlib.h>
#include <cmocka.h>
#include "plan/choose.h"
#include "plan/regions.h"

#define SIZE  1024
#define THREE 3

/* What is said of instances 1 to 3: up, Sick (probes fail), Out (and cut off), or not wanted. */
static const struct {
	const char *name, *instances, *now; /* who holds the ring so far; "" : it is new */
	double min_healthy;
	const char *holds; /* afterwards; "=": left as it is; "": nobody */
	bool below;
} cases[] = {
	{ "all up", "uuu", "", 0.5, "123", false },
	{ "one sick", "uSu", "123", 0.5, "13", false },
	{ "half of two is enough", "uS-", "12", 0.5, "1", false },
	{ "fewer than half: not believed", "uSS", "123", 0.5, "123", true },
	{ "none healthy: not believed", "SSS", "13", 0.5, "123", true },
	{ "none healthy, always believed: as it is", "SSS", "13", 0, "=", false },
	{ "the same in a new ring", "SSS", "", 0, "123", false },
	{ "none healthy, and one that held it drains", "S-S", "12", 0, "13", false },
	{ "a drain does not count as sick", "u--", "123", 1, "1", false },
	{ "all drain", "---", "123", 0.5, "", false },
	{ "min_healthy 1", "uuS", "12", 1, "123", true },
	{ "one out", "uOu", "123", 0.5, "13", false },
	{ "out, and not believed", "uOS", "123", 0.5, "13", true },
	{ "out counts as sick", "uO-", "123", 1, "1", true },
	{ "all out: nobody else is left", "OOO", "123", 0.5, "123", true },
	{ "all out, always believed: as it is", "OOO", "123", 0, "=", false },
};

static void held_by(const uint16_t *table, char ret[THREE + 1])
{
	bool seen[THREE + 1] = {};
	size_t n = 0;

	for (size_t s = 0; s < SIZE; s++)
		seen[table[s]] = true;
	for (int id = 1; id <= THREE; id++) {
		if (seen[id])
			ret[n++] = '0' + id;
	}
	ret[n] = '\0';
	assert_true(n ? !seen[0] : seen[0]);
}

static void test_choose(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(cases); i++) {
		const char *now = cases[i].now;
		struct ring_candidate c[THREE];
		struct sl_slot slots[SIZE] = {};
		struct ring_choice choice = {};
		char holds[THREE + 1] = "=";

		print_message("case: %s\n", cases[i].name);
		for (int k = 0; k < THREE; k++)
			c[k] = (struct ring_candidate){
				.id = k + 1,
				.weight = 100,
				.hash = ring_name_hash("s", (char[]){ 'a' + k, 0 }),
				.wanted = cases[i].instances[k] != '-',
				.healthy = cases[i].instances[k] == 'u',
				.out = cases[i].instances[k] == 'O',
			};
		for (size_t s = 0; *now && s < SIZE; s++)
			slots[s].cur = now[s % strlen(now)] - '0';
		assert_int_equal(ring_choose(c, THREE, cases[i].min_healthy, *now ? slots : NULL,
					     SIZE, &choice),
				 0);
		assert_int_equal(choice.below_min_healthy, cases[i].below);
		if (choice.table)
			held_by(choice.table, holds);
		assert_string_equal(holds, cases[i].holds);
		free(choice.table);
	}
}

static void test_differs_and_forget(void **state)
{
	struct sl_slot slots[2] = { { .cur = 1, .prev = 2, .deadline = 9 }, { .cur = 2 } };
	const uint16_t same[] = { 1, 2 }, other[] = { 1, 3 };

	(void)state;
	assert_false(ring_differs(slots, same, 2));
	assert_true(ring_differs(slots, other, 2));
	ring_forget(slots, 2, 2);
	assert_int_equal(slots[0].prev, 0);
	assert_int_equal(slots[0].deadline, 9);
	assert_int_equal(slots[1].cur, 2);
}

static void test_regions(void **state)
{
	struct regions r = {};
	uint32_t a, b, c, d = 77;

	(void)state;
	assert_int_equal(regions_open(&r, 8 * SL_RING_MIN_SLOTS + 5), 0);
	assert_int_equal(regions_take(&r, SL_RING_MIN_SLOTS, &a), 0);
	assert_int_equal(regions_take(&r, 4 * SL_RING_MIN_SLOTS, &b), 0);
	assert_int_equal(b, 4 * SL_RING_MIN_SLOTS); /* aligned to its size */
	assert_int_equal(regions_take(&r, 2 * SL_RING_MIN_SLOTS, &c), 0);
	assert_int_equal(c, 2 * SL_RING_MIN_SLOTS);
	assert_int_equal(regions_take(&r, 2 * SL_RING_MIN_SLOTS, &d), -ENOSPC);
	assert_int_equal(d, 77);
	assert_int_equal(regions_claim(&r, c, SL_RING_MIN_SLOTS), -EEXIST);
	assert_int_equal(regions_claim(&r, 8 * SL_RING_MIN_SLOTS, SL_RING_MIN_SLOTS), -EEXIST);
	regions_free(&r, b, 4 * SL_RING_MIN_SLOTS);
	assert_int_equal(regions_claim(&r, 6 * SL_RING_MIN_SLOTS, 2 * SL_RING_MIN_SLOTS), 0);
	assert_int_equal(regions_take(&r, 2 * SL_RING_MIN_SLOTS, &d), 0);
	assert_int_equal(d, b);
	regions_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choose),
		cmocka_unit_test(test_differs_and_forget),
		cmocka_unit_test(test_regions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
