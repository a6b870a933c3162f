/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CoAP over UDP: header, token and options of one datagram, RFC 7252 sections
 * 3, 3.1 and 4.1 to 4.3; Observe (RFC 7641) and Block (RFC 7959) are noted.
 * Pure.
 */
#ifndef SL_COAP_H
#define SL_COAP_H

#include <sluice/kind.h>
#include <sluice/limits.h>
#include <sluice/reason.h>
#include "cursor.h"

#define COAP_VERSION	   1
#define COAP_MAX_TOKEN_LEN 8
#define COAP_MARKER	   0xff
#define COAP_RESERVED	   15 /* as a nibble of an option's first byte */
#define COAP_MAX_NUMBER	   65535
#define COAP_EXTENDED	   13	/* from here on a nibble has bytes of extension */
#define COAP_MAX_LEN	   4096 /* of a message whose options are looked at; a power of two */

enum coap_type {
	COAP_CON,
	COAP_NON,
	COAP_ACK,
	COAP_RST,
};

enum coap_option {
	COAP_OPT_OBSERVE = 6,
	COAP_OPT_BLOCK2 = 23,
	COAP_OPT_BLOCK1 = 27,
};

struct coap_hdr {
	__u8 ver_type_tkl; /* 2 bits version, 2 bits type, 4 bits token length */
	__u8 code;	   /* 3 bits class, 5 bits detail */
	__be16 mid;
};

struct coap_msg {
	__u8 type; /* enum coap_type */
	__u8 code;
	__u8 token_len;
	__u8 kind;	  /* enum sl_kind */
	bool observe;	  /* has the option, with a value of up to 3 bytes */
	bool later_block; /* Block1 or Block2 with a number over 0 */
	bool more_blocks; /* Block1 or Block2 says that more follow */
	bool unexamined;  /* not all options were looked at */
	__be16 mid;
	__u16 content; /* offset of the payload; the message's length if it has none */
	__u32 observe_value;
};

static __always_inline __u8 coap_class(__u8 code)
{
	return code >> 5;
}

static __always_inline enum sl_kind coap_kind(__u8 type, __u8 code)
{
	if (!code)
		return type == COAP_CON	  ? SL_K_COAP_PING
		       : type == COAP_ACK ? SL_K_COAP_ACK
					  : SL_K_COAP_RESET;
	if (coap_class(code))
		return SL_K_COAP_RESPONSE;
	if (code <= SL_K_COAP_IPATCH - SL_K_COAP_GET + 1)
		return SL_K_COAP_GET + code - 1; /* .01 to .07 have kinds in the same order */
	return SL_K_COAP_OTHER;
}
_Static_assert(SL_K_COAP_IPATCH - SL_K_COAP_GET == 6, "a kind for each method, in order");

/* Type and code, and what an empty message may not have. */
static __always_inline enum sl_reason coap_check_header(const struct coap_hdr *h, __u32 len)
{
	__u8 type = h->ver_type_tkl >> 4 & 3;
	__u8 token_len = h->ver_type_tkl & 0x0f;
	__u8 class = coap_class(h->code);

	if (h->ver_type_tkl >> 6 != COAP_VERSION)
		return SL_R_COAP_VERSION;
	if (token_len > COAP_MAX_TOKEN_LEN)
		return SL_R_COAP_TOKEN_LENGTH;
	if (class == 1 || class >= 6) /* 7 is signalling, over TCP only (RFC 8323) */
		return SL_R_COAP_CODE;
	if (!h->code) {
		if (type == COAP_NON)
			return SL_R_COAP_TYPE;
		return token_len || len > sizeof(*h) ? SL_R_COAP_EMPTY : SL_R_NONE;
	}
	if (type == COAP_RST || (type == COAP_ACK && !class))
		return SL_R_COAP_TYPE;
	if (sizeof(*h) + token_len > len)
		return SL_R_COAP_TOKEN;
	return SL_R_NONE;
}

/* How many bytes of extension a nibble announces: 13 one, 14 two. */
static __always_inline __u32 coap_ext_bytes(__u32 nibble)
{
	const __u64 by_nibble = 1ull << 13 * 4 | 2ull << 14 * 4;

	return by_nibble >> nibble * 4 & 3;
}

/* @nibble with its extension, the low bytes of @ext. */
static __always_inline __u32 coap_extended(__u32 nibble, __u32 n, __u32 ext)
{
	return nibble + (ext & ((1u << 8 * n) - 1)) + (n >> 1) * 255;
}

/* What the walk over the options keeps from one to the next. Of an option that
 * is noted: the offset behind its value, and the value's length above that.
 *
 * VERIFIER: off, number, the noted ones and why begin as values unknown to it,
 * and nothing compares them on the common path, so that they have the same
 * state whichever way an option went.
 */
struct coap_walk {
	const void *msg, *end; /* the message, the end of the linear bytes */
	__u32 len;	       /* of the message */
	__u32 off;
	__u32 number;
	__u32 observe, block1, block2; /* noted, or 0 */
	__u32 why;		       /* enum sl_reason */
};

#define COAP_NOTED	     (1u << COAP_OPT_OBSERVE | 1u << COAP_OPT_BLOCK2 | 1u << COAP_OPT_BLOCK1)
#define COAP_NOTED_SHIFT     16
#define COAP_BLOCK_NUM_SHIFT 4 /* below: more, size */
#define COAP_BLOCK_MORE	     8

/* The byte at @off, NULL if it is not linear. @off is below w->len. */
static __always_inline const __u8 *coap_byte(const struct coap_walk *w, __u32 off)
{
	const __u8 *p = w->msg + (off & (COAP_MAX_LEN - 1));

	return p + 1 > (const __u8 *)w->end ? NULL : p;
}

/* The four bytes that end before @off, which is at least 4 and within w->len. */
static __always_inline bool coap_word_before(const struct coap_walk *w, __u32 off, __u32 *ret)
{
	const __u8 *p = w->msg + ((off - 4) & (COAP_MAX_LEN - 1));

	if (p + 4 > (const __u8 *)w->end)
		return false;
	*ret = (__u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
	return true;
}

/* Bytes of the message from @off on; negative: it ends before. */
static __always_inline __s32 coap_left(const struct coap_walk *w, __u32 off)
{
	return w->len - off;
}

/* Note an option whose value of @len bytes ends before w->off. The first of a
 * kind counts, others have no @delta; and a value of more than 3 bytes makes it
 * one that is not known (sections 5.4.5, 5.4.3).
 */
static __always_inline void coap_note(struct coap_walk *w, __u32 delta, __u32 len)
{
	__u32 noted = w->off | len << COAP_NOTED_SHIFT;
	__u32 number = w->number;

	if (!delta || len > 3 || !(COAP_NOTED >> (number & 31) & 1))
		return;

	/* VERIFIER: or the comparisons tell it what w->number is. */
	sl_opaque(number);
	number += cursor_opaque_zero(w->off);
	if (number == COAP_OPT_OBSERVE)
		w->observe = noted;
	else if (number == COAP_OPT_BLOCK2)
		w->block2 = noted;
	else if (number == COAP_OPT_BLOCK1)
		w->block1 = noted;
}

/* The value of a noted option, 0 if there is none. */
static __always_inline __u32 coap_noted_value(const struct coap_walk *w, __u32 noted,
					      struct coap_msg *msg)
{
	__u32 word;

	if (!noted)
		return 0;
	if (!coap_word_before(w, noted & ((1u << COAP_NOTED_SHIFT) - 1), &word)) {
		msg->unexamined = true;
		return 0;
	}
	return word & ((1u << 8 * (noted >> COAP_NOTED_SHIFT)) - 1);
}

/* The extensions of @delta and @len, which are at w->off. False: the walk ends. */
static __always_inline bool coap_walk_extended(struct coap_walk *w, __u32 *delta, __u32 *len)
{
	__u32 delta_bytes = coap_ext_bytes(*delta), len_bytes = coap_ext_bytes(*len);
	__u32 next = w->off + delta_bytes + len_bytes, word;

	if (*delta == COAP_RESERVED || *len == COAP_RESERVED) {
		if (*delta != *len) /* both: the marker */
			w->why = *delta == COAP_RESERVED ? SL_R_COAP_OPTION_DELTA
							 : SL_R_COAP_OPTION_LENGTH;
		w->off--;
		return false;
	}
	if (coap_left(w, next) < 0) {
		w->why = SL_R_COAP_OPTION_SHORT;
		return false;
	}
	if (!coap_word_before(w, next, &word)) {
		w->off--;
		return false;
	}
	w->off = next;
	*delta = coap_extended(*delta, delta_bytes, word >> 8 * len_bytes);
	*len = coap_extended(*len, len_bytes, word);
	return true;
}

/* Walk over the options. Leaves w->off at the marker, behind the end, or at what
 * is not looked at any more, and in w->why what is malformed up to there.
 */
static __always_inline void coap_walk_options(struct coap_walk *w)
{
	/* VERIFIER: unrolled, because it forgets states of a loop that do not match
	 * those of the next turns, and then follows every path again.
	 */
#pragma GCC unroll 32
	for (int i = 0; i < SL_COAP_OPTIONS; i++) {
		const __u8 *first;
		__u32 delta, len;

		if (coap_left(w, w->off) <= 0)
			return;
		first = coap_byte(w, w->off);
		if (!first)
			return;

		delta = *first >> 4;
		len = *first & 0x0f;
		w->off++;
		if ((delta >= COAP_EXTENDED || len >= COAP_EXTENDED) &&
		    !coap_walk_extended(w, &delta, &len))
			return;
		w->number += delta;
		w->off += len;
		coap_note(w, delta, len);
	}
}

/* What the walk's end means. Moves w->off on to the payload. */
static __always_inline enum sl_reason coap_walk_end(struct coap_walk *w, bool *ret_unexamined)
{
	__s32 left = coap_left(w, w->off);
	const __u8 *p;

	*ret_unexamined = false;
	if (w->why)
		return w->why;
	if (w->number > COAP_MAX_NUMBER)
		return SL_R_COAP_OPTION_NUMBER;
	if (left <= 0)
		return left ? SL_R_COAP_OPTION_SHORT : SL_R_NONE;

	p = coap_byte(w, w->off);
	if (!p || *p != COAP_MARKER) {
		*ret_unexamined = true;
		return SL_R_NONE;
	}
	w->off++;
	return left > 1 ? SL_R_NONE : SL_R_COAP_NO_PAYLOAD;
}

/* Token and options of a message that has a code, from @h on. */
static __always_inline enum sl_reason
coap_parse_options(const struct cursor *c, const struct coap_hdr *h, struct coap_msg *ret)
{
	__u32 seed = h->mid;
	struct coap_walk w = {
		.msg = h,
		.end = c->end,
		.len = c->left,
		.off = sizeof(*h) + (h->ver_type_tkl & 0x0f) + cursor_opaque_zero(seed),
		.number = cursor_opaque_zero(seed),
		.observe = cursor_opaque_zero(seed),
		.block1 = cursor_opaque_zero(seed),
		.block2 = cursor_opaque_zero(seed),
		.why = cursor_opaque_zero(seed),
	};
	enum sl_reason why;
	__u32 blocks;

	if (w.len > COAP_MAX_LEN) {
		ret->unexamined = true;
		return SL_R_NONE;
	}

	coap_walk_options(&w);
	why = coap_walk_end(&w, &ret->unexamined);
	ret->content = w.off;
	ret->observe = w.observe;
	ret->observe_value = coap_noted_value(&w, w.observe, ret);
	blocks = coap_noted_value(&w, w.block1, ret) | coap_noted_value(&w, w.block2, ret);
	ret->later_block = blocks >> COAP_BLOCK_NUM_SHIFT;
	ret->more_blocks = blocks & COAP_BLOCK_MORE;
	return why;
}

/* Look at the datagram that @c spans, without moving @c. SL_R_NONE, or the
 * SL_R_COAP_* that says in which way it is malformed. *@ret is always written
 * whole; of a malformed message only the kind means something.
 */
static __always_inline enum sl_reason coap_parse(const struct cursor *c, struct coap_msg *ret)
{
	struct cursor in = *c;
	const struct coap_hdr *h = cursor_take(&in, sizeof(*h));
	enum sl_reason why;

	*ret = (struct coap_msg){ .kind = SL_K_COAP_MALFORMED };
	if (!h) {
		if (c->left < sizeof(*h))
			return SL_R_COAP_SHORT;
		ret->kind = SL_K_UDP; /* more cannot be said */
		ret->unexamined = true;
		return SL_R_NONE;
	}

	why = coap_check_header(h, c->left);
	if (!why && h->code)
		why = coap_parse_options(c, h, ret);

	/* VERIFIER: one state for what follows, not one for each reason. */
	why = (why + cursor_opaque_zero(h->mid)) & 63;
	_Static_assert(SL_R_COAP_NO_PAYLOAD < 64, "it has 6 bits");
	if (why)
		return why;

	ret->type = h->ver_type_tkl >> 4 & 3;
	ret->code = h->code;
	ret->token_len = h->ver_type_tkl & 0x0f;
	ret->kind = coap_kind(ret->type, h->code);
	ret->mid = h->mid;
	return SL_R_NONE;
}

#endif /* SL_COAP_H */
