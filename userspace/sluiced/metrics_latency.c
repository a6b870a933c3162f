// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Metrics of times from request to answer. The bounds are powers of two nanoseconds, at which
 * the data plane's buckets end, so that their counts are exact.
 */
#include <errno.h>
#include <stdlib.h>
#include "../common/cleanup.h"
#include "figures.h"
#include "lib/latency.h"
#include "metrics.h"

#define NAME	   "sluice_latency_seconds"
#define BOUND_LOG2 16 /* the least: 66 us */
#define BOUND_LAST (SL_LATENCY_MAX_LOG2 - 1)

static const char *const sort_labels[] = {
#define X(name, label) [SL_L_##name] = label,
	SL_LATENCY_SORTS(X)
#undef X
};

static void put_times(FILE *f, const char *tenant, const char *service, size_t sort,
		      const struct sl_latency *l)
{
	uint64_t n = 0;
	uint32_t next = 0;
	char le[32];

	for (int log = BOUND_LOG2; log <= BOUND_LAST; log++) {
		for (; next < latency_bucket(1ull << log); next++)
			n += l->bucket[next];
		snprintf(le, sizeof(le), "%.9g", (1ull << log) / 1e9);
		metric_int(f, NAME "_bucket",
			   METRIC_LABELS("tenant", tenant, "service", service, "sort",
					 sort_labels[sort], "le", le),
			   n);
	}
	n = latency_count(l->bucket);
	metric_int(f, NAME "_bucket",
		   METRIC_LABELS("tenant", tenant, "service", service, "sort", sort_labels[sort],
				 "le", "+Inf"),
		   n);
	metric_float(f, NAME "_sum",
		     METRIC_LABELS("tenant", tenant, "service", service, "sort", sort_labels[sort]),
		     l->sum_ns / 1e9);
	metric_int(f, NAME "_count",
		   METRIC_LABELS("tenant", tenant, "service", service, "sort", sort_labels[sort]),
		   n);
}

static void put_all_times(FILE *f, const char *tenant, const char *service,
			  const struct figure_times *t)
{
	for (size_t sort = 0; sort < SL_L__MAX; sort++)
		if (latency_count(t->of[sort].bucket))
			put_times(f, tenant, service, sort, &t->of[sort]);
}

/* The same tenants as in metrics.c have series of their own, as far as there is room. */
int metrics_latencies(FILE *f, const struct figures *fig, const size_t *order)
{
	sl_autofree struct figure_times *one = calloc(1, sizeof(*one));
	sl_autofree struct figure_times *other = calloc(1, sizeof(*other));
	size_t told = 0;

	if (!one || !other)
		return -ENOMEM;
	metric_family(f, NAME, METRIC_HISTOGRAM,
		      "From request to answer, of one request in 64, where a service has latency");
	for (size_t i = 0; i < fig->n_tenants; i++) {
		const struct figure_tenant *t = &fig->tenants[order[i]];

		if (i >= METRICS_MAX_TENANTS || told + t->n_accounts > METRICS_MAX_LATENCIES) {
			figure_add_tenant_times(fig, t, other);
			continue;
		}
		for (size_t k = t->account; k < t->account + t->n_accounts; k++) {
			*one = (struct figure_times){};
			if (!figure_add_account_times(fig, k, one))
				continue;
			put_all_times(f, t->name, fig->accounts[k].service, one);
			told++;
		}
	}
	figure_add_other_times(fig, other);
	put_all_times(f, FIGURES_OTHER, FIGURES_OTHER, other);
	return 0;
}
