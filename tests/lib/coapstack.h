/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What coapserver and coapdevices agree on, both with libcoap: the resources' paths,
 * the contents of a large body that bears its server's name, and the hash of an
 * upload. Paths and payloads:
 *	state	GET, observable: "NAME REGISTRATION SEQ"
 *	big	GET, Block2: lines as below
 *	upload	PUT, Block1: "NAME HASH LENGTH"
 *	count	POST of a unique word: "NAME WORD"
 */
#ifndef SL_TEST_COAPSTACK_H
#define SL_TEST_COAPSTACK_H

#include "names.h"
#include "tool.h"
#include <coap3/coap.h>

#define STACK_STATE  "state"
#define STACK_BIG    "big"
#define STACK_UPLOAD "upload"
#define STACK_COUNT  "count"

#define STACK_LINE   32 /* bytes: each block size is a multiple of half of it */

/* Line @n of a body of @name's: the number, the name, stars, a line feed. */
static inline void stack_line(const char *name, size_t n, char ret[STACK_LINE])
{
	char text[64];
	int len = snprintf(text, sizeof(text), "%08zu %.20s ", n, name);

	memset(text + len, '*', STACK_LINE - (len < STACK_LINE ? len : STACK_LINE));
	text[STACK_LINE - 1] = '\n';
	memcpy(ret, text, STACK_LINE);
}

/* Fill @buf with bytes [@from, @from + @len) of the body. */
static inline void stack_body(const char *name, size_t from, size_t len, uint8_t *buf)
{
	char line[STACK_LINE];

	for (size_t i = 0; i < len; i++) {
		if (!i || (from + i) % STACK_LINE == 0)
			stack_line(name, (from + i) / STACK_LINE, line);
		buf[i] = line[(from + i) % STACK_LINE];
	}
}

/* FNV-1a, 64 bits. */
static inline uint64_t stack_hash(const uint8_t *data, size_t len)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ data[i]) * 0x100000001b3;
	return h;
}

struct body {
	const uint8_t *data;
	size_t len;
	char text[128]; /* its beginning, as a string */
};

static inline struct body body_of(const coap_pdu_t *pdu)
{
	struct body b = { 0 };

	if (!coap_get_data(pdu, &b.len, &b.data))
		b.len = 0;
	snprintf(b.text, sizeof(b.text), "%.*s", (int)(b.len < 127 ? b.len : 127),
		 b.len ? (const char *)b.data : "");
	return b;
}

static inline coap_address_t stack_address(const struct tool_addr *a)
{
	coap_address_t to;

	coap_address_init(&to);
	memcpy(&to.addr, &a->ss, a->len);
	to.size = a->len;
	return to;
}

/* libcoap, without its log, and a context that lets us see each block or not. */
static inline coap_context_t *stack_start(uint8_t block_mode)
{
	coap_context_t *ctx;

	coap_startup();
	coap_set_log_level(LOG_EMERG);
	ctx = coap_new_context(NULL);
	if (!ctx)
		tool_die("coap_new_context failed");
	coap_context_set_block_mode(ctx, block_mode);
	return ctx;
}

#endif /* SL_TEST_COAPSTACK_H */
