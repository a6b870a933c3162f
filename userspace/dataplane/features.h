/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a link's driver can do with XDP, by generic netlink's family "netdev". */
#ifndef SL_DP_FEATURES_H
#define SL_DP_FEATURES_H

#include "nl.h"

/* Bits of a link's XDP features (enum netdev_xdp_act). */
#define FEATURES_XDP_REDIRECT (1u << 1) /* its program may redirect */
#define FEATURES_XDP_XMIT     (1u << 2) /* others may redirect to it */

struct features {
	struct nl ask, events;
	uint16_t family; /* 0: the kernel has none, before 6.3; then nothing is ever told */
	uint32_t group;
};

typedef void (*features_fn)(void *arg, uint32_t ifindex, uint64_t xdp);

/* On failure features_close() is still due; it accepts one that is all zero. */
int features_open(struct features *f);
void features_close(struct features *f);

/* Of one link, or with @ifindex 0 of all. */
int features_read(struct features *f, uint32_t ifindex, features_fn fn, void *arg);

/* Changes: the descriptor (-1: none), the pending ones. -ENOBUFS: some are lost. */
int features_fd(const struct features *f);
int features_listen(struct features *f, features_fn fn, void *arg);

#endif /* SL_DP_FEATURES_H */
