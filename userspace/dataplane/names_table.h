/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The copy in memory of sl_names: entries by text, and by id for each kind. */
#ifndef SL_DP_NAMES_TABLE_H
#define SL_DP_NAMES_TABLE_H

#include <stdint.h>
#include <sluice/abi.h>
#include "../config/model.h"

struct names_entry {
	struct names_entry *next; /* in its bucket */
	struct sl_name name;
	/* As in the map, and a NUL after the longest. */
	char text[sizeof(struct sl_name_key) + 1];
};

/* Ids of one kind: dense, from 1. */
struct names_ids {
	enum sl_name_kind kind;
	uint32_t cap;  /* ids run from 1 to cap - 1 */
	uint32_t hint; /* no free id lies below */
	struct names_entry **by_id;
};

#define NAMES_KINDS 4

struct names_table {
	struct names_entry **buckets;
	uint32_t n_buckets; /* a power of two */
	uint32_t n;
	struct names_ids ids[NAMES_KINDS];
};

int names_table_open(struct names_table *t, const struct model_capacity *cap);
void names_table_close(struct names_table *t);

/* NULL: no such kind. */
struct names_ids *names_table_ids(struct names_table *t, char kind);
uint32_t names_ids_lowest_free(struct names_ids *ids); /* 0: none */

struct names_entry *names_table_find(struct names_table *t, const struct sl_name_key *key);
/* The caller knows that neither the text nor the id is there. */
int names_table_add(struct names_table *t, const struct sl_name_key *key,
		    const struct sl_name *name);
void names_table_remove(struct names_table *t, const struct sl_name_key *key);

#endif /* SL_DP_NAMES_TABLE_H */
