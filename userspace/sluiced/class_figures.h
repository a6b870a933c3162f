/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What came of the messages of classes, by tenant, for /v1/tenants, /v1/top and /metrics. */
#ifndef SL_CLASS_FIGURES_H
#define SL_CLASS_FIGURES_H

#include <cjson/cJSON.h>
#include "../config/model.h"
#include "../dataplane/names.h"
#include "../dataplane/stats.h"

struct class_figures {
	struct names *names;
	struct stats_class *at; /* by tenant's id, then class */
	size_t n;
};

/* Cumulative since the class was first configured. Returns 0 or a negative errno. */
int class_figures_read(const struct dataplane *dp, struct names *names, struct class_figures *ret);
void class_figures_free(struct class_figures *f);

/* Those of @tenant: *@ret_n beginning with the one returned. */
const struct stats_class *class_figures_of(const struct class_figures *f, const char *tenant,
					   size_t *ret_n);

/* "classes" of a row, { "coap.observe": { "admitted": 12, ... } }; nothing where it has none. */
void class_figures_json(const struct class_figures *f, const char *tenant, cJSON *row);

/* "classes" as configured, with figures unless @f is NULL. */
void class_quotas_json(const struct class_figures *f, const struct model_tenant *t, cJSON *to);

#endif /* SL_CLASS_FIGURES_H */
