// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include "../common/cleanup.h"
#include "scan.h"
#include "sync_hash.h"
#include <sluice/abi.h>

#define HASH_KEY_MAX 32
#define HASH_BATCH   4096 /* entries given to the kernel at once */

/* -- where the bank is in each sort of key -- */

static uint32_t service_bank(const void *key)
{
	return ((const struct sl_service_key *)key)->bank;
}

static void service_set_bank(void *key, uint32_t bank)
{
	((struct sl_service_key *)key)->bank = bank;
}

static uint32_t account_bank(const void *key)
{
	return ((const struct sl_account_key *)key)->bank;
}

static void account_set_bank(void *key, uint32_t bank)
{
	((struct sl_account_key *)key)->bank = bank;
}

static uint32_t address_bank(const void *key)
{
	return ((const struct sl_addr_key *)key)->bank;
}

static void address_set_bank(void *key, uint32_t bank)
{
	((struct sl_addr_key *)key)->bank = bank;
}

static uint32_t step_bank(const void *key)
{
	return ((const struct sl_trie_key *)key)->parent >> 63;
}

static void step_set_bank(void *key, uint32_t bank)
{
	struct sl_trie_key *k = key;

	k->parent = bank ? k->parent | SL_TRIE_BANK : k->parent & ~SL_TRIE_BANK;
}

static uint32_t classes_bank(const void *key)
{
	return ((const struct sl_class_key *)key)->bank;
}

static void classes_set_bank(void *key, uint32_t bank)
{
	((struct sl_class_key *)key)->bank = bank;
}

static uint32_t response_bank(const void *key)
{
	return ((const struct sl_response_key *)key)->bank;
}

static void response_set_bank(void *key, uint32_t bank)
{
	((struct sl_response_key *)key)->bank = bank;
}

const struct hash_kind hash_services = {
	.key_size = sizeof(struct sl_service_key),
	.value_size = sizeof(struct sl_service),
	.bank = service_bank,
	.set_bank = service_set_bank,
};
const struct hash_kind hash_accounts = {
	.key_size = sizeof(struct sl_account_key),
	.value_size = sizeof(struct sl_account),
	.bank = account_bank,
	.set_bank = account_set_bank,
};
const struct hash_kind hash_addresses = {
	.key_size = sizeof(struct sl_addr_key),
	.value_size = sizeof(__u32),
	.bank = address_bank,
	.set_bank = address_set_bank,
};

const struct hash_kind hash_classes = {
	.key_size = sizeof(struct sl_class_key),
	.value_size = sizeof(struct sl_class_set),
	.bank = classes_bank,
	.set_bank = classes_set_bank,
};

const struct hash_kind hash_trie = {
	.key_size = sizeof(struct sl_trie_key),
	.value_size = sizeof(struct sl_trie_node),
	.bank = step_bank,
	.set_bank = step_set_bank,
};

const struct hash_kind hash_responses = {
	.key_size = sizeof(struct sl_response_key),
	.value_size = sizeof(struct sl_response),
	.bank = response_bank,
	.set_bank = response_set_bank,
};

/* -- wanted records by key -- */

struct index {
	uint32_t *at; /* record + 1; 0: free */
	uint32_t mask;
};

static const char *record_key(const struct hash_want *w, size_t i)
{
	return w->records + i * w->stride;
}

static const char *record_value(const struct hash_want *w, size_t i)
{
	return record_key(w, i) + w->value_at;
}

static uint32_t bytes_hash(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t h = 0xcbf29ce484222325ull;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3ull;
	return h ^ h >> 29;
}

/* The place of @key (of bank 0): its record's, or the free one it would take. */
static uint32_t *index_at(const struct index *x, const struct hash_want *w, const void *key)
{
	uint32_t i = bytes_hash(key, w->kind->key_size) & x->mask;

	while (x->at[i] && memcmp(record_key(w, x->at[i] - 1), key, w->kind->key_size))
		i = (i + 1) & x->mask;
	return &x->at[i];
}

static int index_build(const struct hash_want *w, struct index *ret)
{
	size_t size = 16;

	while (size < 2 * w->n)
		size *= 2;
	ret->mask = size - 1;
	ret->at = calloc(size, sizeof(*ret->at));
	if (!ret->at)
		return -ENOMEM;
	for (size_t i = 0; i < w->n; i++)
		*index_at(ret, w, record_key(w, i)) = i + 1;
	return 0;
}

/* -- writing in batches -- */

struct batch {
	const struct hash_want *want;
	bool deletes;
	char *keys, *values;
	uint32_t n;
};

static int batch_flush(struct batch *b)
{
	uint32_t n = b->n;
	int err;

	b->n = 0;
	if (!n)
		return 0;
	if (b->deletes)
		err = bpf_map_delete_batch(b->want->fd, b->keys, &n, NULL);
	else
		err = bpf_map_update_batch(b->want->fd, b->keys, b->values, &n, NULL);
	return err == -E2BIG ? -ENOSPC : err;
}

static int batch_add(struct batch *b, const void *key, const void *value, uint32_t bank)
{
	const struct hash_kind *k = b->want->kind;
	char *at = b->keys + b->n * k->key_size;

	memcpy(at, key, k->key_size);
	k->set_bank(at, bank);
	if (!b->deletes)
		memcpy(b->values + b->n * k->value_size, value, k->value_size);
	return ++b->n == HASH_BATCH ? batch_flush(b) : 0;
}

static int batch_open(struct batch *b, const struct hash_want *w, bool deletes)
{
	*b = (struct batch){ .want = w, .deletes = deletes };
	b->keys = malloc(HASH_BATCH * w->kind->key_size);
	b->values = deletes ? NULL : malloc(HASH_BATCH * w->kind->value_size);
	return b->keys && (deletes || b->values) ? 0 : -ENOMEM;
}

static void batch_close(struct batch *b)
{
	free(b->keys);
	free(b->values);
}

/* -- comparing -- */

/* Note which wanted records are there already, and collect stale keys. */
static int compare(const struct hash_want *w, const struct index *x, uint32_t bank, bool *same,
		   struct batch *stale)
{
	sl_cleanup(scan_close) struct scan s = {};
	const struct hash_kind *k = w->kind;
	_Alignas(__u64) char key[HASH_KEY_MAX];
	uint32_t n;
	int err = scan_open(w->fd, k->key_size, k->value_size, &s);

	while (!err && !s.done) {
		err = scan_next(&s, &n);
		for (uint32_t i = 0; !err && i < n; i++) {
			uint32_t found;

			memcpy(key, s.keys + i * k->key_size, k->key_size);
			if (k->bank(key) != bank)
				continue;
			k->set_bank(key, 0);
			found = *index_at(x, w, key);
			if (!found)
				err = batch_add(stale, key, NULL, bank);
			else
				same[found - 1] =
					!memcmp(record_value(w, found - 1),
						s.values + i * k->value_size, k->value_size);
		}
	}
	return err ? err : batch_flush(stale);
}

static int write_missing(const struct hash_want *w, const bool *same, uint32_t bank,
			 struct batch *out)
{
	int err = 0;

	for (size_t i = 0; i < w->n && !err; i++) {
		if (!same[i])
			err = batch_add(out, record_key(w, i), record_value(w, i), bank);
	}
	return err ? err : batch_flush(out);
}

int hash_sync(const struct hash_want *want, uint32_t bank)
{
	sl_cleanup(batch_close) struct batch stale = {}, out = {};
	sl_autofree bool *same = calloc(want->n + 1, sizeof(*same));
	sl_autofree void *index_memory = NULL;
	struct index x;
	int err = same ? index_build(want, &x) : -ENOMEM;

	if (err)
		return err;
	index_memory = x.at;
	err = batch_open(&stale, want, true);
	if (!err)
		err = batch_open(&out, want, false);
	if (!err)
		err = compare(want, &x, bank, same, &stale);
	return err ? err : write_missing(want, same, bank, &out);
}

int hash_put(const struct hash_want *want, size_t i, uint32_t bank)
{
	_Alignas(__u64) char key[HASH_KEY_MAX];
	int err;

	memcpy(key, record_key(want, i), want->kind->key_size);
	want->kind->set_bank(key, bank);
	err = bpf_map_update_elem(want->fd, key, record_value(want, i), BPF_ANY);
	return err == -E2BIG ? -ENOSPC : err;
}
