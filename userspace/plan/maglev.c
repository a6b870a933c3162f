// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Maglev (Eisenbud et al., NSDI 2016, 3.4) with weights, for tables whose size
 * is a power of two: every odd skip walks all slots.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../common/cleanup.h"
#include "ring.h"

struct candidate {
	uint64_t hash;
	uint64_t credit; /* weight saved up; a slot costs the largest weight */
	uint32_t weight;
	uint32_t next, skip; /* the slot it prefers now, and the way to the one after */
	uint16_t id;
};

uint32_t ring_size_for(uint32_t max_instances)
{
	uint64_t want = (uint64_t)max_instances * SL_RING_SLOTS_PER_INSTANCE;
	uint32_t size = SL_RING_MIN_SLOTS;

	while (size < want && size < SL_RING_MAX_SLOTS)
		size *= 2;
	return size;
}

/* The finaliser of MurmurHash3: two names that differ little share neither
 * offset nor skip.
 */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdull;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ull;
	x ^= x >> 33;
	return x;
}

static int candidate_compare(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

/* The members that want slots, in an order that is not the caller's. Returns
 * how many; the largest weight to *@ret_max.
 */
static size_t candidates_from(const struct ring_member *members, size_t n, uint32_t size,
			      struct candidate *c, uint32_t *ret_max)
{
	size_t used = 0;

	*ret_max = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t h = mix(members[i].hash);

		if (!members[i].weight || !members[i].id)
			continue;
		c[used++] = (struct candidate){
			.hash = members[i].hash,
			.weight = members[i].weight,
			.next = h & (size - 1),
			.skip = ((h >> 32) & (size - 1)) | 1,
			.id = members[i].id,
		};
		if (members[i].weight > *ret_max)
			*ret_max = members[i].weight;
	}
	qsort(c, used, sizeof(*c), candidate_compare);
	return used;
}

/* Give @c the first slot of its own order that is free. One is. */
static void candidate_take(struct candidate *c, uint16_t *table, uint32_t size)
{
	while (table[c->next])
		c->next = (c->next + c->skip) & (size - 1);
	table[c->next] = c->id;
}

int maglev_fill(const struct ring_member *members, size_t n, uint16_t *table, uint32_t size)
{
	sl_autofree struct candidate *c = calloc(n ? n : 1, sizeof(*c));
	uint32_t filled = 0, max;

	if (!c)
		return -ENOMEM;
	memset(table, 0, size * sizeof(*table));
	n = candidates_from(members, n, size, c, &max);
	if (!n)
		return 0;

	/* In each round the heaviest takes one slot, the others their share of one. */
	for (;;) {
		for (size_t i = 0; i < n; i++) {
			c[i].credit += c[i].weight;
			if (c[i].credit < max)
				continue;
			if (filled == size)
				return 0;
			c[i].credit -= max;
			candidate_take(&c[i], table, size);
			filled++;
		}
	}
}
