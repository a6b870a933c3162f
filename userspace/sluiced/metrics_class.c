// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Metrics of classes. */
#include <stddef.h>
#include <string.h>
#include "../config/class.h"
#include "class_figures.h"
#include "figures.h"
#include "metrics.h"

/* clang-format off */
static const struct { const char *name, *help; size_t at; } family[] = {
	{ "sluice_class_admitted_messages_total", "Messages of a class that no quota of messages refused",
	  offsetof(struct sl_class_state, admitted) },
	{ "sluice_class_refused_messages_total", "Messages over the quota of their class",
	  offsetof(struct sl_class_state, refused) },
	{ "sluice_class_marked_messages_total", "Messages over the quota of their class, sent on because on_excess is mark",
	  offsetof(struct sl_class_state, marked) },
};
/* clang-format on */

static uint64_t figure_of(const struct sl_class_state *s, size_t at)
{
	uint64_t value;

	memcpy(&value, (const char *)s + at, sizeof(value));
	return value;
}

/* The same tenants as in metrics.c, as far as there is room; the rest by class. */
static void put_family(FILE *f, const struct class_figures *c, const struct figures *fig,
		       const size_t *order, size_t k)
{
	uint64_t other[SL_CLASS_SLOTS] = {};
	size_t told = 0, n;

	metric_family(f, family[k].name, METRIC_COUNTER, family[k].help);
	for (size_t i = 0; i < fig->n_tenants; i++) {
		const char *tenant = fig->tenants[order[i]].name;
		const struct stats_class *s = class_figures_of(c, tenant, &n);
		bool own = i < METRICS_MAX_TENANTS && told + n <= METRICS_MAX_CLASSES;

		for (size_t j = 0; j < n; j++) {
			uint64_t value = figure_of(&s[j].state, family[k].at);

			if (own)
				metric_int(f, family[k].name,
					   METRIC_LABELS("tenant", tenant, "class",
							 class_word(s[j].cls)),
					   value);
			else
				other[s[j].cls] += value;
		}
		told += own ? n : 0;
	}
	for (unsigned int cls = 0; cls < SL_CLASS_SLOTS; cls++)
		if (other[cls])
			metric_int(f, family[k].name,
				   METRIC_LABELS("tenant", FIGURES_OTHER, "class", class_word(cls)),
				   other[cls]);
}

int metrics_classes(FILE *f, const struct dataplane *dp, struct names *names,
		    const struct figures *fig, const size_t *order)
{
	struct class_figures c;
	int err = class_figures_read(dp, names, &c);

	for (size_t k = 0; k < SL_ARRAY_SIZE(family) && !err; k++)
		put_family(f, &c, fig, order, k);
	class_figures_free(&c);
	return err;
}
