/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between prefix_sweep.c and prefix.c: nested prefixes, cut into items. An item
 * is a range of one word with one value, or with the group of prefixes that go
 * on in the second word; it ends where the next one starts. Pure.
 */
#ifndef SL_PREFIX_SWEEP_H
#define SL_PREFIX_SWEEP_H

#include "prefix.h"

struct source {
	uint64_t w[2];
	uint32_t value;
	uint8_t len; /* of IPv4: 0..32 bits of w[0] */
	bool v6;
};

struct item {
	uint64_t start;
	uint32_t value;
	uint32_t weight; /* 1, and what is behind it */
	uint32_t group;	 /* index + 1; 0: @value holds for the whole range */
};

/* Prefixes longer than /64 that share their first word. */
struct group {
	const struct source *sources;
	size_t n_sources;
	const struct item *items; /* of the second word */
	size_t n_items;
	uint32_t base; /* the value of what encloses them */
};

/* Items of IPv4's word, of IPv6's first word, then of each group's second. */
struct prefix_items {
	struct source *sources;
	struct item *items;
	struct group *groups;
	size_t n_sources, n_items, n_groups;
	size_t n_v4, n_v6;
};

/* -EINVAL: a length or a value out of range. -EEXIST: a prefix with two values.
 * On failure *@ret is left as it was.
 */
int prefix_items_cut(const struct prefix *prefixes, size_t n, struct prefix_items *ret);
void prefix_items_free(struct prefix_items *p);

#endif /* SL_PREFIX_SWEEP_H */
