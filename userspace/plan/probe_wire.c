// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The bytes of probes, see probe_wire.h. */
#include <string.h>
#include "probe_wire.h"

enum {
	MQTT_CONNECT = 0x10,
	MQTT_CONNACK = 0x20,
	MQTT_DISCONNECT = 0xe0,
	MQTT_CLEAN_SESSION = 0x02,
	MQTT_SESSION_PRESENT = 0x01, /* the one acknowledge flag there is */
	MQTT_LENGTH_BYTES = 4,
	MQTT_KEEPALIVE_S = 30, /* outlives any timeout that makes sense */
	COAP_CON_EMPTY = 0x40, /* version 1, type 0, no token */
	COAP_RST_EMPTY = 0x70, /* version 1, type 3, no token */
};

const uint8_t probe_mqtt_disconnect[PROBE_MQTT_DISCONNECT_LEN] = { MQTT_DISCONNECT, 0 };

size_t probe_mqtt_connect(const char *client_id, uint8_t ret[PROBE_MQTT_CONNECT_MAX])
{
	static const uint8_t head[] = {
		0, 4, 'M', 'Q', 'T', 'T', 4, MQTT_CLEAN_SESSION, 0, MQTT_KEEPALIVE_S
	};
	size_t id_len = strnlen(client_id, PROBE_MQTT_ID_MAX + 1);
	uint8_t *p = ret;

	if (!id_len || id_len > PROBE_MQTT_ID_MAX)
		return 0;

	*p++ = MQTT_CONNECT;
	*p++ = sizeof(head) + 2 + id_len;
	memcpy(p, head, sizeof(head));
	p += sizeof(head);
	*p++ = 0;
	*p++ = id_len;
	memcpy(p, client_id, id_len);
	return p + id_len - ret;
}

/* The remaining length in front of the body. Returns its bytes, 0 if there are
 * too few, -1 if a fifth would be needed.
 */
static int remaining_length(const uint8_t *data, size_t len, uint32_t *ret)
{
	uint32_t value = 0;

	for (size_t i = 0; i < MQTT_LENGTH_BYTES; i++) {
		if (i >= len)
			return 0;
		value |= (uint32_t)(data[i] & 0x7f) << (7 * i);
		if (!(data[i] & 0x80)) {
			*ret = value;
			return i + 1;
		}
	}
	return -1;
}

enum probe_answer probe_mqtt_connack(const uint8_t *data, size_t len, uint8_t *ret_code)
{
	uint32_t body = 0;
	size_t flags;
	int n;

	if (!len)
		return PROBE_ANSWER_MORE;
	if (data[0] != MQTT_CONNACK)
		return PROBE_ANSWER_BAD;

	n = remaining_length(data + 1, len - 1, &body);
	if (!n)
		return PROBE_ANSWER_MORE;
	if (n < 0 || body < 2)
		return PROBE_ANSWER_BAD;

	flags = 1 + n;
	if (len > flags && data[flags] & ~MQTT_SESSION_PRESENT)
		return PROBE_ANSWER_BAD;
	if (len < flags + 2)
		return PROBE_ANSWER_MORE;

	*ret_code = data[flags + 1];
	return PROBE_ANSWER_GOOD;
}

void probe_coap_ping(uint16_t message_id, uint8_t ret[PROBE_COAP_LEN])
{
	ret[0] = COAP_CON_EMPTY;
	ret[1] = 0;
	ret[2] = message_id >> 8;
	ret[3] = message_id & 0xff;
}

bool probe_coap_is_reset(const uint8_t *data, size_t len, uint16_t message_id)
{
	return len == PROBE_COAP_LEN && data[0] == COAP_RST_EMPTY && data[1] == 0 &&
	       data[2] == message_id >> 8 && data[3] == (message_id & 0xff);
}
