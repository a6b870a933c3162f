/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The registry's rings: brought to what its instances are, counted, told of. */
#ifndef SL_RINGS_H
#define SL_RINGS_H

#include "../plan/choose.h"
#include "daemon.h"

/* Tell the way back whether some slot of service @id is not quiescent: true before
 * the first such slot is stored, false after the last has settled.
 */
void registry_set_unsettled(struct dataplane *dp, uint16_t id, bool unsettled);
/* And whether it is a pool, of whose instances it learns in any case. */
void registry_set_pool(struct dataplane *dp, uint16_t id, bool pool);

/* Is an instance draining whose flows are found by connection id, and which may so be in
 * slots that are others'? Then all slots are watched (ring_watch), or it would be
 * drained while its devices talk.
 */
bool registry_wants_watch(const struct live_service *s);
void registry_watch(struct daemon *d, struct live_service *s);

/* Bring the service's ring to what its instances are now, in place. */
int registry_ring_update(struct daemon *d, struct live_service *s);

/* Count the slots of each instance and those in transition, as of @since_s: a
 * deadline in that very second has not passed.
 */
void registry_ring_count(struct daemon *d, struct live_service *s, uint32_t since_s);

/* Say so when the probes begin or cease to be believed. */
void registry_tell_min_healthy(struct daemon *d, struct live_service *s,
			       const struct ring_choice *c);

#endif /* SL_RINGS_H */
