// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Metrics of services, their scaling and their instances. A family's samples
 * stand together, so each family is one walk.
 */
#include "../dataplane/stats.h"
#include "api.h"
#include "health.h"
#include "metrics.h"

struct walk {
	FILE *f;
	struct daemon *d;
	const char *name; /* of the family */
};

/* -- services -- */

static uint64_t healthy(const struct live_service *s)
{
	uint64_t n = 0;

	for (const struct live_instance *i = s->instances; i; i = i->next)
		n += instance_takes_flows(i);
	return n;
}

static uint64_t instances(const struct live_service *s)
{
	uint64_t n = 0;

	for (const struct live_instance *i = s->instances; i; i = i->next)
		n++;
	return n;
}

static uint64_t ring_slots(const struct live_service *s)
{
	return s->ring_size;
}

static uint64_t in_transition(const struct live_service *s)
{
	return s->slots_in_transition;
}

static uint64_t keep(const struct live_service *s)
{
	return s->keep_s;
}

static uint64_t below_min(const struct live_service *s)
{
	return s->below_min_healthy;
}

static const struct service_gauge {
	const char *name, *help;
	uint64_t (*value)(const struct live_service *s);
} service_gauges[] = {
	{ "sluice_service_healthy_instances", "Instances that take new flows", healthy },
	{ "sluice_service_instances", "Instances, in whatever state", instances },
	{ "sluice_service_ring_slots", "Size of the service's ring", ring_slots },
	{ "sluice_service_slots_in_transition",
	  "Slots whose flows may still be on the instance before", in_transition },
	{ "sluice_service_keep_seconds", "How long a silent flow is kept on its instance", keep },
	{ "sluice_service_below_min_healthy", "1 while probes are not believed", below_min },
	{}
};

/* The next service that has series of its own. */
static struct live_service *first_service(struct daemon *d, size_t *left)
{
	*left = METRICS_MAX_SERVICES;
	return registry_services(d->registry);
}

static struct live_service *next_service(const struct live_service *s, size_t *left)
{
	return --*left ? s->next : NULL;
}

#define for_each_service(s, d, left) \
	for (s = first_service(d, &left); s; s = next_service(s, &left))

static void put_service_gauges(FILE *f, struct daemon *d)
{
	struct live_service *s;
	size_t left;

	for (const struct service_gauge *g = service_gauges; g->name; g++) {
		metric_family(f, g->name, METRIC_GAUGE, g->help);
		for_each_service(s, d, left)
			metric_int(f, g->name, METRIC_LABELS("service", s->name), g->value(s));
	}
}

static void put_pools(FILE *f, struct daemon *d)
{
	struct live_service *s;
	size_t left;

	metric_family(f, "sluice_pool_info", METRIC_GAUGE,
		      "1 for each service that is a pool, with the service that leads to it");
	for_each_service(s, d, left)
	{
		if (s->model && model_is_pool(s->model))
			metric_int(f, "sluice_pool_info",
				   METRIC_LABELS("service", s->name, "front", s->model->pool_of),
				   1);
	}
}

static void put_pins(FILE *f, struct daemon *d)
{
	struct live_service *s;
	size_t left;

	metric_family(f, "sluice_service_half_open_pins", METRIC_GAUGE,
		      "Pins of flows that have only been opened");
	for_each_service(s, d, left)
		metric_int(f, "sluice_service_half_open_pins", METRIC_LABELS("service", s->name),
			   d->dp->service_states[s->id].half_open);
	metric_family(f, "sluice_service_exchanges", METRIC_GAUGE,
		      "CoAP exchanges that are remembered");
	for_each_service(s, d, left)
		metric_int(f, "sluice_service_exchanges", METRIC_LABELS("service", s->name),
			   d->dp->service_states[s->id].exchanges);
	metric_family(f, "sluice_service_flows", METRIC_GAUGE, "Connections in the flow table");
	for_each_service(s, d, left)
		metric_int(f, "sluice_service_flows", METRIC_LABELS("service", s->name),
			   d->dp->service_states[s->id].flows);
	metric_family(f, "sluice_service_half_open_flows", METRIC_GAUGE,
		      "Connections that their devices have not proven to be theirs");
	for_each_service(s, d, left)
		metric_int(f, "sluice_service_half_open_flows", METRIC_LABELS("service", s->name),
			   d->dp->service_states[s->id].flow_opens);
	metric_family(f, "sluice_service_pin_failures_total", METRIC_COUNTER,
		      "Established pins that found no room");
	for_each_service(s, d, left) metric_int(f, "sluice_service_pin_failures_total",
						METRIC_LABELS("service", s->name),
						d->dp->service_states[s->id].pin_failures);
}

static void put_kinds(FILE *f, struct daemon *d)
{
	struct live_service *s;
	size_t left;

	metric_family(f, "sluice_kind_packets_total", METRIC_COUNTER,
		      "Packets to a service by what their first message is, after quotas of "
		      "packets and bytes");
	for_each_service(s, d, left)
	{
		uint64_t kind[SL_K__MAX];

		stats_kinds(d->dp, s->id, kind);
		for (size_t i = 0; i < SL_K__MAX; i++)
			if (kind[i])
				metric_int(
					f, "sluice_kind_packets_total",
					METRIC_LABELS("service", s->name, "kind", kind_labels[i]),
					kind[i]);
	}
}

/* -- scaling -- */

static double scaling_load(const struct scaling_figures *s)
{
	return s->load;
}

static double scaling_offered(const struct scaling_figures *s)
{
	return s->offered;
}

static double scaling_desired(const struct scaling_figures *s)
{
	return s->desired;
}

static double scaling_have(const struct scaling_figures *s)
{
	return s->have;
}

static double scaling_starting(const struct scaling_figures *s)
{
	return s->starting;
}

static double scaling_min(const struct scaling_figures *s)
{
	return s->min;
}

static double scaling_max(const struct scaling_figures *s)
{
	return s->max;
}

static const struct scaling_gauge {
	const char *name, *help;
	double (*value)(const struct scaling_figures *s);
} scaling_gauges[] = {
	{ "sluice_scaling_load", "Load a second in the unit of the target, held to quotas",
	  scaling_load },
	{ "sluice_scaling_offered", "The same before quotas", scaling_offered },
	{ "sluice_scaling_desired_instances", "Load over target, within minimum and maximum",
	  scaling_desired },
	{ "sluice_scaling_instances", "Instances that count for the controller", scaling_have },
	{ "sluice_scaling_starting_instances", "Instances being started", scaling_starting },
	{ "sluice_scaling_min_instances", "Configured minimum", scaling_min },
	{ "sluice_scaling_max_instances", "Configured maximum", scaling_max },
	{}
};

static void put_scaling(FILE *f, struct daemon *d)
{
	struct scaling_figures fig;
	struct live_service *s;
	size_t left;

	for (const struct scaling_gauge *g = scaling_gauges; g->name; g++) {
		metric_family(f, g->name, METRIC_GAUGE, g->help);
		for_each_service(s, d, left) if (scaling_figures(d->scaling, s, &fig))
			metric_float(f, g->name, METRIC_LABELS("service", s->name), g->value(&fig));
	}
}

/* -- instances -- */

static uint64_t inst_up(const struct live_instance *i)
{
	return instance_takes_flows(i);
}

static uint64_t inst_slots(const struct live_instance *i)
{
	return i->slots_cur;
}

static uint64_t inst_in_transition(const struct live_instance *i)
{
	return i->slots_prev;
}

static uint64_t inst_pins(const struct live_instance *i)
{
	return i->pins;
}

static uint64_t inst_weight(const struct live_instance *i)
{
	return i->weight;
}

static const struct instance_gauge {
	const char *name, *help;
	uint64_t (*value)(const struct live_instance *i);
} instance_gauges[] = { { "sluice_instance_up", "1 if the instance takes new flows", inst_up },
			{ "sluice_instance_slots", "Ring slots that send new flows to it",
			  inst_slots },
			{ "sluice_instance_slots_in_transition",
			  "Ring slots whose earlier flows are still on it", inst_in_transition },
			{ "sluice_instance_pins", "Flows pinned to it", inst_pins },
			{ "sluice_instance_weight", "Weight at present", inst_weight },
			{} };

typedef void (*instance_fn)(const struct walk *w, const struct live_instance *i, const void *arg);

static void each_instance(const struct walk *w, instance_fn fn, const void *arg)
{
	size_t left, n = 0;
	struct live_service *s;

	for_each_service(s, w->d, left) for (struct live_instance *i = s->instances;
					     i && n < METRICS_MAX_INSTANCES; i = i->next, n++)
		fn(w, i, arg);
}

static void put_gauge(const struct walk *w, const struct live_instance *i, const void *arg)
{
	const struct instance_gauge *g = arg;

	metric_int(w->f, w->name, METRIC_LABELS("service", i->service->name, "instance", i->name),
		   g->value(i));
}

static void put_state(const struct walk *w, const struct live_instance *i, const void *arg)
{
	static const char *const states[] = { "up", "draining", "drained", "down", "ejected" };
	const char *is = instance_state(i);

	(void)arg;
	for (size_t k = 0; k < SL_ARRAY_SIZE(states); k++)
		metric_int(w->f, w->name,
			   METRIC_LABELS("service", i->service->name, "instance", i->name, "state",
					 states[k]),
			   !strcmp(is, states[k]));
}

static void put_probe_time(const struct walk *w, const struct live_instance *i, const void *arg)
{
	struct health_info h;

	(void)arg;
	health_info(i, &h);
	if (h.latency_ns)
		metric_float(w->f, w->name,
			     METRIC_LABELS("service", i->service->name, "instance", i->name),
			     h.latency_ns / 1e9);
}

static void put_probes(const struct walk *w, const struct live_instance *i, const void *arg)
{
	struct health_info h;

	(void)arg;
	health_info(i, &h);
	if (!h.probed_ns)
		return;
	metric_int(w->f, w->name,
		   METRIC_LABELS("service", i->service->name, "instance", i->name, "result", "ok"),
		   h.total_ok);
	metric_int(
		w->f, w->name,
		METRIC_LABELS("service", i->service->name, "instance", i->name, "result", "failed"),
		h.total_failed);
}

static void put_instances(FILE *f, struct daemon *d)
{
	struct walk w = { .f = f, .d = d };

	for (const struct instance_gauge *g = instance_gauges; g->name; g++) {
		w.name = g->name;
		metric_family(f, g->name, METRIC_GAUGE, g->help);
		each_instance(&w, put_gauge, g);
	}
	w.name = "sluice_instance_state";
	metric_family(f, w.name, METRIC_GAUGE, "1 for the state the instance is in, else 0");
	each_instance(&w, put_state, NULL);
	w.name = "sluice_probe_duration_seconds";
	metric_family(f, w.name, METRIC_GAUGE, "How long the last answered probe took");
	each_instance(&w, put_probe_time, NULL);
	w.name = "sluice_probes_total";
	metric_family(f, w.name, METRIC_COUNTER, "Probes by result");
	each_instance(&w, put_probes, NULL);
}

void metrics_services(FILE *f, struct daemon *d, size_t *ret_services, size_t *ret_instances)
{
	size_t services = 0, n = 0, told = 0;

	put_service_gauges(f, d);
	put_pools(f, d);
	put_pins(f, d);
	put_kinds(f, d);
	put_scaling(f, d);
	put_instances(f, d);

	for (struct live_service *s = registry_services(d->registry); s; s = s->next) {
		n += instances(s);
		if (++services == METRICS_MAX_SERVICES)
			told = n;
	}
	if (services < METRICS_MAX_SERVICES)
		told = n;
	if (told > METRICS_MAX_INSTANCES)
		told = METRICS_MAX_INSTANCES;
	*ret_services = services > METRICS_MAX_SERVICES ? services - METRICS_MAX_SERVICES : 0;
	*ret_instances = n - told;
}
