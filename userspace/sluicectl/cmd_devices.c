// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* devices: the heaviest of a tenant. */
#include "ctl.h"
#include "output.h"

#define LIMIT_DEF 10
#define LIMIT_MAX 1000
#define NS	  1e9

static const cJSON *member(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

/* "the last 60s, until 12s ago" */
static void print_window(const struct ctl *c, const cJSON *json, const char *name)
{
	static const char *const heads[] = { "DEVICE", ">OFFERED", ">A SECOND", ">REFUSED", NULL };
	const cJSON *window = member(json, name), *o;
	double since = json_number(window, "since_ns"), until = json_number(window, "until_ns");
	double seconds = (until - since) / NS;
	double ago = (json_number(json, "time_ns") - until) / NS;
	char number[FORMAT_LEN];
	struct table t;

	printf("%s window: %.1f s", name, seconds);
	if (ago >= 0.05)
		printf(", until %.1f s ago", ago);
	fputc('\n', stdout);
	table_begin(&t, heads);
	cJSON_ArrayForEach(o, member(window, "devices")) {
		double offered = json_number(o, "offered_packets");
		double refused = json_number(o, "refused_packets");

		table_add_text(&t, TONE_BOLD, json_text(o, "device"));
		table_add_text(&t, TONE_PLAIN, format_count(offered, number));
		table_add_text(&t, TONE_PLAIN,
			       format_count(seconds > 0 ? offered / seconds : 0, number));
		table_add_text(&t, refused ? TONE_WARN : TONE_PLAIN, format_count(refused, number));
	}
	table_print(&t, stdout, c->color, 0, 0);
	table_free(&t);
}

enum ctl_result cmd_devices(struct ctl *c)
{
	uint64_t limit = LIMIT_DEF;
	char path[CTL_PATH_LEN], text[32];
	cJSON *json = NULL;
	enum ctl_result rc;

	if (!ctl_option_count(c, "--limit", 1, LIMIT_MAX, &limit))
		return CTL_USAGE;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)limit);
	if (!ctl_path(c, path, "/v1/tenants/%s/devices?limit=%s", c->argv[0], text))
		return CTL_USAGE;
	rc = ctl_fetch(c, "GET", path, NULL, &json);
	if (!json)
		return rc;
	if (cJSON_IsObject(member(json, "last"))) {
		print_window(c, json, "last");
		fputc('\n', stdout);
	}
	print_window(c, json, "running");
	cJSON_Delete(json);
	return rc;
}
