// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The services of the packet bench. */
#include "world.h"
#include "world_parts.h"

#define JUST_NOW    1
#define LONG_AGO    600
#define PAST	    (WORLD_KEEP_S + 1)
#define STILL_EARLY -86400 /* the grace for openers lasts as long as the bench may */
#define MUCH	    1e9

/* clang-format off */
const struct world_service_kind world_services[W__SERVICES] = {
	[W_COAP]             = { SL_P_COAP, false, false, MUCH,  0 },
	[W_COAP_DEVICE]      = { SL_P_COAP, false, false, MUCH,  5e5 },
	[W_COAP6]            = { SL_P_COAP, false, true,  MUCH,  0 },
	[W_COAP_MANY]        = { SL_P_COAP, true,  false, MUCH,  0 },
	[W_COAP_MANY_DEVICE] = { SL_P_COAP, true,  false, MUCH,  5e5 },
	[W_MQTT]             = { SL_P_MQTT, false, false, MUCH,  0 },
	[W_MQTT_DEVICE]      = { SL_P_MQTT, false, false, MUCH,  5e5 },
	[W_MQTT_MANY]        = { SL_P_MQTT, true,  false, MUCH,  0 },
	[W_REFUSED]          = { SL_P_COAP, false, false, WORLD_NEVER,        0 },
	[W_REFUSED_DEVICE]   = { SL_P_COAP, false, false, WORLD_NEVER,        5e5 },
	[W_DEVICE_REFUSED]   = { SL_P_COAP, false, false, MUCH,  WORLD_NEVER },
	[W_REFUSED_MANY]     = { SL_P_COAP, true,  false, WORLD_NEVER,        0 },
	[W_PINS]             = { SL_P_MQTT, false, false, MUCH,  0, .moving_s = JUST_NOW },
	[W_COAP_OUTLIERS]    = { SL_P_COAP, false, false, MUCH,  0, .outliers = true },
	[W_COAP_LATENCY]     = { SL_P_COAP, false, false, MUCH,  0, .latency = true },
	[W_COAP_TOP]         = { SL_P_COAP, false, false, MUCH,  0, .top = true },
	[W_REFUSED_TOP]      = { SL_P_COAP, false, false, WORLD_NEVER,        0, .top = true },
	[W_COAP_CONTENT]     = { SL_P_COAP, false, false, MUCH,  0, .content = true },
	[W_MQTT_STREAM]      = { SL_P_MQTT, false, false, MUCH,  0, .track = true },
	[W_COAP_ECHO]        = { SL_P_COAP, false, false, MUCH,  0, .content = true, .echo = true },
	[W_COAP_PROVEN]      = { SL_P_COAP, false, false, MUCH,  0, .content = true, .echo = true },
	[W_COAP_STATIC]      = { SL_P_COAP, false, false, MUCH,  0, .content = true, .responses = true },
	[W_COAP_ROUTE]       = { SL_P_COAP, false, false, MUCH,  0 },
	[W_COAP_POOL]        = { SL_P_COAP, false, false, MUCH,  0 },
	[W_DTLS]             = { SL_P_COAPS, false, false, MUCH,  0 },
	[W_DTLS_FIRST]       = { SL_P_COAPS, false, false, MUCH,  0, .cid = SL_CID_FIRST_BYTE },
	[W_DTLS_QUIC]        = { SL_P_COAPS, false, false, MUCH,  0, .cid = SL_CID_QUIC_LB },
	[W_DTLS_TENANT]      = { SL_P_COAPS, false, false, MUCH,  0, .cid = SL_CID_FIRST_BYTE, .content = true },
	[W_DTLS_PINS]        = { SL_P_COAPS, false, false, MUCH,  0, .moving_s = LONG_AGO },
	[W_MQTTSN]           = { SL_P_MQTTSN, false, false, MUCH,  0 },
	[W_COAP_MOVING]      = { SL_P_COAP, false, false, MUCH,  0, .moving_s = LONG_AGO },
	[W_COAP_PINS]        = { SL_P_COAP, false, false, MUCH,  0, .moving_s = LONG_AGO },
	[W_COAP_EXCHANGES]   = { SL_P_COAP, false, false, MUCH,  0, .moving_s = LONG_AGO },
	[W_RESET]            = { SL_P_MQTT, false, false, MUCH,  0, .moving_s = LONG_AGO, .gone = true },
	[W_REFUSED_ENDPOINT] = { SL_P_COAP, false, false, MUCH,  WORLD_NEVER, .device_key = SL_DK_ENDPOINT },
	[W_REFUSED_CID]      = { SL_P_COAPS, false, false, MUCH,  WORLD_NEVER, .cid = SL_CID_FIRST_BYTE,
				 .device_key = SL_DK_CID },
	[W_MQTT_PAST]        = { SL_P_MQTT, false, false, MUCH,  0, .moving_s = PAST },
	[W_COAP_PAST]        = { SL_P_COAP, false, false, MUCH,  0, .moving_s = PAST },
	[W_COAP_FULL]        = { SL_P_COAP, false, false, MUCH,  0, .moving_s = LONG_AGO, .full = true },
	[W_DTLS_FULL]        = { SL_P_COAPS, false, false, MUCH,  0, .moving_s = LONG_AGO, .full = true },
	[W_DTLS_MOVING]      = { SL_P_COAPS, false, false, MUCH,  0, .moving_s = LONG_AGO },
	[W_DTLS_EARLY]       = { SL_P_COAPS, false, false, MUCH,  0, .moving_s = STILL_EARLY },
	[W_COAP_TRANSFER]    = { SL_P_COAP, false, false, MUCH,  0, .moving_s = LONG_AGO },
	[W_CLOSING]          = { SL_P_MQTT, false, false, MUCH,  0, .moving_s = LONG_AGO },
	[W_MQTTSN_HALF]      = { SL_P_MQTTSN, false, false, MUCH,  0, .moving_s = LONG_AGO },
	[W_COAP_CLASS]       = { SL_P_COAP, false, false, MUCH,  0, .classes = true },
	[W_MQTT_CLASS]       = { SL_P_MQTT, false, false, MUCH,  0, .classes = true },
	[W_HALF_OPEN]        = { SL_P_MQTT, false, false, MUCH,  0, .moving_s = LONG_AGO },
};
/* clang-format on */
