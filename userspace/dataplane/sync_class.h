/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Buckets and figures of classes, which last: made before a bank names them, and gone
 * when none does.
 */
#ifndef SL_DP_SYNC_CLASS_H
#define SL_DP_SYNC_CLASS_H

#include "dataplane.h"
#include "../plan/classes.h"

/* Make those that are missing. Returns 0; -ENOSPC: capacity.tenants is too small for them. */
int class_states_make(struct dataplane *dp, const struct plan_classes *want);

/* Delete those that are not wanted. */
int class_states_prune(struct dataplane *dp, const struct plan_classes *want);

#endif /* SL_DP_SYNC_CLASS_H */
