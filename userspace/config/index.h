/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A set of byte strings, each with a number: who had this first? Keys are not
 * copied and must outlive the index.
 */
#ifndef SL_INDEX_H
#define SL_INDEX_H

#include <stddef.h>
#include <stdint.h>

#define INDEX_NONE UINT64_MAX

struct index_entry;

struct index {
	struct index_entry *entries;
	size_t mask;
};

/* For up to @n keys. Returns 0, -ENOMEM. */
int index_open(struct index *x, size_t n);
void index_close(struct index *x);

/* Add @key with @value unless it is there; returns the value that was, or
 * INDEX_NONE where it is new.
 */
uint64_t index_add(struct index *x, const void *key, size_t len, uint64_t value);

/* The value of @key, or INDEX_NONE. */
uint64_t index_find(const struct index *x, const void *key, size_t len);

#endif /* SL_INDEX_H */
