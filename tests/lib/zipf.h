/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Draws by Zipf's law, and who was drawn most. */
#ifndef TEST_ZIPF_H
#define TEST_ZIPF_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* @below[i]: the share of all up to i. */
static inline void zipf_fill(double *below, uint32_t n, double exponent)
{
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		below[i] = sum += pow(i + 1, -exponent);
	for (uint32_t i = 0; i < n; i++)
		below[i] /= sum;
}

/* Who is drawn by @share, which is uniform in [0, 1). */
static inline uint32_t zipf_at(const double *below, uint32_t n, double share)
{
	uint32_t lo = 0, hi = n - 1;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (below[mid] < share)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

#endif /* TEST_ZIPF_H */
