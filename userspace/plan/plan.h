/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A model and the ids its objects have -> the wanted contents of the banked
 * maps. Pure: no kernel, no clock. Rings are planned in ring.h.
 */
#ifndef SL_PLAN_H
#define SL_PLAN_H

#include <stddef.h>
#include <stdint.h>
#include <sluice/abi.h>
#include "../config/model.h"
#include "classes.h"
#include "response.h"
#include "trie.h"

/* Ids as the registry (dataplane/names.h) gave them, parallel to the model's
 * arrays. @account[t] has one id for each service of plan_tenant_services().
 */
struct plan_ids {
	uint16_t *service; /* [n_services] */
	uint32_t *tenant;  /* [n_tenants] */
	/* account id of (tenant name, service name), or 0 with a negative errno */
	int (*account)(void *arg, const char *tenant, const char *service, uint32_t *ret);
	void *arg;
};

struct plan_service {
	struct sl_service_key key; /* bank 0 */
	struct sl_service value;   /* ring_first and ring_size are the caller's to fill */
};

struct plan_account {
	struct sl_account_key key; /* bank 0 */
	struct sl_account value;
};

struct plan_prefix_table {
	struct sl_prefix_root *roots; /* index and values count from 0: sync adds the bank's base */
	struct sl_prefix_index *index;
	struct sl_prefix_range *ranges;
	size_t n_roots, n_index, n_ranges;
};

struct plan {
	struct plan_service *services; /* in the model's order */
	size_t n_services;
	struct sl_addr *addresses; /* virtual ones, sorted, unique */
	size_t n_addresses;
	struct plan_account *accounts; /* sorted by key */
	size_t n_accounts;
	struct plan_prefix_table prefixes;
	struct plan_trie trie; /* what messages say, see trie.h */
	struct plan_classes classes;
	struct plan_response *responses;
	size_t n_responses;
};

int plan_build(const struct model *m, const struct plan_ids *ids, uint64_t tick_ns,
	       struct plan **ret);
void plan_free(struct plan *p);

/* One tenant's quota as numbers of the packet path: what plan_build() puts into
 * each of its accounts. See bpf/lib/gcra.h for what limit and cost mean.
 */
void plan_quota(const struct model_tenant *t, uint64_t tick_ns, struct sl_account *ret);

/* Where devices reach the service; of a pool, its front. */
struct sl_service_key plan_endpoint(const struct model_service *s);
/* Its key in sl_services, of bank 0. */
struct sl_service_key plan_service_key(const struct model_service *s, uint16_t id);

/* What is looked at in the service's answers: enum sl_watch. */
uint32_t plan_watch(const struct model_service *s);

#endif /* SL_PLAN_H */
