/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* MQTT 3.1, 3.1.1 and 5.0: the fixed header (5.0 section 2.1) at the start of a
 * TCP segment, and CONNECT's protocol name. Messages do not align with
 * segments, so bytes that make no message are a continuation and not an
 * offence; why they make none is told all the same. Pure.
 */
#ifndef SL_MQTT_H
#define SL_MQTT_H

#include <sluice/kind.h>
#include <sluice/limits.h>
#include "cursor.h"

#define MQTT_MAX_OFFSET	  16383 /* messages are counted up to here; a power of two less 1 */
#define MQTT_MAX_LENGTH	  268435455
#define MQTT_LENGTH_BYTES 4
#define MQTT_MAX_HEADER	  (1 + MQTT_LENGTH_BYTES)

enum mqtt_type {
	MQTT_CONNECT = 1,
	MQTT_CONNACK,
	MQTT_PUBLISH,
	MQTT_PUBACK,
	MQTT_PUBREC,
	MQTT_PUBREL,
	MQTT_PUBCOMP,
	MQTT_SUBSCRIBE,
	MQTT_SUBACK,
	MQTT_UNSUBSCRIBE,
	MQTT_UNSUBACK,
	MQTT_PINGREQ,
	MQTT_PINGRESP,
	MQTT_DISCONNECT,
	MQTT_AUTH, /* 5.0 only */
};

enum mqtt_result {
	MQTT_OK,
	MQTT_CONTINUED,	  /* no message begins here, or its header is cut off */
	MQTT_BAD_TYPE,	  /* 0 is reserved */
	MQTT_BAD_FLAGS,	  /* not the fixed ones of the type; PUBLISH with QoS 3 */
	MQTT_BAD_LENGTH,  /* a fifth byte */
	MQTT_BAD_CONNECT, /* CONNECT with another protocol name or level */
};

struct mqtt_msg {
	__u8 type; /* enum mqtt_type */
	__u8 flags;
	__u8 version;	 /* of a CONNECT: 3, 4 or 5; else 0 */
	__u8 kind;	 /* enum sl_kind */
	__u8 header;	 /* bytes of the fixed header */
	__u32 remaining; /* bytes that follow it, in this segment and later ones */
};

/* Tables of four bits for each type, type 0 lowest: the flags that are fixed and
 * what they are; and the least remaining length of any version's messages.
 */
#define MQTT_FLAGS_ARE_FIXED 0xffffffffffff0fffull
#define MQTT_FIXED_FLAGS     0x0000020202000000ull
#define MQTT_QOS_IS_NOT_3    0x0000000000004000ull
#define MQTT_LEAST	     0x00002536222222c0ull

static __always_inline __u32 mqtt_of_type(__u64 table, __u32 type)
{
	return table >> type * 4 & 0xf;
}

/* 0 if a message of @type may have these flags. */
static __always_inline __u32 mqtt_wrong_flags(__u32 type, __u32 flags)
{
	return ((flags ^ mqtt_of_type(MQTT_FIXED_FLAGS, type)) &
		mqtt_of_type(MQTT_FLAGS_ARE_FIXED, type)) |
	       (flags & flags << 1 & mqtt_of_type(MQTT_QOS_IS_NOT_3, type));
}

/* The remaining length whose bytes, first lowest, are @bytes; *@ret_n of them. */
static __always_inline __u32 mqtt_length(__u32 bytes, __u32 *ret_n)
{
	__u32 more1 = bytes >> 7 & 1, more2 = more1 & bytes >> 15, more3 = more2 & bytes >> 23;

	*ret_n = 1 + more1 + more2 + more3;
	return (bytes & 0x7f) | more1 * (bytes >> 1 & 0x3f80) | more2 * (bytes >> 2 & 0x1fc000) |
	       more3 * (bytes >> 3 & 0xfe00000);
}

/* Up to four bytes behind @p, the first lowest; 0 for what is not linear. */
static __always_inline __u32 mqtt_length_bytes(const __u8 *p, const void *end)
{
	__u32 bytes = 0;

	if (p + 2 <= (const __u8 *)end)
		bytes = p[1];
	if (p + 3 <= (const __u8 *)end)
		bytes |= p[2] << 8;
	if (p + 4 <= (const __u8 *)end)
		bytes |= p[3] << 16;
	if (p + 5 <= (const __u8 *)end)
		bytes |= (__u32)p[4] << 24;
	return bytes;
}

/* The fixed header at @p, of which @left bytes belong to the segment. Writes
 * type, flags, header and remaining, if the result is MQTT_OK.
 */
static __always_inline enum mqtt_result mqtt_header(const __u8 *p, const void *end, __u32 left,
						    struct mqtt_msg *ret)
{
	__u64 linear = (const __u8 *)end - p;
	__u32 zero = cursor_opaque_zero(left);
	__u32 type, flags, bytes, remaining, n;

	if (left < 2 || p + 2 > (const __u8 *)end)
		return MQTT_CONTINUED;

	type = p[0] >> 4;
	flags = p[0] & 0x0f;
	if (!type)
		return MQTT_BAD_TYPE;
	if (mqtt_wrong_flags(type, flags))
		return MQTT_BAD_FLAGS;

	/* VERIFIER: arithmetic for a loop, whose every way out would be a state of
	 * each later message of the segment.
	 */
	sl_opaque(linear);
	type += zero;
	bytes = mqtt_length_bytes(p, end) + zero;
	remaining = mqtt_length(bytes, &n);
	if (n >= left || n >= linear)
		return MQTT_CONTINUED;
	if (n == MQTT_LENGTH_BYTES && bytes >> 31)
		return MQTT_BAD_LENGTH;

	ret->type = type;
	ret->flags = flags;
	ret->header = 1 + n;
	ret->remaining = remaining;
	return MQTT_OK;
}

/* No type's message is shorter than its fixed parts; a ping has none at all. */
static __always_inline bool mqtt_is_plausible(const struct mqtt_msg *m)
{
	if (m->type == MQTT_PINGREQ || m->type == MQTT_PINGRESP)
		return !m->remaining;
	if (m->type == MQTT_PUBLISH && m->flags & 6)
		return m->remaining >= mqtt_of_type(MQTT_LEAST, m->type) + 2; /* packet id */
	return m->remaining >= mqtt_of_type(MQTT_LEAST, m->type);
}

/* The version that CONNECT's variable header names; 0 if none that exists.
 * *@ret_cut: it is longer than the segment.
 */
static __always_inline __u8 mqtt_connect_version(const struct cursor *c, bool *ret_cut)
{
	struct cursor in = *c;
	const __u8 *p = cursor_take(&in, 7);
	__u8 level;

	*ret_cut = !p;
	if (!p || p[0])
		return 0;
	if (p[1] == 4 && p[2] == 'M' && p[3] == 'Q' && p[4] == 'T' && p[5] == 'T') {
		level = p[6] & 0x7f; /* mosquitto's bridges set the top bit */
		return level == 4 || level == 5 ? level : 0;
	}
	if (p[1] != 6 || p[2] != 'M' || p[3] != 'Q' || p[4] != 'I' || p[5] != 's' || p[6] != 'd')
		return 0;
	p = cursor_take(&in, 2);
	*ret_cut = !p;
	return p && p[0] == 'p' && (p[1] & 0x7f) == 3 ? 3 : 0;
}

/* A PUBLISH's topic lies within the message, as far as that can be seen. */
static __always_inline bool mqtt_topic_fits(const struct cursor *c, const struct mqtt_msg *m)
{
	struct cursor in = *c;
	const __u8 *p = cursor_take(&in, 2);

	return !p || (__u32)(p[0] << 8 | p[1]) + 2 + (m->flags & 6 ? 2 : 0) <= m->remaining;
}

/* Does a message begin at @c, the start of a segment's bytes? Then @c moves
 * behind its fixed header. *@ret is always written whole; if the result is not
 * MQTT_OK, its kind is SL_K_MQTT_CONTINUED, the rest 0, and @c has not moved.
 */
static __always_inline enum mqtt_result mqtt_parse(struct cursor *c, struct mqtt_msg *ret)
{
	struct mqtt_msg m = {};
	enum mqtt_result res = mqtt_header(c->pos, c->end, c->left, &m);
	struct cursor body = *c;
	bool cut;

	*ret = (struct mqtt_msg){ .kind = SL_K_MQTT_CONTINUED };
	if (res != MQTT_OK)
		return res;
	if (!mqtt_is_plausible(&m) || !cursor_skip(&body, m.header & 7))
		return MQTT_CONTINUED;
	if (m.type == MQTT_PUBLISH && !mqtt_topic_fits(&body, &m))
		return MQTT_CONTINUED;
	if (m.type == MQTT_CONNECT) {
		m.version = mqtt_connect_version(&body, &cut);
		if (!m.version)
			return cut ? MQTT_CONTINUED : MQTT_BAD_CONNECT;
	}

	m.kind = SL_K_MQTT_CONNECT + m.type - 1; /* in the same order */
	*ret = m;
	*c = body;
	return MQTT_OK;
}
_Static_assert(SL_K_MQTT_AUTH - SL_K_MQTT_CONNECT == MQTT_AUTH - MQTT_CONNECT,
	       "a kind for each type, in order");

/* Bytes of the whole message at @p, of which @left belong to the segment; 0 if
 * there is none. Lengths that take more bytes than they need are not counted.
 */
static __always_inline __u32 mqtt_whole(const __u8 *p, const void *end, __u32 left)
{
	__u32 type, bytes, size, n;

	if (left < 2 || p + 2 > (const __u8 *)end)
		return 0;
	bytes = p[1];
	type = p[0] >> 4;
	if (!type || mqtt_wrong_flags(type, p[0] & 0x0f))
		return 0;
	if (bytes & 0x80) {
		if (left < MQTT_MAX_HEADER || p + MQTT_MAX_HEADER > (const __u8 *)end)
			return 0;
		bytes |= p[2] << 8 | p[3] << 16 | (__u32)p[4] << 24;
		if ((bytes & 0x80808080) == 0x80808080) /* a fifth byte is malformed */
			return 0;
	}
	/* VERIFIER: one state for short and long ones. */
	size = mqtt_length(bytes + cursor_opaque_zero(left), &n);
	if (size < mqtt_of_type(MQTT_LEAST, type))
		return 0;
	size += 1 + n;
	return size > left ? 0 : size;
}

/* How many whole messages the segment has, of which @first is the first and @c
 * is behind its fixed header. At least 1, at most SL_MQTT_MESSAGES: a message
 * longer than the segment counts as one where it begins. *@ret_types, unless that is
 * NULL: their types, four bits each, the first lowest.
 */
static __always_inline __u32 mqtt_messages(const struct cursor *c, const struct mqtt_msg *first,
					   __u32 *ret_types)
{
	__u32 left = c->left + cursor_opaque_zero(c->left), off = cursor_opaque_zero(c->left);
	__u32 count = 1, size = first->remaining, types = first->type;

	/* VERIFIER: unrolled, see coap_walk_options(). */
#pragma GCC unroll 8
	for (int i = 1; i < SL_MQTT_MESSAGES; i++) {
		__u32 at;

		if (size >= left)
			break;
		left -= size;
		off += size;
		if (off > MQTT_MAX_OFFSET)
			break;
		at = off;
		sl_opaque(at); /* VERIFIER: clang 19 else adds to the pointer in another order */
		size = mqtt_whole(c->pos + (at & MQTT_MAX_OFFSET), c->end, left);
		if (!size)
			break;
		if (ret_types)
			types |= (__u32)(*(const __u8 *)(c->pos + (at & MQTT_MAX_OFFSET)) >> 4)
				 << 4 * i;
		count++;
	}
	if (ret_types)
		*ret_types = types;
	return count;
}
_Static_assert(SL_MQTT_MESSAGES <= 8, "a word of types");

static __always_inline __u32 mqtt_count(const struct cursor *c, const struct mqtt_msg *first)
{
	return mqtt_messages(c, first, NULL);
}

#endif /* SL_MQTT_H */
