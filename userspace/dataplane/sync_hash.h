/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One banked hash map brought to what a plan wants, by comparing every entry. */
#ifndef SL_DP_SYNC_HASH_H
#define SL_DP_SYNC_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_kind {
	size_t key_size, value_size;
	uint32_t (*bank)(const void *key);
	void (*set_bank)(void *key, uint32_t bank);
};
extern const struct hash_kind hash_services, hash_accounts, hash_addresses, hash_trie, hash_classes,
	hash_responses;

/* What is wanted: @n records of @stride bytes, each a key of bank 0 and, at
 * @value_at, its value.
 */
struct hash_want {
	const struct hash_kind *kind;
	int fd;
	const char *records;
	size_t n, stride, value_at;
};

/* Bring @bank's entries to it: stale ones are deleted, then the missing and the
 * different ones are written. Entries of the other bank are not touched.
 */
int hash_sync(const struct hash_want *want, uint32_t bank);

/* Write one record into @bank. */
int hash_put(const struct hash_want *want, size_t i, uint32_t bank);

#endif /* SL_DP_SYNC_HASH_H */
