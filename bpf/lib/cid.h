/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* DTLS connection ids that name an instance: where they lie in a record (RFC
 * 9146 4, RFC 9147 4), and which server id they contain. Pure. Nothing is learnt
 * from them and nothing depends on their being authentic: a forged one costs its
 * sender a record that no server accepts.
 */
#ifndef SL_CID_H
#define SL_CID_H

#include <sluice/abi.h>
#include "dtls.h"

#define CID_UNROUTABLE	 7 /* as a rotation id */
#define CID_NOBODY	 -1ll
#define CID_HASHED_BYTES 16 /* that tell one device from another */

/* Offset of the id in a record whose first byte is @first; 0: it has none. */
static __always_inline __u32 cid_offset(__u8 first)
{
	if (first == DTLS_CID)
		return offsetof(struct dtls_hdr, length);
	return (first & (DTLS_UNIFIED_MASK | DTLS_UNIFIED_CID)) == (DTLS_UNIFIED | DTLS_UNIFIED_CID)
		       ? sizeof(first)
		       : 0;
}

/* The server id in an id, of which up to five bytes are looked at; CID_NOBODY: by its rotation
 * it has none.
 */
static __always_inline __s64 cid_server_id(const __u8 id[5], __u8 layout, __u32 rotations)
{
	__u32 word = (__u32)id[1] << 24 | id[2] << 16 | id[3] << 8 | id[4];
	__u32 rotation = id[0] >> 5, len;

	if (layout == SL_CID_FIRST_BYTE)
		return id[0];
	len = rotations >> 4 * rotation & 7;
	if (rotation == CID_UNROUTABLE || !len)
		return CID_NOBODY;
	return word >> ((4 - len) & 3) * 8;
}

/* Bytes that the @bits bits from bit @at of an id on are in; bit 0 is the highest of the first. */
static __always_inline __u32 cid_tenant_bytes(__u32 at, __u32 bits)
{
	return ((at & 7) + bits + 7) / 8;
}

/* The number that they are. @word: the first of those bytes, and those behind it, the first
 * highest. @bits: 1 to 32.
 */
static __always_inline __u32 cid_tenant_number(__u64 word, __u32 at, __u32 bits)
{
	return word << (at & 7) >> ((64 - bits) & 63);
}

#endif /* SL_CID_H */
