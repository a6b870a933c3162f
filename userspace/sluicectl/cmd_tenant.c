// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* tenant list, show, quota. */
#include <stdlib.h>
#include <string.h>
#include "../common/num.h"
#include "../common/str.h"
#include "ctl.h"
#include "output.h"

#define PAGE	  1000
#define LIMIT_DEF 10000 /* of a table */
#define LIMIT_MAX 1000000

static const cJSON *member(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

/* "packets 50k/s, burst 100ms" */
static void quota_text(const cJSON *quota, char *to, size_t size)
{
	struct str s = str_over(to, size);
	const cJSON *item;

	cJSON_ArrayForEach(item, quota) {
		if (cJSON_IsString(item))
			str_add(&s, "%s%s %s", s.len ? ", " : "", item->string, item->valuestring);
		else if (cJSON_IsNumber(item))
			str_add(&s, "%s%s %.0f", s.len ? ", " : "", item->string,
				item->valuedouble);
	}
	if (!s.len)
		str_add(&s, "not limited");
}

/* "tenant_messages 12, fragment 3" */
static void reasons_text(const cJSON *by, char *to, size_t size)
{
	char number[FORMAT_LEN];
	struct str s = str_over(to, size);
	const cJSON *item;

	str_add(&s, "%s", "");
	cJSON_ArrayForEach(item, by)
		str_add(&s, "%s%s %s", s.len ? ", " : "", item->string,
			format_count(item->valuedouble, number));
}

static void add_figures(struct table *t, const cJSON *o)
{
	char number[FORMAT_LEN], why[256];
	double refused = json_number(o, "refused_packets");

	table_add_text(t, TONE_PLAIN,
		       format_count(json_number(member(o, "offered"), "packets"), number));
	table_add_text(t, TONE_PLAIN,
		       format_count(json_number(member(o, "admitted"), "packets"), number));
	table_add_text(t, TONE_PLAIN,
		       format_count(json_number(member(o, "admitted"), "messages"), number));
	table_add_text(t, TONE_PLAIN,
		       format_bytes(json_number(member(o, "admitted"), "bytes"), number));
	table_add_text(t, refused ? TONE_WARN : TONE_PLAIN, format_count(refused, number));
	reasons_text(member(o, "refused"), why, sizeof(why));
	table_add_text(t, TONE_DIM, why);
}

/* -- list -- */

static void add_tenants(struct table *t, const cJSON *tenants, uint64_t *io_left)
{
	const cJSON *o;

	cJSON_ArrayForEach(o, tenants) {
		char quota[TABLE_CELL_LEN];

		if (!*io_left)
			return;
		--*io_left;
		quota_text(member(o, "quota"), quota, sizeof(quota));
		table_add_text(t, TONE_BOLD, json_text(o, "name"));
		table_add_text(t, TONE_PLAIN, quota);
		add_figures(t, o);
	}
}

/* Pages, until all are there. As JSON: the first page, as the API gives it. */
static enum ctl_result list_pages(struct ctl *c, struct table *t, const char *after, uint64_t left)
{
	char next[CTL_PATH_LEN], path[CTL_PATH_LEN];
	enum ctl_result rc = CTL_OK;

	snprintf(next, sizeof(next), "%s", after);
	while (left) {
		char limit[32];
		cJSON *json = NULL;

		snprintf(limit, sizeof(limit), "%llu",
			 (unsigned long long)(left < PAGE || c->json ? left : PAGE));
		if (!ctl_path(c, path, "/v1/tenants?limit=%s&after=%s", limit, next))
			return CTL_USAGE;
		rc = ctl_fetch(c, "GET", path, NULL, &json);
		if (!json)
			break;
		add_tenants(t, member(json, "tenants"), &left);
		snprintf(next, sizeof(next), "%s", json_text(json, "next"));
		cJSON_Delete(json);
		if (!*next)
			break;
	}
	if (!rc && *next && !c->json)
		fprintf(stderr, "there are more: go on with --after=%s\n", next);
	return rc;
}

enum ctl_result cmd_tenant_list(struct ctl *c)
{
	static const char *const heads[] = { "TENANT",	  "QUOTA",     ">OFFERED",
					     ">ADMITTED", ">MESSAGES", ">BYTES",
					     ">REFUSED",  "WHY",       NULL };
	const char *after = ctl_option(c, "--after");
	uint64_t limit = c->json ? PAGE : LIMIT_DEF;
	enum ctl_result rc;
	struct table t;

	if (!ctl_option_count(c, "--limit", 1, c->json ? 10 * PAGE : LIMIT_MAX, &limit))
		return CTL_USAGE;
	table_begin(&t, heads);
	rc = list_pages(c, &t, after ? after : "", limit);
	if (!rc && !c->json)
		table_print(&t, stdout, c->color, 0, 0);
	table_free(&t);
	return rc;
}

/* -- show -- */

static void print_quota(const char *name, const cJSON *quota)
{
	char text[256];

	quota_text(quota, text, sizeof(text));
	printf("%-14s %s\n", name, text);
}

#define VALUE_LEN 300 /* of a match or a path that is shown */

/* "match          coap_host acme.example", and what is no printable text as '?'. */
static void print_word(const char *name, const char *word, const char *value)
{
	char text[VALUE_LEN + 8];
	struct str s = str_over(text, sizeof(text));

	str_add_safe(&s, value, VALUE_LEN);
	printf("%-14s %s %s\n", name, word, text);
}

static void print_matches(const cJSON *match)
{
	const cJSON *o, *word;

	cJSON_ArrayForEach(o, match)
		cJSON_ArrayForEach(word, o)
			print_word("match", word->string, json_text(o, word->string));
}

/* Words of a list, in one line. */
static void print_allowed(const cJSON *allow, const char *what)
{
	char text[128];
	struct str words = str_over(text, sizeof(text));
	const cJSON *item;

	cJSON_ArrayForEach(item, member(allow, what))
		if (cJSON_IsString(item))
			str_add(&words, "%s%s", words.len ? ", " : "", item->valuestring);
	if (words.len)
		print_word("allow", what, text);
}

static void print_allow(const cJSON *allow)
{
	const cJSON *item;

	print_allowed(allow, "coap_methods");
	print_allowed(allow, "mqtt_versions");
	print_allowed(allow, "onem2m_operations");
	cJSON_ArrayForEach(item, member(allow, "onem2m_types"))
		if (cJSON_IsString(item))
			print_word("allow", "onem2m_types", item->valuestring);
	cJSON_ArrayForEach(item, member(allow, "coap_paths"))
		if (cJSON_IsString(item))
			print_word("allow", "coap_paths", item->valuestring);
	if (!cJSON_GetArraySize(allow))
		printf("%-14s %s\n", "allow", "everything");
}

static void print_accounts(const struct ctl *c, const cJSON *json)
{
	static const char *const heads[] = { "SERVICE", ">OFFERED", ">ADMITTED", ">MESSAGES",
					     ">BYTES",	">REFUSED", "WHY",	 NULL };
	const cJSON *o;
	struct table t;

	table_begin(&t, heads);
	cJSON_ArrayForEach(o, member(json, "accounts")) {
		table_add_text(&t, TONE_BOLD, json_text(o, "service"));
		add_figures(&t, o);
	}
	table_add(&t, TONE_PLAIN, "all");
	add_figures(&t, json);
	table_print(&t, stdout, c->color, 0, 0);
	table_free(&t);
}

/* Nothing where nothing is tracked. */
static void print_open(const cJSON *json)
{
	const cJSON *o;

	cJSON_ArrayForEach(o, member(json, "accounts"))
		if (json_number(o, "open_connections"))
			printf("%-14s %.0f connections to %s\n", "open",
			       json_number(o, "open_connections"), json_text(o, "service"));
}

/* Nothing where it has no classes. */
static void print_classes(const struct ctl *c, const cJSON *classes)
{
	static const char *const heads[] = { "CLASS",	 ">QUOTA",  ">BURST", ">ADMITTED",
					     ">REFUSED", ">MARKED", NULL };
	char text[FORMAT_LEN];
	const cJSON *o;
	struct table t;

	if (!cJSON_GetArraySize(classes))
		return;
	table_begin(&t, heads);
	cJSON_ArrayForEach(o, classes) {
		double refused = json_number(o, "refused");

		table_add_text(&t, TONE_BOLD, o->string);
		table_add_text(&t, TONE_PLAIN, json_text(o, "messages"));
		table_add_text(&t, TONE_PLAIN, json_text(o, "burst"));
		table_add_text(&t, TONE_PLAIN, format_count(json_number(o, "admitted"), text));
		table_add_text(&t, refused ? TONE_WARN : TONE_PLAIN, format_count(refused, text));
		table_add_text(&t, TONE_PLAIN, format_count(json_number(o, "marked"), text));
	}
	fputc('\n', stdout);
	table_print(&t, stdout, c->color, 0, 0);
	table_free(&t);
}

static const char *us_text(const cJSON *o, const char *name, char text[FORMAT_LEN])
{
	return format_us(json_number(o, name), text);
}

/* Since the data plane was loaded. Nothing where nothing was timed. */
static void print_latency(const struct ctl *c, const cJSON *json)
{
	static const char *const heads[] = { "LATENCY", "OF",	">SAMPLES", ">MEAN",
					     ">P50",	">P90", ">P99",	    NULL };
	const cJSON *account, *o;
	char text[FORMAT_LEN];
	struct table t;

	if (!member(json, "latency"))
		return;
	table_begin(&t, heads);
	cJSON_ArrayForEach(account, member(json, "accounts")) {
		cJSON_ArrayForEach(o, member(account, "latency")) {
			table_add_text(&t, TONE_BOLD, json_text(account, "service"));
			table_add_text(&t, TONE_PLAIN, o->string);
			table_add_text(&t, TONE_PLAIN,
				       format_count(json_number(o, "samples"), text));
			table_add_text(&t, TONE_PLAIN, us_text(o, "mean_us", text));
			table_add_text(&t, TONE_PLAIN, us_text(o, "p50_us", text));
			table_add_text(&t, TONE_PLAIN, us_text(o, "p90_us", text));
			table_add_text(&t, TONE_PLAIN, us_text(o, "p99_us", text));
		}
	}
	fputc('\n', stdout);
	table_print(&t, stdout, c->color, 0, 0);
	table_free(&t);
}

enum ctl_result cmd_tenant_show(struct ctl *c)
{
	char path[CTL_PATH_LEN];
	cJSON *json = NULL;
	enum ctl_result rc;

	if (!ctl_path(c, path, "/v1/tenants/%s", c->argv[0]))
		return CTL_USAGE;
	rc = ctl_fetch(c, "GET", path, NULL, &json);
	if (!json)
		return rc;
	printf("%-14s %s\n", "tenant", json_text(json, "name"));
	print_quota("quota", member(json, "quota"));
	print_quota("of each device", member(json, "device_quota"));
	printf("%-14s %s\n", "on excess", json_text(json, "on_excess"));
	if (!strcmp(json_text(json, "refused_syn"), "reset"))
		printf("%-14s %s\n", "refused SYN", "reset");
	print_allow(member(json, "allow"));
	print_matches(member(json, "match"));
	print_open(json);
	fputc('\n', stdout);
	print_accounts(c, json);
	print_classes(c, member(json, "classes"));
	print_latency(c, json);
	cJSON_Delete(json);
	return rc;
}

/* -- quota -- */

/* "messages=5k/s" and "device.messages=none" into the body of a PATCH. */
static bool add_limit(struct ctl *c, cJSON *body, const char *text)
{
	static const char device[] = "device.";
	const char *equals = strchr(text, '=');
	bool of_device = !strncmp(text, device, strlen(device));
	const char *key = text + (of_device ? strlen(device) : 0),
		   *to = of_device ? "device_quota" : "quota";
	char name[64];
	cJSON *o;

	if (!equals || equals == key || !equals[1] || (size_t)(equals - key) >= sizeof(name)) {
		ctl_usage(c, "want KEY=RATE such as messages=5k/s, not \"%s\"", text);
		return false;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(equals - key), key);
	o = cJSON_GetObjectItemCaseSensitive(body, to);
	if (!o)
		o = cJSON_AddObjectToObject(body, to);
	if (cJSON_GetObjectItemCaseSensitive(o, name)) {
		ctl_usage(c, "%.*s is given twice", (int)(equals - text), text);
		return false;
	}
	if (!strcmp(equals + 1, "none"))
		cJSON_AddNullToObject(o, name);
	else if (!equals[1 + strspn(equals + 1, "0123456789")] && equals[1])
		cJSON_AddNumberToObject(o, name, strtod(equals + 1, NULL)); /* no rate */
	else
		cJSON_AddStringToObject(o, name, equals + 1);
	return true;
}

enum ctl_result cmd_tenant_quota(struct ctl *c)
{
	cJSON *body = cJSON_CreateObject(), *json = NULL;
	enum ctl_result rc = CTL_USAGE;
	char path[CTL_PATH_LEN];
	bool ok = ctl_path(c, path, "/v1/tenants/%s", c->argv[0]);

	for (int i = 1; ok && i < c->argc; i++)
		ok = add_limit(c, body, c->argv[i]);
	if (ok)
		rc = ctl_fetch(c, "PATCH", path, body, &json);
	if (json) {
		print_quota("quota", member(json, "quota"));
		print_quota("of each device", member(json, "device_quota"));
	}
	cJSON_Delete(json);
	cJSON_Delete(body);
	return rc;
}
