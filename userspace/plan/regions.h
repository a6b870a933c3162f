/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which parts of the flat array of slots belong to rings. Pure. */
#ifndef SL_REGIONS_H
#define SL_REGIONS_H

#include <stdbool.h>
#include <stdint.h>

struct regions {
	uint32_t n; /* units of SL_RING_MIN_SLOTS */
	bool *used;
};

int regions_open(struct regions *r, uint32_t slots);
void regions_close(struct regions *r);

/* @size: a power of two of at least SL_RING_MIN_SLOTS. Regions are aligned to
 * their size, so that freed ones fit again. -ENOSPC, and *@ret is untouched.
 */
int regions_take(struct regions *r, uint32_t size, uint32_t *ret_first);

/* A ring that is there already. -EEXIST: another has part of it. */
int regions_claim(struct regions *r, uint32_t first, uint32_t size);
void regions_free(struct regions *r, uint32_t first, uint32_t size);

#endif /* SL_REGIONS_H */
