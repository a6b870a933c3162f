// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* /v1/tenants/NAME/devices: the heaviest, by keyed hash, in the last whole window and
 * in the one that runs.
 */
#include <stdlib.h>
#include "../common/cleanup.h"
#include "../dataplane/stats.h"
#include "api.h"
#include "top.h"

static int add_devices(const struct api_request *r, const struct model_tenant *t,
		       const struct top_window *w, uint64_t limit, cJSON *to)
{
	sl_autofree struct top_device *devices = NULL;
	size_t n;
	int err = top_read(r->api->d->dp, t->top_table, w->index, &devices, &n);

	for (size_t i = 0; !err && i < n && i < limit; i++) {
		char name[STATS_DEVICE_LEN];
		cJSON *o = cJSON_CreateObject();

		stats_device(devices[i].hash, name);
		json_str(o, "device", name);
		json_u64(o, "offered_packets", devices[i].offered);
		json_u64(o, "refused_packets", devices[i].refused);
		cJSON_AddItemToArray(to, o);
	}
	return err;
}

static int add_window(const struct api_request *r, const struct model_tenant *t, bool last,
		      uint64_t limit, cJSON *to)
{
	struct top_window w;
	cJSON *o;

	if (!top_window(r->api->d->top, t, last, &w)) {
		cJSON_AddNullToObject(to, last ? "last" : "running");
		return 0;
	}
	o = json_obj(to, last ? "last" : "running");
	json_u64(o, "since_ns", w.since_ns);
	json_u64(o, "until_ns", w.until_ns);
	return add_devices(r, t, &w, limit, json_arr(o, "devices"));
}

void api_get_devices(struct api_request *r)
{
	const struct model_tenant *t = api_tenant(r);
	uint64_t limit = API_DEVICES_LIMIT;
	cJSON *out;
	int err;

	if (!t || !api_query_u64(r, "limit", 1, API_DEVICES_LIMIT_MAX, &limit))
		return;
	if (!t->top_table) {
		api_fail(r, MHD_HTTP_CONFLICT,
			 "tenant %s does not count its devices; want \"top_devices\": true in its "
			 "configuration",
			 t->name);
		return;
	}
	out = cJSON_CreateObject();
	json_str(out, "tenant", t->name);
	json_u64(out, "time_ns", daemon_now_ns());
	err = add_window(r, t, true, limit, out);
	if (!err)
		err = add_window(r, t, false, limit, out);
	if (err) {
		cJSON_Delete(out);
		out = NULL; /* no memory: said so */
	}
	api_reply(r, MHD_HTTP_OK, out);
}
