// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* /v1/status, /v1/reasons, /v1/doctor, /v1/links. */
#include "../dataplane/stats.h"
#include "api.h"

static void add_groups(const struct dataplane *dp, cJSON *to)
{
	uint64_t group[SL_G__MAX] = {}, sum = 0;
	struct stats_reasons s;

	stats_reasons(dp, &s);
	for (size_t i = 0; i < SL_R__MAX; i++) {
		group[reason_groups[i]] += s.reason[i];
		sum += s.reason[i];
	}
	json_u64(to, "all", sum);
	for (size_t i = 0; i < SL_G__MAX; i++)
		json_u64(to, group_labels[i], group[i]);
}

static void add_interfaces(const struct daemon *d, cJSON *to)
{
	for (const struct daemon_interface *i = d->interfaces; i; i = i->next) {
		cJSON *o = cJSON_CreateObject();

		json_str(o, "name", i->name);
		json_str(o, "mode", link_mode_label(i->mode));
		cJSON_AddItemToArray(to, o);
	}
}

static void add_counts(struct daemon *d, cJSON *to)
{
	uint64_t services = 0, instances = 0, ready = 0, flows = 0;

	for (struct live_service *s = registry_services(d->registry); s; s = s->next) {
		services++;
		flows += d->dp->service_states[s->id].flows;
		for (struct live_instance *i = s->instances; i; i = i->next) {
			instances++;
			ready += instance_takes_flows(i);
		}
	}
	json_u64(to, "services", services);
	json_u64(to, "instances", instances);
	json_u64(to, "instances_ready", ready);
	json_u64(to, "tenants", d->model->n_tenants);
	json_u64(to, "flows", flows);
	json_u64(to, "flows_max", d->dp->cap.flows);
}

static void add_reload(const struct api *a, cJSON *to)
{
	json_u64(to, "ok", a->reloads_ok);
	json_u64(to, "failed", a->reloads_failed);
	if (a->last_reload)
		json_u64(to, "last", a->last_reload);
	if (a->reload_error[0])
		json_str(to, "error", a->reload_error);
}

void api_get_status(struct api_request *r)
{
	struct daemon *d = r->api->d;
	cJSON *out = cJSON_CreateObject();
	uint64_t now = daemon_now_ns();

	json_str(out, "node", d->model->node);
	json_str(out, "version", SL_VERSION);
	json_str(out, "config", d->config_path ? d->config_path : "");
	json_u64(out, "generation", d->generation);
	json_u64(out, "uptime_s", (now - d->started_ns) / 1000000000);
	json_u64(out, "time_ns", now);
	cJSON_AddBoolToObject(out, "ready", d->ready);
	cJSON_AddBoolToObject(out, "adopted", d->dp->adopted);
	if (r->api->metrics_listen)
		json_str(out, "metrics", r->api->metrics_listen);
	add_interfaces(d, json_arr(out, "interfaces"));
	add_groups(d->dp, json_obj(out, "packets"));
	add_counts(d, out);
	add_reload(r->api, json_obj(out, "reload"));
	api_reply(r, MHD_HTTP_OK, out);
}

void api_get_reasons(struct api_request *r)
{
	cJSON *out = cJSON_CreateObject(), *reasons, *notes;
	struct stats_reasons s;
	uint64_t sum = 0;

	json_u64(out, "time_ns", daemon_now_ns());
	stats_reasons(r->api->d->dp, &s);
	reasons = json_arr(out, "reasons");
	/* Reason 0 is "go on": a packet never leaves under it. */
	for (size_t i = 0; i < SL_R__MAX; i++) {
		cJSON *o;

		sum += s.reason[i];
		if (i == SL_R_NONE && !s.reason[i])
			continue;
		o = cJSON_CreateObject();
		json_str(o, "reason", reason_labels[i]);
		json_str(o, "group", group_labels[reason_groups[i]]);
		json_u64(o, "packets", s.reason[i]);
		json_str(o, "text", reason_texts[i]);
		cJSON_AddItemToArray(reasons, o);
	}
	notes = json_arr(out, "notes");
	for (size_t i = 0; i < SL_N__MAX; i++) {
		cJSON *o = cJSON_CreateObject();

		json_str(o, "note", note_labels[i]);
		json_u64(o, "packets", s.note[i]);
		json_str(o, "text", note_texts[i]);
		cJSON_AddItemToArray(notes, o);
	}
	json_u64(out, "sum", sum);
	api_reply(r, MHD_HTTP_OK, out);
}

void api_get_doctor(struct api_request *r)
{
	cJSON *out = cJSON_CreateObject();

	doctor_run(r->api->d, json_arr(out, "checks"));
	api_reply(r, MHD_HTTP_OK, out);
}

void api_delete_link(struct api_request *r)
{
	struct config_error why = {};
	int err = daemon_detach(r->api->d, r->name[0], &why);

	api_result(r, err, &why, MHD_HTTP_OK, NULL);
}
