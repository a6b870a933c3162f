// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* coap_parse() against a plain reader of RFC 7252, which shares no code with it:
 * byte after byte, into a list of options.
 */
#include "fuzz.h"
#include "lib/coap.h"

struct ref_option {
	unsigned int number;
	size_t value, len;
};

struct ref {
	enum sl_reason why;
	bool too_many;
	struct ref_option options[SL_COAP_OPTIONS];
	int n;
	size_t content;
};

/* A nibble with its extension; false if the bytes end before. */
static bool ref_extended(const uint8_t *d, size_t len, size_t *at, unsigned int *value)
{
	if (*value == 13) {
		if (*at + 1 > len)
			return false;
		*value = 13 + d[(*at)++];
	} else if (*value == 14) {
		if (*at + 2 > len)
			return false;
		*value = 269 + 256 * d[*at] + d[*at + 1];
		*at += 2;
	}
	return true;
}

/* Option numbers over 65535 are reported last, if nothing else is wrong. */
static enum sl_reason ref_options(const uint8_t *d, size_t len, size_t at, struct ref *r)
{
	unsigned int number = 0;

	while (at < len && d[at] != 0xff) {
		unsigned int delta = d[at] / 16, size = d[at] % 16;

		if (r->n == SL_COAP_OPTIONS) {
			r->too_many = true;
			break;
		}
		if (delta == 15)
			return SL_R_COAP_OPTION_DELTA;
		if (size == 15)
			return SL_R_COAP_OPTION_LENGTH;
		at++;
		if (!ref_extended(d, len, &at, &delta) || !ref_extended(d, len, &at, &size))
			return SL_R_COAP_OPTION_SHORT;
		number += delta;
		if (at + size > len)
			return number > 65535 ? SL_R_COAP_OPTION_NUMBER : SL_R_COAP_OPTION_SHORT;
		r->options[r->n++] = (struct ref_option){ number, at, size };
		at += size;
	}
	if (number > 65535)
		return SL_R_COAP_OPTION_NUMBER;
	r->content = at;
	if (r->too_many || at == len)
		return SL_R_NONE;
	r->content = at + 1;
	return at + 1 == len ? SL_R_COAP_NO_PAYLOAD : SL_R_NONE;
}

static void ref_read(const uint8_t *d, size_t len, struct ref *r)
{
	enum {
		CON,
		NON,
		ACK,
		RST
	} type;
	unsigned int token, class, detail;

	*r = (struct ref){ .why = SL_R_COAP_SHORT };
	if (len < 4)
		return;
	type = d[0] / 16 % 4;
	token = d[0] % 16;
	class = d[1] / 32;
	detail = d[1] % 32;

	if (d[0] / 64 != 1)
		r->why = SL_R_COAP_VERSION;
	else if (token >= 9)
		r->why = SL_R_COAP_TOKEN_LENGTH;
	else if (class == 1 || class == 6 || class == 7)
		r->why = SL_R_COAP_CODE;
	else if (class == 0 && detail == 0)
		r->why = type == NON	    ? SL_R_COAP_TYPE
			 : token || len > 4 ? SL_R_COAP_EMPTY
					    : SL_R_NONE;
	else if (type == RST || (type == ACK && class == 0))
		r->why = SL_R_COAP_TYPE;
	else if (4 + token > len)
		r->why = SL_R_COAP_TOKEN;
	else if (len > COAP_MAX_LEN)
		r->too_many = true, r->why = SL_R_NONE;
	else
		r->why = ref_options(d, len, 4 + token, r);
}

/* The first option of @number, if its value has at most 3 bytes. */
static bool ref_value(const struct ref *r, const uint8_t *d, unsigned int number, uint32_t *ret)
{
	for (int i = 0; i < r->n; i++) {
		if (r->options[i].number != number)
			continue;
		if (r->options[i].len > 3)
			return false;
		*ret = 0;
		for (size_t k = 0; k < r->options[i].len; k++)
			*ret = *ret * 256 + d[r->options[i].value + k];
		return true;
	}
	return false;
}

static void check_whole(const struct ref *r, const uint8_t *d, const struct coap_msg *m)
{
	uint32_t observe = 0, block1 = 0, block2 = 0;
	bool has_observe = ref_value(r, d, 6, &observe);

	ref_value(r, d, 27, &block1);
	ref_value(r, d, 23, &block2);
	FUZZ_SAME("type", m->type, d[0] >> 4 & 3);
	FUZZ_SAME("code", m->code, d[1]);
	FUZZ_SAME("token", m->token_len, d[0] & 15);
	FUZZ_SAME("unexamined", m->unexamined, r->too_many);
	FUZZ_SAME("observe", m->observe, has_observe);
	FUZZ_SAME("observe value", m->observe_value, observe);
	FUZZ_SAME("later block", m->later_block, block1 >= 16 || block2 >= 16);
	FUZZ_SAME("more blocks", m->more_blocks, (block1 | block2) / 8 % 2);
	if (!r->too_many && d[1])
		FUZZ_SAME("content", m->content, r->content);
	FUZZ_TRUE(m->kind >= SL_K_COAP_GET && m->kind <= SL_K_COAP_RESET);
	FUZZ_SAME("request", m->kind <= SL_K_COAP_OTHER, d[1] > 0 && d[1] < 32);
}

/* Only what can be seen may be called malformed. */
static void check_part(const struct ref *r, const uint8_t *data, size_t len)
{
	size_t linear = fuzz_linear(data, len);
	struct bytes b = bytes_copy(data, linear);
	struct cursor c = cursor_over_frame(b.data, b.data + linear, len);
	struct coap_msg m;
	enum sl_reason why = coap_parse(&c, &m);

	if (why)
		FUZZ_TRUE(r->why != SL_R_NONE);
	else if (!m.unexamined) {
		FUZZ_SAME("reason of a part", SL_R_NONE, r->why);
		check_whole(r, data, &m);
	}
	bytes_free(&b);
}

static void check(const struct ref *r, struct cursor c, const uint8_t *data)
{
	struct coap_msg m;
	enum sl_reason why = coap_parse(&c, &m);

	FUZZ_SAME("reason", why, r->why);
	if (why)
		FUZZ_SAME("kind", m.kind, SL_K_COAP_MALFORMED);
	else
		check_whole(r, data, &m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes b = bytes_copy(data, len), padded = fuzz_padded(data, len);
	struct ref r;

	ref_read(b.data, len, &r);
	check(&r, bytes_cursor(&b), data);
	check(&r, fuzz_padded_cursor(&padded), data);
	check_part(&r, data, len);
	bytes_free(&b);
	bytes_free(&padded);
	return 0;
}
