/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Before an id is given away again: the figures and state that are kept by it go,
 * so that a new object does not begin with another's. No packet may use the id.
 */
#ifndef SL_DP_FORGET_H
#define SL_DP_FORGET_H

#include "dataplane.h"

void forget_service(struct dataplane *dp, uint16_t id);
void forget_tenant(struct dataplane *dp, uint32_t id);

/* All accounts with gone[id] true; gone has cap.accounts members. */
int forget_accounts(struct dataplane *dp, const bool *gone);

/* The entries of SL_TALLY_OTHER, which packets only add to. */
int forget_make_others(struct dataplane *dp);

#endif /* SL_DP_FORGET_H */
