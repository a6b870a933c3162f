// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the packet bench measures. */
#include <stdio.h>
#include "common/cleanup.h"
#include "bench.h"

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
	CASE("pin_hit",  W_PINS,             SERVICE4, 1,       STEERED,        .fresh = false),
	CASE("pin_hit",  W_PINS,             SERVICE4, 64K,     STEERED,        .fresh = false),
	CASE("pin_hit",  W_PINS,             SERVICE4, 1M,      STEERED,        .fresh = false),
	CASE("pin_made", W_PINS,             SERVICE4, 1,       STEERED,        .fresh = true, .makes_pins = true),
#undef CASE
};
/* clang-format on */
const size_t n_cases = SL_ARRAY_SIZE(cases);
_Static_assert(SL_ARRAY_SIZE(cases) <= BENCH_CASES, "they fit");

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
