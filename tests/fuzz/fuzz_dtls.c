// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* dtls_parse() against a plain reader of RFC 6347, 9146 and 9147, which shares no
 * code with it: one pass that takes field after field. The input's first byte says
 * how long connection ids are, the rest is the datagram.
 */
#include "fuzz.h"
#include "lib/dtls.h"

struct ref {
	enum sl_reason why;
	uint8_t kind;
	bool opener, closing;
	size_t cid; /* offset, 0: none */
};

/* Bytes are taken from the front; what is not there is zero, and noted. */
struct ref_in {
	const uint8_t *d;
	size_t at, len;
	bool over;
};

static uint64_t ref_take(struct ref_in *in, size_t n)
{
	uint64_t v = 0;

	while (n--) {
		if (in->at >= in->len)
			in->over = true;
		v = v * 256 + (in->over ? 0 : in->d[in->at]);
		in->at++;
	}
	return v;
}

/* A first ClientHello, as far as the fragment @in shows it. */
static bool ref_opener(struct ref_in in)
{
	uint64_t type = ref_take(&in, 1), offset, size, skip, cookie;

	ref_take(&in, 3);
	if (ref_take(&in, 2) != 0)
		return false;
	offset = ref_take(&in, 3);
	size = ref_take(&in, 3);
	if (in.over || type != 1)
		return false;
	if (offset)
		return true;
	if (size < in.len - in.at)
		in.len = in.at + size;
	ref_take(&in, 34);
	skip = ref_take(&in, 1);
	if (skip > 32)
		return true;
	ref_take(&in, skip);
	cookie = ref_take(&in, 1);
	return in.over || cookie == 0;
}

static void ref_plain(struct ref_in in, size_t cid_len, struct ref *r)
{
	static const uint8_t kinds[] = {
		SL_K_DTLS_CIPHER,    SL_K_DTLS_ALERT, SL_K_DTLS_HANDSHAKE, SL_K_DTLS_DATA,
		SL_K_DTLS_HEARTBEAT, SL_K_DTLS_CID,   SL_K_DTLS_ACK,
	};
	unsigned int type = ref_take(&in, 1), version = ref_take(&in, 1), epoch;
	uint64_t length;

	if (!in.over && version != 0xfe) {
		r->why = SL_R_DTLS_TYPE;
		return;
	}
	ref_take(&in, 1);
	epoch = ref_take(&in, 2);
	ref_take(&in, 6);
	if (type == 25 && cid_len) {
		r->cid = in.at;
		ref_take(&in, cid_len);
	}
	length = ref_take(&in, 2);
	if (in.over) {
		r->why = SL_R_DTLS_SHORT;
		return;
	}
	if (type == 25 && !cid_len)
		length = 0; /* it was the beginning of an id */
	if (length > in.len - in.at) {
		r->why = SL_R_DTLS_LENGTH;
		return;
	}
	in.len = in.at + length;
	r->why = SL_R_NONE;
	r->kind = kinds[type - 20];
	r->closing = type == 21;
	r->opener = type == 22 && epoch == 0 && ref_opener(in);
}

static void ref_unified(struct ref_in in, size_t cid_len, struct ref *r)
{
	unsigned int first = ref_take(&in, 1);
	bool lost = first & 16 && !cid_len;
	uint64_t length;

	if (first & 16 && cid_len) {
		r->cid = in.at;
		ref_take(&in, cid_len);
	}
	ref_take(&in, first & 8 ? 2 : 1);
	length = first & 4 ? ref_take(&in, 2) : 16;
	if (in.over || in.len - in.at < 16)
		r->why = SL_R_DTLS_SHORT;
	else if (!lost && length > in.len - in.at)
		r->why = SL_R_DTLS_LENGTH;
	else if (!lost && length < 16)
		r->why = SL_R_DTLS_SHORT;
	else
		r->why = SL_R_NONE;
	r->kind = SL_K_DTLS_ENCRYPTED;
}

static void ref_read(const uint8_t *d, size_t len, size_t cid_len, struct ref *r)
{
	struct ref_in in = { .d = d, .len = len };

	*r = (struct ref){ .why = SL_R_DTLS_TYPE };
	if (!len)
		r->why = SL_R_DTLS_SHORT;
	else if (d[0] >= 20 && d[0] <= 26)
		ref_plain(in, cid_len, r);
	else if (d[0] / 32 == 1)
		ref_unified(in, cid_len, r);
}

static void check_whole(const struct ref *r, const struct dtls_msg *m)
{
	FUZZ_SAME("kind", m->kind, r->kind);
	FUZZ_SAME("opener", m->opener, r->opener);
	FUZZ_SAME("closing", m->closing, r->closing);
	FUZZ_SAME("connection id", m->has_cid, r->cid != 0);
	FUZZ_SAME("its offset", m->cid_offset, r->cid);
}

static void check(const struct ref *r, struct cursor c, uint8_t cid_len)
{
	struct dtls_msg m;
	enum sl_reason why = dtls_parse(&c, cid_len, &m);

	FUZZ_SAME("reason", why, r->why);
	if (why) {
		FUZZ_SAME("kind", m.kind, SL_K_DTLS_MALFORMED);
		return;
	}
	FUZZ_SAME("unexamined", m.unexamined, false);
	check_whole(r, &m);
}

/* Only what can be seen may be called malformed. */
static void check_part(const struct ref *r, const uint8_t *data, size_t len, uint8_t cid_len)
{
	size_t linear = fuzz_linear(data, len);
	struct bytes b = bytes_copy(data, linear);
	struct cursor c = cursor_over_frame(b.data, b.data + linear, len);
	struct dtls_msg m;
	enum sl_reason why = dtls_parse(&c, cid_len, &m);

	if (why)
		FUZZ_TRUE(r->why != SL_R_NONE);
	else if (!m.unexamined)
		check_whole(r, &m);
	if (!why && m.has_cid)
		FUZZ_TRUE((size_t)m.cid_offset + cid_len <= linear);
	bytes_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes b, padded;
	uint8_t cid_len;
	struct ref r;

	if (!len)
		return 0;
	cid_len = data[0] % (SL_CID_MAX + 1);
	data++;
	len--;
	b = bytes_copy(data, len);
	padded = fuzz_padded(data, len);
	ref_read(b.data, len, cid_len, &r);
	check(&r, bytes_cursor(&b), cid_len);
	check(&r, fuzz_padded_cursor(&padded), cid_len);
	check_part(&r, data, len, cid_len);
	bytes_free(&b);
	bytes_free(&padded);
	return 0;
}
