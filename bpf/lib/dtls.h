/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The first DTLS record of a datagram: 1.0 and 1.2 (RFC 6347 sections 4.1 and
 * 4.2), 1.2 with connection id (RFC 9146 section 4), 1.3 (RFC 9147 section 4).
 * Pure.
 */
#ifndef SL_DTLS_H
#define SL_DTLS_H

#include <sluice/kind.h>
#include <sluice/limits.h>
#include <sluice/reason.h>
#include "cursor.h"

#define DTLS_VERSION_MAJOR  0xfe /* of 1.0 (fe ff), 1.2 (fe fd) and 1.3 (fe fc) */
#define DTLS_CLIENT_HELLO   1
#define DTLS_MAX_SESSION_ID 32
#define DTLS_MAX_HEADER	    64 /* more than any header has; a power of two */
#define DTLS_MAX_CID	    31 /* at least SL_CID_MAX; a power of two less 1 */

enum dtls_type {
	DTLS_CIPHER = 20,
	DTLS_ALERT,
	DTLS_HANDSHAKE,
	DTLS_DATA,
	DTLS_HEARTBEAT,
	DTLS_CID, /* tls12_cid: the real type is encrypted */
	DTLS_ACK,
};

/* The unified header of 1.3 has a first byte of 001CSLEE. */
#define DTLS_UNIFIED_MASK   0xe0
#define DTLS_UNIFIED	    0x20
#define DTLS_UNIFIED_CID    0x10 /* a connection id follows */
#define DTLS_UNIFIED_SEQ    0x08 /* 16 bits of sequence number and not 8 */
#define DTLS_UNIFIED_LENGTH 0x04 /* has a length; else to the datagram's end */
#define DTLS_LEAST	    16	 /* bytes of its ciphertext (RFC 9147 section 4.2.3) */

struct dtls_hdr {
	__u8 type; /* enum dtls_type */
	__u8 version[2];
	__u8 epoch[2];
	__u8 seq[6]; /* tls12_cid: the connection id comes after this */
	__u8 length[2];
};

struct dtls_handshake {
	__u8 type;
	__u8 length[3];
	__u8 message_seq[2];
	__u8 fragment_offset[3];
	__u8 fragment_length[3];
};

struct dtls_client_hello { /* up to the first length */
	__u8 version[2];
	__u8 random[32];
	__u8 session_id_len; /* then the session id, a byte of cookie length, ... */
};
_Static_assert(sizeof(struct dtls_hdr) == 13 && sizeof(struct dtls_handshake) == 12 &&
		       sizeof(struct dtls_client_hello) == 35,
	       "bytes, without padding");

struct dtls_msg {
	__u8 kind;	  /* enum sl_kind */
	bool opener;	  /* begins a session: a ClientHello that is no retry */
	bool closing;	  /* an alert, whose text may be encrypted */
	bool has_cid;	  /* of the length that the service is configured for, and linear */
	bool unexamined;  /* what decides on the above is not linear */
	__u16 cid_offset; /* from the datagram's start; 0 without a connection id */
};

/* Where things are in a record's header. */
struct dtls_shape {
	__u32 header; /* bytes */
	__u32 least;  /* bytes that follow it at least */
	bool counted; /* the header's last two bytes say how many follow */
	__u16 cid_offset;
	__u8 kind;
};

static __always_inline __u32 dtls_be16(const __u8 *p)
{
	return p[0] << 8 | p[1];
}

static __always_inline __u32 dtls_be24(const __u8 *p)
{
	return (__u32)p[0] << 16 | p[1] << 8 | p[2];
}

static __always_inline enum sl_kind dtls_kind(__u8 type)
{
	if (type == DTLS_HANDSHAKE)
		return SL_K_DTLS_HANDSHAKE;
	if (type < DTLS_HANDSHAKE)
		return SL_K_DTLS_CIPHER + type - DTLS_CIPHER;
	return SL_K_DTLS_DATA + type - DTLS_DATA;
}
_Static_assert(SL_K_DTLS_ALERT - SL_K_DTLS_CIPHER == DTLS_ALERT - DTLS_CIPHER &&
		       SL_K_DTLS_ACK - SL_K_DTLS_DATA == DTLS_ACK - DTLS_DATA,
	       "a kind for each type, in order");

/* 1.3; @cid_len 0: not known, and hides where the length is. */
static __always_inline struct dtls_shape dtls_shape_unified(__u8 first, __u32 cid_len)
{
	bool cid = first & DTLS_UNIFIED_CID;
	__u32 seq = first & DTLS_UNIFIED_SEQ ? 2 : 1, length = first & DTLS_UNIFIED_LENGTH ? 2 : 0;

	return (struct dtls_shape){
		.header = 1 + (cid ? cid_len : 0) + seq + length,
		.least = DTLS_LEAST,
		.counted = length && (!cid || cid_len),
		.cid_offset = cid && cid_len ? 1 : 0,
		.kind = SL_K_DTLS_ENCRYPTED,
	};
}

/* 1.0 and 1.2, and what 1.3 does not encrypt. */
static __always_inline struct dtls_shape dtls_shape_plain(__u8 type, __u32 cid_len)
{
	bool cid = type == DTLS_CID;

	return (struct dtls_shape){
		.header = sizeof(struct dtls_hdr) + (cid ? cid_len : 0),
		.counted = !cid || cid_len,
		.cid_offset = cid && cid_len ? offsetof(struct dtls_hdr, length) : 0,
		.kind = dtls_kind(type),
	};
}

/* Has the datagram the record that its header announces? *@ret_linear: the header
 * is linear; if it is not, only what is too short is told.
 */
static __always_inline enum sl_reason
dtls_check_length(const struct cursor *c, const struct dtls_shape *s, bool *ret_linear)
{
	/* The last two bytes of the header. */
	const __u8 *p = c->pos + ((s->header - 2) & (DTLS_MAX_HEADER - 1));
	__u32 length;

	*ret_linear = false;
	if (c->left < s->header + s->least)
		return SL_R_DTLS_SHORT;
	if (p + 2 > (const __u8 *)c->end)
		return SL_R_NONE;

	*ret_linear = true;
	if (!s->counted)
		return SL_R_NONE;
	length = dtls_be16(p);
	if (length > c->left - s->header)
		return SL_R_DTLS_LENGTH;
	return length < s->least ? SL_R_DTLS_SHORT : SL_R_NONE;
}

/* Has the ClientHello whose bytes @c spans no cookie? Where this cannot be seen it
 * is believed, because the first message has none.
 */
static __always_inline bool dtls_lacks_cookie(struct cursor *c, bool *ret_unexamined)
{
	const struct dtls_client_hello *h = cursor_take(c, sizeof(*h));
	const __u8 *cookie_len = NULL;

	if (h && h->session_id_len <= DTLS_MAX_SESSION_ID && cursor_skip(c, h->session_id_len))
		cookie_len = cursor_take(c, 1);
	if (cookie_len)
		return !*cookie_len;
	*ret_unexamined = cursor_ran_out(c);
	return true;
}

/* Is the handshake record at @c, which has its whole length, a fragment of a first
 * ClientHello? The retry that brings the cookie back counts on in message_seq (RFC
 * 6347 section 4.2.2, RFC 9147 section 5.2), and belongs to where its cookie is from.
 */
static __always_inline bool dtls_is_opener(const struct cursor *c, bool *ret_unexamined)
{
	struct cursor in = *c;
	const struct dtls_hdr *h = cursor_take(&in, sizeof(*h));
	const struct dtls_handshake *hs;

	if (!h || dtls_be16(h->epoch) || !cursor_limit(&in, dtls_be16(h->length)))
		return false;
	hs = cursor_take(&in, sizeof(*hs));
	if (!hs) {
		*ret_unexamined = cursor_ran_out(&in);
		return false;
	}
	if (hs->type != DTLS_CLIENT_HELLO || dtls_be16(hs->message_seq))
		return false;
	if (dtls_be24(hs->fragment_offset))
		return true;

	cursor_limit(&in, dtls_be24(hs->fragment_length)); /* another may be behind it */
	return dtls_lacks_cookie(&in, ret_unexamined);
}

/* The shape of the record at @c by its first bytes. @cid_len is within DTLS_MAX_CID. */
static __always_inline enum sl_reason dtls_shape(const struct cursor *c, __u32 cid_len,
						 struct dtls_shape *ret)
{
	struct cursor in = *c;
	const __u8 *first = cursor_take(&in, 1), *version = cursor_take(&in, 1);

	if (!first) {
		*ret = (struct dtls_shape){ .header = 2, .kind = SL_K_UDP };
		return SL_R_NONE;
	}
	if ((*first & DTLS_UNIFIED_MASK) == DTLS_UNIFIED) {
		*ret = dtls_shape_unified(*first, cid_len);
		return SL_R_NONE;
	}
	if (*first < DTLS_CIPHER || *first > DTLS_ACK ||
	    (version && *version != DTLS_VERSION_MAJOR))
		return SL_R_DTLS_TYPE;
	*ret = dtls_shape_plain(*first, cid_len);
	return SL_R_NONE;
}

/* Look at the first record of the datagram that @c spans, without moving @c.
 * @cid_len: bytes of connection id, which are not on the wire, up to SL_CID_MAX; 0:
 * none is looked for. SL_R_NONE, or the SL_R_DTLS_* that says in which way the record
 * is malformed. *@ret is always written whole; of a malformed record only the kind
 * means something. What is not linear is not malformed: the kind is that of the first
 * byte then, or SL_K_UDP.
 */
static __always_inline enum sl_reason dtls_parse(const struct cursor *c, __u8 cid_len,
						 struct dtls_msg *ret)
{
	struct dtls_shape s;
	enum sl_reason why = dtls_shape(c, cid_len & DTLS_MAX_CID, &s);
	bool linear;

	*ret = (struct dtls_msg){ .kind = SL_K_DTLS_MALFORMED };
	if (!why)
		why = dtls_check_length(c, &s, &linear);
	if (why)
		return why;

	ret->kind = s.kind;
	ret->unexamined = !linear;
	ret->closing = s.kind == SL_K_DTLS_ALERT;
	if (!linear)
		return SL_R_NONE;
	ret->has_cid = s.cid_offset;
	ret->cid_offset = s.cid_offset;
	if (s.kind == SL_K_DTLS_HANDSHAKE)
		ret->opener = dtls_is_opener(c, &ret->unexamined);
	return SL_R_NONE;
}

#endif /* SL_DTLS_H */
