/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a pass of the sweep has found, and what follows from it. */
#ifndef SL_SWEEP_END_H
#define SL_SWEEP_END_H

#include "daemon.h"

struct sweep_ring {
	uint64_t *pinned; /* a bit a slot */
	uint32_t size;	  /* when the pass began */
};

struct sweep_pass {
	uint32_t start_s;
	uint32_t *pins;		  /* [cap.instances] */
	struct sweep_ring *rings; /* [cap.services] */
	uint32_t service;	  /* the next one to end, by id */
};

/* End the pass for one service: settle its slots, prolong its transitions if pins
 * were lost, tell and free what has drained. False: it was the last.
 */
bool sweep_end_service(struct daemon *d, struct sweep_pass *p);

#endif /* SL_SWEEP_END_H */
