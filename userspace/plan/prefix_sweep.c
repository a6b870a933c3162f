// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sorted prefixes, swept from the lowest address to the highest with a stack of
 * those that enclose the place: disjoint ranges come out.
 */
#include <errno.h>
#include <stdlib.h>
#include "../common/addr.h"
#include "../common/cleanup.h"
#include "prefix_sweep.h"

/* -- prefixes, sorted: enclosing ones first -- */

static uint64_t word_of(__be32 high, __be32 low)
{
	return (uint64_t)bpf_ntohl(high) << 32 | bpf_ntohl(low);
}

static uint64_t host_bits(unsigned int len)
{
	return len >= 64 ? 0 : UINT64_MAX >> len;
}

static int source_from(const struct prefix *p, struct source *ret)
{
	struct source s = { .value = p->value, .len = p->len };

	if (p->len > 128 || !p->value || p->value & SL_PREFIX_ROOT)
		return -EINVAL;
	if (p->len >= ADDR_V4_BITS && addr_is_v4(&p->addr)) {
		s.len -= ADDR_V4_BITS;
		s.w[0] = (uint64_t)bpf_ntohl(p->addr.w[3]) << 32;
	} else {
		s.v6 = true;
		s.w[0] = word_of(p->addr.w[0], p->addr.w[1]);
		s.w[1] = word_of(p->addr.w[2], p->addr.w[3]);
	}
	s.w[0] &= ~host_bits(s.len);
	s.w[1] &= s.len > 64 ? ~host_bits(s.len - 64) : 0;
	*ret = s;
	return 0;
}

static int source_compare(const void *a, const void *b)
{
	const struct source *x = a, *y = b;
	/* All that go on in the second word, after all that end in the first. */
	int lx = x->len > 64 ? 65 : x->len, ly = y->len > 64 ? 65 : y->len;

	if (x->v6 != y->v6)
		return x->v6 - y->v6;
	if (x->w[0] != y->w[0])
		return x->w[0] < y->w[0] ? -1 : 1;
	if (lx != ly)
		return lx - ly;
	if (x->w[1] != y->w[1])
		return x->w[1] < y->w[1] ? -1 : 1;
	return x->len - y->len;
}

static int sources_read(struct prefix_items *b, const struct prefix *prefixes, size_t n)
{
	size_t kept = 0;

	b->sources = calloc(n ? n : 1, sizeof(*b->sources));
	if (!b->sources)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int err = source_from(&prefixes[i], &b->sources[i]);

		if (err)
			return err;
	}
	qsort(b->sources, n, sizeof(*b->sources), source_compare);
	for (size_t i = 0; i < n; i++) {
		if (!kept || source_compare(&b->sources[kept - 1], &b->sources[i]))
			b->sources[kept++] = b->sources[i];
		else if (b->sources[kept - 1].value != b->sources[i].value)
			return -EEXIST;
	}
	b->n_sources = kept;
	return 0;
}

/* -- the sweep: nested prefixes to disjoint items -- */

struct open_prefix {
	uint64_t last;
	uint32_t value;
};

struct sweep {
	struct prefix_items *b;
	size_t first_item;
	/* What encloses the place: everything, /0 to /64, and a group. */
	struct open_prefix open[67];
	int depth;
};

static void sweep_emit(struct sweep *s, struct item item)
{
	struct prefix_items *b = s->b;
	struct item *last = &b->items[b->n_items];

	item.weight = 1;
	if (b->n_items > s->first_item && last[-1].start == item.start) {
		b->n_items--;
		last--;
	}
	if (b->n_items > s->first_item && !item.group && !last[-1].group &&
	    last[-1].value == item.value)
		return;
	*last = item;
	b->n_items++;
}

/* Leave every prefix that ends before @start; the end of all: @to_end. */
static void sweep_close(struct sweep *s, uint64_t start, bool to_end)
{
	while (s->depth > 1 && (to_end || s->open[s->depth - 1].last < start)) {
		uint64_t last = s->open[--s->depth].last;

		if (last == UINT64_MAX)
			continue;
		sweep_emit(s, (struct item){ .start = last + 1,
					     .value = s->open[s->depth - 1].value });
	}
}

static void sweep_enter(struct sweep *s, struct item item, uint64_t last)
{
	sweep_emit(s, item);
	s->open[s->depth++] = (struct open_prefix){ .last = last, .value = item.value };
}

/* A run of prefixes longer than /64 becomes one item. Returns how many. */
static size_t sweep_group(struct sweep *s, const struct source *p, size_t n)
{
	struct prefix_items *b = s->b;
	size_t run = 1;

	while (run < n && p[run].v6 && p[run].w[0] == p->w[0])
		run++;
	b->groups[b->n_groups++] = (struct group){
		.sources = p,
		.n_sources = run,
		.base = s->open[s->depth - 1].value,
	};
	sweep_enter(s, (struct item){ .start = p->w[0], .group = b->n_groups }, p->w[0]);
	return run;
}

/* Append the items of @p[0..n), which share what is before @word. */
static void sweep_run(struct prefix_items *b, const struct source *p, size_t n, int word,
		      uint32_t base)
{
	struct sweep s = { .b = b, .first_item = b->n_items, .depth = 1 };
	size_t step;

	s.open[0] = (struct open_prefix){ .last = UINT64_MAX, .value = base };
	sweep_emit(&s, (struct item){ .value = base });
	for (size_t i = 0; i < n; i += step) {
		uint64_t start = p[i].w[word];
		unsigned int len = word ? p[i].len - 64 : p[i].len;

		step = 1;
		sweep_close(&s, start, false);
		if (len > 64)
			step = sweep_group(&s, &p[i], n - i);
		else
			sweep_enter(&s, (struct item){ .start = start, .value = p[i].value },
				    start | host_bits(len));
	}
	sweep_close(&s, 0, true);
}

/* The second words' items, and with them the weight of the first words'. */
static void sweep_groups(struct prefix_items *b)
{
	size_t first_words = b->n_items;

	for (size_t i = 0; i < b->n_groups; i++) {
		struct group *g = &b->groups[i];
		size_t before = b->n_items;

		sweep_run(b, g->sources, g->n_sources, 1, g->base);
		g->items = &b->items[before];
		g->n_items = b->n_items - before;
	}
	for (size_t i = 0; i < first_words; i++) {
		if (b->items[i].group)
			b->items[i].weight += b->groups[b->items[i].group - 1].n_items;
	}
}

int prefix_items_cut(const struct prefix *prefixes, size_t n, struct prefix_items *ret)
{
	sl_cleanup(prefix_items_free) struct prefix_items b = {};
	size_t v4 = 0;
	int err;

	err = sources_read(&b, prefixes, n);
	if (err)
		return err;
	/* Two items a prefix and one at word 0; a group makes two more and another one. */
	b.items = calloc(5 * n + 2, sizeof(*b.items));
	b.groups = calloc(n ? n : 1, sizeof(*b.groups));
	if (!b.items || !b.groups)
		return -ENOMEM;

	while (v4 < b.n_sources && !b.sources[v4].v6)
		v4++;
	sweep_run(&b, b.sources, v4, 0, 0);
	b.n_v4 = b.n_items;
	sweep_run(&b, b.sources + v4, b.n_sources - v4, 0, 0);
	b.n_v6 = b.n_items - b.n_v4;
	sweep_groups(&b);
	*ret = b;
	b = (struct prefix_items){};
	return 0;
}

void prefix_items_free(struct prefix_items *p)
{
	free(p->sources);
	free(p->items);
	free(p->groups);
	*p = (struct prefix_items){};
}
