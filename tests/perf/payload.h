/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is in the datagrams and segments of the packet bench. */
#ifndef PERF_PAYLOAD_H
#define PERF_PAYLOAD_H

#include <stddef.h>

enum perf_payload {
	PAYLOAD_USUAL, /* of the service and the way */
	PAYLOAD_NONE,
	PAYLOAD_COAP_GET,
	PAYLOAD_COAP_GET_HOST,
	PAYLOAD_COAP_GET_CORE,
	PAYLOAD_COAP_GET_NON,
	PAYLOAD_COAP_REGISTER,
	PAYLOAD_COAP_REGISTER_NON,
	PAYLOAD_COAP_CONTENT,
	PAYLOAD_COAP_ACK,
	PAYLOAD_COAP_NOTIFY,
	PAYLOAD_COAP_SEPARATE,
	PAYLOAD_COAP_LAST_BLOCK,
	PAYLOAD_MQTT_PUBLISH,
	PAYLOAD_DTLS_DATA,
	PAYLOAD_DTLS_HELLO,
	PAYLOAD_DTLS_CID,
	PAYLOAD_DTLS_CID_QUIC,
	PAYLOAD_MQTTSN_PUBLISH,
	PAYLOAD_MQTTSN_CONNACK,
	PAYLOAD__MAX
};

/* The bytes; constant. */
const void *payload_bytes(enum perf_payload what, size_t *ret_len);

#endif /* PERF_PAYLOAD_H */
