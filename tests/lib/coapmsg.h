/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* As much CoAP (RFC 7252, 3) as the traffic tools need. */
#ifndef SL_TEST_COAPMSG_H
#define SL_TEST_COAPMSG_H

#include "tool.h"

/* A CoAP header with 8 bytes of token: stream and number. */
struct coap_seq {
	uint8_t ver_type_tkl;
	uint8_t code;
	uint16_t mid;
	uint32_t stream;
	uint32_t seq;
} __attribute__((packed));

#define COAP_CON_TKL8 0x48
#define COAP_NON_TKL8 0x58
#define COAP_ACK_TKL8 0x68
#define COAP_OPT_PATH 11

/* Append Uri-Path options for "/a/b" to @buf, return the new length. */
static inline size_t coap_path(uint8_t *buf, size_t len, size_t size, const char *path)
{
	unsigned int delta = COAP_OPT_PATH;

	while (*path == '/')
		path++;
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n > 268 || len + n + 2 > size)
			tool_die("--path: want segments of at most 268 bytes, 1,000 together");
		buf[len++] = delta << 4 | (n < 13 ? n : 13);
		if (n >= 13)
			buf[len++] = n - 13;
		memcpy(buf + len, path, n);
		len += n;
		delta = 0;
		path += n;
		while (*path == '/')
			path++;
	}
	return len;
}

static inline uint8_t coap_method(const char *what, const char *name)
{
	static const char *const names[] = { "", "get", "post", "put", "delete" };

	for (uint8_t i = 1; i < ARRAY_LEN(names); i++)
		if (!strcmp(name, names[i]))
			return i;
	tool_die("--%s %s: want get, post, put or delete", what, name);
}

/* An option's delta or length: its nibble, extended by the bytes at *@p. */
static inline int coap_extended(const uint8_t **p, const uint8_t *end, unsigned int nibble)
{
	const uint8_t *at = *p;

	if (nibble < 13)
		return nibble;
	*p += nibble - 12;
	if (nibble == 15 || *p > end)
		return -1;
	return nibble == 13 ? 13 + at[0] : 269 + (at[0] << 8 | at[1]);
}

/* What stands behind the payload marker: a walk from the first option at @p.
 * NULL if there is none or an option is malformed.
 */
static inline const uint8_t *coap_payload(const uint8_t *p, const uint8_t *end, size_t *len)
{
	while (p < end && *p != 0xff) {
		uint8_t head = *p++;
		int delta = coap_extended(&p, end, head >> 4), n;

		n = delta < 0 ? -1 : coap_extended(&p, end, head & 0x0f);
		if (n < 0 || n > end - p)
			return NULL;
		p += n;
	}
	if (p >= end)
		return NULL;
	*len = end - p - 1;
	return p + 1;
}

#endif /* SL_TEST_COAPMSG_H */
