/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a CoAP request says of itself, read plainly, as a reference for the stages that look
 * into messages.
 */
#ifndef TEST_COAPREAD_H
#define TEST_COAPREAD_H

#include <stdio.h>
#include "coapmake.h"
#include "lib/coap.h"

#define SAID_NO_TYPE  (-1)
#define SAID_SEGMENTS 16

struct said { /* by a request; of all else but the kind it is nothing */
	enum sl_kind kind;
	bool hidden; /* OSCORE, a proxy's, or with dots: no path is known */
	bool oscore;
	int type; /* SAID_NO_TYPE; SL_TYPES: none that anybody asks for */
	char host[64], originator[64];
	char segment[SAID_SEGMENTS][64];
	int segments;
};

static inline uint32_t coapread_extended(const uint8_t **at, uint32_t nibble)
{
	const uint8_t *p = *at;

	*at += nibble == 13 ? 1 : nibble == 14 ? 2 : 0;
	return nibble == 13 ? 13u + p[0] : nibble == 14 ? 269u + (p[0] << 8 | p[1]) : nibble;
}

static inline void coapread_text(char *to, const uint8_t *at, uint32_t len)
{
	snprintf(to, 64, "%.*s", len < 63 ? (int)len : 63, (const char *)at);
	if (memchr(at, 0, len)) /* no name is so */
		strcpy(to, "?");
}

static inline int coapread_type(const uint8_t *at, uint32_t len, bool again)
{
	uint32_t type = 0;

	if (again || len > 2)
		return SL_TYPES;
	while (len--)
		type = type << 8 | *at++;
	return type < SL_TYPES ? type : SL_TYPES;
}

static inline void coapread_option(struct said *s, uint32_t number, bool again, const uint8_t *at,
				   uint32_t len)
{
	if (number == MAKE_URI_HOST && !again)
		coapread_text(s->host, at, len);
	if (number == MAKE_ORIGINATOR && !again)
		coapread_text(s->originator, at, len);
	if (number == MAKE_RESOURCE_TYPE)
		s->type = coapread_type(at, len, again);
	if (number == MAKE_URI_PATH && s->segments < SAID_SEGMENTS)
		coapread_text(s->segment[s->segments++], at, len);
	if (number == MAKE_URI_PATH && len && len <= 2 && !memcmp(at, "..", len))
		s->hidden = true;
	if (number == MAKE_OSCORE)
		s->oscore = s->hidden = true;
	if (number == MAKE_PROXY_URI || number == MAKE_PROXY_SCHEME)
		s->hidden = true;
}

/* Whether it is well-formed is the parser's to say, which other tests are for. */
static inline struct said coapread(const struct coapmake *m)
{
	struct cursor c = { .pos = (void *)m->bytes,
			    .end = (void *)(m->bytes + m->len),
			    .left = m->len };
	const uint8_t *at = m->bytes + 4 + (m->bytes[0] & 15), *end = m->bytes + m->len;
	struct said s = { .type = SAID_NO_TYPE };
	struct coap_msg msg;
	uint32_t number = 0;

	coap_parse(&c, &msg);
	s.kind = msg.kind;
	if (s.kind < SL_K_COAP_GET || s.kind > SL_K_COAP_OTHER)
		return s;
	while (at < end && *at != 0xff) {
		uint8_t first = *at++;
		uint32_t delta = coapread_extended(&at, first >> 4),
			 len = coapread_extended(&at, first & 15);

		number += delta;
		coapread_option(&s, number, !delta, at, len);
		at += len;
	}
	return s;
}

#endif /* TEST_COAPREAD_H */
