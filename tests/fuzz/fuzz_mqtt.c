// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mqtt_parse() and mqtt_count() against a plain reader of MQTT 5.0 section 2 and
 * 3.1, which shares no code with them.
 */
#include "fuzz.h"
#include "lib/mqtt.h"

struct ref {
	enum mqtt_result result;
	int version;
	size_t header;
	unsigned long remaining;
};

static bool ref_flags(int type, int flags)
{
	switch (type) {
	case 3:
		return (flags & 6) != 6;
	case 6:
	case 8:
	case 10:
		return flags == 2;
	default:
		return flags == 0;
	}
}

/* Shortest remaining length, of any version. */
static unsigned long ref_least(int type, int flags)
{
	switch (type) {
	case 1:
		return 10 + 2; /* and an empty client id */
	case 3:
		return flags & 6 ? 4 : 2;
	case 8:
		return 2 + 2 + 1 + 1;
	case 9:
		return 2 + 1;
	case 10:
		return 2 + 2 + 1;
	case 12:
	case 13:
	case 14:
	case 15:
		return 0;
	default:
		return 2;
	}
}

static enum mqtt_result ref_header(const uint8_t *d, size_t len, struct ref *r)
{
	unsigned long scale = 1;
	int type;

	if (len < 2)
		return MQTT_CONTINUED;
	type = d[0] / 16;
	if (!type)
		return MQTT_BAD_TYPE;
	if (!ref_flags(type, d[0] % 16))
		return MQTT_BAD_FLAGS;
	for (size_t i = 1; i <= 4; i++) {
		if (i >= len)
			return MQTT_CONTINUED;
		r->remaining += d[i] % 128 * scale;
		scale *= 128;
		r->header = i + 1;
		if (d[i] < 128)
			return MQTT_OK;
	}
	return MQTT_BAD_LENGTH;
}

static enum mqtt_result ref_connect(const uint8_t *d, size_t len, struct ref *r)
{
	if (len < 7)
		return MQTT_CONTINUED;
	if (!memcmp(d, "\0\4MQTT", 6)) {
		r->version = d[6] % 128;
		return r->version == 4 || r->version == 5 ? MQTT_OK : MQTT_BAD_CONNECT;
	}
	if (memcmp(d, "\0\6MQIsd", 7))
		return MQTT_BAD_CONNECT;
	if (len < 9)
		return MQTT_CONTINUED;
	r->version = d[8] % 128;
	return d[7] == 'p' && r->version == 3 ? MQTT_OK : MQTT_BAD_CONNECT;
}

static void ref_read(const uint8_t *d, size_t len, struct ref *r)
{
	const uint8_t *body;

	*r = (struct ref){};
	r->result = ref_header(d, len, r);
	if (r->result)
		return;
	body = d + r->header;
	len -= r->header;
	if (r->remaining < ref_least(d[0] / 16, d[0] % 16) ||
	    (r->remaining && (d[0] / 16 == 12 || d[0] / 16 == 13)))
		r->result = MQTT_CONTINUED;
	else if (d[0] / 16 == 1)
		r->result = ref_connect(body, len, r);
	else if (d[0] / 16 == 3 && len >= 2 &&
		 (unsigned long)body[0] * 256 + body[1] + ref_least(3, d[0] % 16) > r->remaining)
		r->result = MQTT_CONTINUED;
}

/* Whole messages at the segment's start. What follows the first is looked at
 * less closely: no QoS, no ping's length, and no length in more bytes than needed.
 */
static unsigned int ref_count(const uint8_t *d, size_t len)
{
	unsigned int n = 0;
	size_t at = 0;

	while (n < SL_MQTT_MESSAGES && at < len) {
		struct ref r = {};
		size_t size;

		if (ref_header(d + at, len - at, &r) != MQTT_OK)
			break;
		size = r.header + r.remaining;
		if (r.remaining < ref_least(d[at] / 16, 0) || size > len - at)
			break;
		if (n && r.header > 2 && len - at < 5)
			break;
		at += size;
		n++;
	}
	return n ? n : 1;
}

static void check_part(const struct ref *r, unsigned int count, const uint8_t *data, size_t len)
{
	size_t linear = fuzz_linear(data, len);
	struct bytes b = bytes_copy(data, linear);
	struct cursor c = cursor_over_frame(b.data, b.data + linear, len);
	struct mqtt_msg m;
	enum mqtt_result res = mqtt_parse(&c, &m);

	if (res == MQTT_OK && r->result != MQTT_OK) /* a topic's length was not seen */
		FUZZ_TRUE(m.type == MQTT_PUBLISH && linear < m.header + 2u);
	else if (res == MQTT_OK)
		FUZZ_TRUE(mqtt_count(&c, &m) <= count);
	else if (res != MQTT_CONTINUED)
		FUZZ_SAME("result of a part", res, r->result);
	bytes_free(&b);
}

/* As many types as messages, the first the first's, none of them 0. */
static void check_types(const struct cursor *c, const struct mqtt_msg *m)
{
	__u32 types, n = mqtt_messages(c, m, &types);

	FUZZ_SAME("messages", n, mqtt_count(c, m));
	FUZZ_SAME("first type", types & 15, m->type);
	for (__u32 i = 0; i < SL_MQTT_MESSAGES; i++)
		FUZZ_SAME("type", !!(types >> 4 * i & 15), i < n);
}

static void check(const struct ref *r, unsigned int count, struct cursor c, size_t len)
{
	const uint8_t *data = c.pos;
	struct mqtt_msg m;

	FUZZ_SAME("result", mqtt_parse(&c, &m), r->result);
	check_cursor(&c, data, len);
	if (r->result != MQTT_OK) {
		FUZZ_SAME("kind", m.kind, SL_K_MQTT_CONTINUED);
		FUZZ_TRUE(c.pos == data && c.left == len);
		return;
	}
	FUZZ_SAME("type", m.type, data[0] / 16);
	FUZZ_SAME("version", m.version, r->version);
	FUZZ_SAME("header", m.header, r->header);
	FUZZ_SAME("remaining", m.remaining, r->remaining);
	FUZZ_SAME("kind", m.kind, SL_K_MQTT_CONNECT + data[0] / 16 - 1);
	if (len <= MQTT_MAX_OFFSET)
		FUZZ_SAME("count", mqtt_count(&c, &m), count);
	check_types(&c, &m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes b = bytes_copy(data, len), padded = fuzz_padded(data, len);
	unsigned int count;
	struct ref r;

	ref_read(b.data, len, &r);
	count = ref_count(b.data, len);
	check(&r, count, bytes_cursor(&b), len);
	check(&r, count, fuzz_padded_cursor(&padded), len);
	check_part(&r, count, data, len);
	bytes_free(&b);
	bytes_free(&padded);
	return 0;
}
