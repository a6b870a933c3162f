/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CoAP messages (RFC 7252 3) option by option, in the order of their numbers. */
#ifndef TEST_COAPMAKE_H
#define TEST_COAPMAKE_H

#include <stdint.h>
#include <string.h>

enum {
	MAKE_CON = 0x40,
	MAKE_NON = 0x50,
	MAKE_ACK = 0x60,
	MAKE_RST = 0x70,
};

enum {
	MAKE_URI_HOST = 3,
	MAKE_ETAG = 4,
	MAKE_OBSERVE = 6,
	MAKE_OSCORE = 9,
	MAKE_URI_PATH = 11,
	MAKE_URI_QUERY = 15,
	MAKE_BLOCK2 = 23,
	MAKE_BLOCK1 = 27,
	MAKE_PROXY_URI = 35,
	MAKE_PROXY_SCHEME = 39,
	MAKE_RESOURCE_TYPE = 267,
	MAKE_ORIGINATOR = 279,
	MAKE_REQUEST_ID = 283,
};

struct coapmake {
	uint8_t bytes[1400];
	size_t len;
	uint32_t number; /* of the last option */
};

/* @tkl: bytes of a token of 0x11's. */
static inline struct coapmake coapmake(uint8_t type, uint8_t code, uint16_t mid, uint8_t tkl)
{
	struct coapmake m = { .bytes = { type | tkl, code, mid >> 8, mid }, .len = 4 + tkl };

	memset(m.bytes + 4, 0x11, tkl);
	return m;
}

static inline uint8_t coapmake_nibble(uint32_t n)
{
	return n < 13 ? n : n < 269 ? 13 : 14;
}

static inline void coapmake_extend(struct coapmake *m, uint32_t n)
{
	if (n >= 269)
		m->bytes[m->len++] = (n - 269) >> 8;
	if (n >= 13)
		m->bytes[m->len++] = n >= 269 ? n - 269 : n - 13;
}

static inline void coapmake_option(struct coapmake *m, uint32_t number, const void *value,
				   size_t len)
{
	uint32_t delta = number - m->number;

	m->bytes[m->len++] = coapmake_nibble(delta) << 4 | coapmake_nibble(len);
	coapmake_extend(m, delta);
	coapmake_extend(m, len);
	memcpy(m->bytes + m->len, value, len);
	m->len += len;
	m->number = number;
}

static inline void coapmake_text(struct coapmake *m, uint32_t number, const char *text)
{
	coapmake_option(m, number, text, strlen(text));
}

/* "/a/b" as options; "" and "/" have none. */
static inline void coapmake_path(struct coapmake *m, const char *path)
{
	while (path[0] == '/' && path[1]) {
		size_t n = strcspn(++path, "/");

		coapmake_option(m, MAKE_URI_PATH, path, n);
		path += n;
	}
}

static inline void coapmake_payload(struct coapmake *m, const char *text)
{
	m->bytes[m->len++] = 0xff;
	memcpy(m->bytes + m->len, text, strlen(text));
	m->len += strlen(text);
}

#endif /* TEST_COAPMAKE_H */
