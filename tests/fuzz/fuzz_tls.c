// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* tls_hello_step() against a reader of RFC 8446 4.1.2 and RFC 6066 3 that shares no code with
 * it, and reads a hello from front to back.
 */
#include "fuzz.h"
#include "lib/tls.h"

#define REF_STEPS (TLS_HELLO_STEPS - 6) /* extensions looked at */

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

static void ref_skip(struct ref *r, size_t n)
{
	r->at += n;
	r->ok = r->ok && r->at <= r->end;
}

/* What follows is @n bytes long; true: not all of them are here. */
static bool ref_limit(struct ref *r, size_t n)
{
	bool cut = r->at + n > r->end;

	if (!cut)
		r->end = r->at + n;
	return cut;
}

static bool ref_name(struct ref *r, struct tls_hello *ret)
{
	uint32_t type, len;

	ref_take(r, 2);
	type = ref_take(r, 1);
	len = ref_take(r, 2);
	if (!r->ok || type != 0 || r->at + len > r->end)
		return false;
	ret->name = (struct sl_text){ .at = r->at, .len = len };
	return true;
}

static bool ref_extensions(struct ref *r, struct tls_hello *ret)
{
	size_t end = ref_take(r, 2);

	end += r->at;
	for (int i = 0; r->ok; i++) {
		uint32_t type, len;

		if (r->at >= end)
			return r->at == end;
		if (i == REF_STEPS)
			return false;
		type = ref_take(r, 2);
		len = ref_take(r, 2);
		if (r->ok && type == 0)
			return i + 1 < REF_STEPS && ref_name(r, ret);
		ref_skip(r, len);
	}
	return false;
}

static bool ref_read(const uint8_t *data, size_t len, struct tls_hello *ret)
{
	struct ref r = { .d = data, .end = len, .ok = true };
	bool cut;

	if (ref_take(&r, 1) != 22 || ref_take(&r, 1) != 3)
		return false;
	ref_take(&r, 1);
	cut = ref_limit(&r, ref_take(&r, 2));
	if (!r.ok || r.at + 4 > r.end || ref_take(&r, 1) != 1)
		return false;
	cut |= ref_limit(&r, ref_take(&r, 3));
	ref_skip(&r, 34);
	ref_skip(&r, ref_take(&r, 1));
	ref_skip(&r, ref_take(&r, 2));
	ref_skip(&r, ref_take(&r, 1));
	if (r.ok && r.at == r.end)
		return !cut;
	return ref_extensions(&r, ret);
}

static struct tls_hello run(const uint8_t *data, size_t len)
{
	struct tls_hello h = { .end = len };

	for (int i = 0; i < TLS_HELLO_STEPS; i++) {
		uint8_t b[TLS_HELLO_READ] = {};
		uint32_t n = h.off < h.end ? h.end - h.off : 0;

		if (n > tls_hello_wants(&h))
			n = tls_hello_wants(&h);
		if (!n)
			break;
		memcpy(b, data + h.off, n);
		if (!tls_hello_step(&h, b, n))
			break;
		FUZZ_TRUE(h.off <= h.end && h.end <= len);
	}
	return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tls_hello want = {}, h;
	struct bytes b;
	bool whole;

	if (len > 0xffff)
		return 0;
	b = bytes_copy(data, len);
	h = run(b.data, len);
	whole = ref_read(data, len, &want);
	FUZZ_SAME("whole", h.whole, whole);
	FUZZ_SAME("name", h.name.at, want.name.at);
	FUZZ_SAME("its length", h.name.len, want.name.len);
	FUZZ_TRUE(h.name.at + h.name.len <= len);
	bytes_free(&b);
	return 0;
}
