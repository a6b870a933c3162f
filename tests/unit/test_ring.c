// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Maglev: shares, order, disruption. Rings in motion: every rule of ring.h. That
 * no flow moves is tests/unit/test_pins_model.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/affinity.h"
#include "plan/ring.h"

#define MAX_MEMBERS 64
#define MAX_SIZE    8192

static uint64_t name_hash(unsigned int i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ull;
}

static size_t members_make(struct ring_member *m, const uint32_t *weights, size_t n)
{
	for (size_t i = 0; i < n; i++)
		m[i] = (struct ring_member){ .id = i + 1,
					     .weight = weights ? weights[i] : 100,
					     .hash = name_hash(i) };
	return n;
}

static uint32_t count(const uint16_t *table, uint32_t size, uint16_t id)
{
	uint32_t n = 0;

	for (uint32_t s = 0; s < size; s++)
		n += table[s] == id;
	return n;
}

static void test_sizes(void **state)
{
	static const struct {
		uint32_t instances, size;
	} rows[] = {
		{ 0, 1024 },	     { 1, 1024 },
		{ 8, 1024 },	     { 9, 2048 },
		{ 16, 2048 },	     { 64, 8192 },
		{ 65, 16384 },	     { 65536, 1u << 23 },
		{ 65537, 1u << 23 }, { UINT32_MAX, 1u << 23 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++)
		assert_int_equal(ring_size_for(rows[i].instances), rows[i].size);
}

/* Within a slot or two of the weight, where the weight is worth a slot at all. */
static void test_shares(void **state)
{
	static const uint32_t sets[][8] = {
		{ 100 },
		{ 100, 100, 100 },
		{ 100, 100, 100, 100, 100, 100, 100, 100 },
		{ 100, 50, 25 },
		{ 1000, 10 },
		{ 1, 2, 3, 4, 5, 6, 7, 8 },
		{ 700, 100, 100, 0, 100 },
	};
	struct ring_member m[8];
	uint16_t table[1024];

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(sets); i++) {
		uint32_t total = 0;

		for (int k = 0; k < 8; k++)
			total += sets[i][k];
		members_make(m, sets[i], 8);
		assert_int_equal(maglev_fill(m, 8, table, 1024), 0);
		assert_int_equal(count(table, 1024, 0), 0);
		for (int k = 0; k < 8; k++) {
			double want = 1024.0 * sets[i][k] / total;
			double got = count(table, 1024, k + 1);

			assert_true(got <= want * 1.02 + 1 && got >= want * 0.98 - 1);
		}
	}
}

static void test_nobody_to_fill_with(void **state)
{
	struct ring_member m[2] = { { .id = 1, .hash = 1 }, { .id = 0, .weight = 5, .hash = 2 } };
	uint16_t table[64];

	(void)state;
	memset(table, 0xff, sizeof(table));
	assert_int_equal(maglev_fill(NULL, 0, table, 64), 0);
	assert_int_equal(count(table, 64, 0), 64);
	memset(table, 0xff, sizeof(table));
	assert_int_equal(maglev_fill(m, 2, table, 64), 0);
	assert_int_equal(count(table, 64, 0), 64);
}

static void test_order_does_not_matter(void **state)
{
	struct ring_member m[MAX_MEMBERS], turned[MAX_MEMBERS];
	uint16_t a[MAX_SIZE], b[MAX_SIZE];
	size_t n = members_make(m, NULL, MAX_MEMBERS);

	(void)state;
	for (size_t i = 0; i < n; i++)
		turned[(i * 37 + 11) % n] = m[i];
	assert_int_equal(maglev_fill(m, n, a, MAX_SIZE), 0);
	assert_int_equal(maglev_fill(turned, n, b, MAX_SIZE), 0);
	assert_memory_equal(a, b, sizeof(a));
	/* Nor do two members whose names hash alike. */
	m[1].hash = m[0].hash;
	turned[0] = m[1];
	turned[1] = m[0];
	assert_int_equal(maglev_fill(m, 2, a, MAX_SIZE), 0);
	assert_int_equal(maglev_fill(turned, 2, b, MAX_SIZE), 0);
	assert_memory_equal(a, b, sizeof(a));
}

/* Slots that change although neither their old nor their new owner came or went. */
static uint32_t bystanders(const uint16_t *a, const uint16_t *b, uint32_t size, uint16_t id)
{
	uint32_t n = 0;

	for (uint32_t s = 0; s < size; s++)
		n += a[s] != b[s] && a[s] != id && b[s] != id;
	return n;
}

static void test_disruption(void **state)
{
	static const size_t sizes[] = { 2, 3, 8, 16, 64 };
	struct ring_member m[MAX_MEMBERS];
	uint16_t all[MAX_SIZE], less[MAX_SIZE];

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(sizes); i++) {
		size_t n = members_make(m, NULL, sizes[i]);
		uint32_t size = ring_size_for(n), own, extra, worst = 0;

		assert_int_equal(maglev_fill(m, n, all, size), 0);
		for (size_t gone = 0; gone < n; gone++) {
			members_make(m, NULL, n);
			m[gone].weight = 0;
			assert_int_equal(maglev_fill(m, n, less, size), 0);
			own = count(all, size, gone + 1);
			extra = bystanders(all, less, size, gone + 1);
			worst = extra > worst ? extra : worst;
			assert_int_equal(count(less, size, gone + 1), 0);
			assert_in_range(own, size / n - 1, size / n + 1);
		}
		print_message("%2zu members, %4u slots: at worst %u of the others' move\n", n, size,
			      worst);
		assert_in_range(worst, 0, size / 16);
	}
}

/* -- slots -- */

#define KEEP 100

static struct sl_slot *slots_make(uint32_t n, uint16_t cur)
{
	struct sl_slot *slots = calloc(n, sizeof(*slots));

	assert_non_null(slots);
	for (uint32_t s = 0; s < n; s++)
		slots[s].cur = cur;
	return slots;
}

/* One slot, one step: before, what the table says, after. Now is 1000. */
static void test_update(void **state)
{
	static const struct {
		const char *name;
		struct sl_slot before;
		uint16_t want;
		bool affinity;
		struct sl_slot after;
	} rows[] = {
		{ "nothing to do", { 1, 0, 0 }, 1, true, { 1, 0, 0 } },
		{ "a change", { 1, 0, 0 }, 2, true, { 2, 1, 1100 } },
		{ "in transition only cur", { 2, 1, 1050 }, 3, true, { 3, 1, 1050 } },
		{ "A to B to A", { 2, 1, 1050 }, 1, true, { 1, 1, 1050 } },
		{ "in transition, unchanged", { 2, 1, 1050 }, 2, true, { 2, 1, 1050 } },
		{ "the last second", { 2, 1, 1001 }, 3, true, { 3, 1, 1001 } },
		{ "past at the deadline", { 2, 1, 1000 }, 3, true, { 3, 2, 1100 } },
		{ "past, with pins left", { 2, 1, 900 }, 3, true, { 3, 2, 1100 } },
		{ "the first instance", { 0, 0, 0 }, 1, true, { 1, 0, 0 } },
		{ "the last one leaves", { 1, 0, 0 }, 0, true, { 0, 1, 1100 } },
		{ "and another comes", { 0, 1, 1050 }, 2, true, { 2, 1, 1050 } },
		{ "or later, pins left", { 0, 1, 900 }, 2, true, { 2, 1, 900 } },
		{ "no affinity", { 1, 0, 0 }, 2, false, { 2, 0, 0 } },
		{ "no longer affinity", { 2, 1, 1050 }, 3, false, { 3, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct sl_slot *slot = slots_make(1, 0);
		uint32_t changed;

		print_message("case: %s\n", rows[i].name);
		*slot = rows[i].before;
		changed = ring_update(slot, &rows[i].want, 1, 1000, KEEP, rows[i].affinity);
		assert_int_equal(changed, rows[i].before.cur != rows[i].want);
		assert_memory_equal(slot, &rows[i].after, sizeof(*slot));
		free(slot);
	}
}

static void test_update_at_the_end_of_time(void **state)
{
	struct sl_slot *slot = slots_make(1, 1);
	uint16_t two = 2;

	(void)state;
	ring_update(slot, &two, 1, UINT32_MAX - 5, KEEP, true);
	assert_int_equal(slot->deadline, UINT32_MAX);
	*slot = (struct sl_slot){ .cur = 1 };
	ring_update(slot, &two, 1, 0, 0, true);
	assert_int_equal(slot->deadline, 1);
	free(slot);
}

static void test_grow(void **state)
{
	struct sl_slot *from = slots_make(8, 0), *to = slots_make(64, 0);

	(void)state;
	for (uint32_t s = 0; s < 8; s++)
		from[s] = (struct sl_slot){ s + 1, s + 100, s * 1000 };
	ring_grow(from, 8, to, 64);
	for (uint32_t s = 0; s < 64; s++)
		assert_memory_equal(&to[s], &from[s / 8], sizeof(*to));
	memset(to, 0, 64 * sizeof(*to));
	ring_grow(from, 8, to, 8);
	assert_memory_equal(to, from, 8 * sizeof(*to));
	ring_grow(to, 8, to, 16); /* in place */
	for (uint32_t s = 0; s < 16; s++)
		assert_memory_equal(&to[s], &from[s / 2], sizeof(*to));
	/* A flow's slot in the doubled ring is a child of its slot before. */
	for (uint64_t hash = 0; hash < 1ull << 32; hash += 0x1234567)
		assert_int_equal((hash * 16 >> 32) >> 1, hash * 8 >> 32);
	free(from);
	free(to);
}

static void test_prolong(void **state)
{
	struct sl_slot *s = slots_make(4, 1);

	(void)state;
	s[1] = (struct sl_slot){ 2, 1, 1010 };
	s[2] = (struct sl_slot){ 2, 1, 1000 }; /* past: its new flows have no pin */
	s[3] = (struct sl_slot){ 2, 1, 1500 };
	assert_int_equal(ring_prolong(s, 4, 1000, KEEP), 2);
	assert_int_equal(s[0].deadline, 0);
	assert_int_equal(s[1].deadline, 1100);
	assert_int_equal(s[2].deadline, 1000);
	assert_int_equal(s[3].deadline, 1500);
	free(s);
}

/* What is prolonged for lost pins has not just begun, for any sort of opener. */
static void test_prolonged_is_not_early(void **state)
{
	static const uint32_t keeps[] = { 5, 51, 52, 60, 100, 3600 };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(keeps); i++) {
		uint32_t keep = keeps[i], by = ring_prolong_s(keep);

		assert_in_range(by, keep < 52 ? keep : 6, keep);
		for (int step = FLOW_OPENER; step <= FLOW_REQUEST_SLOW; step++) {
			const struct affinity_view v = {
				.slot = { .cur = 2, .prev = 1, .deadline = 1000 + by },
				.now_s = 1000,
				.keep_s = keep,
				.step = step,
			};

			assert_int_equal(affinity_early(&v), keep < 52);
		}
	}
}

static void test_clamp(void **state)
{
	struct sl_slot *s = slots_make(4, 1);

	(void)state;
	s[1] = (struct sl_slot){ 2, 1, 1010 };
	s[2] = (struct sl_slot){ 2, 1, 1000 };
	s[3] = (struct sl_slot){ 2, 1, 1500 };
	ring_clamp(s, 4, 1000, KEEP);
	assert_int_equal(s[0].deadline, 0);
	assert_int_equal(s[1].deadline, 1010);
	assert_int_equal(s[2].deadline, 1000);
	assert_int_equal(s[3].deadline, 1100);
	assert_int_equal(s[3].cur, 2);
	assert_int_equal(s[3].prev, 1);
	assert_true(ring_is_unsettled(s, 4));
	assert_true(ring_is_unsettled(s + 3, 1));
	assert_false(ring_is_unsettled(s, 1));
	assert_false(ring_is_unsettled(s, 0));
	free(s);
}

static void test_settle(void **state)
{
	static const uint32_t deadlines[] = { 0, 1001, 1000, 999, 999 };
	struct sl_slot *s = slots_make(70, 2);
	uint64_t pinned[2] = { 1 << 4, 1 << 5 };

	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		s[i] = (struct sl_slot){ 2, 1, deadlines[i] };
	s[68] = s[69] = (struct sl_slot){ 2, 1, 5 };
	/* Left: in transition, in the deadline's second, two with pins. */
	assert_int_equal(ring_settle(s, 70, 1000, pinned), 4);
	assert_int_equal(s[1].deadline, 1001);
	assert_int_equal(s[2].deadline, 1000);
	assert_int_equal(s[3].deadline, 0);
	assert_int_equal(s[3].prev, 0);
	assert_int_equal(s[3].cur, 2);
	assert_int_equal(s[4].deadline, 999);
	assert_int_equal(s[68].deadline, 0);
	assert_int_equal(s[69].deadline, 5);
	assert_int_equal(ring_settle(s, 70, 1001, (uint64_t[2]){}), 1);
	assert_int_equal(ring_settle(s, 70, 1002, (uint64_t[2]){}), 0);
	free(s);
}

static void test_watch(void **state)
{
	struct sl_slot *s = slots_make(3, 2);
	uint16_t table[] = { 3, 2, 2 };

	(void)state;
	s[1] = (struct sl_slot){ 2, 1, 1010 };
	s[2] = (struct sl_slot){ 2, 1, 990 };
	ring_watch(s, 3);
	assert_true(ring_slot_is_watched(&s[0]));
	assert_int_equal(s[0].cur, 2);
	assert_false(ring_slot_is_watched(&s[1]));
	assert_int_equal(s[1].deadline, 1010);
	assert_false(ring_slot_is_watched(&s[2]));
	assert_int_equal(ring_uses(s, 3, 2, 1000).prev_in_transition, 0);
	/* It is quiescent to a change and to the sweep. */
	assert_int_equal(ring_update(s, table, 3, 1000, KEEP, true), 1);
	assert_int_equal(s[0].prev, 2);
	assert_int_equal(s[0].deadline, 1100);
	s[0].deadline = 1;
	assert_int_equal(ring_settle(s, 3, 1000, (uint64_t[1]){ 1 << 2 }), 2);
	assert_int_equal(s[0].deadline, 0);
	ring_watch(s, 3);
	assert_int_equal(ring_settle(s, 3, 1020, (uint64_t[1]){ 1 << 0 }), 1);
	assert_true(ring_slot_is_watched(&s[0]));
	free(s);
}

static void test_uses(void **state)
{
	struct sl_slot *s = slots_make(5, 1);
	struct ring_uses u;

	(void)state;
	s[1] = (struct sl_slot){ 2, 1, 1001 };
	s[2] = (struct sl_slot){ 2, 1, 1000 };
	s[3] = (struct sl_slot){ 2, 1, 999 };
	s[4] = (struct sl_slot){ 2, 1, 0 };
	u = ring_uses(s, 5, 1, 1000);
	assert_int_equal(u.cur, 1);
	assert_int_equal(u.prev_in_transition, 2);
	u = ring_uses(s, 5, 2, 1000);
	assert_int_equal(u.cur, 4);
	assert_int_equal(u.prev_in_transition, 0);
	free(s);
}

static void test_stale_pins(void **state)
{
	static const struct sl_slot quiet = { 2, 0, 0 }, moving = { 2, 1, 1500 },
				    past = { 2, 1, 1000 };
	static const struct {
		const char *name;
		const struct sl_slot *slot;
		struct sl_pin pin;
		bool half_open, stale;
	} rows[] = {
		{ "nothing left to pin", &quiet, { 1, 0, 1000, 0, {} }, false, true },
		{ "fresh", &moving, { 1, 0, 1000, 0, {} }, false, false },
		{ "younger than the sweep", &moving, { 1, 0, 1003, 0, {} }, false, false },
		{ "silent for keep", &moving, { 1, 0, 900, 0, {} }, false, false },
		{ "and longer", &moving, { 1, 0, 899, 0, {} }, false, true },
		{ "half-open, 64 s", &moving, { 1, 0, 936, 0, {} }, true, false },
		{ "half-open, 65 s", &moving, { 1, 0, 935, 0, {} }, true, true },
		{ "not promoted", &moving, { 1, 0, 935, SL_PIN_KEEP, {} }, true, false },
		{ "not promoted, 101 s", &moving, { 1, 0, 899, SL_PIN_KEEP, {} }, true, true },
		{ "established, 65 s", &moving, { 1, 0, 935, 0, {} }, false, false },
		{ "closing, 60 s", &moving, { 1, 0, 940, SL_PIN_CLOSING, {} }, false, false },
		{ "closing, 61 s", &moving, { 1, 0, 939, SL_PIN_CLOSING, {} }, false, true },
		{ "cur, in transition", &moving, { 2, 0, 1000, 0, {} }, false, false },
		{ "cur, past", &past, { 2, 0, 1000, 0, {} }, false, true },
		{ "cur, past, half-open", &past, { 2, 0, 1000, 0, {} }, true, true },
		{ "prev, past", &past, { 1, 0, 1000, 0, {} }, false, false },
		{ "another, past", &past, { 9, 0, 1000, 0, {} }, false, false },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		print_message("case: %s\n", rows[i].name);
		assert_int_equal(ring_pin_is_stale(&rows[i].pin, rows[i].slot, rows[i].half_open,
						   1000, KEEP),
				 rows[i].stale);
	}
}

static void test_stale_exchanges(void **state)
{
	static const struct sl_slot quiet = { 2, 0, 0 }, moving = { 2, 1, 1500 },
				    past = { 2, 1, 1000 };
	static const struct {
		const char *name;
		const struct sl_slot *slot;
		struct sl_exchange exchange;
		bool stale;
	} rows[] = {
		{ "nothing left to move", &quiet, { 1, 0, 1000 }, true },
		{ "fresh", &moving, { 1, 0, 1000 }, false },
		{ "younger than the sweep", &moving, { 1, 0, 1003 }, false },
		{ "60 s", &moving, { 1, 0, 940 }, false },
		{ "61 s", &moving, { 1, 0, 939 }, true },
		{ "cur, in transition", &moving, { 2, 0, 1000 }, false },
		{ "cur, past", &past, { 2, 0, 1000 }, true },
		{ "prev, past", &past, { 1, 0, 1000 }, false },
		{ "prev, past, 61 s", &past, { 1, 0, 939 }, true },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		print_message("case: %s\n", rows[i].name);
		assert_int_equal(ring_exchange_is_stale(&rows[i].exchange, rows[i].slot, 1000),
				 rows[i].stale);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_nobody_to_fill_with),
		cmocka_unit_test(test_order_does_not_matter),
		cmocka_unit_test(test_disruption),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_update_at_the_end_of_time),
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_prolong),
		cmocka_unit_test(test_prolonged_is_not_early),
		cmocka_unit_test(test_clamp),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_uses),
		cmocka_unit_test(test_stale_pins),
		cmocka_unit_test(test_stale_exchanges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
