/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The scaling controller: a pure function of figures and time. The administrator
 * sets minimum, maximum, target, tolerance and step (ETSI TR 103 528 / STF 535's
 * horizontal scaling); desired = load over target, held within them; a change
 * is asked for only after its window has seen nothing else, and not within the
 * cooldown of the one before.
 */
#ifndef SL_SCALE_H
#define SL_SCALE_H

#include <stdint.h>
#include "../config/model.h"

struct scale_state {
	uint64_t above_since_ns; /* 0: not above */
	uint64_t below_since_ns; /* 0: not below */
	uint64_t last_change_ns; /* 0: never */
	uint32_t peak_desired;	 /* the largest wish in the window that is below */
};

enum scale_action {
	SCALE_HOLD,
	SCALE_UP,
	SCALE_DOWN,
};

struct scale_decision {
	enum scale_action action;
	uint32_t count;	  /* instances to add or remove, up to step */
	uint32_t desired; /* what load over target says, within min and max */
	const char *why;  /* "within tolerance", "waiting for up_after", "cooldown", ... */
};

/* @load: a second, summed over tenants, the lesser of offered and quota.
 * @have: instances that take new flows, and those being started.
 */
struct scale_decision scale_decide(const struct model_scaling *s, struct scale_state *st,
				   double load, uint32_t have, uint64_t now_ns);

#endif /* SL_SCALE_H */
