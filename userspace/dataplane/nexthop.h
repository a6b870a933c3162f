/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Questions to rtnetlink about one address: which way, and which neighbour. */
#ifndef SL_DP_NEXTHOP_H
#define SL_DP_NEXTHOP_H

#include <linux/neighbour.h>
#include <stdbool.h>
#include <sluice/abi.h>
#include "nl.h"

/* States in which a neighbour's link-layer address may be used. */
#define NEXTHOP_VALID \
	(NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

enum nexthop_kind {
	NEXTHOP_NONE,  /* no route, or one that says no */
	NEXTHOP_LOCAL, /* an address of this machine */
	NEXTHOP_VIA,
};

struct nexthop_route {
	enum nexthop_kind kind;
	uint32_t ifindex;
	struct sl_addr via; /* the gateway, or the destination itself */
	uint32_t mtu;	    /* 0: the link's */
};

/* The way the node itself would take. Rules that look at a packet's source or
 * arrival are not asked: which device will send is not known.
 */
int nexthop_route(struct nl *s, const struct sl_addr *dst, struct nexthop_route *ret);

/* The prefix an RTM_NEWROUTE or RTM_DELROUTE concerns (length as of the mapped
 * address). False: of no use here.
 */
bool nexthop_route_event(const struct nlmsghdr *nlh, struct sl_addr *ret, uint8_t *ret_len);

struct nexthop_neighbour {
	uint32_t ifindex;
	struct sl_addr addr;
	uint16_t state; /* NUD_*; NUD_NONE: there is none */
	uint8_t flags;	/* NTF_* */
	bool managed;	/* the kernel keeps it resolved */
	bool ours;	/* because we asked for it */
	bool has_mac;
	uint8_t mac[6];
};

/* From an RTM_NEWNEIGH or RTM_DELNEIGH. False: of another family or kind. */
bool nexthop_neighbour_event(const struct nlmsghdr *nlh, struct nexthop_neighbour *ret);

/* Fill the rest of *@n by its ifindex and addr; NUD_NONE if there is none. */
int nexthop_neighbour(struct nl *s, struct nexthop_neighbour *n);

/* All neighbours of both families. */
int nexthop_dump(struct nl *s, nl_fn fn, void *arg);

enum nexthop_care {
	NEXTHOP_MANAGE,	 /* keep it resolved from now on (from 5.16) */
	NEXTHOP_RELEASE, /* no longer */
	NEXTHOP_USE,	 /* resolve it once, now */
};

/* Does not change a neighbour's address or state, nor who else learnt it. Not
 * for NUD_PERMANENT ones, which would lose that.
 */
int nexthop_care(struct nl *s, const struct nexthop_neighbour *n, enum nexthop_care care);

#endif /* SL_DP_NEXTHOP_H */
