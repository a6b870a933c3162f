/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is attached to an interface: words for a person who must make room. */
#ifndef SL_DP_OCCUPIED_H
#define SL_DP_OCCUPIED_H

#include <stdbool.h>
#include "dataplane.h"

/* If XDP programs are attached to @ifindex, say in *@reterr which, and how to
 * remove them, and return true.
 */
bool occupied_explain(const char *ifname, int ifindex, struct dataplane_error *reterr);

#endif /* SL_DP_OCCUPIED_H */
