// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "../common/cleanup.h"
#include "../common/siphash.h"
#include "choose.h"

uint64_t ring_name_hash(const char *service, const char *instance)
{
	const struct siphash_key fixed = { 0, 0 }; /* names are the administrator's */
	char text[2 * SL_NAME_LEN + 1];
	int len = snprintf(text, sizeof(text), "%s/%s", service, instance);

	return siphash(&fixed, text, len);
}

static bool is_wanted(const struct ring_candidate *c, size_t n, uint16_t id)
{
	for (size_t i = 0; i < n; i++) {
		if (c[i].id == id)
			return c[i].wanted && c[i].weight;
	}
	return false;
}

/* Slots repeat few ids: the last answer serves most of them. */
static bool all_wanted(const struct ring_candidate *c, size_t n, const struct sl_slot *slots,
		       uint32_t size)
{
	uint16_t last = 0;

	for (uint32_t s = 0; s < size; s++) {
		if (slots[s].cur == last && last)
			continue;
		if (!is_wanted(c, n, slots[s].cur))
			return false;
		last = slots[s].cur;
	}
	return true;
}

enum among {
	HEALTHY,
	NOT_OUT,
	WANTED, /* nobody else is left */
};

static size_t members_of(const struct ring_candidate *c, size_t n, enum among among,
			 struct ring_member *ret)
{
	size_t n_members = 0;

	for (size_t i = 0; i < n; i++) {
		if (!c[i].wanted || (among == HEALTHY && !c[i].healthy) ||
		    (among == NOT_OUT && c[i].out))
			continue;
		ret[n_members++] = (struct ring_member){ .id = c[i].id,
							 .weight = c[i].weight,
							 .hash = c[i].hash };
	}
	return n_members;
}

int ring_choose(const struct ring_candidate *c, size_t n, double min_healthy,
		const struct sl_slot *now, uint32_t size, struct ring_choice *ret)
{
	sl_autofree struct ring_member *members = calloc(n + 1, sizeof(*members));
	struct ring_choice choice = {};
	size_t n_members = 0;
	bool all;
	int err;

	if (!members)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		choice.wanted += c[i].wanted;
		choice.healthy += c[i].wanted && c[i].healthy;
	}
	choice.below_min_healthy = choice.healthy < min_healthy * choice.wanted;
	if (!choice.healthy && choice.wanted && now && !choice.below_min_healthy &&
	    all_wanted(c, n, now, size)) {
		*ret = choice;
		return 0;
	}
	all = choice.below_min_healthy || !choice.healthy;
	n_members = members_of(c, n, all ? NOT_OUT : HEALTHY, members);
	if (!n_members)
		n_members = members_of(c, n, WANTED, members);
	choice.table = calloc(size, sizeof(*choice.table));
	err = choice.table ? maglev_fill(members, n_members, choice.table, size) : -ENOMEM;
	if (err) {
		free(choice.table);
		return err;
	}
	*ret = choice;
	return 0;
}

bool ring_differs(const struct sl_slot *slots, const uint16_t *table, uint32_t size)
{
	for (uint32_t s = 0; s < size; s++) {
		if (slots[s].cur != table[s])
			return true;
	}
	return false;
}

void ring_forget(struct sl_slot *slots, uint32_t size, uint16_t id)
{
	for (uint32_t s = 0; s < size; s++) {
		if (slots[s].prev == id)
			__atomic_store_n(&slots[s].prev, 0, __ATOMIC_RELAXED);
	}
}
