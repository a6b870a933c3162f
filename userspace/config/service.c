// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The members of a service and of what it contains, with their limits. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sluice/limits.h>
#include "../common/num.h"
#include "decode.h"

#define S		   NUM_NS_PER_S

#define REPLY_RATE_DEFAULT 1000
#define ECHO_DEFAULT_S	   300

/* clang-format off */
static const struct decode_word protocols[] = {
	{ .word = "coap",   .value = SL_P_COAP },
	{ .word = "coaps",  .value = SL_P_COAPS },
	{ .word = "mqtt",   .value = SL_P_MQTT },
	{ .word = "mqtts",  .value = SL_P_MQTTS },
	{ .word = "mqttsn", .value = SL_P_MQTTSN },
	{ .word = "udp",    .value = SL_P_UDP },
	{ .word = "tcp",    .value = SL_P_TCP },
	{},
};

const char *model_protocol_word(enum sl_protocol protocol)
{
	for (const struct decode_word *w = protocols; w->word; w++)
		if (w->value == (int)protocol)
			return w->word;
	return "";
}

static const struct decode_word steerings[] = {
	{ .word = "nat" },
	{ .word = "l2",   .later = true },
	{ .word = "ipip", .later = true },
	{ .word = "gue",  .later = true },
	{},
};

static const struct decode_word admins[] = {
	{ .word = "up",       .value = ADMIN_UP },
	{ .word = "draining", .value = ADMIN_DRAINING },
	{ .word = "down",     .value = ADMIN_DOWN },
	{},
};

static const struct decode_word drains[] = {
	{ .word = "keep", .value = false },
	{ .word = "move", .value = true },
	{},
};

static const struct decode_word device_keys[] = {
	{ .word = "address",  .value = SL_DK_ADDRESS },
	{ .word = "endpoint", .value = SL_DK_ENDPOINT },
	{ .word = "cid",      .value = SL_DK_CID },
	{},
};
/* clang-format on */

/* A word of which there is one so far: nothing to remember. */
static int decode_only_word(const cJSON *value, const struct path *at, void *out,
			    struct config_error *reterr)
{
	int ignored;

	(void)out;
	return decode_word(value, at, &ignored, reterr);
}

static int decode_delimiter(const cJSON *value, const struct path *at, void *out,
			    struct config_error *reterr)
{
	const char *text = cJSON_GetStringValue(value);

	if (!text || (unsigned char)text[0] <= 0x20 || (unsigned char)text[0] >= 0x7f || text[1])
		return decode_fail(at, reterr,
				   "want one printable ASCII character such as \"/\" or \":\"");
	*(uint8_t *)out = text[0];
	return 0;
}

const struct decode_field echo_fields[] = {
	FIELD("lifetime", struct model_service, echo_s, decode_seconds, .min = 10 * S,
	      .max = 86400 * S),
	{},
};

/* true, or an object with what is different; false is as if it were left out. */
static int decode_echo(const cJSON *value, const struct path *at, void *out,
		       struct config_error *reterr)
{
	struct model_service *s = out;

	if (cJSON_IsFalse(value))
		return 0;
	s->echo_s = ECHO_DEFAULT_S;
	if (cJSON_IsTrue(value))
		return 0;
	if (!cJSON_IsObject(value))
		return decode_fail(at, reterr, "want true, false or {\"lifetime\": \"5m\"}");
	return decode_object(value, at, echo_fields, s, reterr);
}

static int decode_drain_timeout(const cJSON *value, const struct path *at, void *out,
				struct config_error *reterr)
{
	struct model_service *s = out;
	int err = decode_duration(value, at, &s->drain_timeout_ns, reterr);

	if (!err && s->drain_timeout_ns && s->drain_timeout_ns < S)
		return decode_fail(
			at, reterr,
			"want a duration of at least \"1s\", or \"0s\" to wait for ever");
	return err;
}

static int decode_exec(const cJSON *value, const struct path *at, void *out,
		       struct config_error *reterr)
{
	struct model_scaling *s = out;
	const char *text = cJSON_GetStringValue(value);

	if (!text || text[0] != '/' || strlen(text) >= PATH_MAX)
		return decode_fail(at, reterr, "want the absolute path of a program");
	s->exec = strdup(text);
	return s->exec ? 0 : -ENOMEM;
}

static int decode_server_id(const cJSON *value, const struct path *at, void *out,
			    struct config_error *reterr)
{
	struct model_instance *i = out;
	int err = decode_u32(value, at, &i->server_id, reterr);

	i->has_server_id = !err;
	return err;
}

/* clang-format off */
const struct decode_field instance_fields[] = {
	FIELD("name",    struct model_instance, name,   decode_name, .required = true),
	FIELD("address", struct model_instance, addr,   decode_address, .required = true),
	FIELD("port",    struct model_instance, port,   decode_u16, .required = true, .min = 1, .max = 65535),
	FIELD("weight",  struct model_instance, weight, decode_u32, .min = 1, .max = 1000),
	FIELD("admin",   struct model_instance, admin,  decode_word, .words = admins),
	FIELD_OF("server_id", decode_server_id, .max = UINT32_MAX),
	{},
};

/* What a target may be in; by enum model_target. */
struct targets {
	double rate[TARGET_CONNECTIONS + 1];
};
const struct decode_field target_fields[] = {
	FIELD("messages",        struct targets, rate[TARGET_MESSAGES],    decode_rate, .max = 1000000000),
	FIELD("packets",         struct targets, rate[TARGET_PACKETS],     decode_rate, .max = 1000000000),
	FIELD("bytes",           struct targets, rate[TARGET_BYTES],       decode_byte_rate, .max = 100000000000),
	FIELD("new_connections", struct targets, rate[TARGET_CONNECTIONS], decode_rate, .max = 1000000000),
	{},
};
/* clang-format on */

static int decode_target(const cJSON *value, const struct path *at, void *out,
			 struct config_error *reterr)
{
	struct model_scaling *s = out;
	struct targets t = {};
	int err = decode_object(value, at, target_fields, &t, reterr);

	if (err)
		return err;
	for (int i = TARGET_MESSAGES; i <= TARGET_CONNECTIONS; i++) {
		if (!t.rate[i])
			continue;
		if (s->target)
			return decode_fail(at, reterr,
					   "more than one figure; want exactly one of "
					   "messages, packets, bytes, new_connections");
		s->target = i;
		s->target_rate = t.rate[i];
	}
	if (!s->target)
		return decode_fail(at, reterr,
				   "no figure; want exactly one of messages, packets, "
				   "bytes, new_connections");
	return 0;
}

/* clang-format off */
const struct decode_field scaling_fields[] = {
	FIELD("min",        struct model_scaling, min,           decode_u32, .min = 1, .max = SL_MAX_INSTANCES - 1),
	FIELD("max",        struct model_scaling, max,           decode_u32, .required = true, .min = 1, .max = SL_MAX_INSTANCES - 1),
	FIELD("step",       struct model_scaling, step,          decode_u32, .min = 1, .max = SL_MAX_INSTANCES - 1),
	FIELD_OF("target", decode_target, .required = true),
	FIELD("tolerance",  struct model_scaling, tolerance,     decode_share),
	FIELD("up_after",   struct model_scaling, up_after_ns,   decode_duration, .max = 86400 * S),
	FIELD("down_after", struct model_scaling, down_after_ns, decode_duration, .max = 86400 * S),
	FIELD("cooldown",   struct model_scaling, cooldown_ns,   decode_duration, .max = 86400 * S),
	FIELD_OF("exec", decode_exec),
	{},
};
/* clang-format on */

int instance_decode(const cJSON *value, const struct path *at, void *out,
		    struct config_error *reterr)
{
	struct model_instance *i = out;

	i->weight = 100;
	return decode_object(value, at, instance_fields, i, reterr);
}

static int decode_instances(const cJSON *value, const struct path *at, void *out,
			    struct config_error *reterr)
{
	static const struct decode_items items = {
		.size = sizeof(struct model_instance),
		.max = SL_MAX_INSTANCES - 1,
		.what = "instances",
		.decode = instance_decode,
	};
	struct model_service *s = out;
	struct decode_list list = {};
	int err = decode_list(value, at, &items, &list, reterr);

	s->instances = list.items;
	s->n_instances = list.n;
	return err;
}

static int decode_scaling(const cJSON *value, const struct path *at, void *out,
			  struct config_error *reterr)
{
	struct model_service *s = out;

	s->scaling = (struct model_scaling){
		.present = true,
		.min = 1,
		.step = 1,
		.tolerance = 0.1,
		.up_after_ns = 5 * S,
		.down_after_ns = 60 * S,
		.cooldown_ns = 30 * S,
	};
	return decode_object(value, at, scaling_fields, &s->scaling, reterr);
}

/* clang-format off */
#define ANY_SERVICE_FIELDS                                                                                                           \
	FIELD("name",           struct model_service, name,           decode_name, .required = true),                                \
	FIELD_OF("instances", decode_instances),                                                                                     \
	FIELD("keep",           struct model_service, keep_s,         decode_seconds, .min = 10 * S, .max = 7 * 86400 * S),          \
	FIELD("latency",        struct model_service, latency,        decode_bool),                                                  \
	FIELD("drain",          struct model_service, drain_moves,    decode_word_bool, .words = drains),                            \
	FIELD_OF("drain_timeout", decode_drain_timeout, .max = 30 * 86400 * S),                                                      \
	FIELD("pin_budget",     struct model_service, half_open_max,  decode_u32, .min = 1, .max = SL_MAX_HALF_OPEN),                \
	FIELD("health",         struct model_service, health,         health_decode),                                                \
	FIELD_OF("scaling", decode_scaling)

const struct decode_field service_fields[] = {
	ANY_SERVICE_FIELDS,
	FIELD("address",        struct model_service, addr,           decode_address, .required = true),
	FIELD("port",           struct model_service, port,           decode_u16, .required = true, .min = 1, .max = 65535),
	FIELD("protocol",       struct model_service, protocol,       decode_word, .required = true, .words = protocols),
	FIELD_OF("steering", decode_only_word, .words = steerings),
	FIELD("tenant",         struct model_service, tenant,         decode_name),
	FIELD("default_tenant", struct model_service, default_tenant, decode_name),
	FIELD("drop_malformed", struct model_service, drop_malformed, decode_bool),
	FIELD("track",          struct model_service, track,          decode_bool),
	FIELD("idle_timeout",   struct model_service, idle_s,         decode_seconds, .min = 10 * S, .max = 7 * 86400 * S),
	FIELD("identity_delimiter", struct model_service, delimiter,  decode_delimiter),
	FIELD("reply_budget",   struct model_service, reply_rate,     decode_rate, .min = 1, .max = 1000000),
	FIELD_OF("echo", decode_echo),
	FIELD("device_key",     struct model_service, device_key,     decode_word, .words = device_keys),
	FIELD("cid",            struct model_service, cid,            cid_decode),
	FIELD_OF("routes", routes_decode),
	{},
};

/* What a pool has of its own. */
const struct decode_field pool_fields[] = {
	ANY_SERVICE_FIELDS,
	FIELD("pool_of",        struct model_service, pool_of,        decode_name, .required = true),
	{},
};
/* clang-format on */

/* What was left out and depends on other members; 0 is no value of any of them. */
static void fill_defaults(const cJSON *object, struct model_service *s)
{
	bool short_keep = s->protocol == SL_P_COAP || s->protocol == SL_P_UDP;

	if (!s->keep_s)
		s->keep_s = short_keep ? 300 : 3600;
	if (s->track && !s->idle_s)
		s->idle_s = s->keep_s;
	if (s->track && s->protocol == SL_P_MQTT && !s->delimiter)
		s->delimiter = '/';
	health_fill(cJSON_GetObjectItemCaseSensitive(object, "health"), s->protocol, &s->health);
}

/* A member that a service has and a pool has not is its front's. */
static int fronts_check(const cJSON *object, const struct path *at, struct config_error *reterr)
{
	const cJSON *value;

	cJSON_ArrayForEach(value, object) {
		const struct path here = { .up = at, .member = value->string };

		if (!decode_has_field(pool_fields, value->string) &&
		    decode_has_field(service_fields, value->string))
			return decode_fail(&here, reterr,
					   "a pool has what its front has; leave this out");
	}
	return 0;
}

static int pool_decode(const cJSON *value, const struct path *at, struct model_service *s,
		       struct config_error *reterr)
{
	int err = fronts_check(value, at, reterr);

	s->protocol = SL_P_COAP;
	return err ? err : decode_object(value, at, pool_fields, s, reterr);
}

int service_decode(const cJSON *value, const struct path *at, void *out,
		   struct config_error *reterr)
{
	struct model_service *s = out;
	int err;

	s->drain_timeout_ns = 600 * S;
	s->reply_rate = REPLY_RATE_DEFAULT;
	s->health = health_default();
	if (cJSON_GetObjectItemCaseSensitive(value, "pool_of"))
		err = pool_decode(value, at, s, reterr);
	else
		err = decode_object(value, at, service_fields, s, reterr);
	if (!err)
		fill_defaults(value, s);
	return err;
}

int config_instance(const cJSON *object, const char *where, struct model_instance *ret,
		    struct config_error *reterr)
{
	const struct path at = { .member = where };
	struct model_instance i = {};
	int err = instance_decode(object, &at, &i, reterr);

	if (!err)
		*ret = i;
	return err;
}
