/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What probes say and how they tell a right answer from any other bytes: MQTT
 * 3.1.1 CONNECT and CONNACK (sections 3.1, 3.2), CoAP ping and Reset (RFC 7252
 * 4.3). Pure: bytes in, verdict out.
 */
#ifndef SL_PROBE_WIRE_H
#define SL_PROBE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBE_MQTT_ID_MAX      23 /* what every MQTT 3.1.1 server must accept */
#define PROBE_MQTT_CONNECT_MAX (14 + PROBE_MQTT_ID_MAX)
#define PROBE_MQTT_ANSWER_MAX  7 /* type, four bytes of length, flags, code */
#define PROBE_COAP_LEN	       4

/* A CONNECT with clean session, no will, no credentials. Returns its length; 0
 * if @client_id is empty or longer than PROBE_MQTT_ID_MAX.
 */
size_t probe_mqtt_connect(const char *client_id, uint8_t ret[PROBE_MQTT_CONNECT_MAX]);

/* DISCONNECT, so that the server forgets the session without a complaint. */
#define PROBE_MQTT_DISCONNECT_LEN 2
extern const uint8_t probe_mqtt_disconnect[PROBE_MQTT_DISCONNECT_LEN];

enum probe_answer {
	PROBE_ANSWER_MORE, /* right so far, but not whole */
	PROBE_ANSWER_GOOD,
	PROBE_ANSWER_BAD, /* more bytes cannot make it right */
};

/* Is what a server sent so far a CONNACK? Any code is fine: a server that turns
 * the probe away is a server that works. A longer body is accepted, because
 * MQTT 5 servers may refuse 3.1.1 in their own words. *@ret_code is written
 * with PROBE_ANSWER_GOOD only.
 */
enum probe_answer probe_mqtt_connack(const uint8_t *data, size_t len, uint8_t *ret_code);

/* An empty Confirmable message, which every CoAP server answers with a Reset. */
void probe_coap_ping(uint16_t message_id, uint8_t ret[PROBE_COAP_LEN]);
bool probe_coap_is_reset(const uint8_t *data, size_t len, uint16_t message_id);

#endif /* SL_PROBE_WIRE_H */
