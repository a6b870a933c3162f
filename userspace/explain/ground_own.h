/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of ground.h share. */
#ifndef SL_EXPLAIN_GROUND_OWN_H
#define SL_EXPLAIN_GROUND_OWN_H

#include "ground.h"

/* -- hop.c: the private network's routes and neighbours, as the daemon reads them -- */

/* The way to an instance; ifindex 0: there is none, or it leads to this node. */
int ground_hop(const struct sl_addr *to, struct sl_hop *ret);
/* All links may be redirected to: no frame really leaves. */
int ground_targets(int targets_fd);

/* -- run.c -- */
int ground_events_open(struct ground *g);
void ground_events_close(struct ground *g);

#endif /* SL_EXPLAIN_GROUND_OWN_H */
