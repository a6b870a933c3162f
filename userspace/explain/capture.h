/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Captures, read and written with libpcap: pcap and pcapng with frames of Ethernet,
 * raw IP or Linux cooked mode. Every frame comes out as Ethernet, with a header that
 * is made up where the capture has none. Does not log.
 */
#ifndef SL_EXPLAIN_CAPTURE_H
#define SL_EXPLAIN_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPTURE_FRAME_MAX (66u << 10) /* the longest IP packet, with its headers */

struct capture_error {
	char text[512];
};

struct capture_frame {
	uint64_t n;	   /* from 1 */
	uint64_t time_ns;  /* since 1970; the capture's own clock */
	uint8_t *bytes;	   /* valid until the next read */
	uint32_t len;	   /* of what there was on the wire */
	uint32_t captured; /* of these: less where the capture was cut; the rest are zeros */
};

struct capture;

/* "-" is standard input. */
int capture_open(const char *path, struct capture **ret, struct capture_error *reterr);
void capture_close(struct capture *c);
static inline void capture_closep(struct capture **c)
{
	capture_close(*c);
}

/* 1: a frame; 0: the end; -EMSGSIZE: one too short or too long to be handed out, the next
 * may be fine; or another negative errno.
 */
int capture_next(struct capture *c, struct capture_frame *ret, struct capture_error *reterr);

/* -- writing: pcap, Ethernet, nanoseconds -- */

struct capture_out;

int capture_create(const char *path, struct capture_out **ret, struct capture_error *reterr);
/* What became of @f; no more of it than was captured. */
void capture_write(struct capture_out *o, const struct capture_frame *f, const uint8_t *bytes,
		   uint32_t len);
/* Says whether all of it has been written. NULL is fine. */
int capture_finish(struct capture_out *o, struct capture_error *reterr);

#endif /* SL_EXPLAIN_CAPTURE_H */
