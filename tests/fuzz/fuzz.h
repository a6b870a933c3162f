/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What fuzz targets share. Inputs are copied to exactly sized heap memory,
 * once more with a part of them not linear, and once with padding behind them: a
 * byte too far is seen in one of them.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stdio.h>
#include "../lib/bytes.h"

/* Both sides as text, because a number says little in a crash report. */
#define FUZZ_SAME(what, real, wanted)                                                  \
	do {                                                                           \
		unsigned long long real_ = (real), wanted_ = (wanted);                 \
		if (real_ == wanted_)                                                  \
			break;                                                         \
		fprintf(stderr, "%s: %llu, reference %llu\n", (what), real_, wanted_); \
		abort();                                                               \
	} while (0)

#define FUZZ_TRUE(cond)                                   \
	do {                                              \
		if (cond)                                 \
			break;                            \
		fprintf(stderr, "not true: %s\n", #cond); \
		abort();                                  \
	} while (0)

/* Whatever the bytes, a parser may only move forward, inside the input. */
static inline void check_cursor(const struct cursor *c, const uint8_t *data, size_t len)
{
	const uint8_t *pos = c->pos;

	FUZZ_TRUE(pos >= data && pos <= data + len);
	FUZZ_TRUE(c->left <= len - (size_t)(pos - data));
}

/* How many of @len bytes are linear the second time; any number, but the same
 * for the same input.
 */
static inline size_t fuzz_linear(const uint8_t *data, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ data[i]) * 16777619u;
	return len ? (h >> 8) % len : 0;
}

/* The input with a frame's padding behind it, which no parser may believe. */
#define FUZZ_PADDING 8

static inline struct bytes fuzz_padded(const uint8_t *data, size_t len)
{
	struct bytes b = { .data = malloc(len + FUZZ_PADDING), .len = len };

	FUZZ_TRUE(b.data);
	if (len)
		memcpy(b.data, data, len);
	memset(b.data + len, 0xff, FUZZ_PADDING);
	return b;
}

static inline struct cursor fuzz_padded_cursor(const struct bytes *b)
{
	return cursor_over_frame(b->data, b->data + b->len + FUZZ_PADDING, b->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#endif /* TEST_FUZZ_H */
