/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom a ring should hold: ring.h with the rules of health and drain. Pure. */
#ifndef SL_CHOOSE_H
#define SL_CHOOSE_H

#include <stddef.h>
#include "ring.h"

struct ring_candidate {
	uint16_t id;
	uint32_t weight;
	uint64_t hash; /* ring_name_hash() */
	bool wanted;   /* admin up, and not leaving */
	bool healthy;  /* as far as probes say */
	bool out;      /* takes no new flows even if probes are not believed: it has lost its own */
};

/* The same on every node: of the names, not of ids. */
uint64_t ring_name_hash(const char *service, const char *instance);

struct ring_choice {
	uint16_t *table; /* slot -> instance; NULL: leave the ring as it is */
	uint32_t wanted, healthy;
	bool below_min_healthy;
};

/* Choose for a ring of @size slots, whose state is @now (the same size; NULL: it
 * is new). Those who are wanted and healthy share it; if their share of the
 * wanted is below @min_healthy the probes are not believed, and all who are
 * wanted do, those that are out only if nobody else is left. With nobody healthy a
 * ring of wanted instances stays as it is.
 */
int ring_choose(const struct ring_candidate *c, size_t n, double min_healthy,
		const struct sl_slot *now, uint32_t size, struct ring_choice *ret);

/* Does any slot differ from @table? */
bool ring_differs(const struct sl_slot *slots, const uint16_t *table, uint32_t size);

/* No slot has @id as prev any more: it has left, and its flows were given up. */
void ring_forget(struct sl_slot *slots, uint32_t size, uint16_t id);

#endif /* SL_CHOOSE_H */
