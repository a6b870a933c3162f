/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The links of this network namespace, and which of them frames can be
 * redirected to: keeps sl_targets.
 */
#ifndef SL_DP_LINKS_H
#define SL_DP_LINKS_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include "nl.h"

struct link {
	struct link *next;
	struct link *chain; /* of its hash */
	uint32_t ifindex;
	uint32_t mtu;
	uint32_t flags; /* IFF_* */
	uint64_t xdp;	/* FEATURES_XDP_* */
	bool xdp_known;
	bool ethernet;
	uint8_t mac[6];
	char name[IF_NAMESIZE];
	char kind[16];	 /* "veth", "bridge"; "" for hardware */
	char driver[32]; /* as ethtool names it */
	bool target;	 /* may be redirected to, and is in sl_targets */
	bool leaves;	 /* is no target any more: links_settle() takes it out */
	bool seen;	 /* by the dump in progress */
};

struct links;

/* Opens its own sockets; @targets_fd is sl_targets, or -1. */
int links_open(int targets_fd, struct links **ret);
void links_close(struct links *l);

/* Read all links again. Links that changed in what matters to hops (target, MAC,
 * MTU, up, there at all) make *@ret_changed true.
 */
int links_refresh(struct links *l, bool *ret_changed);

/* An RTM_NEWLINK or RTM_DELLINK: true if it changed what matters. */
bool links_event(struct links *l, const struct nlmsghdr *nlh);

/* XDP features change by generic netlink: its descriptor (-1: none), its reader. */
int links_fd(const struct links *l);
int links_read(struct links *l, bool *ret_changed);

/* After hops no longer name them: take links out of sl_targets. */
void links_settle(struct links *l);

struct link *links_find(struct links *l, uint32_t ifindex);
struct link *links_first(struct links *l); /* then by ->next */

#endif /* SL_DP_LINKS_H */
