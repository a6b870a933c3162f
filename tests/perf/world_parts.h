/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parts of world.c that stand in files of their own. */
#ifndef PERF_WORLD_PARTS_H
#define PERF_WORLD_PARTS_H

#include "plan/plan.h"
#include "world.h"

/* Leave for namespaces of this process: links, routes, bpffs. */
int world_network(struct world *w, struct dataplane_error *reterr);

/* Write all sequences. */
int world_flows(struct world *w);

/* Flow @i of those that all sequences but the first and the tenants' consist of. */
struct perf_flow world_flow(uint32_t i);

/* The /24 of a tenant, host order. */
uint32_t world_tenant_prefix(uint32_t tenant);

struct world_service_kind {
	enum sl_protocol protocol;
	bool many, v6;
	double tenant, device; /* packets and messages a second; 0: not limited */
	int32_t moving_s;      /* all slots are in transition, since so many seconds */
	bool gone, outliers;   /* the previous instances are down, by RST */
	bool latency, content, classes, echo, responses, track;
	bool top;  /* devices are counted */
	bool full; /* no budget of pins and exchanges */
	enum sl_cid_layout cid;
	enum sl_device_key device_key;
};
extern const struct world_service_kind world_services[W__SERVICES];

#define WORLD_KEEP_S 3600
#define WORLD_NEVER  (1.0 / 86400) /* a second: once a day */

/* The id of the @i-th instance of a service. */
uint16_t world_instance(enum world_service s, int i);

/* Those that are there at all times: of each flow but new ones, for W_PINS. */
int world_pins_always(struct world *w);

/* Connections that are there at all times: of each flow of the first two sequences, for
 * W_MQTT_STREAM.
 */
int world_streams(struct world *w);

/* What W_COAP_CONTENT's tenant is told by and has responses to, and W_COAP_ROUTE's route, into
 * @plan.
 */
int world_content(const uint32_t *tenant_id, const uint16_t *service_ids, struct plan *plan);

/* The flow of W_SEQ_1 has proven itself to W_COAP_PROVEN. */
int world_proven(struct world *w);

/* Classes of the tenant of W_COAP_CLASS and W_MQTT_CLASS. Put them in the place of those that
 * there are; free both arrays.
 */
#define WORLD_CLASSES 2
extern struct model_class world_classes[WORLD_CLASSES];
int world_classes_of(const uint32_t *tenant_id, uint64_t tick_ns, struct plan_classes *ret);

uint32_t world_now_s(void);

#endif /* PERF_WORLD_PARTS_H */
