/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* MQTT's CONNECT (5.0 and 3.1.1 section 3.1, 3.1 section 3.1) field by field: version, client
 * id, user name. Pure: the caller reads bytes where mqtt_connect.off says, as many as are wanted
 * and there, and hands them in; so the packet's bytes need not be linear.
 */
#ifndef SL_MQTTCONNECT_H
#define SL_MQTTCONNECT_H

#include <sluice/abi.h>
#include "mqtt.h"

#define MQTT_CONNECT_STEPS 9 /* at most */
#define MQTT_CONNECT_READ  8 /* bytes of a step, at most */

#define MQTT_FLAG_USERNAME 0x80
#define MQTT_FLAG_WILL	   0x04

enum mqtt_connect_field {
	MQTT_F_HEADER,
	MQTT_F_PROTOCOL, /* its name, and where that is short, level and flags */
	MQTT_F_LEVEL,
	MQTT_F_PROPERTIES,
	MQTT_F_CLIENT_ID,
	MQTT_F_WILL_PROPERTIES,
	MQTT_F_WILL_TOPIC,
	MQTT_F_WILL_MESSAGE,
	MQTT_F_USERNAME,
	MQTT_F_DONE, /* also where there is no going on */
};

/* Begin with { .end = bytes of the segment }. Offsets count from its first one. */
struct mqtt_connect {
	__u32 off, end;
	__u8 field;   /* enum mqtt_connect_field: what is at @off */
	__u8 version; /* 3, 4 or 5; 0: not read, or none that exists */
	__u8 flags;
	__u8 whole; /* all that matters was read: what has no length is not there */
	struct sl_text client_id, username;
};

/* How many bytes at @off are wanted; 0: none any more. */
static __always_inline __u32 mqtt_connect_wants(const struct mqtt_connect *m)
{
	switch (m->field) {
	case MQTT_F_HEADER:
		return MQTT_MAX_HEADER;
	case MQTT_F_PROTOCOL:
		return MQTT_CONNECT_READ;
	case MQTT_F_PROPERTIES:
	case MQTT_F_WILL_PROPERTIES:
		return MQTT_LENGTH_BYTES;
	case MQTT_F_DONE:
		return 0;
	default:
		return 2;
	}
}

static __always_inline __u32 mqtt_connect_u32(const __u8 *b)
{
	return b[0] | b[1] << 8 | b[2] << 16 | (__u32)b[3] << 24;
}

/* Go on to @field, @len bytes further. */
static __always_inline void mqtt_connect_go(struct mqtt_connect *m, __u8 field, __u32 len)
{
	m->off += len;
	m->field = m->off <= m->end ? field : MQTT_F_DONE;
}

static __always_inline void mqtt_connect_header(struct mqtt_connect *m, const __u8 *b)
{
	__u32 n, left = mqtt_length(mqtt_connect_u32(b + 1), &n);

	m->field = MQTT_F_DONE;
	if (b[0] != MQTT_CONNECT << 4 || (n == MQTT_LENGTH_BYTES && b[4] & 0x80))
		return;
	m->off = 1 + n;
	if (m->off > m->end)
		return;
	if (left < m->end - m->off)
		m->end = m->off + left;
	m->field = MQTT_F_PROTOCOL;
}

/* Level, flags and keep alive. The level's top bit is set by mosquitto's bridges. */
static __always_inline void mqtt_connect_level(struct mqtt_connect *m, const __u8 *b, bool old,
					       __u32 len)
{
	__u8 level = b[0] & 0x7f;

	m->field = MQTT_F_DONE;
	if (old ? level != 3 : level != 4 && level != 5)
		return;
	m->version = level;
	m->flags = b[1];
	mqtt_connect_go(m, level == 5 ? MQTT_F_PROPERTIES : MQTT_F_CLIENT_ID, len + 2 + 2);
}

static __always_inline void mqtt_connect_protocol(struct mqtt_connect *m, const __u8 *b, __u32 n)
{
	m->field = MQTT_F_DONE;
	if (n < MQTT_CONNECT_READ || b[0])
		return;
	if (b[1] == 4 && b[2] == 'M' && b[3] == 'Q' && b[4] == 'T' && b[5] == 'T')
		mqtt_connect_level(m, b + 6, false, 6);
	else if (b[1] == 6 && b[2] == 'M' && b[3] == 'Q' && b[4] == 'I' && b[5] == 's' &&
		 b[6] == 'd' && b[7] == 'p')
		mqtt_connect_go(m, MQTT_F_LEVEL, 8);
}

/* Properties are stepped over (5.0 section 3.1.2.11). */
static __always_inline void mqtt_connect_properties(struct mqtt_connect *m, const __u8 *b, __u32 n,
						    __u8 next)
{
	__u32 used, len = mqtt_length(mqtt_connect_u32(b), &used);

	m->field = MQTT_F_DONE;
	if (used <= n && !(used == MQTT_LENGTH_BYTES && b[3] & 0x80))
		mqtt_connect_go(m, next, used + len);
}

static __always_inline void mqtt_connect_last(struct mqtt_connect *m)
{
	if (m->field == MQTT_F_DONE) /* it ran past the end */
		return;
	m->whole = !(m->flags & MQTT_FLAG_USERNAME);
	m->field = m->whole ? MQTT_F_DONE : MQTT_F_USERNAME;
}

/* A string or binary data, its length in front. */
static __always_inline void mqtt_connect_string(struct mqtt_connect *m, __u32 len)
{
	struct sl_text text = { .at = m->off + 2, .len = len };
	__u8 field = m->field;

	mqtt_connect_go(m, field, 2 + len);
	if (m->field == MQTT_F_DONE)
		return;
	if (field == MQTT_F_CLIENT_ID)
		m->client_id = text;
	if (field == MQTT_F_CLIENT_ID && m->flags & MQTT_FLAG_WILL) {
		m->field = m->version == 5 ? MQTT_F_WILL_PROPERTIES : MQTT_F_WILL_TOPIC;
	} else if (field == MQTT_F_WILL_TOPIC) {
		m->field = MQTT_F_WILL_MESSAGE;
	} else if (field == MQTT_F_USERNAME) {
		m->username = text;
		m->whole = true;
		m->field = MQTT_F_DONE;
	} else {
		mqtt_connect_last(m);
	}
}

/* @b: the @n bytes at @off, zeroes behind them; as many as were wanted, or as there are up to
 * @end. False: there is nothing more to read.
 */
static __always_inline bool mqtt_connect_step(struct mqtt_connect *m,
					      const __u8 b[MQTT_CONNECT_READ], __u32 n)
{
	__u8 field = m->field;

	if (field == MQTT_F_HEADER && n >= 2)
		mqtt_connect_header(m, b);
	else if (field == MQTT_F_PROTOCOL)
		mqtt_connect_protocol(m, b, n);
	else if (field == MQTT_F_PROPERTIES)
		mqtt_connect_properties(m, b, n, MQTT_F_CLIENT_ID);
	else if (field == MQTT_F_WILL_PROPERTIES)
		mqtt_connect_properties(m, b, n, MQTT_F_WILL_TOPIC);
	else if (n < 2)
		m->field = MQTT_F_DONE;
	else if (field == MQTT_F_LEVEL)
		mqtt_connect_level(m, b, true, 0);
	else
		mqtt_connect_string(m, b[0] << 8 | b[1]);
	return m->field != MQTT_F_DONE;
}

#endif /* SL_MQTTCONNECT_H */
