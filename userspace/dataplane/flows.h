/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tracked connections as the daemon ends them: out of the table, and off what is counted. */
#ifndef SL_DP_FLOWS_H
#define SL_DP_FLOWS_H

#include "dataplane.h"

/* Take @key's connection out if it has been silent for too long, by @idle_s; or off what is counted
 * if it has lapsed. False: neither, or it was not there.
 */
bool flows_end(struct dataplane *dp, const struct sl_flow_key *key, uint32_t now_s,
	       uint32_t idle_s);

/* Take out all whose account is not in @used, of cap.accounts members. Returns 0 or what reading
 * the map says.
 */
int flows_forget(struct dataplane *dp, const bool *used);

#endif /* SL_DP_FLOWS_H */
