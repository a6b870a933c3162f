// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mqtt_connect_step() against a reader of section 3.1 of MQTT 3.1.1 and 5.0 that shares no code
 * with it, and reads a CONNECT from front to back.
 */
#include "fuzz.h"
#include "lib/mqttconnect.h"

struct ref {
	const uint8_t *d;
	size_t at, end;
	bool ok; /* nothing was missing so far */
};

static uint32_t ref_take(struct ref *r, size_t n)
{
	uint32_t value = 0;

	r->ok = r->ok && r->at + n <= r->end;
	for (size_t i = 0; r->ok && i < n; i++)
		value = value << 8 | r->d[r->at + i];
	r->at += n;
	return value;
}

/* A variable byte integer, 5.0 section 1.5.5. */
static uint32_t ref_varint(struct ref *r)
{
	uint32_t value = 0;

	for (int shift = 0; shift < 28; shift += 7) {
		uint8_t byte = ref_take(r, 1);

		value |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	r->ok = false;
	return 0;
}

static struct sl_text ref_string(struct ref *r)
{
	uint32_t len = ref_take(r, 2);
	struct sl_text text = { .at = r->at, .len = len };

	r->at += len;
	r->ok = r->ok && r->at <= r->end;
	return r->ok ? text : (struct sl_text){};
}

static void ref_properties(struct ref *r)
{
	uint32_t len = ref_varint(r);

	r->at += r->ok ? len : 0;
	r->ok = r->ok && r->at <= r->end;
}

static uint8_t ref_version(struct ref *r)
{
	uint32_t len = ref_take(r, 2);
	const uint8_t *name = r->d + r->at;
	uint8_t level;

	if (!r->ok || (len != 4 && len != 6) || r->at + len > r->end ||
	    memcmp(name, len == 4 ? "MQTT" : "MQIsdp", len))
		return 0;
	r->at += len;
	level = ref_take(r, 1) & 0x7f;
	if (r->at + 1 > r->end) /* the flags are part of it */
		return 0;
	return len == 4 ? (level == 4 || level == 5 ? level : 0) : level == 3 ? 3 : 0;
}

static void ref_read(const uint8_t *data, size_t len, struct mqtt_connect *ret)
{
	struct ref r = { .d = data, .end = len, .ok = true };
	uint32_t remaining;
	uint8_t flags;

	if (ref_take(&r, 1) != 0x10 || !r.ok)
		return;
	remaining = ref_varint(&r);
	if (!r.ok)
		return;
	if (r.at + remaining < r.end)
		r.end = r.at + remaining;
	ret->version = ref_version(&r);
	if (!ret->version)
		return;
	flags = ref_take(&r, 1);
	ref_take(&r, 2);
	if (ret->version == 5)
		ref_properties(&r);
	ret->client_id = ref_string(&r);
	if (flags & 4 && ret->version == 5)
		ref_properties(&r);
	if (flags & 4) {
		ref_string(&r);
		ref_string(&r);
	}
	if (flags & 0x80)
		ret->username = ref_string(&r);
	ret->whole = r.ok;
}

static struct mqtt_connect run(const uint8_t *data, size_t len)
{
	struct mqtt_connect m = { .end = len };

	for (int i = 0; i < MQTT_CONNECT_STEPS; i++) {
		uint8_t b[MQTT_CONNECT_READ] = {};
		uint32_t n = m.off < m.end ? m.end - m.off : 0;

		if (n > mqtt_connect_wants(&m))
			n = mqtt_connect_wants(&m);
		if (!n)
			break;
		memcpy(b, data + m.off, n);
		if (!mqtt_connect_step(&m, b, n))
			break;
		FUZZ_TRUE(m.off <= m.end && m.end <= len);
	}
	return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct mqtt_connect want = {}, m;
	struct bytes b;

	if (len > 0xffff)
		return 0;
	b = bytes_copy(data, len);
	m = run(b.data, len);
	ref_read(data, len, &want);
	FUZZ_SAME("whole", m.whole, want.whole);
	FUZZ_SAME("version", m.version, want.version);
	FUZZ_SAME("client id", m.client_id.at, want.client_id.at);
	FUZZ_SAME("its length", m.client_id.len, want.client_id.len);
	FUZZ_SAME("user name", m.username.at, want.username.at);
	FUZZ_SAME("its length", m.username.len, want.username.len);
	bytes_free(&b);
	return 0;
}
