/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A plain reference of how a datagram that the node answers itself leaves: back from where
 * it came, in the name of whom it was for, all checksums from scratch.
 */
#ifndef TEST_TURNED_H
#define TEST_TURNED_H

#include "frame.h"

#define TURNED_DF 0x4000

/* The answer with payload @msg to @in, which came by @from. */
static inline struct frame turned_udp(const struct frame *in, const struct path *from,
				      const void *msg, size_t len)
{
	struct path to = { from->dst, from->dport, from->src, from->sport };
	struct frame f = frame_udp(&to, msg, len);

	memcpy(f.bytes, in->bytes + 6, 6);
	memcpy(f.bytes + 6, in->bytes, 6);
	if (frame_is_v4(&f))
		frame_put16(&f, f.l3 + 6, TURNED_DF);
	frame_finish(&f);
	return f;
}

#endif /* TEST_TURNED_H */
