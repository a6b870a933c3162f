// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the packet bench measures. */
#include <stdio.h>
#include "common/cleanup.h"
#include "bench.h"
#include "lib/affinity.h"

#define ACK	0x10
#define FIN_ACK 0x11

/* clang-format off */
const struct measure_case cases[] = {
	/* name       service             way               flows          reason                foreign.. */
#define CASE(name, service, way, flows, why, ...) { name, service, PERF_TO_##way, W_SEQ_##flows, SL_R_##why, __VA_ARGS__ }
	CASE("foreign",  W_COAP,             SERVICE4, 1,       NOT_OURS,       .foreign = true),
	CASE("foreign",  W_COAP,             SERVICE4, 64K,     NOT_OURS,       .foreign = true),
	CASE("foreign",  W_COAP,             SERVICE4, 1M,      NOT_OURS,       .foreign = true),
	CASE("coap_get", W_COAP,             SERVICE4, 1,       STEERED,        .fresh = false),
	CASE("coap_get", W_COAP,             SERVICE4, 64K,     STEERED,        .fresh = false),
	CASE("coap_get", W_COAP,             SERVICE4, 1M,      STEERED,        .fresh = false),
	CASE("coap_get", W_COAP_DEVICE,      SERVICE4, 1,       STEERED,        .device_quota = true),
	CASE("coap_get", W_COAP_DEVICE,      SERVICE4, 64K,     STEERED,        .device_quota = true),
	CASE("coap_get", W_COAP_DEVICE,      SERVICE4, 1M,      STEERED,        .device_quota = true),
	CASE("coap_get", W_COAP_MANY,        SERVICE4, UNIFORM, STEERED,        .fresh = false),
	CASE("coap_get", W_COAP_MANY,        SERVICE4, ZIPF,    STEERED,        .fresh = false),
	CASE("coap_get", W_COAP_MANY_DEVICE, SERVICE4, UNIFORM, STEERED,        .device_quota = true),
	CASE("coap_get", W_COAP_MANY_DEVICE, SERVICE4, ZIPF,    STEERED,        .device_quota = true),
	CASE("coap_get_ipv6", W_COAP6,       SERVICE6, 1,       STEERED,        .fresh = false),
	CASE("coap_get_ipv6", W_COAP6,       SERVICE6, 1M,      STEERED,        .fresh = false),
	CASE("mqtt_data", W_MQTT,            SERVICE4, 1,       STEERED,        .fresh = false),
	CASE("mqtt_data", W_MQTT,            SERVICE4, 64K,     STEERED,        .fresh = false),
	CASE("mqtt_data", W_MQTT,            SERVICE4, 1M,      STEERED,        .fresh = false),
	CASE("mqtt_data", W_MQTT_DEVICE,     SERVICE4, 1,       STEERED,        .device_quota = true),
	CASE("mqtt_data", W_MQTT_DEVICE,     SERVICE4, 64K,     STEERED,        .device_quota = true),
	CASE("mqtt_data", W_MQTT_DEVICE,     SERVICE4, 1M,      STEERED,        .device_quota = true),
	CASE("mqtt_data", W_MQTT_MANY,       SERVICE4, UNIFORM, STEERED,        .fresh = false),
	CASE("mqtt_data", W_MQTT_MANY,       SERVICE4, ZIPF,    STEERED,        .fresh = false),
	CASE("return",   W_COAP,             DEVICE4,  1,       RETURNED,       .fresh = false),
	CASE("return",   W_COAP,             DEVICE4,  64K,     RETURNED,       .fresh = false),
	CASE("return",   W_COAP,             DEVICE4,  1M,      RETURNED,       .fresh = false),
	CASE("refused_tenant", W_REFUSED,    SERVICE4, 1,       TENANT_BYTES  , .fresh = false),
	CASE("refused_tenant", W_REFUSED,    SERVICE4, 64K,     TENANT_BYTES  , .fresh = false),
	CASE("refused_tenant", W_REFUSED,    SERVICE4, 1M,      TENANT_BYTES  , .fresh = false),
	CASE("refused_tenant", W_REFUSED_DEVICE, SERVICE4, 64K, TENANT_BYTES  , .device_quota = true),
	CASE("refused_tenant", W_REFUSED_DEVICE, SERVICE4, 1M,  TENANT_BYTES  , .device_quota = true),
	CASE("refused_tenant", W_REFUSED_MANY, SERVICE4, UNIFORM, TENANT_BYTES  , .fresh = false),
	CASE("refused_tenant", W_REFUSED_MANY, SERVICE4, ZIPF,  TENANT_BYTES  , .fresh = false),
	CASE("refused_device", W_DEVICE_REFUSED, SERVICE4, 1,   DEVICE_BYTES,   .device_quota = true, .apart = true),
	CASE("refused_device", W_DEVICE_REFUSED, SERVICE4, 64K, DEVICE_BYTES,   .device_quota = true, .apart = true),
	CASE("new_flow", W_COAP,             SERVICE4, 1,       STEERED,        .fresh = true),
	CASE("new_flow", W_COAP_DEVICE,      SERVICE4, 1,       STEERED,        .fresh = true, .device_quota = true),
	CASE("pin_hit",  W_PINS,             SERVICE4, 1,       STEERED,        .fresh = false, .row = AFF_PIN),
	CASE("pin_hit",  W_PINS,             SERVICE4, 64K,     STEERED,        .fresh = false, .row = AFF_PIN),
	CASE("pin_hit",  W_PINS,             SERVICE4, 1M,      STEERED,        .fresh = false, .row = AFF_PIN),
	CASE("coap_top",       W_COAP_TOP,       SERVICE4, 1,   STEERED),
	CASE("coap_top",       W_COAP_TOP,       SERVICE4, 64K, STEERED),
	CASE("refused_top",    W_REFUSED_TOP,    SERVICE4, 1,   TENANT_BYTES),
	CASE("refused_top",    W_REFUSED_TOP,    SERVICE4, 64K, TENANT_BYTES),
	CASE("mqtt_stream", W_MQTT_STREAM, SERVICE4, 1, STEERED),
	CASE("mqtt_stream", W_MQTT_STREAM, SERVICE4, 64K, STEERED),
	CASE("return_stream", W_MQTT_STREAM, DEVICE4, 1, RETURNED),
	CASE("return_stream", W_MQTT_STREAM, DEVICE4, 64K, RETURNED),
	CASE("coap_outliers", W_COAP_OUTLIERS, SERVICE4, 1, STEERED, .fresh = false),
	CASE("coap_outliers", W_COAP_OUTLIERS, SERVICE4, 64K, STEERED, .fresh = false),
	CASE("coap_latency", W_COAP_LATENCY, SERVICE4, 1, STEERED, .fresh = false),
	CASE("coap_latency", W_COAP_LATENCY, SERVICE4, 64K, STEERED, .fresh = false),
	CASE("return_latency", W_COAP_LATENCY, DEVICE4, 64K, RETURNED, .fresh = false),
	CASE("coap_host", W_COAP_CONTENT, SERVICE4, 1, STEERED, .payload = PAYLOAD_COAP_GET_HOST),
	CASE("coap_host", W_COAP_CONTENT, SERVICE4, 64K, STEERED, .payload = PAYLOAD_COAP_GET_HOST),
	CASE("coap_host_no", W_COAP_CONTENT, SERVICE4, 1, STEERED),
	CASE("coap_host_no", W_COAP_CONTENT, SERVICE4, 64K, STEERED),
	CASE("coap_class", W_COAP_CLASS, SERVICE4, 1, STEERED),
	CASE("coap_class", W_COAP_CLASS, SERVICE4, 64K, STEERED),
	CASE("mqtt_class", W_MQTT_CLASS, SERVICE4, 1, STEERED),
	CASE("mqtt_class", W_MQTT_CLASS, SERVICE4, 64K, STEERED),
	CASE("coap_echo", W_COAP_ECHO, SERVICE4, 1, CHALLENGED, .shrinks = true),
	CASE("coap_echo", W_COAP_ECHO, SERVICE4, 64K, CHALLENGED, .shrinks = true),
	CASE("coap_proven", W_COAP_PROVEN, SERVICE4, 1, STEERED),
	CASE("coap_static", W_COAP_STATIC, SERVICE4, 1, ANSWERED_STATIC, .shrinks = true, .payload = PAYLOAD_COAP_GET_CORE),
	CASE("coap_static", W_COAP_STATIC, SERVICE4, 64K, ANSWERED_STATIC, .shrinks = true, .payload = PAYLOAD_COAP_GET_CORE),
	CASE("coap_static_no", W_COAP_STATIC, SERVICE4, 1, STEERED),
	CASE("coap_route", W_COAP_ROUTE, SERVICE4, 1, STEERED),
	CASE("coap_route", W_COAP_ROUTE, SERVICE4, 64K, STEERED),
	CASE("return_pool", W_COAP_POOL, DEVICE4, 1, RETURNED, .payload = PAYLOAD_COAP_SEPARATE),
	CASE("return_pool", W_COAP_POOL, DEVICE4, 64K, RETURNED, .payload = PAYLOAD_COAP_SEPARATE),
	CASE("dtls_data", W_DTLS, SERVICE4, 1, STEERED, .payload = PAYLOAD_DTLS_DATA),
	CASE("dtls_data", W_DTLS, SERVICE4, 64K, STEERED, .payload = PAYLOAD_DTLS_DATA),
	CASE("dtls_hello", W_DTLS, SERVICE4, 1, STEERED, .payload = PAYLOAD_DTLS_HELLO),
	CASE("dtls_hello", W_DTLS, SERVICE4, 64K, STEERED, .payload = PAYLOAD_DTLS_HELLO),
	CASE("dtls_cid_first", W_DTLS_FIRST, SERVICE4, 1, STEERED, .payload = PAYLOAD_DTLS_CID, .row = AFF_CID),
	CASE("dtls_cid_first", W_DTLS_FIRST, SERVICE4, 64K, STEERED, .payload = PAYLOAD_DTLS_CID, .row = AFF_CID),
	CASE("dtls_cid_quiclb", W_DTLS_QUIC, SERVICE4, 1, STEERED, .payload = PAYLOAD_DTLS_CID_QUIC, .row = AFF_CID),
	CASE("dtls_cid_quiclb", W_DTLS_QUIC, SERVICE4, 64K, STEERED, .payload = PAYLOAD_DTLS_CID_QUIC, .row = AFF_CID),
	CASE("dtls_cid_tenant", W_DTLS_TENANT, SERVICE4, 1, STEERED, .payload = PAYLOAD_DTLS_CID, .row = AFF_CID),
	CASE("dtls_cid_tenant", W_DTLS_TENANT, SERVICE4, 64K, STEERED, .payload = PAYLOAD_DTLS_CID, .row = AFF_CID),
	CASE("dtls_pin_hit", W_DTLS_PINS, SERVICE4, 1, STEERED, .payload = PAYLOAD_DTLS_DATA, .row = AFF_PIN),
	CASE("dtls_pin_hit", W_DTLS_PINS, SERVICE4, 64K, STEERED, .payload = PAYLOAD_DTLS_DATA, .row = AFF_PIN),
	CASE("mqttsn_publish", W_MQTTSN, SERVICE4, 1, STEERED, .payload = PAYLOAD_MQTTSN_PUBLISH),
	CASE("mqttsn_publish", W_MQTTSN, SERVICE4, 64K, STEERED, .payload = PAYLOAD_MQTTSN_PUBLISH),
	CASE("exchange_made",  W_COAP_MOVING,     SERVICE4, 1,   STEERED,  .row = AFF_REQUEST_LATE, .makes = MAKES_EXCHANGES, .fresh = true),
	CASE("exchange_full",  W_COAP_FULL,       SERVICE4, 1,   STEERED,  .row = AFF_REQUEST_FULL),
	CASE("exchange_full",  W_COAP_FULL,       SERVICE4, 64K, STEERED,  .row = AFF_REQUEST_FULL),
	CASE("moving_non",     W_COAP_MOVING,     SERVICE4, 1,   STEERED,  .row = AFF_REQUEST_ONCE, .payload = PAYLOAD_COAP_GET_NON),
	CASE("moving_non",     W_COAP_MOVING,     SERVICE4, 64K, STEERED,  .row = AFF_REQUEST_ONCE, .payload = PAYLOAD_COAP_GET_NON),
	CASE("register_made",  W_COAP_MOVING,     SERVICE4, 1,   STEERED,  .row = AFF_REQUEST_EARLY, .payload = PAYLOAD_COAP_REGISTER, .makes = MAKES_EXCHANGES, .fresh = true),
	CASE("register_non",   W_COAP_MOVING,     SERVICE4, 1,   STEERED,  .row = AFF_REGISTER_ONCE, .payload = PAYLOAD_COAP_REGISTER_NON),
	CASE("moving_data",    W_PINS,            SERVICE4, 1,   STEERED,  .row = AFF_OTHER, .fresh = true),
	CASE("opener_early",   W_DTLS_EARLY,      SERVICE4, 1,   STEERED,  .row = AFF_OPENER_EARLY, .payload = PAYLOAD_DTLS_HELLO, .makes = MAKES_HALF_OPEN, .fresh = true),
	CASE("opener_late",    W_DTLS_MOVING,     SERVICE4, 1,   STEERED,  .row = AFF_OPENER_LATE, .payload = PAYLOAD_DTLS_HELLO, .makes = MAKES_HALF_OPEN, .fresh = true),
	CASE("opener_full",    W_DTLS_FULL,       SERVICE4, 1,   STEERED,  .row = AFF_OPENER_FULL, .payload = PAYLOAD_DTLS_HELLO),
	CASE("opener_full",    W_DTLS_FULL,       SERVICE4, 64K, STEERED,  .row = AFF_OPENER_FULL, .payload = PAYLOAD_DTLS_HELLO),
	CASE("oneway_made",    W_DTLS_MOVING,     SERVICE4, 1,   STEERED,  .row = AFF_ONEWAY, .payload = PAYLOAD_DTLS_DATA, .makes = MAKES_HALF_OPEN, .fresh = true),
	CASE("oneway_full",    W_DTLS_FULL,       SERVICE4, 1,   STEERED,  .row = AFF_ONEWAY_FULL, .payload = PAYLOAD_DTLS_DATA),
	CASE("oneway_full",    W_DTLS_FULL,       SERVICE4, 64K, STEERED,  .row = AFF_ONEWAY_FULL, .payload = PAYLOAD_DTLS_DATA),
	CASE("past_get",       W_COAP_PAST,       SERVICE4, 1,   STEERED,  .row = AFF_PAST_REQUEST),
	CASE("past_get",       W_COAP_PAST,       SERVICE4, 64K, STEERED,  .row = AFF_PAST_REQUEST),
	CASE("past_data",      W_MQTT_PAST,       SERVICE4, 1,   STEERED,  .row = AFF_PAST),
	CASE("past_data",      W_MQTT_PAST,       SERVICE4, 64K, STEERED,  .row = AFF_PAST),
	CASE("pin_request",    W_COAP_PINS,       SERVICE4, 1,   STEERED,  .row = AFF_PIN_REQUEST, .makes = MAKES_EXCHANGES, .fresh = true),
	CASE("pin_non",        W_COAP_PINS,       SERVICE4, 1,   STEERED,  .row = AFF_PIN_REQUEST_ONCE, .payload = PAYLOAD_COAP_GET_NON),
	CASE("pin_non",        W_COAP_PINS,       SERVICE4, 64K, STEERED,  .row = AFF_PIN_REQUEST_ONCE, .payload = PAYLOAD_COAP_GET_NON),
	CASE("pin_answer",     W_COAP_PINS,       SERVICE4, 1,   STEERED,  .row = AFF_PIN_ANSWER, .payload = PAYLOAD_COAP_ACK),
	CASE("pin_answer",     W_COAP_PINS,       SERVICE4, 64K, STEERED,  .row = AFF_PIN_ANSWER, .payload = PAYLOAD_COAP_ACK),
	CASE("pin_wait",       W_HALF_OPEN,       SERVICE4, 1,   STEERED,  .row = AFF_PIN_WAIT),
	CASE("pin_wait",       W_HALF_OPEN,       SERVICE4, 64K, STEERED,  .row = AFF_PIN_WAIT),
	CASE("pin_closing",    W_CLOSING,         SERVICE4, 1,   STEERED,  .row = AFF_PIN_CLOSING, .payload = PAYLOAD_NONE, .tcp_flags = FIN_ACK),
	CASE("pin_closing",    W_CLOSING,         SERVICE4, 64K, STEERED,  .row = AFF_PIN_CLOSING, .payload = PAYLOAD_NONE, .tcp_flags = FIN_ACK),
	CASE("pin_ack",        W_CLOSING,         SERVICE4, 1,   STEERED,  .row = AFF_PIN_ACK, .payload = PAYLOAD_NONE, .tcp_flags = ACK),
	CASE("pin_ack",        W_CLOSING,         SERVICE4, 64K, STEERED,  .row = AFF_PIN_ACK, .payload = PAYLOAD_NONE, .tcp_flags = ACK),
	CASE("coap_get_again", W_COAP_EXCHANGES,  SERVICE4, 1,   STEERED,  .row = AFF_EXCHANGE),
	CASE("coap_get_again", W_COAP_EXCHANGES,  SERVICE4, 64K, STEERED,  .row = AFF_EXCHANGE),
	CASE("coap_ack",       W_COAP_EXCHANGES,  SERVICE4, 1,   STEERED,  .row = AFF_EXCHANGE, .payload = PAYLOAD_COAP_ACK),
	CASE("coap_ack",       W_COAP_EXCHANGES,  SERVICE4, 64K, STEERED,  .row = AFF_EXCHANGE, .payload = PAYLOAD_COAP_ACK),
	CASE("return_new",     W_PINS,            DEVICE4,  1,   RETURNED, .row = AFF_SENDER_NEW, .makes = MAKES_PINS, .fresh = true),
	CASE("return_promote", W_HALF_OPEN,       DEVICE4,  1,   RETURNED, .row = AFF_SENDER_PROMOTE, .makes = MAKES_OF_HALF_OPEN, .fresh = true),
	CASE("return_connack", W_MQTTSN_HALF,     DEVICE4,  1,   RETURNED, .row = AFF_SENDER_WAIT, .payload = PAYLOAD_MQTTSN_CONNACK),
	CASE("return_notify",  W_COAP_PINS,       DEVICE4,  1,   RETURNED, .row = AFF_SENDER_PIN, .payload = PAYLOAD_COAP_NOTIFY),
	CASE("return_notify",  W_COAP_PINS,       DEVICE4,  64K, RETURNED, .row = AFF_SENDER_PIN, .payload = PAYLOAD_COAP_NOTIFY),
	CASE("return_own",     W_COAP_MOVING,     DEVICE4,  1,   RETURNED, .row = AFF_SENDER_OWN, .payload = PAYLOAD_COAP_SEPARATE),
	CASE("return_own",     W_COAP_MOVING,     DEVICE4,  64K, RETURNED, .row = AFF_SENDER_OWN, .payload = PAYLOAD_COAP_SEPARATE),
	CASE("return_rest",    W_COAP_MOVING,     DEVICE4,  1,   RETURNED, .row = AFF_SENDER_REST),
	CASE("return_rest",    W_COAP_MOVING,     DEVICE4,  64K, RETURNED, .row = AFF_SENDER_REST),
	CASE("return_end",     W_CLOSING,         DEVICE4,  1,   RETURNED, .row = AFF_SENDER_END, .payload = PAYLOAD_NONE, .tcp_flags = FIN_ACK),
	CASE("return_end",     W_CLOSING,         DEVICE4,  64K, RETURNED, .row = AFF_SENDER_END, .payload = PAYLOAD_NONE, .tcp_flags = FIN_ACK),
	CASE("return_last",    W_COAP_TRANSFER,   DEVICE4,  1,   RETURNED, .row = AFF_SENDER_END, .payload = PAYLOAD_COAP_LAST_BLOCK),
	CASE("return_last",    W_COAP_TRANSFER,   DEVICE4,  64K, RETURNED, .row = AFF_SENDER_END, .payload = PAYLOAD_COAP_LAST_BLOCK),
	CASE("return_ack",     W_CLOSING,         DEVICE4,  1,   RETURNED, .row = AFF_SENDER_ACK, .payload = PAYLOAD_NONE, .tcp_flags = ACK),
	CASE("return_ack",     W_CLOSING,         DEVICE4,  64K, RETURNED, .row = AFF_SENDER_ACK, .payload = PAYLOAD_NONE, .tcp_flags = ACK),
	CASE("reset",          W_RESET,           SERVICE4, 1,   RESET,    .row = AFF_RESET, .shrinks = true),
	CASE("reset",          W_RESET,           SERVICE4, 64K, RESET,    .row = AFF_RESET, .shrinks = true),
	CASE("refused_endpt", W_REFUSED_ENDPOINT, SERVICE4, 1, DEVICE_BYTES, .device_quota = true, .apart = true),
	CASE("refused_cid", W_REFUSED_CID, SERVICE4, 1, DEVICE_BYTES, .device_quota = true, .apart = true, .payload = PAYLOAD_DTLS_CID),
#undef CASE
};
/* clang-format on */
const size_t n_cases = SL_ARRAY_SIZE(cases);
_Static_assert(SL_ARRAY_SIZE(cases) <= BENCH_CASES, "they fit");

const char *case_missing(void)
{
	static const char *const names[AFF__MAX] = {
#define X(name, ...) #name,
		AFFINITY_ROWS(X)
#undef X
	};
	uint32_t have = 1u << AFF_QUIESCENT; /* is every other case's */

	for (size_t i = 0; i < n_cases; i++)
		have |= 1u << cases[i].row;
	for (int row = 0; row < AFF__MAX; row++) {
		if (!(have & 1u << row))
			return names[row];
	}
	return NULL;
}

bool case_is_many(const struct measure_case *c)
{
	return c->flows == W_SEQ_UNIFORM || c->flows == W_SEQ_ZIPF;
}

const char *case_distribution(const struct measure_case *c)
{
	return c->flows == W_SEQ_ZIPF ? "zipf-1.1" : c->flows == W_SEQ_UNIFORM ? "uniform" : "-";
}

void case_label(const struct measure_case *c, const struct world *w, char *ret, size_t size)
{
	char flows[16] = "new";

	if (!c->fresh)
		snprintf(flows, sizeof(flows), "%u", w->count[c->flows]);
	snprintf(ret, size, "%-15s %8s %7d %-8s %-6s", c->name, flows,
		 case_is_many(c) ? WORLD_TENANTS : 1, case_distribution(c),
		 c->device_quota ? "yes" : "no");
}
