/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Identities and paths -> the steps of sl_trie. Pure. See abi.h for what a step is. */
#ifndef SL_PLAN_TRIE_H
#define SL_PLAN_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sluice/abi.h>
#include "../config/model.h"

struct plan_trie_step {
	struct sl_trie_key key; /* bank 0 */
	struct sl_trie_node node;
};

struct plan_trie {
	struct plan_trie_step *steps; /* sorted by key, as bytes; each key once */
	size_t n_steps;
};

/* All tenants' identities, allowed paths and responses, and all services' routes. @ids: by tenant,
 * @services: by service. A node's number follows from the way there alone, so that what stays in
 * the model stays in the map. Returns 0,
 * -ENOMEM; -EEXIST: one thing belongs to two tenants, or two ways have the same number.
 * The caller frees .steps.
 */
int trie_build(const struct model *m, const uint32_t *ids, const uint16_t *services,
	       struct plan_trie *ret);

/* What has messages looked into, because @t may use @s: of enum sl_service_flag. */
uint8_t trie_flags(const struct model_tenant *t, const struct model_service *s);

/* Has @t a response of @s, if it may use it? */
bool trie_responds(const struct model_tenant *t, const struct model_service *s);

#endif /* SL_PLAN_TRIE_H */
