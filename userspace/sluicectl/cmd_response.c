// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* response list, set, remove: what the node says in a tenant's name. */
#include <string.h>
#include <sluice/limits.h>
#include "ctl.h"
#include "output.h"

#define FORMAT_MAX 65535

static void add_row(struct table *t, const cJSON *r)
{
	const cJSON *format = cJSON_GetObjectItemCaseSensitive(r, "content_format");
	const char *service = json_text(r, "service");

	table_add_text(t, TONE_BOLD, json_text(r, "path"));
	table_add_text(t, TONE_PLAIN, *service ? service : "all");
	if (format)
		table_add(t, TONE_PLAIN, "%.0f", format->valuedouble);
	else
		table_add_text(t, TONE_PLAIN, "");
	table_add_text(t, TONE_PLAIN, json_text(r, "max_age"));
	table_add_text(t, TONE_PLAIN, json_text(r, "payload"));
}

static void print_rows(const struct ctl *c, const cJSON *list)
{
	static const char *const heads[] = { "PATH",	"SERVICE", ">FORMAT",
					     "MAX AGE", "PAYLOAD", NULL };
	const cJSON *item;
	struct table t;

	table_begin(&t, heads);
	cJSON_ArrayForEach(item, list)
		add_row(&t, item);
	table_print(&t, stdout, c->color, 0, 0);
	table_free(&t);
}

enum ctl_result cmd_response_list(struct ctl *c)
{
	char path[CTL_PATH_LEN];
	cJSON *json = NULL;
	enum ctl_result rc;

	if (!ctl_path(c, path, "/v1/tenants/%s/responses", c->argv[0]))
		return CTL_USAGE;
	rc = ctl_fetch(c, "GET", path, NULL, &json);
	if (json)
		print_rows(c, cJSON_GetObjectItemCaseSensitive(json, "responses"));
	cJSON_Delete(json);
	return rc;
}

/* Of the response that the arguments name. */
static bool response_path(const struct ctl *c, char ret[CTL_PATH_LEN])
{
	const char *service = ctl_option(c, "--service");

	if (c->argv[1][0] != '/') {
		ctl_usage(c, "want a path such as /.well-known/core, not \"%s\"", c->argv[1]);
		return false;
	}
	if (service)
		return ctl_path(c, ret, "/v1/tenants/%s/responses/%s?service=%s", c->argv[0],
				c->argv[1], service);
	return ctl_path(c, ret, "/v1/tenants/%s/responses/%s", c->argv[0], c->argv[1]);
}

/* The argument, or what is on stdin. NULL: it is too long, and said so. */
static const char *payload_of(const struct ctl *c, char buf[SL_RESPONSE_BYTES + 2])
{
	size_t n;

	if (strcmp(c->argv[2], "-"))
		return c->argv[2];
	n = fread(buf, 1, SL_RESPONSE_BYTES + 1, stdin);
	buf[n] = '\0';
	if (!ferror(stdin) && n <= SL_RESPONSE_BYTES && strlen(buf) == n)
		return buf;
	ctl_error(c, "standard input: want text of 1 to %d bytes", SL_RESPONSE_BYTES);
	return NULL;
}

enum ctl_result cmd_response_set(struct ctl *c)
{
	const char *age = ctl_option(c, "--max-age"), *payload;
	char path[CTL_PATH_LEN], buf[SL_RESPONSE_BYTES + 2];
	cJSON *body = cJSON_CreateObject(), *json = NULL;
	uint64_t format = UINT64_MAX;
	enum ctl_result rc = CTL_USAGE;

	payload = response_path(c, path) ? payload_of(c, buf) : NULL;
	if (payload && ctl_option_count(c, "--format", 0, FORMAT_MAX, &format)) {
		cJSON_AddStringToObject(body, "payload", payload);
		if (format <= FORMAT_MAX)
			cJSON_AddNumberToObject(body, "content_format", format);
		if (age)
			cJSON_AddStringToObject(body, "max_age", age);
		rc = ctl_fetch(c, "PUT", path, body, &json);
	}
	cJSON_Delete(json);
	cJSON_Delete(body);
	return rc;
}

enum ctl_result cmd_response_remove(struct ctl *c)
{
	char path[CTL_PATH_LEN];
	cJSON *json = NULL;
	enum ctl_result rc;

	if (!response_path(c, path))
		return CTL_USAGE;
	rc = ctl_fetch(c, "DELETE", path, NULL, &json);
	cJSON_Delete(json);
	return rc;
}
