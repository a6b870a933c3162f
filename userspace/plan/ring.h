/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rings: which slot belongs to which instance, and how a ring moves from one
 * set of instances to another without moving a flow (DESIGN.md, "Pins"). Pure:
 * works on arrays of slots, the caller says what time it is.
 */
#ifndef SL_RING_H
#define SL_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sluice/abi.h>

struct ring_member {
	uint16_t id;	 /* instance id */
	uint32_t weight; /* 0: no slots */
	uint64_t hash;	 /* of the name, stable over restarts and the same on all nodes */
};

/* A power of two, at least SL_RING_SLOTS_PER_INSTANCE times @max_instances. */
uint32_t ring_size_for(uint32_t max_instances);

/* Maglev with weights: fill @table[@size] with instance ids. With no member of
 * weight > 0 every entry is 0. A member's share differs from its weight's by
 * little, and a member's coming or going moves few other slots.
 * Returns 0, -ENOMEM.
 */
int maglev_fill(const struct ring_member *members, size_t n, uint16_t *table, uint32_t size);

/* Take over @from (@from_size slots) into @to (@to_size, the same or doubled
 * any number of times): slot s gets the state of its ancestor.
 */
void ring_grow(const struct sl_slot *from, uint32_t from_size, struct sl_slot *to,
	       uint32_t to_size);

/* Bring @slots to @table at @now_s. A slot that changes becomes in transition
 * until @now_s + @keep_s; one that already is only changes cur. @affinity false
 * (udp): slots change without transition. A slot whose cur was 0 changes
 * without transition too: it has no flows. Returns how many slots changed.
 */
uint32_t ring_update(struct sl_slot *slots, const uint16_t *table, uint32_t size, uint32_t now_s,
		     uint32_t keep_s, bool affinity);

/* Prolong every transition to at least @now_s + @keep_s, because keep has
 * changed or a pin could not be made. Returns how many slots are in transition.
 */
uint32_t ring_prolong(struct sl_slot *slots, uint32_t size, uint32_t now_s, uint32_t keep_s);

/* By how much to prolong for pins that could not be made. Packets take what a
 * deadline exceeds now + keep by, within the grace, for a transition that has just
 * begun: so it is the longest grace less than keep, or openers would go to prev for
 * as long as pins are lost. A keep that is hardly longer than the grace is taken
 * whole.
 */
uint32_t ring_prolong_s(uint32_t keep_s);

/* Shorten every transition to at most @now_s + @keep_s, because keep was lowered:
 * a longer one would be taken for one that has just begun, until it is as short.
 */
void ring_clamp(struct sl_slot *slots, uint32_t size, uint32_t now_s, uint32_t keep_s);

/* Does any slot have a deadline, passed or not? */
bool ring_is_unsettled(const struct sl_slot *slots, uint32_t size);

/* What a sweep found in one service's pins: @pinned has a bit a slot. Sets the
 * deadline 0 where it has passed and no pin is left. Returns how many slots
 * are still in transition or past it with pins. @now_s is when the sweep began;
 * here and in ring_uses() a deadline has passed from the second after it on.
 */
uint32_t ring_settle(struct sl_slot *slots, uint32_t size, uint32_t now_s, const uint64_t *pinned);

/* Have pins looked for in every slot: one that is quiescent becomes one whose deadline
 * has long passed. What has no pin goes to cur as before, but what another instance
 * answers there makes one. So the flows of an instance are known, also where a DTLS
 * connection id took them and the slot was never its own. ring_settle() ends it.
 */
void ring_watch(struct sl_slot *slots, uint32_t size);

/* Is it nothing but that? */
bool ring_slot_is_watched(const struct sl_slot *slot);

/* Does any slot name @id as cur, or as prev of a transition not yet past? With
 * the pins (counted by the sweep) this decides "drained" and "free".
 */
struct ring_uses {
	uint32_t cur;		     /* slots that send new flows to it */
	uint32_t prev_in_transition; /* slots whose unpinned flows still go to it */
};
struct ring_uses ring_uses(const struct sl_slot *slots, uint32_t size, uint16_t id, uint32_t now_s);

/* Is pin @pin still worth keeping at @now_s, in slot @slot? */
bool ring_pin_is_stale(const struct sl_pin *pin, const struct sl_slot *slot, bool half_open,
		       uint32_t now_s, uint32_t keep_s);

/* Nobody repeats a confirmable message for longer than MAX_TRANSMIT_SPAN, 45 s (RFC
 * 7252 4.8.2), and its ACK comes soon after.
 */
#define EXCHANGE_IDLE_S 60

/* Likewise for an exchange. One whose instance is the slot's past the deadline says
 * what the slot says, and must not hold it back: there is a next one with each request.
 */
bool ring_exchange_is_stale(const struct sl_exchange *x, const struct sl_slot *slot,
			    uint32_t now_s);

/* Likewise of what a service with routes remembers of its pools' instances, which says what
 * no slot does. @asked: of one that has asked the device, which may take its time (RFC 7252
 * 4.8.2, EXCHANGE_LIFETIME).
 */
#define EXCHANGE_ASKED_IDLE_S 247
bool ring_side_is_stale(const struct sl_exchange *x, bool asked, uint32_t now_s);

#endif /* SL_RING_H */
