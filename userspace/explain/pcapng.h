/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writing pcapng, which libpcap only reads: Ethernet, nanoseconds, a comment with each
 * frame (draft-ietf-opsawg-pcapng). Does not log.
 */
#ifndef SL_EXPLAIN_PCAPNG_H
#define SL_EXPLAIN_PCAPNG_H

#include <stdint.h>
#include <stdio.h>

struct pcapng_frame {
	uint64_t time_ns; /* since 1970 */
	const uint8_t *bytes;
	uint32_t captured; /* bytes there are */
	uint32_t len;	   /* bytes there were */
	const char *comment;
};

/* Section and interface; then frames. What went wrong is in ferror(@to). */
void pcapng_begin(FILE *to);
void pcapng_write(FILE *to, const struct pcapng_frame *f);

#endif /* SL_EXPLAIN_PCAPNG_H */
