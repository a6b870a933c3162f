// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* instance list, add, remove, drain, up, down, weight. */
#include <string.h>
#include "../common/num.h"
#include "instance.h"

#define PORT_MAX   65535
#define WEIGHT_MAX 1000

/* -- list -- */

static enum tone state_tone(const char *state)
{
	if (!strcmp(state, "up"))
		return TONE_GOOD;
	return strcmp(state, "down") ? TONE_WARN : TONE_BAD;
}

static enum tone hop_tone(const char *hop)
{
	if (!strcmp(hop, "ready"))
		return TONE_GOOD;
	return !strcmp(hop, "failed") || !strcmp(hop, "unknown") ? TONE_BAD : TONE_WARN;
}

static void begin(struct table *t, bool with_service)
{
	static const char *const heads[] = { "SERVICE", "INSTANCE", "ADDRESS", ">PORT",
					     ">WEIGHT", "STATE",    "HEALTH",  "HOP",
					     "ORIGIN",	">SLOTS",   ">PINS",   ">TRANSITION",
					     "PROBE",	NULL };

	table_begin(t, with_service ? heads : heads + 1);
}

static void add_rows(struct table *t, const char *service, const cJSON *answer)
{
	const cJSON *i;

	cJSON_ArrayForEach(i, cJSON_GetObjectItemCaseSensitive(answer, "instances")) {
		const cJSON *probe = cJSON_GetObjectItemCaseSensitive(i, "probe");
		const char *state = json_text(i, "state"), *health = json_text(i, "health");

		if (service)
			table_add_text(t, TONE_PLAIN, service);
		table_add_text(t, TONE_BOLD, json_text(i, "name"));
		table_add_text(t, TONE_PLAIN, json_text(i, "address"));
		table_add(t, TONE_PLAIN, "%.0f", json_number(i, "port"));
		table_add(t, TONE_PLAIN, "%.0f", json_number(i, "weight"));
		table_add_text(t, state_tone(state), state);
		table_add_text(t, state_tone(health), health);
		table_add_text(t, hop_tone(json_text(i, "hop")), json_text(i, "hop"));
		table_add_text(t, TONE_PLAIN, json_text(i, "origin"));
		table_add(t, TONE_PLAIN, "%.0f", json_number(i, "slots"));
		table_add(t, TONE_PLAIN, "%.0f", json_number(i, "pins"));
		table_add(t, TONE_PLAIN, "%.0f", json_number(i, "slots_in_transition"));
		table_add(t, TONE_DIM, "%.16s %.80s", json_text(probe, "sort"),
			  json_text(probe, "why"));
	}
}

static void end(const struct ctl *c, struct table *t)
{
	table_print(t, stdout, c->color, 0, 0);
	table_free(t);
}

void instance_table(const struct ctl *c, const char *service, const cJSON *answer)
{
	struct table t;

	begin(&t, service);
	add_rows(&t, service, answer);
	end(c, &t);
}

static enum ctl_result list_one(struct ctl *c, const char *service)
{
	char path[CTL_PATH_LEN];
	cJSON *json = NULL;
	enum ctl_result rc;

	if (!ctl_path(c, path, "/v1/services/%s/instances", service))
		return CTL_USAGE;
	rc = ctl_fetch(c, "GET", path, NULL, &json);
	if (json)
		instance_table(c, NULL, json);
	cJSON_Delete(json);
	return rc;
}

/* For each service the API's answer; as JSON under the service's name. */
static enum ctl_result gather(struct ctl *c, const cJSON *services, struct table *t, cJSON *all)
{
	const cJSON *s;

	cJSON_ArrayForEach(s, services) {
		const char *name = json_text(s, "name");
		char path[CTL_PATH_LEN];
		cJSON *json = NULL;
		enum ctl_result rc;

		if (!ctl_path(c, path, "/v1/services/%s/instances", name))
			return CTL_FAILED;
		rc = ctl_ask(c, "GET", path, NULL, &json);
		if (rc)
			return rc;
		add_rows(t, name, json);
		cJSON_AddItemToObject(all, name, json);
	}
	return CTL_OK;
}

static enum ctl_result list_all(struct ctl *c)
{
	cJSON *json = NULL, *all = cJSON_CreateObject();
	enum ctl_result rc = ctl_ask(c, "GET", "/v1/services", NULL, &json);
	struct table t;
	char *text;

	begin(&t, true);
	if (json)
		rc = gather(c, cJSON_GetObjectItemCaseSensitive(json, "services"), &t, all);
	if (!rc && c->json) {
		text = cJSON_PrintUnformatted(all);
		puts(text ? text : "{}");
		cJSON_free(text);
	} else if (!rc) {
		table_print(&t, stdout, c->color, 0, 0);
	}
	table_free(&t);
	cJSON_Delete(json);
	cJSON_Delete(all);
	return rc;
}

enum ctl_result cmd_instance_list(struct ctl *c)
{
	return c->argc ? list_one(c, c->argv[0]) : list_all(c);
}

/* -- changes -- */

enum ctl_result cmd_instance_add(struct ctl *c)
{
	static const char weight_key[] = "weight=";
	uint64_t port, weight = 0, server_id = 0;
	char path[CTL_PATH_LEN];
	cJSON *body, *json = NULL;
	enum ctl_result rc;

	if (num_count(c->argv[3], 1, PORT_MAX, &port))
		return ctl_usage(c, "PORT: want an integer from 1 to 65535, not \"%s\"",
				 c->argv[3]);
	if (c->argc > 4 && (strncmp(c->argv[4], weight_key, strlen(weight_key)) ||
			    num_count(c->argv[4] + strlen(weight_key), 1, WEIGHT_MAX, &weight)))
		return ctl_usage(c, "want weight=N with N from 1 to 1000, not \"%s\"", c->argv[4]);
	if (!ctl_option_count(c, "--server-id", 0, UINT32_MAX, &server_id))
		return CTL_USAGE;
	if (!ctl_path(c, path, "/v1/services/%s/instances", c->argv[0]))
		return CTL_USAGE;

	body = cJSON_CreateObject();
	cJSON_AddStringToObject(body, "name", c->argv[1]);
	cJSON_AddStringToObject(body, "address", c->argv[2]);
	cJSON_AddNumberToObject(body, "port", port);
	if (weight)
		cJSON_AddNumberToObject(body, "weight", weight);
	if (ctl_option(c, "--server-id"))
		cJSON_AddNumberToObject(body, "server_id", server_id);
	rc = ctl_fetch(c, "POST", path, body, &json);
	if (json)
		printf("%s/%s added\n", c->argv[0], c->argv[1]);
	cJSON_Delete(json);
	cJSON_Delete(body);
	return rc;
}

/* PATCH an instance, then tell its state. */
static enum ctl_result patch(struct ctl *c, const cJSON *body)
{
	char path[CTL_PATH_LEN];
	cJSON *json = NULL;
	enum ctl_result rc;

	if (!ctl_path(c, path, "/v1/services/%s/instances/%s", c->argv[0], c->argv[1]))
		return CTL_USAGE;
	rc = ctl_fetch(c, "PATCH", path, body, &json);
	if (json)
		printf("%s/%s: %s, weight %.0f\n", c->argv[0], c->argv[1], json_text(json, "state"),
		       json_number(json, "weight"));
	cJSON_Delete(json);
	return rc;
}

static enum ctl_result set_admin(struct ctl *c, const char *admin)
{
	cJSON *body = cJSON_CreateObject();
	enum ctl_result rc;

	cJSON_AddStringToObject(body, "admin", admin);
	rc = patch(c, body);
	cJSON_Delete(body);
	return rc;
}

enum ctl_result cmd_instance_up(struct ctl *c)
{
	return set_admin(c, "up");
}

enum ctl_result cmd_instance_down(struct ctl *c)
{
	return set_admin(c, "down");
}

enum ctl_result cmd_instance_drain(struct ctl *c)
{
	enum ctl_result rc = set_admin(c, "draining");

	if (rc || !ctl_option(c, "--wait"))
		return rc;
	return instance_wait(c, c->argv[0], c->argv[1], false);
}

enum ctl_result cmd_instance_weight(struct ctl *c)
{
	cJSON *body;
	enum ctl_result rc;
	uint64_t weight;

	if (num_count(c->argv[2], 1, WEIGHT_MAX, &weight))
		return ctl_usage(c, "N: want an integer from 1 to 1000, not \"%s\"", c->argv[2]);
	body = cJSON_CreateObject();
	cJSON_AddNumberToObject(body, "weight", weight);
	rc = patch(c, body);
	cJSON_Delete(body);
	return rc;
}

enum ctl_result cmd_instance_remove(struct ctl *c)
{
	bool now = ctl_option(c, "--now");
	char path[CTL_PATH_LEN];
	cJSON *json = NULL;
	enum ctl_result rc;

	if (!ctl_path(c, path,
		      now ? "/v1/services/%s/instances/%s?now=1" : "/v1/services/%s/instances/%s",
		      c->argv[0], c->argv[1]))
		return CTL_USAGE;
	rc = ctl_fetch(c, "DELETE", path, NULL, &json);
	if (json)
		printf("%s/%s: %s\n", c->argv[0], c->argv[1],
		       *json_text(json, "state") ? json_text(json, "state") : "removed");
	cJSON_Delete(json);
	if (rc || !ctl_option(c, "--wait"))
		return rc;
	return instance_wait(c, c->argv[0], c->argv[1], true);
}
