// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Source prefixes as tables for bpf/lib/prefix.h. Roots are built in the order of
 * their numbers, each from a slice of items (prefix_sweep.h); what it cannot hold
 * becomes a slice of a root with a later number.
 *
 * Why a search always ends within SL_PREFIX_DEPTH roots: a root holds up to
 * CHUNK + 1 = 33 items however they lie. A crowded entry that becomes one root
 * may have gained nothing, so this is done only while depth is left over;
 * otherwise it is split into at most 31 parts, each of a single item or of at
 * most a 16th of the root's weight, where an item weighs as much as all behind
 * it. So 33 * 16^4 items, more than SL_MAX_PREFIXES can make, need 5 roots, and
 * one more for the step to the second word.
 */
#include <errno.h>
#include <stdlib.h>
#include "../common/cleanup.h"
#include "prefix_sweep.h"

#define LEAF	       (SL_PREFIX_CHUNK + 1u)
#define PARTS	       (SL_PREFIX_CHUNK / 2u)
#define MAX_ENTRIES    (1u << SL_PREFIX_INDEX_BITS)
#define FIRST_ENTRIES  256 /* of a family's root, when there are few prefixes */
#define MANY_CROWDED   64  /* entries; with more of them, neighbours share a root */
#define MIN_SHARED     512 /* weight that a shared root may always have */
#define ENTRIES_BUDGET 4   /* index entries a prefix, at most */

/* A root to be built from items that fill the words up to @last. */
struct job {
	const struct item *items;
	size_t n;
	uint64_t last;
	uint32_t outside;
	bool second;
	int depth; /* roots that a search may still visit, this one included */
};

struct builder {
	struct prefix_items in;
	struct job *jobs; /* of t.roots */
	size_t cap_roots, cap_jobs, cap_index, cap_ranges;
	size_t entries_left;
	struct plan_prefix_table t;
};

static void builder_release(struct builder *b)
{
	prefix_items_free(&b->in);
	free(b->jobs);
	prefix_table_free(&b->t);
}

/* @array with room for @want, or NULL; then it is as it was. */
static void *grown(void *array, size_t *cap, size_t want, size_t size)
{
	size_t n = *cap ? *cap : 64;
	void *bigger;

	if (want <= *cap)
		return array;
	while (n < want)
		n *= 2;
	bigger = realloc(array, n * size);
	if (bigger)
		*cap = n;
	return bigger;
}

/* -- roots -- */

static int root_add(struct builder *b, struct job job, uint32_t *ret_value)
{
	struct plan_prefix_table *t = &b->t;
	void *roots, *jobs;

	if (t->n_roots == SL_PREFIX_ROOTS_PER_BANK)
		return -E2BIG;
	roots = grown(t->roots, &b->cap_roots, t->n_roots + 1, sizeof(*t->roots));
	if (!roots)
		return -ENOMEM;
	t->roots = roots;
	jobs = grown(b->jobs, &b->cap_jobs, t->n_roots + 1, sizeof(*b->jobs));
	if (!jobs)
		return -ENOMEM;
	b->jobs = jobs;
	b->jobs[t->n_roots] = job;
	*ret_value = SL_PREFIX_ROOT | t->n_roots++;
	return 0;
}

static int range_add(struct builder *b, uint64_t start, uint32_t value)
{
	struct plan_prefix_table *t = &b->t;
	void *ranges = grown(t->ranges, &b->cap_ranges, t->n_ranges + 1, sizeof(*t->ranges));

	if (!ranges)
		return -ENOMEM;
	t->ranges = ranges;
	t->ranges[t->n_ranges++] = (struct sl_prefix_range){ .start = start, .value = value };
	return 0;
}

/* One item: a range with its value, or with the root of its second word. */
static int item_add(struct builder *b, const struct job *j, const struct item *item)
{
	uint32_t value = item->value;

	if (item->group) {
		const struct group *g = &b->in.groups[item->group - 1];
		struct job second = {
			.items = g->items,
			.n = g->n_items,
			.last = UINT64_MAX,
			.outside = g->base,
			.second = true,
			.depth = j->depth - 1,
		};
		int err = root_add(b, second, &value);

		if (err)
			return err;
	}
	return range_add(b, item->start, value);
}

/* @n items from @at on, behind a root of their own. */
static int slice_add(struct builder *b, const struct job *j, size_t at, size_t n)
{
	const struct item *end = &j->items[at + n - 1];
	struct job part = {
		.items = &j->items[at],
		.n = n,
		.last = at + n < j->n ? j->items[at + n].start - 1 : j->last,
		.outside = end->group ? 0 : end->value,
		.second = j->second,
		.depth = j->depth - 1,
	};
	uint32_t value;
	int err;

	if (n == 1)
		return item_add(b, j, end);
	err = root_add(b, part, &value);
	return err ? err : range_add(b, part.items->start, value);
}

static uint64_t weight_of(const struct item *items, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += items[i].weight;
	return sum;
}

static bool has_group(const struct job *j)
{
	for (size_t i = 0; i < j->n; i++) {
		if (j->items[i].group)
			return true;
	}
	return false;
}

/* What a root with @depth roots to go can hold, however it is distributed. */
static uint64_t weight_for(int depth)
{
	uint64_t weight = LEAF;

	if (depth < 1)
		return 0;
	while (--depth)
		weight *= PARTS;
	return weight;
}

/* Cut the items at [at, at + n) into parts of at most a 16th of their weight. */
static int split_add(struct builder *b, const struct job *j, size_t at, size_t n)
{
	uint64_t most = (weight_of(&j->items[at], n) + PARTS - 1) / PARTS;
	size_t end = at + n;

	while (at < end) {
		uint64_t weight = j->items[at].weight;
		size_t m = 1;
		int err;

		while (at + m < end && weight + j->items[at + m].weight <= most)
			weight += j->items[at + m++].weight;
		err = slice_add(b, j, at, m);
		if (err)
			return err;
		at += m;
	}
	return 0;
}

struct entries {
	const struct job *j;
	const struct sl_prefix_root *root;
};

/* How many items from @at on start in the entry of the first. */
static size_t entry_items(const struct entries *e, size_t at, bool *ret_crowded)
{
	uint64_t base = e->root->lo;
	uint64_t entry = (e->j->items[at].start - base) >> e->root->shift;
	size_t n = 1;

	while (at + n < e->j->n && (e->j->items[at + n].start - base) >> e->root->shift == entry)
		n++;
	/* One that starts with the entry is its first, not one of its more. */
	*ret_crowded =
		n - (e->j->items[at].start == base + (entry << e->root->shift)) > SL_PREFIX_CHUNK;
	return n;
}

/* The weight that neighbouring crowded entries may share a root up to: 0 while
 * they are few, because a root of its own resolves an entry best.
 */
static uint64_t shared_weight(const struct entries *e, uint64_t alone)
{
	uint64_t weight = weight_of(e->j->items, e->j->n) / 128;
	size_t crowded = 0, n;
	bool is_crowded;

	for (size_t at = 0; at < e->j->n; at += n) {
		n = entry_items(e, at, &is_crowded);
		crowded += is_crowded;
	}
	if (crowded <= MANY_CROWDED)
		return 0;
	if (weight < MIN_SHARED)
		weight = MIN_SHARED;
	return weight < alone ? weight : alone;
}

/* From a crowded entry of @n items on: up to the last crowded one within @most. */
static size_t shared_items(const struct entries *e, size_t at, size_t n, uint64_t most)
{
	uint64_t weight = weight_of(&e->j->items[at], n);
	size_t shared = n;
	bool crowded;

	while (at + n < e->j->n) {
		size_t m = entry_items(e, at + n, &crowded);

		weight += weight_of(&e->j->items[at + n], m);
		if (weight > most)
			break;
		n += m;
		if (crowded)
			shared = n;
	}
	return shared;
}

static int crowd_add(struct builder *b, const struct job *j, size_t at, size_t n, uint64_t alone)
{
	/* The last one reaches beyond the entry: outside, it leaves a smaller span. */
	int err = weight_of(&j->items[at], n - 1) <= alone ? slice_add(b, j, at, n - 1)
							   : split_add(b, j, at, n - 1);

	return err ? err : item_add(b, j, &j->items[at + n - 1]);
}

/* Append the ranges of one root. */
static int root_ranges(struct builder *b, const struct job *j, const struct sl_prefix_root *root)
{
	struct entries e = { .j = j, .root = root };
	uint64_t alone = weight_for(j->depth - 1 - has_group(j));
	uint64_t shared = shared_weight(&e, alone);
	size_t n;
	int err = 0;

	for (size_t at = 0; at < j->n && !err; at += n) {
		bool crowded;

		n = entry_items(&e, at, &crowded);
		if (crowded) {
			n = shared_items(&e, at, n, shared);
			err = crowd_add(b, j, at, n, alone);
			continue;
		}
		for (size_t i = 0; i < n && !err; i++)
			err = item_add(b, j, &j->items[at + i]);
	}
	return err;
}

/* Append the index of one root, whose ranges are the table's from @first on. */
static int root_index(struct builder *b, const struct sl_prefix_root *root, size_t first)
{
	size_t entries = ((root->hi - root->lo) >> root->shift) + 1;
	struct plan_prefix_table *t = &b->t;
	const struct sl_prefix_range *r = t->ranges;
	void *index = grown(t->index, &b->cap_index, t->n_index + entries, sizeof(*t->index));

	if (!index)
		return -ENOMEM;
	t->index = index;
	for (size_t i = 0; i < entries; i++) {
		uint64_t start = root->lo + ((uint64_t)i << root->shift);
		uint64_t last = i + 1 < entries ? start + (1ull << root->shift) - 1 : root->hi;
		size_t more = 0;

		while (first + 1 < t->n_ranges && r[first + 1].start <= start)
			first++;
		while (first + more + 1 < t->n_ranges && r[first + more + 1].start <= last)
			more++;
		t->index[t->n_index++] = (struct sl_prefix_index){ .first = first, .more = more };
	}
	b->entries_left -= entries < b->entries_left ? entries : b->entries_left;
	return 0;
}

/* Do without the items at both ends that say what is said outside of the span. */
static void job_trim(struct job *j)
{
	if (j->n && !j->items->group && j->items->value == j->outside) {
		j->items++;
		j->n--;
	}
	if (j->n && !j->items[j->n - 1].group && j->items[j->n - 1].value == j->outside)
		j->last = j->items[--j->n].start - 1;
}

/* One or two entries an item, as far as the budget goes; two cost nothing. */
static uint8_t root_shift(const struct builder *b, size_t number, size_t n, uint64_t span)
{
	size_t most = number < 2 && n < FIRST_ENTRIES ? FIRST_ENTRIES : n;
	size_t want = 2;
	uint8_t shift = 0;

	while (most > 8 && want < most && want < MAX_ENTRIES && want * 2 <= b->entries_left)
		want *= 2;
	while (span >> shift >= want)
		shift++;
	return shift;
}

static int root_build(struct builder *b, size_t number)
{
	struct job j = b->jobs[number];
	struct sl_prefix_root root = { .lo = 1, .outside = j.outside, .second = j.second };
	size_t first = b->t.n_ranges;
	int err = 0;

	job_trim(&j);
	if (j.n) { /* else all is outside: lo is above hi */
		root.lo = j.items->start;
		root.hi = j.last;
		root.index = b->t.n_index;
		root.shift = root_shift(b, number, j.n, root.hi - root.lo);
		err = root_ranges(b, &j, &root);
		if (!err)
			err = root_index(b, &root, first);
	}
	b->t.roots[number] = root;
	return err;
}

/* The first root of a family: @items fill its first word. */
static int root_first(struct builder *b, const struct item *items, size_t n)
{
	struct job job = {
		.items = items,
		.n = n,
		.last = UINT64_MAX,
		.outside = items->value,
		.depth = SL_PREFIX_DEPTH,
	};
	uint32_t number;

	return root_add(b, job, &number);
}

int prefix_table_build(const struct prefix *prefixes, size_t n, struct plan_prefix_table *ret)
{
	sl_cleanup(builder_release) struct builder b = {};
	size_t budget = ENTRIES_BUDGET * (n < SL_DEF_PREFIXES ? SL_DEF_PREFIXES : n);
	int err;

	if (n > SL_MAX_PREFIXES)
		return -E2BIG;
	err = prefix_items_cut(prefixes, n, &b.in);
	if (!err)
		err = root_first(&b, b.in.items, b.in.n_v4);
	if (!err)
		err = root_first(&b, b.in.items + b.in.n_v4, b.in.n_v6);

	/* Every root has two entries at least: set these aside. */
	b.entries_left = budget - 2 * (2 + b.in.n_groups + b.in.n_items / LEAF);
	for (size_t r = 0; r < b.t.n_roots && !err; r++)
		err = root_build(&b, r);
	if (err)
		return err;

	*ret = b.t;
	b.t = (struct plan_prefix_table){};
	return 0;
}

void prefix_table_free(struct plan_prefix_table *t)
{
	free(t->roots);
	free(t->index);
	free(t->ranges);
	*t = (struct plan_prefix_table){};
}
