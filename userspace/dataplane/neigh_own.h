/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside of neigh.h: ways to instances' addresses, and the neighbours they lead
 * through. Instances at one address share a way, ways through one gateway a
 * neighbour.
 */
#ifndef SL_DP_NEIGH_OWN_H
#define SL_DP_NEIGH_OWN_H

#include "links.h"
#include "neigh.h"
#include "nexthop.h"

struct way;

/* A neighbour that some way leads through. */
struct peer {
	struct peer *chain;
	struct nexthop_neighbour is;
	struct way *ways; /* by ->peer_next */
	bool failed;	  /* no answer, until there is one: probing again changes nothing */
	bool seen;	  /* by the dump in progress */
};

struct way {
	struct way *next, **pprev; /* of all */
	struct way *chain;
	struct sl_addr addr;
	struct nexthop_route route;
	struct peer *peer; /* NULL: none is needed, or known */
	struct way *peer_next;
	uint16_t first; /* instance; then by watch.next */
	bool stale;	/* the route may have changed */
};

struct watch {
	struct way *way; /* NULL: not watched */
	uint16_t next;	 /* of the same way; 0: none */
	bool told;
	enum neigh_hop_state state; /* as told */
	uint32_t ifindex;
};

#define NEIGH_BUCKETS	4096
#define NEIGH_WAYS_MAX	4096 /* routes asked for at a time */
#define NEIGH_REAPS_MAX 64

struct neigh {
	struct dataplane *dp;
	neigh_changed fn;
	void *arg;
	struct links *links;
	struct nl ask, events;
	int epoll_fd;
	bool cannot_manage; /* before 5.16: neighbours are only used, again and again */
	bool links_changed;

	struct watch *watches; /* [cap.instances], by id */
	uint32_t cursor;       /* where the next refresh goes on */
	struct way *ways, *way_bucket[NEIGH_BUCKETS];
	struct peer *peer_bucket[NEIGH_BUCKETS];

	/* of the refresh in progress: managed for us, and no longer needed */
	struct nexthop_neighbour leftover[NEIGH_REAPS_MAX];
	size_t n_leftover;
};

/* -- peer.c -- */

struct peer *peer_find(struct neigh *n, uint32_t ifindex, const struct sl_addr *addr);
/* Let @w lead through this neighbour (@ifindex 0: through none). */
int peer_assign(struct neigh *n, struct way *w, uint32_t ifindex, const struct sl_addr *addr);
/* Ask the kernel to resolve it, unless it does so already. */
void peer_care(struct neigh *n, const struct peer *p);
/* Take over what the kernel says. */
void peer_update(struct peer *p, const struct nexthop_neighbour *is);
/* Read all neighbours; those that are gone are so told. */
int peers_refresh(struct neigh *n);

/* -- way.c -- */

/* The way to @addr, made and resolved if it is new; NULL without memory. */
struct way *way_get(struct neigh *n, const struct sl_addr *addr);
/* Forget a way that no instance uses. */
void way_put(struct neigh *n, struct way *w);
/* Ask for the route again. On failure the old one stays, and stale. */
int way_resolve(struct neigh *n, struct way *w);
/* Write hops that differ, and tell states that do. */
void way_publish(struct neigh *n, struct way *w);

#endif /* SL_DP_NEIGH_OWN_H */
