/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How large each map is, where it is pinned, and which ones are memory of this
 * process. The only place that knows how a capacity becomes map entries.
 */
#ifndef SL_DP_MAPS_H
#define SL_DP_MAPS_H

#include "dataplane.h"

/* Set sizes and pin paths of the opened object's maps for @asked, whose zeroes
 * mean: as it is pinned, else the default. -EEXIST: a pinned map differs, and
 * *@reterr names the member. *@ret_adopted: maps were there before.
 */
int maps_prepare(struct dataplane *dp, const struct model_capacity *asked, bool *ret_adopted,
		 struct dataplane_error *reterr);

/* After load: capacity as it is, descriptors, memory. maps_unmap() undoes it and
 * accepts a half-mapped data plane.
 */
int maps_map(struct dataplane *dp, struct dataplane_error *reterr);
void maps_unmap(struct dataplane *dp);

#endif /* SL_DP_MAPS_H */
