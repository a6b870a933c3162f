/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services and instances as they live: what the configuration wants, what the
 * kernel has (ids, slots, pins), what probes and administrators say. The only
 * writer of slots. Each change of an instance's state ends in one ring update.
 */
#ifndef SL_REGISTRY_H
#define SL_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>
#include "../config/model.h"
#include "../dataplane/dataplane.h"
#include "../dataplane/names.h"
#include "../dataplane/neigh.h"
#include "../plan/drain.h"
#include "../plan/outlier.h"

enum live_origin {
	ORIGIN_FILE,
	ORIGIN_API,
	ORIGIN_SCALING,
};

enum live_health {
	HEALTH_UNKNOWN, /* not probed yet: treated as up */
	HEALTH_UP,
	HEALTH_DOWN,
};

struct live_instance {
	struct live_instance *next;
	struct live_service *service;
	char name[SL_NAME_LEN];
	uint16_t id, generation;
	struct sl_addr addr;
	uint16_t port;
	uint32_t weight;    /* at present */
	struct ramp ramp;   /* to another one, which is configured already */
	bool has_server_id; /* an entry of sl_cids names it */
	uint32_t server_id;
	enum model_admin admin; /* by file, API or scaling */
	enum live_origin origin;
	enum live_health health;
	enum neigh_hop_state hop;
	bool leaving;		/* no longer wanted: drain, then free */
	uint32_t drain_since_s; /* CLOCK_MONOTONIC; 0: not draining */
	/* by the last sweep */
	uint32_t slots_cur, slots_prev; /* new flows; flows still in transition */
	uint32_t pins;
	bool drained;
	bool given_up; /* its flows are no longer followed: SL_I_DOWN */
	bool gone;     /* by evidence nothing listens there: the same, until it is up */
	bool moved;    /* by probes and on_down: the same, until it is up */
	struct drain_told drain_told;
	bool timeout_told; /* drain_timeout has passed, and its event was sent */
	bool sweep_seen;   /* a sweep has begun since it drains, or was given up */
	struct outlier outlier;
	void *probe; /* health's own */
};

struct live_service {
	struct live_service *next;
	char name[SL_NAME_LEN];
	uint16_t id;
	struct sl_service_key key; /* bank 0 */
	const struct model_service
		*model; /* in force; NULL while leaving, or before the first change */
	bool pool;	/* @key is its front's */
	bool affinity;	/* has pins; without it slots change at once */
	uint32_t ring_first, ring_size;
	uint32_t keep_s;
	uint32_t idle_s;  /* of tracked connections; 0: it has none */
	bool drain_moves; /* what drains is given up at once */
	uint32_t slots_in_transition;
	struct live_instance *instances;
	bool below_min_healthy; /* probes are not believed */
	uint32_t seen_pin_failures;
	uint32_t pins_lost;	     /* since that was told last */
	uint32_t pins_lost_told_s;   /* CLOCK_MONOTONIC; 0: never */
	bool past_prolonging;	     /* the transition is too old to be prolonged again */
	uint32_t transition_since_s; /* when some slot was first before its deadline; 0: none is */
	uint64_t outliers_due_ns;    /* CLOCK_MONOTONIC: when they are judged next */
	uint32_t outliers_told_s;    /* that they are not believed; 0: never */
	void *scaler;		     /* scaling's own */
	bool leaving;		     /* in no bank: its instances and pins go, then its id */
	bool sweep_seen;	     /* a sweep has begun since then */
};

struct daemon;
struct registry;

struct live_service *registry_services(struct registry *r);
struct live_service *registry_service(struct registry *r, const char *name);
struct live_instance *registry_instance(struct live_service *s, const char *name);
struct live_service *registry_service_by_id(struct registry *r, uint16_t id);
struct live_instance *registry_instance_by_id(struct registry *r, uint16_t id);
struct names *registry_names(struct registry *r);

/* Nothing is known against it: neither probes nor what it answers say so. */
bool instance_is_well(const struct live_instance *i);
/* Its flows are not followed any more, by pin or slot: SL_I_DOWN. */
bool instance_is_cut(const struct live_instance *i);
/* Does it take new flows: admin up, not leaving, and well (or probes are not
 * believed because too few instances are)?
 */
bool instance_takes_flows(const struct live_instance *i);
/* "up", "draining", "down", "ejected", and for a drain that is over "drained". */
const char *instance_state(const struct live_instance *i);

/* Probes: report a verdict; a change updates the ring, the metrics, the events. */
void registry_set_health(struct daemon *d, struct live_instance *i, enum live_health health,
			 const char *why);
/* Evidence, beyond a probe that failed, that the server is gone: its flows move at
 * once. Taken back by the next change of its health to anything but down.
 */
void registry_set_gone(struct daemon *d, struct live_instance *i, const char *why);

#endif /* SL_REGISTRY_H */
