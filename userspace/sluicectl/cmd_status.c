// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* status, reasons. */
#include <string.h>
#include "../common/str.h"
#include "ctl.h"
#include "output.h"

static void line(const struct ctl *c, const char *name, const char *text)
{
	char safe[512];
	struct str s = str_over(safe, sizeof(safe));

	str_add_safe(&s, text, sizeof(safe) - 4);
	printf("%s%-12s%s %s\n", tone_begin(TONE_BOLD, c->color), name,
	       tone_end(TONE_BOLD, c->color), safe);
}

static void print_packets(const struct ctl *c, const cJSON *packets)
{
	char text[256], number[FORMAT_LEN];
	struct str s = str_over(text, sizeof(text));
	const cJSON *item;

	cJSON_ArrayForEach(item, packets)
		if (cJSON_IsNumber(item))
			str_add(&s, "%s%s %s", s.len ? ", " : "",
				format_count(item->valuedouble, number), item->string);
	line(c, "packets", text);
}

static void print_interfaces(const struct ctl *c, const cJSON *list)
{
	const cJSON *item;
	char text[128];

	if (!cJSON_GetArraySize(list))
		line(c, "interface", "none: nothing is attached");
	cJSON_ArrayForEach(item, list) {
		snprintf(text, sizeof(text), "%.32s (%.16s)", json_text(item, "name"),
			 json_text(item, "mode"));
		line(c, "interface", text);
	}
}

static void print_reload(const struct ctl *c, const cJSON *json)
{
	const cJSON *reload = cJSON_GetObjectItemCaseSensitive(json, "reload");
	const char *error = json_text(reload, "error");
	char text[400];

	snprintf(text, sizeof(text), "generation %.0f, %.0f reloads, %.0f failed",
		 json_number(json, "generation"), json_number(reload, "ok"),
		 json_number(reload, "failed"));
	line(c, "config", text);
	if (!*error)
		return;
	snprintf(text, sizeof(text), "the last reload failed: %.300s", error);
	line(c, "", text);
}

enum ctl_result cmd_status(struct ctl *c)
{
	cJSON *json = NULL;
	enum ctl_result rc = ctl_fetch(c, "GET", "/v1/status", NULL, &json);
	char text[256], since[FORMAT_LEN];

	if (!json)
		return rc;
	line(c, "node", json_text(json, "node"));
	line(c, "version", json_text(json, "version"));
	snprintf(text, sizeof(text), "%s%s%s",
		 format_duration(json_number(json, "uptime_s"), since),
		 json_true(json, "adopted") ? ", took over a data plane that was there" : "",
		 json_true(json, "ready") ? "" : ", not ready yet");
	line(c, "up", text);
	print_interfaces(c, cJSON_GetObjectItemCaseSensitive(json, "interfaces"));
	snprintf(text, sizeof(text), "%.0f, %.0f instances of which %.0f take new flows",
		 json_number(json, "services"), json_number(json, "instances"),
		 json_number(json, "instances_ready"));
	line(c, "services", text);
	snprintf(text, sizeof(text), "%.0f", json_number(json, "tenants"));
	line(c, "tenants", text);
	if (json_number(json, "flows")) {
		snprintf(text, sizeof(text), "%.0f tracked, of at most %.0f",
			 json_number(json, "flows"), json_number(json, "flows_max"));
		line(c, "connections", text);
	}
	print_packets(c, cJSON_GetObjectItemCaseSensitive(json, "packets"));
	print_reload(c, json);
	cJSON_Delete(json);
	return CTL_OK;
}

/* -- reasons -- */

static enum tone group_tone(const char *group)
{
	if (!strcmp(group, "admitted") || !strcmp(group, "returned"))
		return TONE_GOOD;
	if (!strcmp(group, "foreign"))
		return TONE_PLAIN;
	return strcmp(group, "failed") ? TONE_WARN : TONE_BAD;
}

static void add_reasons(struct table *t, const cJSON *list, const char *name, bool all)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list) {
		double packets = json_number(item, "packets");
		const char *group = json_text(item, "group");

		if (!packets && !all)
			continue;
		table_add_text(t, packets ? group_tone(group) : TONE_DIM, json_text(item, name));
		table_add_text(t, TONE_PLAIN, *group ? group : "note");
		table_add(t, TONE_PLAIN, "%.0f", packets);
		table_add_text(t, TONE_DIM, json_text(item, "text"));
	}
}

enum ctl_result cmd_reasons(struct ctl *c)
{
	static const char *const heads[] = { "REASON", "GROUP", ">PACKETS", "MEANS", NULL };
	bool all = ctl_option(c, "--all");
	cJSON *json = NULL;
	enum ctl_result rc = ctl_fetch(c, "GET", "/v1/reasons", NULL, &json);
	struct table t;

	if (!json)
		return rc;
	table_begin(&t, heads);
	add_reasons(&t, cJSON_GetObjectItemCaseSensitive(json, "reasons"), "reason", all);
	add_reasons(&t, cJSON_GetObjectItemCaseSensitive(json, "notes"), "note", all);
	table_add(&t, TONE_BOLD, "sum");
	table_add(&t, TONE_PLAIN, "%s", "");
	table_add(&t, TONE_BOLD, "%.0f", json_number(json, "sum"));
	table_add(&t, TONE_DIM, "of all reasons; notes are counted beside them");
	table_print(&t, stdout, c->color, 0, 0);
	table_free(&t);
	cJSON_Delete(json);
	return CTL_OK;
}
