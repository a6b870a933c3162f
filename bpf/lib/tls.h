/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The server name of a TLS ClientHello (RFC 8446 4.1.2, RFC 5246 7.4.1.2; RFC 6066 3), field by
 * field. Pure: the caller reads bytes where tls_hello.off says and hands them in, as with
 * mqttconnect.h. A hello that goes on in another record or segment is looked at as far as it goes.
 */
#ifndef SL_TLS_H
#define SL_TLS_H

#include <sluice/abi.h>

#define TLS_HELLO_STEPS	 (9 + SL_TLS_EXTENSIONS) /* at most */
#define TLS_HELLO_READ	 8			 /* bytes of a step, at most */

#define TLS_HANDSHAKE	 22
#define TLS_CLIENT_HELLO 1
#define TLS_SERVER_NAME	 0
#define TLS_HOST_NAME	 0
#define TLS_RECORD	 5
#define TLS_RANDOM	 (2 + 32) /* behind the legacy version */

enum tls_hello_field {
	TLS_F_RECORD,
	TLS_F_HANDSHAKE,
	TLS_F_SESSION_ID,
	TLS_F_CIPHERS,
	TLS_F_COMPRESSION,
	TLS_F_EXTENSIONS,
	TLS_F_EXTENSION,
	TLS_F_NAME,
	TLS_F_DONE, /* also where there is no going on */
};

/* Begin with { .end = bytes of the segment }. Offsets count from its first one. */
struct tls_hello {
	__u32 off, end;
	__u32 extensions_end;
	__u8 field; /* enum tls_hello_field: what is at @off */
	__u8 whole; /* all that matters was read: without a length there is no name */
	__u8 cut;   /* the hello is longer than what is here */
	__u8 pad;
	struct sl_text name;
};

/* How many bytes at @off are wanted; 0: none any more. */
static __always_inline __u32 tls_hello_wants(const struct tls_hello *h)
{
	switch (h->field) {
	case TLS_F_RECORD:
	case TLS_F_NAME:
		return 5;
	case TLS_F_HANDSHAKE:
	case TLS_F_EXTENSION:
		return 4;
	case TLS_F_CIPHERS:
	case TLS_F_EXTENSIONS:
		return 2;
	case TLS_F_DONE:
		return 0;
	default:
		return 1;
	}
}

static __always_inline __u32 tls_u16(const __u8 *b)
{
	return b[0] << 8 | b[1];
}

/* Go on to @field, @len bytes further. */
static __always_inline void tls_hello_go(struct tls_hello *h, __u8 field, __u32 len)
{
	h->off += len;
	h->field = h->off <= h->end ? field : TLS_F_DONE;
}

/* Only the next @len bytes belong to it. */
static __always_inline void tls_hello_limit(struct tls_hello *h, __u32 len)
{
	if (len < h->end - h->off)
		h->end = h->off + len;
	else if (len > h->end - h->off)
		h->cut = true;
}

static __always_inline void tls_hello_record(struct tls_hello *h, const __u8 *b)
{
	if (b[0] != TLS_HANDSHAKE || b[1] != 3)
		h->field = TLS_F_DONE;
	else
		tls_hello_go(h, TLS_F_HANDSHAKE, TLS_RECORD);
	if (h->field != TLS_F_DONE)
		tls_hello_limit(h, tls_u16(b + 3));
}

static __always_inline void tls_hello_handshake(struct tls_hello *h, const __u8 *b)
{
	if (b[0] != TLS_CLIENT_HELLO)
		h->field = TLS_F_DONE;
	else
		tls_hello_go(h, TLS_F_SESSION_ID, 4);
	if (h->field == TLS_F_DONE)
		return;
	tls_hello_limit(h, b[1] << 16 | tls_u16(b + 2));
	tls_hello_go(h, TLS_F_SESSION_ID, TLS_RANDOM);
}

/* A hello may end before its extensions. */
static __always_inline void tls_hello_compression(struct tls_hello *h, __u32 len)
{
	tls_hello_go(h, TLS_F_EXTENSIONS, 1 + len);
	if (h->field == TLS_F_DONE || h->off != h->end)
		return;
	h->whole = !h->cut;
	h->field = TLS_F_DONE;
}

static __always_inline void tls_hello_extensions(struct tls_hello *h, __u32 len)
{
	tls_hello_go(h, TLS_F_EXTENSION, 2);
	h->extensions_end = h->off + len;
}

static __always_inline void tls_hello_next(struct tls_hello *h)
{
	if (h->field == TLS_F_DONE || h->off < h->extensions_end)
		return;
	h->whole = h->off == h->extensions_end;
	h->field = TLS_F_DONE;
}

static __always_inline void tls_hello_extension(struct tls_hello *h, const __u8 *b)
{
	if (tls_u16(b) == TLS_SERVER_NAME)
		tls_hello_go(h, TLS_F_NAME, 4);
	else
		tls_hello_go(h, TLS_F_EXTENSION, 4 + tls_u16(b + 2));
}

/* The list's first name; there is no sort but host_name, and one of each (RFC 6066 3). */
static __always_inline void tls_hello_name(struct tls_hello *h, const __u8 *b)
{
	struct sl_text name = { .at = h->off + 5, .len = tls_u16(b + 3) };

	tls_hello_go(h, TLS_F_DONE, 5 + name.len);
	h->field = TLS_F_DONE;
	if (b[2] != TLS_HOST_NAME || h->off > h->end)
		return;
	h->name = name;
	h->whole = true;
}

/* @b: the bytes at @off, @n of them, as many as were wanted. False: nothing more to read. */
static __always_inline bool tls_hello_step(struct tls_hello *h, const __u8 b[TLS_HELLO_READ],
					   __u32 n)
{
	__u8 field = h->field;

	if (n < tls_hello_wants(h))
		h->field = TLS_F_DONE;
	else if (field == TLS_F_RECORD)
		tls_hello_record(h, b);
	else if (field == TLS_F_HANDSHAKE)
		tls_hello_handshake(h, b);
	else if (field == TLS_F_SESSION_ID)
		tls_hello_go(h, TLS_F_CIPHERS, 1 + b[0]);
	else if (field == TLS_F_CIPHERS)
		tls_hello_go(h, TLS_F_COMPRESSION, 2 + tls_u16(b));
	else if (field == TLS_F_COMPRESSION)
		tls_hello_compression(h, b[0]);
	else if (field == TLS_F_EXTENSIONS)
		tls_hello_extensions(h, tls_u16(b));
	else if (field == TLS_F_EXTENSION)
		tls_hello_extension(h, b);
	else
		tls_hello_name(h, b);
	if (h->field == TLS_F_EXTENSION)
		tls_hello_next(h);
	return h->field != TLS_F_DONE;
}

#endif /* SL_TLS_H */
