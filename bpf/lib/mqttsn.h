/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* MQTT-SN 1.2: length and type of the message that is a datagram, sections 5.2
 * to 5.5 of its specification. Pure.
 */
#ifndef SL_MQTTSN_H
#define SL_MQTTSN_H

#include <sluice/kind.h>
#include <sluice/reason.h>
#include "cursor.h"

#define MQTTSN_LONG  1 /* as first byte: two bytes of length follow */
#define MQTTSN_LEAST 2 /* bytes of a message */

enum mqttsn_type {
	MQTTSN_ADVERTISE = 0x00,
	MQTTSN_GWINFO = 0x02,
	MQTTSN_CONNECT = 0x04,
	MQTTSN_CONNACK = 0x05,
	MQTTSN_WILLTOPICREQ = 0x06,
	MQTTSN_WILLMSG = 0x09,
	MQTTSN_REGISTER = 0x0a,
	MQTTSN_PUBREL = 0x10,
	MQTTSN_SUBSCRIBE = 0x12,
	MQTTSN_DISCONNECT = 0x18,
	MQTTSN_WILLTOPICUPD = 0x1a,
	MQTTSN_WILLMSGRESP = 0x1d,
	MQTTSN_FORWARD = 0xfe,
};

struct mqttsn_msg {
	__u8 kind;	 /* enum sl_kind */
	bool opener;	 /* CONNECT */
	bool closing;	 /* DISCONNECT without a duration; with one the client only sleeps */
	bool unexamined; /* the header is not linear */
};

struct mqttsn_hdr {
	__u32 size;   /* bytes up to and with the type */
	__u32 length; /* of the message with its header */
	__u8 type;    /* enum mqttsn_type */
};

static __always_inline bool mqttsn_is(__u8 type, __u8 first, __u8 last)
{
	return type >= first && type <= last;
}

static __always_inline enum sl_kind mqttsn_kind(__u8 type)
{
	if (mqttsn_is(type, MQTTSN_SUBSCRIBE, MQTTSN_DISCONNECT))
		return SL_K_MQTTSN_SUBSCRIBE + type - MQTTSN_SUBSCRIBE;
	if (mqttsn_is(type, MQTTSN_REGISTER, MQTTSN_PUBREL))
		return SL_K_MQTTSN_REGISTER + type - MQTTSN_REGISTER;
	if (mqttsn_is(type, MQTTSN_CONNECT, MQTTSN_CONNACK))
		return SL_K_MQTTSN_CONNECT + type - MQTTSN_CONNECT;
	if (mqttsn_is(type, MQTTSN_WILLTOPICREQ, MQTTSN_WILLMSG) ||
	    mqttsn_is(type, MQTTSN_WILLTOPICUPD, MQTTSN_WILLMSGRESP))
		return SL_K_MQTTSN_WILL;
	if (type <= MQTTSN_GWINFO)
		return SL_K_MQTTSN_SEARCH;
	return type == MQTTSN_FORWARD ? SL_K_MQTTSN_FORWARD : SL_K_MQTTSN_OTHER;
}
_Static_assert(SL_K_MQTTSN_DISCONNECT - SL_K_MQTTSN_SUBSCRIBE ==
			       MQTTSN_DISCONNECT - MQTTSN_SUBSCRIBE &&
		       SL_K_MQTTSN_PUBREL - SL_K_MQTTSN_REGISTER ==
			       MQTTSN_PUBREL - MQTTSN_REGISTER &&
		       SL_K_MQTTSN_CONNACK - SL_K_MQTTSN_CONNECT == MQTTSN_CONNACK - MQTTSN_CONNECT,
	       "kinds in the order of the types");

/* Read the header at @c. False: it is cut or not linear; only @ret->size, the bytes
 * that it has at least, means something then.
 */
static __always_inline bool mqttsn_header(const struct cursor *c, struct mqttsn_hdr *ret)
{
	struct cursor in = *c;
	const __u8 *h = cursor_take(&in, 2), *more;

	*ret = (struct mqttsn_hdr){ .size = 2 };
	if (!h)
		return false;
	ret->length = h[0];
	ret->type = h[1];
	if (h[0] != MQTTSN_LONG)
		return true;

	ret->size = 4;
	more = cursor_take(&in, 2);
	if (!more)
		return false;
	ret->length = h[1] << 8 | more[0];
	ret->type = more[1];
	return true;
}

/* The length is that of the datagram. An encapsulation's (section 5.5) ends before
 * the message that it is for; it has a byte of control between type and that.
 */
static __always_inline bool mqttsn_length_fits(const struct mqttsn_hdr *h, __u32 left)
{
	if (h->type != MQTTSN_FORWARD)
		return h->length == left;
	return h->length > h->size && h->length + MQTTSN_LEAST <= left;
}

/* Look at the datagram that @c spans, without moving @c. SL_R_NONE, or
 * SL_R_MQTTSN_LENGTH. *@ret is always written whole; of a malformed message only the
 * kind means something. What is not linear is not malformed, and SL_K_UDP.
 */
static __always_inline enum sl_reason mqttsn_parse(const struct cursor *c, struct mqttsn_msg *ret)
{
	struct mqttsn_hdr h;

	*ret = (struct mqttsn_msg){ .kind = SL_K_MQTTSN_MALFORMED };
	if (!mqttsn_header(c, &h)) {
		if (c->left < h.size)
			return SL_R_MQTTSN_LENGTH;
		ret->kind = SL_K_UDP;
		ret->unexamined = true;
		return SL_R_NONE;
	}
	if (!mqttsn_length_fits(&h, c->left))
		return SL_R_MQTTSN_LENGTH;

	ret->kind = mqttsn_kind(h.type);
	ret->opener = h.type == MQTTSN_CONNECT;
	ret->closing = h.type == MQTTSN_DISCONNECT && h.length == h.size;
	return SL_R_NONE;
}

#endif /* SL_MQTTSN_H */
