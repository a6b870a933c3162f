// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rings in motion: the daemon's half of the table in bpf/README.md ("Pins"); the
 * packets' half is bpf/lib/affinity.h. Times are whole seconds of the monotonic
 * clock; a deadline that equals now has passed, for packets and daemon alike.
 */
#include <string.h>
#include "lib/affinity.h"
#include "ring.h"

/* Repetitions of a SYN are at most 32 s apart (Linux: 1 + 2 + ... s). */
#define HALF_OPEN_IDLE_S 64
/* TIME_WAIT of Linux and most others. */
#define CLOSING_IDLE_S 60

/* A deadline that no transition of ours has: the first second after boot. */
#define SLOT_WATCHED 1

static bool slot_in_transition(const struct sl_slot *slot, uint32_t now_s)
{
	return slot->deadline > now_s;
}

/* Until a second later: the packets' clock lags by a tick, so one may have made a
 * pin just now that a sweep begun in the deadline's second does not see.
 */
static bool slot_may_gain_pins(const struct sl_slot *slot, uint32_t now_s)
{
	return slot->deadline >= now_s;
}

/* Packets read a slot at any time: it is stored whole. */
static void slot_store(struct sl_slot *slot, struct sl_slot value)
{
	typedef uint64_t __attribute__((may_alias)) word;
	uint64_t w;

	memcpy(&w, &value, sizeof(w));
	__atomic_store_n((word *)slot, w, __ATOMIC_RELEASE);
}

/* Never 0, which is "quiescent", and never past the end of time. */
static uint32_t deadline_after(uint32_t now_s, uint32_t keep_s)
{
	uint32_t deadline = now_s + keep_s;

	if (deadline < now_s)
		return UINT32_MAX;
	return deadline ? deadline : 1;
}

void ring_grow(const struct sl_slot *from, uint32_t from_size, struct sl_slot *to, uint32_t to_size)
{
	unsigned int shift = 0;

	while (from_size << shift < to_size)
		shift++;
	/* From the end, so that a ring may grow where it stands. */
	for (uint32_t s = to_size; s-- > 0;)
		slot_store(&to[s], from[s >> shift]);
}

uint32_t ring_update(struct sl_slot *slots, const uint16_t *table, uint32_t size, uint32_t now_s,
		     uint32_t keep_s, bool affinity)
{
	uint32_t changed = 0;

	for (uint32_t s = 0; s < size; s++) {
		struct sl_slot slot = slots[s];

		if (slot.cur == table[s])
			continue;
		if (!affinity) {
			slot.prev = 0;
			slot.deadline = 0;
		} else if (!slot_in_transition(&slot, now_s) && slot.cur) {
			slot.prev = slot.cur;
			slot.deadline = deadline_after(now_s, keep_s);
		}
		/* Else cur alone changes: in transition prev still has the flows without
		 * a pin; and with cur 0 nobody has, but pins may be left.
		 */
		slot.cur = table[s];
		slot_store(&slots[s], slot);
		changed++;
	}
	return changed;
}

uint32_t ring_prolong(struct sl_slot *slots, uint32_t size, uint32_t now_s, uint32_t keep_s)
{
	uint32_t deadline = deadline_after(now_s, keep_s), in_transition = 0;

	for (uint32_t s = 0; s < size; s++) {
		struct sl_slot slot = slots[s];

		/* Past its deadline, flows without a pin are cur's: too late. */
		if (!slot_in_transition(&slot, now_s))
			continue;
		in_transition++;
		if (slot.deadline >= deadline)
			continue;
		slot.deadline = deadline;
		slot_store(&slots[s], slot);
	}
	return in_transition;
}

uint32_t ring_prolong_s(uint32_t keep_s)
{
	if (keep_s <= AFFINITY_GRACE_SLOW_S + AFFINITY_GRACE_S)
		return keep_s;
	return keep_s - AFFINITY_GRACE_SLOW_S;
}

void ring_clamp(struct sl_slot *slots, uint32_t size, uint32_t now_s, uint32_t keep_s)
{
	uint32_t deadline = deadline_after(now_s, keep_s);

	for (uint32_t s = 0; s < size; s++) {
		struct sl_slot slot = slots[s];

		if (slot.deadline <= deadline)
			continue;
		slot.deadline = deadline;
		slot_store(&slots[s], slot);
	}
}

bool ring_is_unsettled(const struct sl_slot *slots, uint32_t size)
{
	for (uint32_t s = 0; s < size; s++) {
		if (slots[s].deadline)
			return true;
	}
	return false;
}

uint32_t ring_settle(struct sl_slot *slots, uint32_t size, uint32_t now_s, const uint64_t *pinned)
{
	uint32_t unsettled = 0;

	for (uint32_t s = 0; s < size; s++) {
		struct sl_slot slot = slots[s];

		if (!slot.deadline)
			continue;
		if (slot_may_gain_pins(&slot, now_s) || pinned[s / 64] >> s % 64 & 1) {
			unsettled++;
			continue;
		}
		slot.prev = 0;
		slot.deadline = 0;
		slot_store(&slots[s], slot);
	}
	return unsettled;
}

void ring_watch(struct sl_slot *slots, uint32_t size)
{
	for (uint32_t s = 0; s < size; s++) {
		struct sl_slot slot = slots[s];

		if (slot.deadline)
			continue;
		slot.deadline = SLOT_WATCHED;
		slot_store(&slots[s], slot);
	}
}

bool ring_slot_is_watched(const struct sl_slot *slot)
{
	return slot->deadline == SLOT_WATCHED;
}

struct ring_uses ring_uses(const struct sl_slot *slots, uint32_t size, uint16_t id, uint32_t now_s)
{
	struct ring_uses uses = {};

	for (uint32_t s = 0; s < size; s++) {
		uses.cur += slots[s].cur == id;
		if (slots[s].deadline && slots[s].prev == id)
			uses.prev_in_transition += slot_may_gain_pins(&slots[s], now_s);
	}
	return uses;
}

bool ring_pin_is_stale(const struct sl_pin *pin, const struct sl_slot *slot, bool half_open,
		       uint32_t now_s, uint32_t keep_s)
{
	/* Packets go on while the caller sweeps: a pin may be younger than now. */
	uint32_t idle = pin->seen < now_s ? now_s - pin->seen : 0;

	if (!slot->deadline || idle > keep_s)
		return true;
	if (half_open && !(pin->flags & SL_PIN_KEEP) && idle > HALF_OPEN_IDLE_S)
		return true;
	if (pin->flags & SL_PIN_CLOSING && idle > CLOSING_IDLE_S)
		return true;
	return !slot_in_transition(slot, now_s) && pin->instance == slot->cur;
}

bool ring_exchange_is_stale(const struct sl_exchange *x, const struct sl_slot *slot, uint32_t now_s)
{
	uint32_t idle = x->seen < now_s ? now_s - x->seen : 0;

	if (!slot->deadline || idle > EXCHANGE_IDLE_S)
		return true;
	return !slot_in_transition(slot, now_s) && x->instance == slot->cur;
}

bool ring_side_is_stale(const struct sl_exchange *x, bool asked, uint32_t now_s)
{
	uint32_t idle = x->seen < now_s ? now_s - x->seen : 0;

	return idle > (asked ? EXCHANGE_ASKED_IDLE_S : EXCHANGE_IDLE_S);
}
