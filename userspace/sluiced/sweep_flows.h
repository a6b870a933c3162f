/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The sweep's part that looks after tracked connections: it forgets the silent ones, and sets
 * right what counts them.
 */
#ifndef SL_SWEEP_FLOWS_H
#define SL_SWEEP_FLOWS_H

#include "daemon.h"

struct sweep_flows;

int sweep_flows_open(struct daemon *d, struct sweep_flows **ret);
void sweep_flows_close(struct sweep_flows *s);

/* A pass begins. */
void sweep_flows_begin(struct sweep_flows *s);

/* One batch, or the end. *@ret_done: the pass is over. Returns 0 or what reading a map says. */
int sweep_flows_step(struct sweep_flows *s, bool *ret_done);

#endif /* SL_SWEEP_FLOWS_H */
