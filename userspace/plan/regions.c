// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sluice/limits.h>
#include "regions.h"

int regions_open(struct regions *r, uint32_t slots)
{
	r->n = slots / SL_RING_MIN_SLOTS;
	r->used = calloc(r->n + 1, sizeof(*r->used));
	return r->used ? 0 : -ENOMEM;
}

void regions_close(struct regions *r)
{
	free(r->used);
}

static bool is_free(const struct regions *r, uint32_t unit, uint32_t n)
{
	return unit + n <= r->n && !memchr(r->used + unit, true, n);
}

static void mark(struct regions *r, uint32_t unit, uint32_t n, bool used)
{
	memset(r->used + unit, used, n);
}

int regions_take(struct regions *r, uint32_t size, uint32_t *ret_first)
{
	uint32_t n = size / SL_RING_MIN_SLOTS;

	for (uint32_t unit = 0; unit + n <= r->n; unit += n) {
		if (!is_free(r, unit, n))
			continue;
		mark(r, unit, n, true);
		*ret_first = unit * SL_RING_MIN_SLOTS;
		return 0;
	}
	return -ENOSPC;
}

int regions_claim(struct regions *r, uint32_t first, uint32_t size)
{
	uint32_t unit = first / SL_RING_MIN_SLOTS, n = size / SL_RING_MIN_SLOTS;

	if (!n || unit > r->n || !is_free(r, unit, n))
		return -EEXIST;
	mark(r, unit, n, true);
	return 0;
}

void regions_free(struct regions *r, uint32_t first, uint32_t size)
{
	uint32_t unit = first / SL_RING_MIN_SLOTS, n = size / SL_RING_MIN_SLOTS;

	if (unit + n <= r->n)
		mark(r, unit, n, false);
}
