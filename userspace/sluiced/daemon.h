/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the daemon's parts share. One thread, one libuv loop; no part blocks it. */
#ifndef SL_DAEMON_H
#define SL_DAEMON_H

#include <uv.h>
#include <cjson/cJSON.h>
#include "../config/config.h"
#include "../dataplane/dataplane.h"
#include "../dataplane/neigh.h"
#include "events.h"
#include "registry.h"

struct health;
struct outliers;
struct ramps;
struct scaling;
struct api;
struct overlay;
struct sweep;
struct packet_events;
struct top;

struct daemon_interface {
	struct daemon_interface *next;
	char name[IF_NAMESIZE];
	enum link_mode mode; /* as attached */
	bool fresh;	     /* by the change under way, see links.h */
};

struct daemon {
	uv_loop_t loop;
	/* options */
	const char *config_path, *state_path, *socket_path, *pin_root;
	/* parts, in the order they are opened */
	struct events *events;
	struct dataplane *dp;
	struct neigh *neigh;
	struct registry *registry;
	struct sweep *sweep;
	struct packet_events *packet_events;
	struct top *top;
	struct health *health;
	struct outliers *outliers;
	struct ramps *ramps;
	struct scaling *scaling;
	struct api *api;
	/* in force */
	struct model *model;
	cJSON *document;	 /* the file's, with what the API and scaling changed */
	struct overlay *overlay; /* those changes: kept in state_path, see overlay.h */
	struct daemon_interface *interfaces;
	uint64_t tick_ns;
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	uint64_t generation; /* configurations put in force since start */
	bool ready;
};

uint64_t daemon_now_ns(void); /* CLOCK_MONOTONIC */
uint32_t daemon_now_s(void);
/* Tell packets what time of day it is, so that all nodes have the same; again and again, as
 * clocks are set. Without a daemon it goes on as it was.
 */
void daemon_tell_wall(struct daemon *d);

/* -- the story of a change: reload.c. All return 0 or a negative errno with the
 * reason in *@reterr; on failure the old configuration is in force, whole.
 * Each emits its event. --
 */
int daemon_reload(struct daemon *d, struct config_error *reterr); /* the file, again */
int daemon_apply(struct daemon *d, const cJSON *document, struct config_error *reterr);

/* One object changed at run time, kept over restarts in the overlay. @instance
 * is an instance object as in the configuration.
 */
int daemon_instance_add(struct daemon *d, const char *service, const cJSON *instance,
			enum live_origin origin, struct config_error *reterr);
/* Drain, then free; with @now true its flows are given up at once. */
int daemon_instance_remove(struct daemon *d, const char *service, const char *instance, bool now,
			   struct config_error *reterr);
/* ADMIN_UP also takes one back that is leaving. */
int daemon_instance_admin(struct daemon *d, const char *service, const char *instance,
			  enum model_admin admin, struct config_error *reterr);
/* At once, or in steps over @over_ns; takes the place of a change under way. */
int daemon_instance_weight(struct daemon *d, const char *service, const char *instance,
			   uint32_t weight, uint64_t over_ns, struct config_error *reterr);
/* @quota and @device_quota: objects with the members to change; NULL: leave. A
 * member null removes that limit. Costs one object, however many tenants.
 */
int daemon_tenant_quota(struct daemon *d, const char *tenant, const cJSON *quota,
			const cJSON *device_quota, struct config_error *reterr);
/* All of a tenant's responses, as in the configuration. Where paths and services stay it
 * costs these objects, else what a reload does.
 */
int daemon_tenant_responses(struct daemon *d, const char *tenant, const cJSON *responses,
			    struct config_error *reterr);
int daemon_detach(struct daemon *d, const char *ifname, struct config_error *reterr);

/* -- parts -- */
int health_open(struct daemon *d, struct health **ret);
void health_close(struct health *h);
/* The registry changed: instances came, went, or have other probes. */
void health_update(struct health *h);

int outliers_open(struct daemon *d, struct outliers **ret);
void outliers_close(struct outliers *o);

int ramps_open(struct daemon *d, struct ramps **ret);
void ramps_close(struct ramps *r);
/* Bring weights that are on their way to where they are now; NULL is fine. */
void ramps_update(struct ramps *r);

int scaling_open(struct daemon *d, struct scaling **ret);
void scaling_close(struct scaling *s);
void scaling_update(struct scaling *s);

int api_open(struct daemon *d, struct api **ret, struct config_error *reterr);
void api_close(struct api *a);
void api_update(struct api *a); /* metrics.listen may have changed */

/* What scaling knows of a service, for API and metrics; false: not scaled. */
struct scaling_figures {
	double load;	/* a second */
	double offered; /* a second, before the cap by quota */
	uint32_t desired, have, min, max, starting;
	const char *why; /* of the last decision */
};
bool scaling_figures(const struct scaling *s, const struct live_service *svc,
		     struct scaling_figures *ret);

#endif /* SL_DAEMON_H */
