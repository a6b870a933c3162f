// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The members of a service's health: probes, outliers, and what becomes of the
 * flows of an instance that is down.
 */
#include "../common/num.h"
#include "decode.h"

#define MS		     NUM_NS_PER_MS
#define S		     NUM_NS_PER_S

#define EJECTION_MAX_DEFAULT (300 * S)

/* clang-format off */
static const struct decode_word probes[] = {
	{ .word = "none", .value = PROBE_NONE },
	{ .word = "tcp",  .value = PROBE_TCP },
	{ .word = "mqtt", .value = PROBE_MQTT },
	{ .word = "coap", .value = PROBE_COAP },
	{},
};

static const struct decode_word on_downs[] = {
	{ .word = "keep",  .value = ON_DOWN_KEEP },
	{ .word = "move",  .value = ON_DOWN_MOVE },
	{ .word = "reset", .value = ON_DOWN_RESET },
	{},
};

const struct decode_field outlier_fields[] = {
	FIELD("requests",     struct model_outlier, requests,        decode_u32, .min = 1, .max = 1000000),
	FIELD("answered",     struct model_outlier, answered,        decode_share),
	FIELD("interval",     struct model_outlier, interval_ns,     decode_duration, .min = S, .max = 600 * S),
	FIELD("ejection",     struct model_outlier, ejection_ns,     decode_duration, .min = S, .max = 3600 * S),
	FIELD("ejection_max", struct model_outlier, ejection_max_ns, decode_duration, .min = S, .max = 86400 * S),
	{},
};
/* clang-format on */

static int decode_outlier(const cJSON *value, const struct path *at, void *out,
			  struct config_error *reterr)
{
	struct model_outlier *o = out;
	int err;

	*o = (struct model_outlier){
		.present = true,
		.requests = 20,
		.answered = 0.5,
		.interval_ns = 5 * S,
		.ejection_ns = 30 * S,
	};
	err = decode_object(value, at, outlier_fields, o, reterr);
	if (!err && !o->ejection_max_ns)
		o->ejection_max_ns = o->ejection_ns > EJECTION_MAX_DEFAULT ? o->ejection_ns
									   : EJECTION_MAX_DEFAULT;
	return err;
}

/* clang-format off */
const struct decode_field health_fields[] = {
	FIELD("probe",       struct model_health, probe,       decode_word, .words = probes),
	FIELD("interval",    struct model_health, interval_ns, decode_duration, .min = 100 * MS, .max = 3600 * S),
	FIELD("timeout",     struct model_health, timeout_ns,  decode_duration, .min = 10 * MS, .max = 3600 * S),
	FIELD("rise",        struct model_health, rise,        decode_u32, .min = 1, .max = 100),
	FIELD("fall",        struct model_health, fall,        decode_u32, .min = 1, .max = 100),
	FIELD("min_healthy", struct model_health, min_healthy, decode_share),
	FIELD("on_down",     struct model_health, on_down,     decode_word, .words = on_downs),
	FIELD("outlier",     struct model_health, outlier,     decode_outlier),
	{},
};
/* clang-format on */

int health_decode(const cJSON *value, const struct path *at, void *out, struct config_error *reterr)
{
	return decode_object(value, at, health_fields, out, reterr);
}

struct model_health health_default(void)
{
	return (struct model_health){
		.interval_ns = 2 * S,
		.rise = 2,
		.fall = 3,
		.min_healthy = 0.5,
	};
}

static enum model_probe default_probe(enum sl_protocol protocol)
{
	switch (protocol) {
	case SL_P_COAP:
		return PROBE_COAP;
	case SL_P_MQTT:
		return PROBE_MQTT;
	case SL_P_MQTTS:
	case SL_P_TCP:
		return PROBE_TCP;
	default:
		return PROBE_NONE;
	}
}

void health_fill(const cJSON *health, enum sl_protocol protocol, struct model_health *h)
{
	if (!cJSON_GetObjectItemCaseSensitive(health, "probe"))
		h->probe = default_probe(protocol);
	if (!h->timeout_ns)
		h->timeout_ns = h->interval_ns < S ? h->interval_ns : S;
}
