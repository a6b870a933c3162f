/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The registry's inside: what reload, sweep and runtime changes need of it
 * beyond registry.h.
 */
#ifndef SL_REGISTRY_OWN_H
#define SL_REGISTRY_OWN_H

#include "../plan/regions.h"
#include "daemon.h"

struct registry {
	struct dataplane *dp;
	struct names *names;
	struct regions regions;
	struct live_service *services;
	struct live_service **service_by_id;   /* [cap.services] */
	struct live_instance **instance_by_id; /* [cap.instances] */
};

/* Rebuild from the kernel: names, the bank in force, slots, records. */
int registry_open(struct dataplane *dp, struct registry **ret, struct config_error *reterr);
void registry_close(struct registry *r);

/* Bytes that tell one object from another of the same name, see names_take(). */
uint64_t registry_service_tag(const struct sl_service_key *key);
uint64_t registry_instance_tag(const struct sl_addr *addr, uint16_t port, uint16_t service);

/* "SERVICE/NAME", the text of an instance's name. */
#define REGISTRY_INSTANCE_TEXT (2 * SL_NAME_LEN)
void registry_instance_text(const char *service, const char *instance,
			    char ret[REGISTRY_INSTANCE_TEXT]);

/* New objects, in the lists. NULL: no memory. */
struct live_service *registry_add_service(struct registry *r, const char *name, uint16_t id);
struct live_instance *registry_add_instance(struct registry *r, struct live_service *s,
					    const char *name, const struct sl_name *id);
/* Out of the lists and freed; the kernel is the caller's. */
void registry_drop_instance(struct registry *r, struct live_instance *i);
void registry_drop_service(struct registry *r, struct live_service *s);

/* Names may have been changed by names_take(): read them again. */
void registry_refresh_names(struct registry *r);

/* Bring flags, drain time and the kernel's memory of them in line with .admin,
 * .leaving, .given_up, .gone, .moved and .health.
 */
void registry_settle(struct daemon *d, struct live_instance *i);

/* Cut off those that probes say are down, where on_down says so and enough others are
 * well. True: some were, and the ring is to be updated.
 */
bool registry_move_by_probes(struct daemon *d, struct live_service *s);

/* Nothing names the instance any more: its record, return entry and name go. */
void registry_free_instance(struct daemon *d, struct live_instance *i);
/* Likewise for a service that is leaving, with all it has. */
void registry_free_service(struct daemon *d, struct live_service *s);

/* For neigh_open(); @arg is the daemon. */
void registry_on_hop(void *arg, uint16_t instance, enum neigh_hop_state state, const char *ifname);

#endif /* SL_REGISTRY_OWN_H */
