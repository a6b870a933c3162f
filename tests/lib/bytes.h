/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bytes from hex text, in exactly sized heap memory: a parser that reads one
 * byte too far is reported by ASan.
 */
#ifndef TEST_BYTES_H
#define TEST_BYTES_H

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "lib/cursor.h"

struct bytes {
	uint8_t *data;
	size_t len;
};

static inline struct bytes bytes_copy(const void *data, size_t len)
{
	struct bytes b = { .data = malloc(len ? len : 1), .len = len };

	if (!b.data)
		abort();
	if (len)
		memcpy(b.data, data, len);
	return b;
}

static inline uint8_t bytes_nibble(char c)
{
	if (!isxdigit((unsigned char)c))
		abort();
	return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* "40 01 1234": spaces anywhere between bytes. */
static inline struct bytes bytes_hex(const char *hex)
{
	uint8_t buf[8192];
	size_t n = 0;

	while (*hex) {
		if (*hex == ' ') {
			hex++;
			continue;
		}
		if (n == sizeof(buf))
			abort();
		buf[n++] = bytes_nibble(hex[0]) << 4 | bytes_nibble(hex[1]);
		hex += 2;
	}
	return bytes_copy(buf, n);
}

static inline void bytes_free(struct bytes *b)
{
	free(b->data);
	b->data = NULL;
}

static inline struct cursor bytes_cursor(const struct bytes *b)
{
	return cursor_over(b->data, b->data + b->len);
}

#endif /* TEST_BYTES_H */
