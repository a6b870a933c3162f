// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* /v1/services and their instances. */
#include <errno.h>
#include <netinet/in.h>
#include "../common/num.h"
#include "../dataplane/stats.h"
#include "api.h"
#include "health.h"

#define OVER_MIN_NS NUM_NS_PER_S
#define OVER_MAX_NS (86400 * NUM_NS_PER_S)

/* -- services -- */

static void add_scaling(struct daemon *d, const struct live_service *s, cJSON *to)
{
	struct scaling_figures f;
	cJSON *o;

	if (!scaling_figures(d->scaling, s, &f))
		return;
	o = json_obj(to, "scaling");
	cJSON_AddNumberToObject(o, "load", f.load);
	cJSON_AddNumberToObject(o, "offered", f.offered);
	json_u64(o, "desired", f.desired);
	json_u64(o, "have", f.have);
	json_u64(o, "starting", f.starting);
	json_u64(o, "min", f.min);
	json_u64(o, "max", f.max);
	json_str(o, "why", f.why ? f.why : "");
}

static void add_kinds(const struct daemon *d, uint16_t service, cJSON *to)
{
	uint64_t kind[SL_K__MAX];

	stats_kinds(d->dp, service, kind);
	for (size_t i = 0; i < SL_K__MAX; i++)
		if (kind[i])
			json_u64(to, kind_labels[i], kind[i]);
}

static cJSON *service_json(struct daemon *d, const struct live_service *s)
{
	cJSON *o = cJSON_CreateObject();
	uint64_t total = 0, ready = 0, pins = 0;

	for (const struct live_instance *i = s->instances; i; i = i->next) {
		total++;
		ready += instance_takes_flows(i);
		pins += i->pins;
	}
	json_str(o, "name", s->name);
	json_addr(o, "address", &s->key.addr);
	json_u64(o, "port", ntohs(s->key.port));
	json_str(o, "protocol",
		 s->model		       ? model_protocol_word(s->model->protocol)
		 : s->key.proto == IPPROTO_TCP ? "tcp"
					       : "udp");
	if (s->model)
		api_add_routes(s->model, o);
	json_u64(o, "keep_s", s->keep_s);
	json_u64(o, "ring_size", s->ring_size);
	json_u64(o, "slots_in_transition", s->slots_in_transition);
	json_u64(o, "instances", total);
	json_u64(o, "healthy", ready);
	json_u64(o, "pins", pins);
	json_u64(o, "half_open", d->dp->service_states[s->id].half_open);
	json_u64(o, "exchanges", d->dp->service_states[s->id].exchanges);
	json_u64(o, "flows", d->dp->service_states[s->id].flows);
	json_u64(o, "half_open_flows", d->dp->service_states[s->id].flow_opens);
	cJSON_AddBoolToObject(o, "below_min_healthy", s->below_min_healthy);
	cJSON_AddBoolToObject(o, "leaving", s->leaving);
	add_scaling(d, s, o);
	add_kinds(d, s->id, json_obj(o, "kinds"));
	return o;
}

void api_get_services(struct api_request *r)
{
	struct daemon *d = r->api->d;
	cJSON *out = cJSON_CreateObject(), *list = json_arr(out, "services");

	json_u64(out, "time_ns", daemon_now_ns());
	for (struct live_service *s = registry_services(d->registry); s; s = s->next)
		cJSON_AddItemToArray(list, service_json(d, s));
	api_reply(r, MHD_HTTP_OK, out);
}

void api_get_service(struct api_request *r)
{
	struct live_service *s = api_service(r);

	if (s)
		api_reply(r, MHD_HTTP_OK, service_json(r->api->d, s));
}

/* -- instances -- */

static void add_health(const struct live_instance *i, cJSON *to)
{
	struct health_info h;
	cJSON *o;

	health_info(i, &h);
	json_str(to, "health", h.state);
	o = json_obj(to, "probe");
	json_str(o, "sort", h.probe);
	if (!h.probed_ns)
		return;
	json_str(o, "why", h.why);
	cJSON_AddNumberToObject(o, "latency_ms", h.latency_ns / 1e6);
	cJSON_AddNumberToObject(o, "age_s", (daemon_now_ns() - h.probed_ns) / 1e9);
	json_u64(o, "ok", h.total_ok);
	json_u64(o, "failed", h.total_failed);
}

/* Where its weight is going. */
static void add_ramp(const struct live_instance *i, cJSON *to)
{
	uint64_t now = daemon_now_ns();

	if (ramp_is_over(&i->ramp, now))
		return;
	json_u64(to, "weight_target", i->ramp.to);
	cJSON_AddNumberToObject(to, "weight_left_s",
				(i->ramp.begun_ns + i->ramp.over_ns - now) / 1e9);
}

static cJSON *instance_json(const struct live_instance *i)
{
	cJSON *o = cJSON_CreateObject();

	json_str(o, "name", i->name);
	json_addr(o, "address", &i->addr);
	json_u64(o, "port", i->port);
	json_u64(o, "weight", i->weight);
	add_ramp(i, o);
	if (i->has_server_id)
		json_u64(o, "server_id", i->server_id);
	json_str(o, "state", instance_state(i));
	json_str(o, "admin", admin_label(i->admin));
	add_health(i, o);
	json_str(o, "hop", hop_label(i->hop));
	json_str(o, "origin", origin_label(i->origin));
	json_u64(o, "slots", i->slots_cur);
	json_u64(o, "slots_in_transition", i->slots_prev);
	json_u64(o, "pins", i->pins);
	cJSON_AddBoolToObject(o, "drained", i->drained);
	cJSON_AddBoolToObject(o, "leaving", i->leaving);
	cJSON_AddBoolToObject(o, "gone", i->gone);
	cJSON_AddBoolToObject(o, "moved", i->moved);
	if (i->outlier.ejected && i->outlier.until_ns > daemon_now_ns())
		cJSON_AddNumberToObject(o, "ejected_s",
					(i->outlier.until_ns - daemon_now_ns()) / 1e9);
	if (i->outlier.in_a_row)
		json_u64(o, "ejections", i->outlier.in_a_row);
	if (i->drain_since_s)
		json_u64(o, "draining_s", daemon_now_s() - i->drain_since_s);
	return o;
}

void api_get_instances(struct api_request *r)
{
	struct live_service *s = api_service(r);
	cJSON *out, *list;

	if (!s)
		return;
	out = cJSON_CreateObject();
	list = json_arr(out, "instances");
	for (struct live_instance *i = s->instances; i; i = i->next)
		cJSON_AddItemToArray(list, instance_json(i));
	api_reply(r, MHD_HTTP_OK, out);
}

void api_get_instance(struct api_request *r)
{
	struct live_instance *i = api_instance(r);

	if (i)
		api_reply(r, MHD_HTTP_OK, instance_json(i));
}

/* The instance as it is after a change; NULL where it is gone. */
static cJSON *instance_after(struct api_request *r, const char *name)
{
	struct live_service *s = registry_service(r->api->d->registry, r->name[0]);
	struct live_instance *i = s ? registry_instance(s, name) : NULL;

	return i ? instance_json(i) : NULL;
}

void api_post_instance(struct api_request *r)
{
	struct live_service *s = api_service(r);
	cJSON *body = s ? api_body(r) : NULL;
	struct config_error why = {};
	struct live_instance *i;
	const char *name;
	int err;

	if (!body)
		return;
	name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "name"));
	i = name ? registry_instance(s, name) : NULL;
	if (i && !i->leaving) {
		api_fail(r, MHD_HTTP_CONFLICT, "service %s has an instance \"%s\" already", s->name,
			 name);
	} else {
		err = daemon_instance_add(r->api->d, s->name, body, ORIGIN_API, &why);
		api_result(r, err, &why, MHD_HTTP_CREATED,
			   err || !name ? NULL : instance_after(r, name));
	}
	cJSON_Delete(body);
}

struct instance_patch {
	bool has_admin, has_weight;
	enum model_admin admin;
	uint32_t weight;
	uint64_t over_ns; /* 0: at once */
};

static int patch_admin(const cJSON *item, struct instance_patch *ret)
{
	const char *text = cJSON_GetStringValue(item);

	for (enum model_admin a = ADMIN_UP; text && a <= ADMIN_DOWN; a++) {
		if (strcmp(text, admin_label(a)))
			continue;
		ret->has_admin = true;
		ret->admin = a;
		return 0;
	}
	return -EINVAL;
}

static int patch_weight(const cJSON *item, struct instance_patch *ret)
{
	double value = cJSON_GetNumberValue(item);

	if (!cJSON_IsNumber(item) || !(value >= 1 && value <= 1000) || value != (uint32_t)value)
		return -EINVAL;
	ret->has_weight = true;
	ret->weight = value;
	return 0;
}

static int patch_over(const cJSON *item, struct instance_patch *ret)
{
	const char *text = cJSON_GetStringValue(item);
	uint64_t ns;

	if (!text || num_duration(text, &ns) || ns < OVER_MIN_NS || ns > OVER_MAX_NS)
		return -EINVAL;
	ret->over_ns = ns;
	return 0;
}

/* False: malformed, and answered. */
static bool patch_read(struct api_request *r, const cJSON *body, struct instance_patch *ret)
{
	const cJSON *item;
	const char *want;

	cJSON_ArrayForEach(item, body) {
		if (!strcmp(item->string, "admin") && !ret->has_admin) {
			want = "want \"up\", \"draining\" or \"down\"";
			if (!patch_admin(item, ret))
				continue;
		} else if (!strcmp(item->string, "weight") && !ret->has_weight) {
			want = "want an integer from 1 to 1000";
			if (!patch_weight(item, ret))
				continue;
		} else if (!strcmp(item->string, "over") && !ret->over_ns) {
			want = "want a duration from 1s to 1d";
			if (!patch_over(item, ret))
				continue;
		} else {
			want = "unknown or repeated; want \"admin\", \"weight\" or \"over\"";
		}
		api_fail(r, MHD_HTTP_UNPROCESSABLE_CONTENT, "%.64s: %s", item->string, want);
		return false;
	}
	if (ret->over_ns && !ret->has_weight) {
		api_fail(r, MHD_HTTP_UNPROCESSABLE_CONTENT, "over: want \"weight\" with it");
		return false;
	}
	if (ret->has_admin || ret->has_weight)
		return true;
	api_fail(r, MHD_HTTP_UNPROCESSABLE_CONTENT, "want \"admin\" or \"weight\"");
	return false;
}

void api_patch_instance(struct api_request *r)
{
	struct live_instance *i = api_instance(r);
	cJSON *body = i ? api_body(r) : NULL;
	struct daemon *d = r->api->d;
	struct instance_patch patch = {};
	struct config_error why = {};
	int err = 0;

	if (!body)
		return;
	if (patch_read(r, body, &patch)) {
		if (patch.has_weight)
			err = daemon_instance_weight(d, r->name[0], r->name[1], patch.weight,
						     patch.over_ns, &why);
		if (!err && patch.has_admin)
			err = daemon_instance_admin(d, r->name[0], r->name[1], patch.admin, &why);
		api_result(r, err, &why, MHD_HTTP_OK, err ? NULL : instance_after(r, r->name[1]));
	}
	cJSON_Delete(body);
}

void api_delete_instance(struct api_request *r)
{
	struct live_instance *i = api_instance(r);
	struct config_error why = {};
	uint64_t now = 0;
	int err;

	if (!i || !api_query_u64(r, "now", 0, 1, &now))
		return;
	err = daemon_instance_remove(r->api->d, r->name[0], r->name[1], now, &why);
	api_result(r, err, &why, MHD_HTTP_OK, err ? NULL : instance_after(r, r->name[1]));
}
