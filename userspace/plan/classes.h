/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Quotas of classes -> sl_class_sets and the keys of sl_class_states. Pure. */
#ifndef SL_PLAN_CLASSES_H
#define SL_PLAN_CLASSES_H

#include <stddef.h>
#include <stdint.h>
#include <sluice/abi.h>
#include "../config/model.h"

struct plan_class_set {
	struct sl_class_key key; /* bank 0 */
	struct sl_class_set value;
};

struct plan_classes {
	struct plan_class_set *sets; /* in the model's order of tenants */
	size_t n_sets;
	struct sl_class_state_key *states; /* sorted by tenant, then class */
	size_t n_states;
};

/* Of all tenants. @ids: by tenant. Returns 0, -ENOMEM; the caller frees both arrays. */
int classes_build(const struct model *m, const uint32_t *ids, uint64_t tick_ns,
		  struct plan_classes *ret);
int class_state_compare(const void *a, const void *b); /* two struct sl_class_state_key */

/* What has @s's messages looked into, because @t may use it: of enum sl_service_flag. */
uint8_t classes_flags(const struct model_tenant *t, const struct model_service *s);

/* In sl_account.quota_mask. */
uint8_t classes_mask(const struct model_tenant *t);

#endif /* SL_PLAN_CLASSES_H */
