/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Checked numbers: text from people and files becomes a number here or nowhere.
 * Every parser takes the whole string or refuses it, and leaves its output
 * untouched on failure: -EINVAL for what is no number of that sort, -ERANGE for
 * one that is too large to hold.
 *
 *	count		"4096"			decimal digits only
 *	rate		"50k/s" "1.5M/s" "10/m" "1/h"	prefixes k M G, units s m h
 *	byte rate	"20MB/s" "512B/s"		the same with a B
 *	duration	"250ms" "2s" "10m" "1h" "7d"	units ns us ms s m h d
 */
#ifndef SL_NUM_H
#define SL_NUM_H

#include <stdbool.h>
#include <stdint.h>

#define NUM_NS_PER_S  1000000000ull
#define NUM_NS_PER_MS 1000000ull

/* An integer from @min to @max; -ERANGE outside. No sign, no blank, no base. */
int num_count(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* A rate as so many a second. */
int num_rate(const char *text, double *ret);
int num_byte_rate(const char *text, double *ret);

/* A duration in nanoseconds; parts of one are cut off. */
int num_duration(const char *text, uint64_t *ret_ns);

/* The way back, in the largest unit that reads well: "50k/s", "1.5MB/s",
 * "10/m", "250ms". Returns @ret.
 */
#define NUM_TEXT 40
const char *num_rate_text(double rate, char ret[NUM_TEXT]);
const char *num_byte_rate_text(double rate, char ret[NUM_TEXT]);
const char *num_duration_text(uint64_t ns, char ret[NUM_TEXT]);

#endif /* SL_NUM_H */
