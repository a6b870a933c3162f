/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A bounds-checked window over packet bytes. Pure. Two bounds: what the length
 * fields allow (@left), and how far the frame is linear in memory (@end). A
 * frame with fragments (xdp.frags) has more bytes than are linear; nothing may
 * be said about what lies there, least of all that it is malformed.
 */
#ifndef SL_CURSOR_H
#define SL_CURSOR_H

#include <sluice/base.h>

struct cursor {
	const void *pos;
	const void *end; /* of the linear bytes: what the verifier compares with */
	__u32 left;	 /* by the innermost length field believed so far */
};

/* Over a frame of @len bytes of which those up to @end are linear. */
static __always_inline struct cursor cursor_over_frame(const void *data, const void *end, __u32 len)
{
	return (struct cursor){ .pos = data, .end = end, .left = len };
}

static __always_inline struct cursor cursor_over(const void *data, const void *end)
{
	return cursor_over_frame(data, end, end - data);
}

/* Step over the next @len bytes and return them; NULL, and nothing moves, if
 * fewer are left or linear. @len must be a compile-time constant, or the
 * verifier cannot prove reads through the result. A length from the wire goes
 * to cursor_skip().
 */
static __always_inline const void *cursor_take(struct cursor *c, __u32 len)
{
	const void *p = c->pos;

	if (len > c->left || p + len > c->end)
		return NULL;

	c->pos = p + len;
	c->left -= len;
	return p;
}

/* Step over @len bytes, which may come from the packet. */
static __always_inline bool cursor_skip(struct cursor *c, __u16 len)
{
	if (len > c->left || c->pos + len > c->end)
		return false;

	c->pos += len;
	c->left -= len;
	return true;
}

/* Believe a length field: only @len more bytes belong to this layer. */
static __always_inline bool cursor_limit(struct cursor *c, __u32 len)
{
	if (len > c->left)
		return false;

	c->left = len;
	return true;
}

/* Why a take or skip failed: true if this layer has bytes that are not linear,
 * so that they cannot be judged; false if the layer itself is too short.
 */
static __always_inline bool cursor_ran_out(const struct cursor *c)
{
	return c->left > (__u64)((const char *)c->end - (const char *)c->pos);
}

/* 0, of which the verifier believes that it may be anything; @seed is any value
 * unknown to it, of 16 bits or more. Added to a result that differs from path to
 * path, it makes the paths look alike, so that what follows is verified once and
 * not once a path. Every call gives a value of its own: the verifier remembers
 * which values are copies of one.
 */
static __always_inline __u32 cursor_opaque_zero(__u32 seed)
{
	__u32 same = seed;

	/* VERIFIER: needed on every kernel so far. The product overflows in its
	 * arithmetic, and so covers all 32 bits, whatever the seed's range.
	 */
	sl_opaque(same);
	return (seed - same) * 0x10001;
}

#endif /* SL_CURSOR_H */
