// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mqttsn_parse() against a plain reader of the MQTT-SN 1.2 specification, which
 * shares no code with it: a table of its message types.
 */
#include "fuzz.h"
#include "lib/mqttsn.h"

static const uint8_t ref_kinds[256] = {
	[0x00] = SL_K_MQTTSN_SEARCH,	  [0x01] = SL_K_MQTTSN_SEARCH,
	[0x02] = SL_K_MQTTSN_SEARCH,	  [0x04] = SL_K_MQTTSN_CONNECT,
	[0x05] = SL_K_MQTTSN_CONNACK,	  [0x06] = SL_K_MQTTSN_WILL,
	[0x07] = SL_K_MQTTSN_WILL,	  [0x08] = SL_K_MQTTSN_WILL,
	[0x09] = SL_K_MQTTSN_WILL,	  [0x0a] = SL_K_MQTTSN_REGISTER,
	[0x0b] = SL_K_MQTTSN_REGACK,	  [0x0c] = SL_K_MQTTSN_PUBLISH,
	[0x0d] = SL_K_MQTTSN_PUBACK,	  [0x0e] = SL_K_MQTTSN_PUBCOMP,
	[0x0f] = SL_K_MQTTSN_PUBREC,	  [0x10] = SL_K_MQTTSN_PUBREL,
	[0x12] = SL_K_MQTTSN_SUBSCRIBE,	  [0x13] = SL_K_MQTTSN_SUBACK,
	[0x14] = SL_K_MQTTSN_UNSUBSCRIBE, [0x15] = SL_K_MQTTSN_UNSUBACK,
	[0x16] = SL_K_MQTTSN_PINGREQ,	  [0x17] = SL_K_MQTTSN_PINGRESP,
	[0x18] = SL_K_MQTTSN_DISCONNECT,  [0x1a] = SL_K_MQTTSN_WILL,
	[0x1b] = SL_K_MQTTSN_WILL,	  [0x1c] = SL_K_MQTTSN_WILL,
	[0x1d] = SL_K_MQTTSN_WILL,	  [0xfe] = SL_K_MQTTSN_FORWARD,
};

struct ref {
	bool malformed, opener, closing;
	uint8_t kind;
};

static void ref_read(const uint8_t *d, size_t len, struct ref *r)
{
	size_t at = 0, announced;
	uint8_t type;

	*r = (struct ref){ .malformed = true, .kind = SL_K_MQTTSN_MALFORMED };
	if (len == 0)
		return;
	announced = d[at++];
	if (announced == 1) {
		if (len < 3)
			return;
		announced = 256 * d[1] + d[2];
		at = 3;
	}
	if (len == at)
		return;
	type = d[at++];
	if (type == 0xfe) {
		if (announced < at + 1 || announced > len || len - announced < 2)
			return;
	} else if (announced != len) {
		return;
	}
	r->malformed = false;
	r->kind = ref_kinds[type] ? ref_kinds[type] : SL_K_MQTTSN_OTHER;
	r->opener = type == 4;
	r->closing = type == 0x18 && at == len;
}

static void check(const struct ref *r, struct cursor c)
{
	struct mqttsn_msg m;
	enum sl_reason why = mqttsn_parse(&c, &m);

	FUZZ_SAME("reason", why, r->malformed ? SL_R_MQTTSN_LENGTH : SL_R_NONE);
	FUZZ_SAME("kind", m.kind, r->kind);
	FUZZ_SAME("opener", m.opener, r->opener);
	FUZZ_SAME("closing", m.closing, r->closing);
	FUZZ_SAME("unexamined", m.unexamined, false);
}

/* Only what can be seen may be called malformed. */
static void check_part(const struct ref *r, const uint8_t *data, size_t len)
{
	size_t linear = fuzz_linear(data, len);
	struct bytes b = bytes_copy(data, linear);
	struct cursor c = cursor_over_frame(b.data, b.data + linear, len);
	struct mqttsn_msg m;
	enum sl_reason why = mqttsn_parse(&c, &m);

	if (why) {
		FUZZ_TRUE(r->malformed);
	} else if (m.unexamined) {
		FUZZ_TRUE(linear < 4 && !m.opener && !m.closing);
	} else {
		FUZZ_SAME("kind of a part", m.kind, r->kind);
		FUZZ_SAME("opener of a part", m.opener, r->opener);
		FUZZ_SAME("closing of a part", m.closing, r->closing);
	}
	bytes_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes b = bytes_copy(data, len), padded = fuzz_padded(data, len);
	struct ref r;

	ref_read(b.data, len, &r);
	check(&r, bytes_cursor(&b));
	check(&r, fuzz_padded_cursor(&padded));
	check_part(&r, data, len);
	bytes_free(&b);
	bytes_free(&padded);
	return 0;
}
