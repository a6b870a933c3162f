// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Messages as real clients and servers send them. */
#include <stdint.h>
#include "payload.h"

/* GET /sensors/temperature/room12?unit=celsius, as a client of libcoap sends it. */
static const uint8_t coap_get[] =
	"\x44\x01\x12\x34\x01\x02\x03\x04\xb7sensors\x0btemperature\x06room12\x4c"
	"unit=celsius";
/* The same of a host: Uri-Host. */
static const uint8_t coap_get_host[] =
	"\x44\x01\x12\x34\x01\x02\x03\x04\x3d\x06things.acme.example\x87sensors\x0btemperature"
	"\x06room12\x4cunit=celsius";
/* GET /sensors/core */
static const uint8_t coap_get_core[] = "\x44\x01\x12\x34\x01\x02\x03\x04\xb7sensors\x04"
				       "core\x61\x28";
static const uint8_t coap_get_non[] =
	"\x54\x01\x12\x34\x01\x02\x03\x04\xb7sensors\x0btemperature\x06room12\x4c"
	"unit=celsius";
/* The same with Observe: 0. */
static const uint8_t coap_register[] =
	"\x44\x01\x12\x34\x01\x02\x03\x04\x60\x57sensors\x0btemperature\x06room12\x4c"
	"unit=celsius";
static const uint8_t coap_register_non[] =
	"\x54\x01\x12\x34\x01\x02\x03\x04\x60\x57sensors\x0btemperature\x06room12\x4c"
	"unit=celsius";
static const uint8_t coap_content[] = "\x64\x45\x12\x34\x01\x02\x03\x04\xc0\x21\x3c\xff"
				      "{\"temperature\":21.5,\"unit\":\"celsius\"}";
static const uint8_t mqtt_publish[] =
	"\x32\x2e\x00\x19sensors/temperature/room1\x00\x07{\"celsius\":21.52}";
static const uint8_t coap_ack[] = "\x60\x00\x12\x34";
/* Observe: 17; and a response of its own, without an option that tells of state. */
static const uint8_t coap_notify[] =
	"\x44\x45\x12\x34\x01\x02\x03\x04\x61\x11\x62\x01\x2c\xff{\"celsius\":21.5}";
static const uint8_t coap_separate[] = "\x44\x45\x12\x34\x01\x02\x03\x04\xc0\x21\x3c\xff"
				       "{\"temperature\":21.5}";
/* Block2: number 4, no more to come, 64 bytes. */
static const uint8_t coap_last_block[] = "\x64\x45\x12\x34\x01\x02\x03\x04\xd1\x0a\x42\xff"
					 "the rest of a report";
#define DTLS_12(type, epoch, rest) type "\xfe\xfd\x00" epoch "\x00\x00\x00\x00\x00\x07" rest
#define TEXT_32			   "0123456789abcdef0123456789abcdef"
static const uint8_t dtls_data[] = DTLS_12("\x17", "\x01", "\x00\x20") TEXT_32;
/* Without session id and cookie; two suites, no compression. */
static const uint8_t dtls_hello[] =
	DTLS_12("\x16", "\x00",
		"\x00\x38") "\x01\x00\x00\x2c\x00\x00\x00\x00\x00\x00\x00\x2c\xfe\xfd" TEXT_32
			    "\x00\x00\x00\x04\xc0\xa8\xc0\xae\x01\x00";
/* Connection ids of 8 bytes that name server 2. */
static const uint8_t dtls_cid[] =
	DTLS_12("\x19", "\x01", "\x02\x11\x22\x33\x44\x55\x66\x77\x00\x20") TEXT_32;
static const uint8_t dtls_cid_quic[] =
	DTLS_12("\x19", "\x01", "\x05\x02\x22\x33\x44\x55\x66\x77\x00\x20") TEXT_32;
static const uint8_t mqttsn_connack[] = "\x03\x05\x00";
static const uint8_t mqttsn_publish[] = "\x17\x0c\x20\x00\x07\x00\x01{\"celsius\":21.52}";

const void *payload_bytes(enum perf_payload what, size_t *ret_len)
{
#define P(name)                        \
	{                              \
		name, sizeof(name) - 1 \
	}
	static const struct {
		const void *bytes;
		size_t len;
	} all[PAYLOAD__MAX] = {
		[PAYLOAD_NONE] = { "", 0 },
		[PAYLOAD_COAP_GET] = P(coap_get),
		[PAYLOAD_COAP_GET_HOST] = P(coap_get_host),
		[PAYLOAD_COAP_GET_CORE] = P(coap_get_core),
		[PAYLOAD_COAP_GET_NON] = P(coap_get_non),
		[PAYLOAD_COAP_REGISTER] = P(coap_register),
		[PAYLOAD_COAP_REGISTER_NON] = P(coap_register_non),
		[PAYLOAD_COAP_CONTENT] = P(coap_content),
		[PAYLOAD_COAP_ACK] = P(coap_ack),
		[PAYLOAD_COAP_NOTIFY] = P(coap_notify),
		[PAYLOAD_COAP_SEPARATE] = P(coap_separate),
		[PAYLOAD_COAP_LAST_BLOCK] = P(coap_last_block),
		[PAYLOAD_MQTT_PUBLISH] = P(mqtt_publish),
		[PAYLOAD_DTLS_DATA] = P(dtls_data),
		[PAYLOAD_DTLS_HELLO] = P(dtls_hello),
		[PAYLOAD_DTLS_CID] = P(dtls_cid),
		[PAYLOAD_DTLS_CID_QUIC] = P(dtls_cid_quic),
		[PAYLOAD_MQTTSN_PUBLISH] = P(mqttsn_publish),
		[PAYLOAD_MQTTSN_CONNACK] = P(mqttsn_connack),
	};
#undef P

	*ret_len = all[what].len;
	return all[what].bytes;
}
