/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Prometheus' text format (0.0.4) as a writer: families with HELP and TYPE,
 * samples with escaped labels. Pure.
 */
#ifndef SL_METRICS_H
#define SL_METRICS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Bounds on label values: what is beyond is summed in "_other" or left out, and
 * sluice_metrics_folded says how many.
 */
#define METRICS_MAX_TENANTS   1000
#define METRICS_MAX_ACCOUNTS  10000
#define METRICS_MAX_SERVICES  1024
#define METRICS_MAX_INSTANCES 8192
#define METRICS_MAX_CLASSES   4000 /* of all tenants */
#define METRICS_MAX_LATENCIES 2000 /* accounts whose times are told; each has 22 samples a sort */

enum metric_type {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_HISTOGRAM, /* its samples are NAME_bucket, NAME_sum and NAME_count */
};

/* Begin a family; its samples follow. @help ends without a full stop. */
void metric_family(FILE *f, const char *name, enum metric_type type, const char *help);

/* One sample: @labels is a NULL-ended list of name, value, name, value. An
 * integer is written exactly.
 */
void metric_int(FILE *f, const char *name, const char *const *labels, uint64_t value);
void metric_float(FILE *f, const char *name, const char *const *labels, double value);

#define METRIC_LABELS(...) ((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

/* Families of services, scaling and instances: metrics_service.c. What was left
 * out by the bounds above is counted.
 */
struct daemon;
void metrics_services(FILE *f, struct daemon *d, size_t *ret_services, size_t *ret_instances);

/* Times from request to answer: metrics_latency.c. @order: of tenants. 0 or -ENOMEM. */
struct figures;
int metrics_latencies(FILE *f, const struct figures *fig, const size_t *order);

/* Messages of classes: metrics_class.c. 0 or a negative errno. */
struct dataplane;
struct names;
int metrics_classes(FILE *f, const struct dataplane *dp, struct names *names,
		    const struct figures *fig, const size_t *order);

#endif /* SL_METRICS_H */
