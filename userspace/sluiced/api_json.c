// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Labels of the shared lists, and what cJSON lacks. */
#include <inttypes.h>
#include <stdio.h>
#include "../common/addr.h"
#include "api.h"

#define X(name, action, group, label, text) label,
const char *const reason_labels[SL_R__MAX] = { SL_REASONS(X) };
#undef X
#define X(name, action, group, label, text) text,
const char *const reason_texts[SL_R__MAX] = { SL_REASONS(X) };
#undef X
#define X(name, action, group, label, text) SL_G_##group,
const uint8_t reason_groups[SL_R__MAX] = { SL_REASONS(X) };
#undef X
#define X(name, label, text) label,
const char *const note_labels[SL_N__MAX] = { SL_NOTES(X) };
#undef X
#define X(name, label, text) text,
const char *const note_texts[SL_N__MAX] = { SL_NOTES(X) };
#undef X
#define X(name, label) label,
const char *const kind_labels[SL_K__MAX] = { SL_KINDS(X) };
#undef X

const char *const group_labels[SL_G__MAX] = {
	[SL_G_FOREIGN] = "foreign",   [SL_G_ADMITTED] = "admitted",   [SL_G_RETURNED] = "returned",
	[SL_G_REFUSED] = "refused",   [SL_G_MALFORMED] = "malformed", [SL_G_FAILED] = "failed",
	[SL_G_ANSWERED] = "answered",
};

const char *const quota_labels[SL_Q__MAX] = {
	[SL_Q_PACKETS] = "packets",
	[SL_Q_BYTES] = "bytes",
	[SL_Q_MESSAGES] = "messages",
	[SL_Q_CONNECTIONS] = "new_connections",
};

const char *link_mode_label(enum link_mode mode)
{
	return mode == LINK_NATIVE ? "native" : mode == LINK_GENERIC ? "generic" : "none";
}

const char *hop_label(enum neigh_hop_state hop)
{
	static const char *const label[] = {
		[HOP_UNKNOWN] = "unknown", [HOP_PENDING] = "pending", [HOP_READY] = "ready",
		[HOP_STACK] = "stack",	   [HOP_FAILED] = "failed",
	};

	return hop < SL_ARRAY_SIZE(label) ? label[hop] : "unknown";
}

const char *origin_label(enum live_origin origin)
{
	return origin == ORIGIN_API ? "api" : origin == ORIGIN_SCALING ? "scaling" : "file";
}

const char *admin_label(enum model_admin admin)
{
	return admin == ADMIN_DRAINING ? "draining" : admin == ADMIN_DOWN ? "down" : "up";
}

void json_u64(cJSON *to, const char *name, uint64_t value)
{
	char text[24];

	/* A double, which is all cJSON has, holds no more than 53 bits. */
	snprintf(text, sizeof(text), "%" PRIu64, value);
	cJSON_AddRawToObject(to, name, text);
}

void json_str(cJSON *to, const char *name, const char *value)
{
	cJSON_AddStringToObject(to, name, value);
}

cJSON *json_obj(cJSON *to, const char *name)
{
	return cJSON_AddObjectToObject(to, name);
}

cJSON *json_arr(cJSON *to, const char *name)
{
	return cJSON_AddArrayToObject(to, name);
}

void json_addr(cJSON *to, const char *name, const struct sl_addr *addr)
{
	char text[ADDR_TEXT];

	json_str(to, name, addr_text(addr, text));
}

static const char *level_label(enum log_level level)
{
	return level == LOG_ERR ? "error" : level == LOG_WARN ? "warning" : "info";
}

void json_event(cJSON *to, const struct event *ev)
{
	char when[40], stamp[56];
	struct tm tm;

	gmtime_r(&ev->time.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(stamp, sizeof(stamp), "%s.%03ldZ", when, ev->time.tv_nsec / 1000000);

	json_u64(to, "seq", ev->seq);
	json_str(to, "time", stamp);
	json_str(to, "level", level_label(ev->level));
	json_str(to, "type", ev->type);
	if (ev->service[0])
		json_str(to, "service", ev->service);
	if (ev->instance[0])
		json_str(to, "instance", ev->instance);
	if (ev->tenant[0])
		json_str(to, "tenant", ev->tenant);
	json_str(to, "text", ev->text);
}
