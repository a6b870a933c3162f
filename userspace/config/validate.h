/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What can only be said with the whole model at hand: names are unique and
 * exist, addresses are fit for their use, the maps are large enough.
 */
#ifndef SL_VALIDATE_H
#define SL_VALIDATE_H

#include <stdint.h>
#include "config.h"

/* Check @m, always in the same order (interfaces, services, tenants, capacity),
 * and bring it into its normal form: pin budgets that were left out get theirs.
 * Returns 0, -EINVAL with the first fault in *@reterr, -ENOMEM.
 */
int model_validate(struct model *m, uint64_t tick_ns, struct config_error *reterr);

/* -- parts of it -- */

/* Say what is wrong and return -EINVAL. */
int invalid(struct config_error *reterr, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Each pool has a front, and what a pool has of it. */
int pools_validate(struct model *m, struct config_error *reterr);
/* After services and tenants: routes name pools of theirs, and each asks for something else. */
int routes_validate(const struct model *m, struct config_error *reterr);
int services_validate(const struct model *m, struct config_error *reterr);
/* Of service @n: protocol, health, cid and device_key fit each other. */
int affinity_validate(const struct model_service *s, size_t n, struct config_error *reterr);
/* Server ids of service @si: unique, and short enough for its connection ids. */
int server_ids_validate(const struct model_service *s, size_t si, struct config_error *reterr);
int tenants_validate(const struct model *m, uint64_t tick_ns, struct config_error *reterr);
/* What messages say names one tenant, and a service that asks has a default one. */
int track_validate(const struct model_service *s, size_t n, struct config_error *reterr);
int tracked_validate(const struct model *m, struct config_error *reterr);
int identities_validate(const struct model *m, struct config_error *reterr);
/* Quotas of classes and refused_syn fit services that the tenant may use. */
int classes_validate(const struct model *m, uint64_t tick_ns, struct config_error *reterr);
/* Of each tenant's responses every path has one for a service that the tenant may use. */
int responses_validate(const struct model *m, struct config_error *reterr);
int capacity_validate(struct model *m, struct config_error *reterr);
int quota_validate(const struct model_quota *q, uint64_t tick_ns, const char *where,
		   struct config_error *reterr);

#endif /* SL_VALIDATE_H */
