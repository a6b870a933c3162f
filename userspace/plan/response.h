/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Responses of tenants -> ready CoAP options and payload, as packets have them. Pure. */
#ifndef SL_PLAN_RESPONSE_H
#define SL_PLAN_RESPONSE_H

#include <stddef.h>
#include <stdint.h>
#include <sluice/abi.h>
#include "../common/siphash.h"
#include "../config/model.h"

struct plan_response {
	struct sl_response_key key; /* bank 0 */
	struct sl_response value;
};

/* One, but for its key. @etag: keys_etag(). */
void response_plan(const struct model_response *r, const struct siphash_key *etag,
		   struct sl_response *ret);

/* All of them. @ids: by tenant. Returns 0, -ENOMEM; the caller frees *@ret. */
int responses_build(const struct model *m, const uint32_t *ids, struct plan_response **ret,
		    size_t *ret_n);

#endif /* SL_PLAN_RESPONSE_H */
