// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "names_table.h"

struct names_ids *names_table_ids(struct names_table *t, char kind)
{
	for (int i = 0; i < NAMES_KINDS; i++) {
		if (t->ids[i].kind == (enum sl_name_kind)kind)
			return &t->ids[i];
	}
	return NULL;
}

uint32_t names_ids_lowest_free(struct names_ids *ids)
{
	while (ids->hint < ids->cap && ids->by_id[ids->hint])
		ids->hint++;
	return ids->hint < ids->cap ? ids->hint : 0;
}

static uint32_t text_hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a; our own names, nobody aims at it */

	for (size_t i = 0; i < sizeof(struct sl_name_key) && text[i]; i++)
		h = (h ^ (uint8_t)text[i]) * 0x100000001b3ull;
	return h >> 32 ^ h;
}

static struct names_entry **entry_at(struct names_table *t, const struct sl_name_key *key)
{
	struct names_entry **at = &t->buckets[text_hash(key->text) & (t->n_buckets - 1)];

	while (*at && memcmp((*at)->text, key->text, sizeof(key->text)))
		at = &(*at)->next;
	return at;
}

static int buckets_grow(struct names_table *t)
{
	uint32_t size = t->n_buckets ? t->n_buckets * 2 : 1024;
	struct names_entry **buckets = calloc(size, sizeof(struct names_entry *));

	if (!buckets)
		return -ENOMEM;
	for (uint32_t b = 0; b < t->n_buckets; b++) {
		struct names_entry *e, *next;

		for (e = t->buckets[b]; e; e = next) {
			struct names_entry **head = &buckets[text_hash(e->text) & (size - 1)];

			next = e->next;
			e->next = *head;
			*head = e;
		}
	}
	free(t->buckets);
	t->buckets = buckets;
	t->n_buckets = size;
	return 0;
}

int names_table_open(struct names_table *t, const struct model_capacity *cap)
{
	const struct names_ids ids[NAMES_KINDS] = {
		{ .kind = SL_NAME_SERVICE, .cap = cap->services, .hint = 1 },
		{ .kind = SL_NAME_INSTANCE, .cap = cap->instances, .hint = 1 },
		{ .kind = SL_NAME_TENANT, .cap = cap->tenants, .hint = 1 },
		{ .kind = SL_NAME_ACCOUNT, .cap = cap->accounts, .hint = 1 },
	};

	memcpy(t->ids, ids, sizeof(ids));
	for (int i = 0; i < NAMES_KINDS; i++) {
		t->ids[i].by_id = calloc(t->ids[i].cap, sizeof(struct names_entry *));
		if (!t->ids[i].by_id)
			return -ENOMEM;
	}
	return buckets_grow(t);
}

void names_table_close(struct names_table *t)
{
	struct names_entry *e, *next;

	for (uint32_t b = 0; b < t->n_buckets; b++) {
		for (e = t->buckets[b]; e; e = next) {
			next = e->next;
			free(e);
		}
	}
	free(t->buckets);
	for (int i = 0; i < NAMES_KINDS; i++)
		free(t->ids[i].by_id);
}

struct names_entry *names_table_find(struct names_table *t, const struct sl_name_key *key)
{
	return *entry_at(t, key);
}

int names_table_add(struct names_table *t, const struct sl_name_key *key,
		    const struct sl_name *name)
{
	struct names_entry *e, **head;
	int err = t->n >= t->n_buckets ? buckets_grow(t) : 0;

	if (err)
		return err;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	head = &t->buckets[text_hash(key->text) & (t->n_buckets - 1)];
	e->next = *head;
	e->name = *name;
	memcpy(e->text, key->text, sizeof(key->text));
	*head = e;
	t->n++;
	names_table_ids(t, key->text[0])->by_id[name->id] = e;
	return 0;
}

void names_table_remove(struct names_table *t, const struct sl_name_key *key)
{
	struct names_entry **at = entry_at(t, key), *e = *at;
	struct names_ids *ids;

	if (!e)
		return;
	ids = names_table_ids(t, key->text[0]);
	*at = e->next;
	if (ids->by_id[e->name.id] == e) {
		ids->by_id[e->name.id] = NULL;
		if (e->name.id < ids->hint)
			ids->hint = e->name.id;
	}
	t->n--;
	free(e);
}
