/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TLS: the record header (RFC 8446 5.1) at the start of a TCP segment. Records do not align
 * with segments, so bytes that are no header are a continuation. Pure.
 */
#ifndef SL_TLSREC_H
#define SL_TLSREC_H

#include <sluice/kind.h>
#include "cursor.h"

#define TLSREC_HEADER	 5
#define TLSREC_FIRST	 20 /* change_cipher_spec */
#define TLSREC_HANDSHAKE 22
#define TLSREC_LAST	 24		/* heartbeat (RFC 6520) */
#define TLSREC_MAX	 (16384 + 2048) /* of a TLSCiphertext before 1.3 (RFC 5246 6.2.3) */

/* What begins at @c, which does not move. */
static __always_inline enum sl_kind tlsrec_kind(const struct cursor *c)
{
	struct cursor in = *c;
	const __u8 *p = cursor_take(&in, TLSREC_HEADER);
	__u32 len;

	if (!p)
		return SL_K_TLS_CONTINUED;
	len = p[3] << 8 | p[4];
	if (p[0] < TLSREC_FIRST || p[0] > TLSREC_LAST || p[1] != 3 || p[2] > 4 || !len ||
	    len > TLSREC_MAX)
		return SL_K_TLS_CONTINUED;
	return p[0] == TLSREC_HANDSHAKE ? SL_K_TLS_HANDSHAKE : SL_K_TLS_OTHER;
}

#endif /* SL_TLSREC_H */
