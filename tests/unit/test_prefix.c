// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Prefix tables against a second way to match: one hash look-up a length. The
 * search is the packet path's own.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "plan/prefix.h"

static struct plan_prefix_table table;
static unsigned int visited, deepest; /* roots, by this search and by any */

static const struct sl_prefix_root *prefix_root(__u32 i)
{
	if (++visited > deepest)
		deepest = visited;
	return i < table.n_roots ? &table.roots[i] : NULL;
}

static const struct sl_prefix_index *prefix_index(__u32 i)
{
	return i < table.n_index ? &table.index[i] : NULL;
}

static const struct sl_prefix_range *prefix_range(__u32 i)
{
	return i < table.n_ranges ? &table.ranges[i] : NULL;
}

#include "lib/inet.h"
#include "lib/prefix.h"

static uint64_t seed;

static uint64_t rnd(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15ull; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* -- a set of prefixes, and the other way to match -- */

#define SET_MAX (1 << 18)

static struct {
	struct prefix p[SET_MAX];
	size_t n;
	uint32_t slot[2 * SET_MAX]; /* open addressing; index + 1 */
	bool has_len[129];
} set;

static struct sl_addr addr_of(uint64_t w0, uint64_t w1)
{
	return (struct sl_addr){ .w = { bpf_htonl(w0 >> 32), bpf_htonl(w0), bpf_htonl(w1 >> 32),
					bpf_htonl(w1) } };
}

static uint64_t high_bits(int len)
{
	return len <= 0 ? 0 : len >= 64 ? UINT64_MAX : ~(UINT64_MAX >> len);
}

static struct sl_addr masked(struct sl_addr a, int len)
{
	return addr_of(addr_word0(&a, false) & high_bits(len),
		       addr_word1(&a) & high_bits(len - 64));
}

/* Where (@a, @len) is or would be. */
static uint32_t *set_slot(struct sl_addr a, int len)
{
	uint64_t h = (addr_word0(&a, false) ^ (uint64_t)len << 56) * 0x9e3779b97f4a7c15ull;

	h = (h ^ h >> 29 ^ addr_word1(&a)) * 0xbf58476d1ce4e5b9ull;
	for (h >>= 32;; h++) {
		uint32_t *s = &set.slot[h % (2 * SET_MAX)];

		if (!*s ||
		    (set.p[*s - 1].len == len && !memcmp(&set.p[*s - 1].addr, &a, sizeof(a))))
			return s;
	}
}

static void set_clear(void)
{
	memset(&set, 0, sizeof(set));
}

/* Values are few, so that equal neighbours occur. */
static void set_add(struct sl_addr a, int len)
{
	uint32_t *s;

	a = masked(a, len);
	s = set_slot(a, len);
	if (*s || set.n == SET_MAX)
		return;
	set.p[set.n++] = (struct prefix){ .addr = a, .len = len, .value = 1 + rnd() % 1000 };
	*s = set.n;
	set.has_len[len] = true;
}

static void set_add4(uint32_t a, int len)
{
	set_add(addr_of(0, 0xffffull << 32 | a), 96 + len);
}

/* IPv4 and IPv6 are two spaces: ::/0 does not hold for IPv4. */
static bool is_v4(struct sl_addr a)
{
	return !addr_word0(&a, false) && addr_word1(&a) >> 32 == 0xffff;
}

static uint32_t set_find(struct sl_addr a)
{
	for (int len = 128; len >= (is_v4(a) ? 96 : 0); len--) {
		uint32_t *s;

		if (!set.has_len[len])
			continue;
		s = set_slot(masked(a, len), len);
		if (*s)
			return set.p[*s - 1].value;
	}
	return 0;
}

/* -- comparisons -- */

static void check_address(struct sl_addr a)
{
	bool v4 = is_v4(a);
	uint32_t got, want = set_find(a);

	visited = 0;
	got = prefix_find(!v4, addr_word0(&a, v4), addr_word1(&a));
	if (got != want)
		fail_msg("%016llx %016llx: %u instead of %u",
			 (unsigned long long)addr_word0(&a, false),
			 (unsigned long long)addr_word1(&a), got, want);
}

/* @a plus @d, in 128 bits. An IPv4 address that leaves its space is an IPv6 one. */
static struct sl_addr moved(struct sl_addr a, int d)
{
	uint64_t w1 = addr_word1(&a) + d, carry = d > 0 ? w1 == 0 : w1 == UINT64_MAX;

	return addr_of(addr_word0(&a, false) + (carry ? d : 0), w1);
}

static void check_around(const struct prefix *p)
{
	struct sl_addr first = p->addr, last, inside;

	last = addr_of(addr_word0(&first, false) | ~high_bits(p->len),
		       addr_word1(&first) | ~high_bits(p->len - 64));
	inside = addr_of(addr_word0(&first, false) | (rnd() & ~high_bits(p->len)),
			 addr_word1(&first) | (rnd() & ~high_bits(p->len - 64)));
	check_address(first);
	check_address(last);
	check_address(inside);
	check_address(moved(first, -1));
	check_address(moved(last, 1));
}

static void check_layout(void)
{
	size_t budget = 4 * (set.n > SL_DEF_PREFIXES ? set.n : SL_DEF_PREFIXES);

	assert_in_range(table.n_roots, 2, SL_PREFIX_ROOTS_PER_BANK);
	assert_in_range(table.n_index, 0, budget - 1);
	assert_in_range(table.n_ranges, 0, budget - 1);
	for (size_t i = 0; i < table.n_index; i++) {
		assert_in_range(table.index[i].more, 0, SL_PREFIX_CHUNK);
		assert_in_range(table.index[i].first + table.index[i].more, 0, table.n_ranges - 1);
	}
	for (size_t i = 0; i < table.n_ranges; i++) {
		if (table.ranges[i].value & SL_PREFIX_ROOT)
			assert_in_range(table.ranges[i].value & ~SL_PREFIX_ROOT, 2,
					table.n_roots - 1);
	}
}

static double build(void)
{
	struct timespec a, b;

	prefix_table_free(&table);
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(prefix_table_build(set.p, set.n, &table), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (b.tv_sec - a.tv_sec) * 1e3 + (b.tv_nsec - a.tv_nsec) * 1e-6;
}

static void check_set(size_t around)
{
	size_t step = set.n > around ? set.n / around : 1;

	check_layout();
	for (size_t i = 0; i < set.n; i += step)
		check_around(&set.p[i]);
	for (int i = 0; i < 1000; i++) {
		check_address(addr_of(0, 0xffffull << 32 | (uint32_t)rnd()));
		check_address(addr_of(rnd(), rnd()));
	}
	check_address(addr_of(0, 0xffffull << 32));
	check_address(addr_of(0, 0xffffffffffffull));
	check_address(addr_of(0, 0));
	check_address(addr_of(UINT64_MAX, UINT64_MAX));
}

/* -- distributions -- */

static void none(void)
{
}

static void defaults(void)
{
	set_add4(0, 0);
	set_add(addr_of(0, 0), 0);
}

static void edges(void)
{
	defaults();
	set_add4(0, 1);
	set_add4(0, 32);
	set_add4(UINT32_MAX, 32);
	set_add4(UINT32_MAX, 8);
	set_add(addr_of(0, 1), 128);
	set_add(addr_of(0, 0), 128);
	set_add(addr_of(0, 0), 65);
	set_add(addr_of(0, 0xffffull << 32), 90);
	set_add(addr_of(UINT64_MAX, UINT64_MAX), 128);
	set_add(addr_of(UINT64_MAX, UINT64_MAX), 64);
	set_add(addr_of(UINT64_MAX, 0), 63);
	set_add(addr_of(1ull << 63, 0), 1);
}

static void nested_v4(void)
{
	for (uint32_t i = 0; i < 25000; i++) {
		uint32_t a = 10u << 24 | (i / 250) << 16 | (i % 250) << 8 | (i & 0xff);

		set_add4(a, 8);
		set_add4(a, 16);
		set_add4(a, 24);
		set_add4(a, 32);
	}
}

static void hosts_in_one_16(void)
{
	for (uint32_t i = 0; i < 65536; i++)
		set_add4(0xc6330000u + i, 32);
	set_add4(0x01000000, 8);
	set_add4(0xdf000000, 8);
}

static void every_other_host(void)
{
	for (uint32_t i = 0; i < 100000; i++)
		set_add4(0x0a000000u + 2 * i, 32);
	set_add4(0xdf000000, 8);
}

static void random_v4(void)
{
	while (set.n < 100000)
		set_add4(rnd(), 8 + rnd() % 25);
}

static void random_24s(void)
{
	while (set.n < 100000)
		set_add4(rnd(), 24);
}

/* Customers with a /24 and 20 hosts in it, side by side. */
static void clumps_side_by_side(void)
{
	for (uint32_t c = 0; c < 5000; c++) {
		for (int i = 0; i < 20; i++)
			set_add4(0x0a000000u + (c << 8) + (rnd() & 0xff), 32);
	}
}

/* The same, far apart and tight: each needs a root of its own. */
static void clumps_far_apart(void)
{
	for (uint32_t c = 0; c < 3500; c++) {
		uint32_t base = rnd();

		for (int i = 0; i < 25; i++)
			set_add4(base + 2 * i, 32);
	}
}

static void random_v6(void)
{
	while (set.n < 100000) {
		uint64_t site = 0x2001000000000000ull | (rnd() & 0xffffffffull) << 16;

		set_add(addr_of(site | (rnd() & 0xffff), 0), 32 + rnd() % 33);
	}
}

/* More sites than there are roots, each crowding its entry of the first one. */
static void sites_v6(void)
{
	set_add(addr_of(0x20010db800000000ull, 0), 64);
	set_add(addr_of(0x20010db8ffffffffull, 0), 64);
	for (uint32_t c = 0; c < 5200; c++) {
		for (int i = 0; i < 19; i++)
			set_add(addr_of(0x20010db800000000ull + (c << 16) + (rnd() & 0xffff), 0),
				64);
	}
}

static void hosts_v6(void)
{
	for (uint32_t c = 0; c < 3000; c++) {
		uint64_t w0 = 0x20010db800000000ull | (rnd() & 0xffffff);

		for (int i = 0; i < 33; i++)
			set_add(addr_of(w0, rnd()), 65 + rnd() % 64);
		set_add(addr_of(w0, 0), 48 + rnd() % 17);
	}
}

/* As many as there are roots, less the two that always are. */
static void lone_hosts_v6(void)
{
	for (uint32_t c = 0; set.n < SL_PREFIX_ROOTS_PER_BANK - 2; c++)
		set_add(addr_of(0x20010db800000000ull + c, 1), 128);
}

/* At each scale prefixes that the scale above cannot tell from one another: the
 * worst for an index, in both words, along one path.
 */
static void shrinking(void)
{
	for (int bits = 64; bits > 0; bits -= 2) {
		for (int i = 0; i < 1500; i++)
			set_add(addr_of(rnd() & ~high_bits(64 - bits), 0), 64);
		for (int i = 0; i < 1500; i++)
			set_add(addr_of(0, rnd() & ~high_bits(64 - bits)), 128);
	}
}

/* The same with only just enough at each scale to crowd an entry. */
static void shrinking_thinly(void)
{
	for (int bits = 64; bits > 8; bits -= 8) {
		for (int i = 0; i < 20; i++) {
			set_add(addr_of(rnd() & ~high_bits(64 - bits), 0), 64);
			set_add(addr_of(0, rnd() & ~high_bits(64 - bits)), 128);
		}
	}
	for (int i = 0; i < 64; i += 2) {
		set_add(addr_of(i, 0), 64);
		set_add(addr_of(0, i), 128);
	}
}

static void mixed(void)
{
	while (set.n < 100000) {
		uint64_t w0 = 0x2400000000000000ull | (rnd() & 0xffff) << 40 | (rnd() & 7);

		set_add4(rnd(), rnd() % 33);
		set_add4(0x0a000000 | (rnd() & 0xffff), 20 + rnd() % 13);
		set_add(addr_of(w0, 0), rnd() % 65);
		set_add(addr_of(0x2400000000000000ull | (rnd() & 0xff), rnd()), 65 + rnd() % 64);
	}
}

static const struct {
	const char *name;
	void (*fill)(void);
} distributions[] = {
	{ "none", none },
	{ "defaults", defaults },
	{ "edges", edges },
	{ "nested /8 /16 /24 /32", nested_v4 },
	{ "a /16 of hosts", hosts_in_one_16 },
	{ "every other host", every_other_host },
	{ "random v4", random_v4 },
	{ "random /24", random_24s },
	{ "clumps side by side", clumps_side_by_side },
	{ "clumps far apart", clumps_far_apart },
	{ "random v6 /32../64", random_v6 },
	{ "sites v6", sites_v6 },
	{ "hosts v6 /65../128", hosts_v6 },
	{ "lone hosts v6", lone_hosts_v6 },
	{ "shrinking", shrinking },
	{ "shrinking thinly", shrinking_thinly },
	{ "mixed", mixed },
};

static void test_distributions(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(distributions); i++) {
		double ms;

		seed = i;
		set_clear();
		distributions[i].fill();
		ms = build();
		deepest = 0;
		check_set(20000);
		print_message("%-22s %6zu prefixes, %4.0f ms: %4zu roots %6zu entries %6zu ranges, "
			      "depth %u\n",
			      distributions[i].name, set.n, ms, table.n_roots, table.n_index,
			      table.n_ranges, deepest);
	}
}

/* Many small sets in a corner of the space, where everything touches. */
static void test_small_sets(void **state)
{
	(void)state;
	for (int round = 0; round < 300; round++) {
		seed = 1000 + round;
		set_clear();
		for (int i = rnd() % 120; i > 0; i--) {
			set_add4(0xffffff00u | (rnd() & 0xff), 24 + rnd() % 9);
			set_add(addr_of(rnd() & 15, 0), 58 + rnd() % 7);
			set_add(addr_of(rnd() & 3, rnd() & 0xff), 65 + rnd() % 64);
		}
		build();
		check_layout();
		for (size_t i = 0; i < set.n; i++)
			check_around(&set.p[i]);
	}
}

/* The order in which prefixes come does not matter. */
static void test_order(void **state)
{
	struct plan_prefix_table before;

	(void)state;
	seed = 7;
	set_clear();
	mixed();
	build();
	before = table;
	table = (struct plan_prefix_table){};
	for (size_t i = set.n - 1; i > 0; i--) {
		size_t k = rnd() % (i + 1);
		struct prefix p = set.p[i];

		set.p[i] = set.p[k];
		set.p[k] = p;
	}
	build();
	assert_int_equal(table.n_ranges, before.n_ranges);
	assert_memory_equal(table.ranges, before.ranges, before.n_ranges * sizeof(*before.ranges));
	prefix_table_free(&before);
}

static void test_refusals(void **state)
{
	struct plan_prefix_table t = {};
	struct prefix p[2] = {
		{ .addr = addr_of(0, 0xffff0a000000), .len = 104, .value = 1 },
		{ .addr = addr_of(0, 0xffff0a000000), .len = 104, .value = 2 },
	};

	(void)state;
	assert_int_equal(prefix_table_build(p, 2, &t), -EEXIST);
	p[1].value = 1;
	assert_int_equal(prefix_table_build(p, 2, &t), 0);
	prefix_table_free(&t);
	p[1].len = 129;
	assert_int_equal(prefix_table_build(p, 2, &t), -EINVAL);
	p[1].len = 105;
	p[1].value = SL_PREFIX_ROOT;
	assert_int_equal(prefix_table_build(p, 2, &t), -EINVAL);
	assert_int_equal(prefix_table_build(p, SL_MAX_PREFIXES + 1, &t), -E2BIG);

	set_clear();
	lone_hosts_v6();
	set_add(addr_of(0x3000000000000000ull, 1), 128);
	assert_int_equal(prefix_table_build(set.p, set.n, &t), -E2BIG);
	assert_null(t.roots);
}

static int teardown(void **state)
{
	(void)state;
	prefix_table_free(&table);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distributions),
		cmocka_unit_test(test_small_sets),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
