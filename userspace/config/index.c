// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Open addressing, at most half full, FNV-1a with a final mix. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "index.h"

struct index_entry {
	const void *key;
	size_t len;
	uint64_t value;
};

int index_open(struct index *x, size_t n)
{
	size_t size = 16;

	while (size < 2 * n)
		size *= 2;
	x->entries = calloc(size, sizeof(*x->entries));
	x->mask = size - 1;
	return x->entries ? 0 : -ENOMEM;
}

void index_close(struct index *x)
{
	free(x->entries);
	x->entries = NULL;
}

static struct index_entry *place(const struct index *x, const void *key, size_t len)
{
	const unsigned char *bytes = key;
	uint64_t hash = 0xcbf29ce484222325u;
	size_t i;

	for (i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3u;
	hash ^= hash >> 32;

	for (i = hash & x->mask; x->entries[i].key; i = (i + 1) & x->mask)
		if (x->entries[i].len == len && !memcmp(x->entries[i].key, key, len))
			break;
	return &x->entries[i];
}

uint64_t index_add(struct index *x, const void *key, size_t len, uint64_t value)
{
	struct index_entry *e = place(x, key, len);

	if (e->key)
		return e->value;
	*e = (struct index_entry){ .key = key, .len = len, .value = value };
	return INDEX_NONE;
}

uint64_t index_find(const struct index *x, const void *key, size_t len)
{
	const struct index_entry *e = place(x, key, len);

	return e->key ? e->value : INDEX_NONE;
}
