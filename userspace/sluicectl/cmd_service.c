// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* service list, service show. */
#include <string.h>
#include <sluice/base.h>
#include "../common/str.h"
#include "ctl.h"
#include "instance.h"
#include "output.h"

#define VALUE_LEN 300 /* of a path that is shown */

static const cJSON *member(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

/* Where devices reach it. */
static void endpoint(const cJSON *o, char *to, size_t size)
{
	const char *front = json_text(o, "pool_of"), *address = json_text(o, "address");
	bool v6 = strchr(address, ':');

	if (*front) {
		snprintf(to, size, "of %.63s", front);
		return;
	}
	snprintf(to, size, "%s%.48s%s:%.0f", v6 ? "[" : "", address, v6 ? "]" : "",
		 json_number(o, "port"));
}

static enum tone healthy_tone(double healthy, double total)
{
	return healthy == total && total ? TONE_GOOD : healthy ? TONE_WARN : TONE_BAD;
}

static void add_service(struct table *t, const cJSON *s)
{
	double healthy = json_number(s, "healthy"), total = json_number(s, "instances");
	const cJSON *scaling = member(s, "scaling");
	char where[80], number[FORMAT_LEN];

	endpoint(s, where, sizeof(where));
	table_add_text(t, TONE_BOLD, json_text(s, "name"));
	table_add_text(t, TONE_PLAIN, where);
	table_add_text(t, TONE_PLAIN, json_text(s, "protocol"));
	table_add(t, healthy_tone(healthy, total), "%.0f/%.0f", healthy, total);
	table_add(t, TONE_PLAIN, "%.0f", json_number(s, "ring_size"));
	table_add(t, TONE_PLAIN, "%.0f", json_number(s, "slots_in_transition"));
	table_add(t, TONE_PLAIN, "%.0f", json_number(s, "pins"));
	if (scaling)
		table_add(t, TONE_PLAIN, "%.0f of %.0f-%.0f, load %s/s",
			  json_number(scaling, "have"), json_number(scaling, "min"),
			  json_number(scaling, "max"),
			  format_count(json_number(scaling, "load"), number));
	else
		table_add(t, TONE_DIM, json_true(s, "leaving") ? "leaving" : "-");
}

enum ctl_result cmd_service_list(struct ctl *c)
{
	static const char *const heads[] = { "SERVICE",	 "ADDRESS", "PROTOCOL",
					     ">HEALTHY", ">RING",   ">TRANSITION",
					     ">PINS",	 "SCALING", NULL };
	cJSON *json = NULL;
	enum ctl_result rc = ctl_fetch(c, "GET", "/v1/services", NULL, &json);
	const cJSON *s;
	struct table t;

	if (!json)
		return rc;
	table_begin(&t, heads);
	cJSON_ArrayForEach(s, member(json, "services"))
		add_service(&t, s);
	table_print(&t, stdout, c->color, 0, 0);
	table_free(&t);
	cJSON_Delete(json);
	return CTL_OK;
}

static void print_kinds(const struct ctl *c, const cJSON *kinds)
{
	static const char *const heads[] = { "KIND", ">PACKETS", NULL };
	const cJSON *item;
	struct table t;

	if (!cJSON_GetArraySize(kinds))
		return;
	table_begin(&t, heads);
	cJSON_ArrayForEach(item, kinds) {
		table_add_text(&t, TONE_PLAIN, item->string);
		table_add(&t, TONE_PLAIN, "%.0f", item->valuedouble);
	}
	fputc('\n', stdout);
	table_print(&t, stdout, c->color, 0, 0);
	table_free(&t);
}

/* Each is one of the configuration's, and what it says is of its words. */
static void print_routes(const cJSON *routes)
{
	static const char *const members[] = { "tenant", "method", "path", "onem2m_type" };
	const cJSON *r;

	cJSON_ArrayForEach(r, routes) {
		printf("route");
		for (size_t i = 0; i < SL_ARRAY_SIZE(members); i++) {
			char text[VALUE_LEN + 8];
			struct str s = str_over(text, sizeof(text));

			str_add_safe(&s, json_text(r, members[i]), VALUE_LEN);
			if (*text)
				printf(" %s%s", i == 3 ? "of type " : "", text);
		}
		printf(" to %s\n", json_text(r, "pool"));
	}
}

static void print_service(const struct ctl *c, const cJSON *s)
{
	const cJSON *scaling = member(s, "scaling");
	char where[80], keep[FORMAT_LEN], load[FORMAT_LEN], offered[FORMAT_LEN];

	endpoint(s, where, sizeof(where));
	printf("%s%s%s  %s %s, flows kept for %s%s\n", tone_begin(TONE_BOLD, c->color),
	       json_text(s, "name"), tone_end(TONE_BOLD, c->color), json_text(s, "protocol"), where,
	       format_duration(json_number(s, "keep_s"), keep),
	       json_true(s, "below_min_healthy") ? "; too few are healthy: probes are not believed"
						 : "");
	printf("ring of %.0f slots, %.0f in transition, %.0f pins, %.0f half-open\n",
	       json_number(s, "ring_size"), json_number(s, "slots_in_transition"),
	       json_number(s, "pins"), json_number(s, "half_open"));
	print_routes(member(s, "routes"));
	if (scaling)
		printf("scaling: load %s/s (offered %s/s), %.0f instances and %.0f starting, "
		       "wanted %.0f of %.0f to %.0f: %s\n",
		       format_count(json_number(scaling, "load"), load),
		       format_count(json_number(scaling, "offered"), offered),
		       json_number(scaling, "have"), json_number(scaling, "starting"),
		       json_number(scaling, "desired"), json_number(scaling, "min"),
		       json_number(scaling, "max"), json_text(scaling, "why"));
}

enum ctl_result cmd_service_show(struct ctl *c)
{
	char path[CTL_PATH_LEN];
	cJSON *json = NULL, *list = NULL;
	enum ctl_result rc;

	if (!ctl_path(c, path, "/v1/services/%s", c->argv[0]))
		return CTL_USAGE;
	rc = ctl_fetch(c, "GET", path, NULL, &json);
	if (!json)
		return rc;
	print_service(c, json);
	if (ctl_path(c, path, "/v1/services/%s/instances", c->argv[0]))
		rc = ctl_ask(c, "GET", path, NULL, &list);
	if (list) {
		fputc('\n', stdout);
		instance_table(c, NULL, list);
	}
	print_kinds(c, member(json, "kinds"));
	cJSON_Delete(list);
	cJSON_Delete(json);
	return rc;
}
