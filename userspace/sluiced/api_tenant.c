// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* /v1/tenants and /v1/top: quotas and figures. */
#include <errno.h>
#include <stdio.h>
#include "../common/addr.h"
#include "../common/cleanup.h"
#include "../common/num.h"
#include "../config/identity.h"
#include "lib/latency.h"
#include "api.h"
#include "class_figures.h"

static const char *const latency_labels[] = {
#define X(name, label) [SL_L_##name] = label,
	SL_LATENCY_SORTS(X)
#undef X
};

/* -- figures -- */

static void add_by_reason(const uint64_t by[SL_R__MAX], cJSON *to)
{
	for (size_t i = 0; i < SL_R__MAX; i++)
		if (by[i])
			json_u64(to, reason_labels[i], by[i]);
}

static void add_figure(const struct figure *f, cJSON *to)
{
	cJSON *offered = json_obj(to, "offered"), *admitted = json_obj(to, "admitted");

	json_u64(offered, "packets", figure_offered_packets(f));
	json_u64(offered, "messages", figure_offered_messages(f));
	json_u64(offered, "connections", figure_offered_connections(f));
	json_u64(admitted, "packets", f->admitted.packets);
	json_u64(admitted, "bytes", f->admitted.bytes);
	json_u64(admitted, "messages", f->admitted.messages);
	json_u64(admitted, "connections", f->admitted.connections);
	json_u64(to, "open_connections", f->open);
	json_u64(to, "refused_packets", figure_refused(f));
	add_by_reason(f->refused, json_obj(to, "refused"));
	add_by_reason(f->marked, json_obj(to, "marked"));
}

/* [[from_ns, samples], ...]: readers take differences, and quantiles of these. */
static void add_buckets(const struct sl_latency *l, cJSON *to)
{
	cJSON *buckets = json_arr(to, "buckets");

	for (uint32_t i = 0; i < SL_LATENCY_BUCKETS; i++) {
		double pair[] = { latency_floor_ns(i), l->bucket[i] };

		if (l->bucket[i])
			cJSON_AddItemToArray(buckets, cJSON_CreateDoubleArray(pair, 2));
	}
}

/* Since the maps were made. Absent where nothing was timed. */
static void add_times(const struct figure_times *t, cJSON *to)
{
	cJSON *latency = NULL;

	for (size_t i = 0; i < SL_L__MAX; i++) {
		const struct sl_latency *l = &t->of[i];
		uint64_t n = latency_count(l->bucket);
		cJSON *o;

		if (!n)
			continue;
		latency = latency ? latency : json_obj(to, "latency");
		o = json_obj(latency, latency_labels[i]);
		json_u64(o, "samples", n);
		json_u64(o, "mean_us", l->sum_ns / n / 1000);
		json_u64(o, "p50_us", latency_quantile_ns(l->bucket, 500) / 1000);
		json_u64(o, "p90_us", latency_quantile_ns(l->bucket, 900) / 1000);
		json_u64(o, "p99_us", latency_quantile_ns(l->bucket, 990) / 1000);
		add_buckets(l, o);
	}
}

static void add_tenant_times(const struct figures *f, const struct figure_tenant *t, cJSON *to)
{
	struct figure_times sum = {};

	if (figure_add_tenant_times(f, t, &sum))
		add_times(&sum, to);
}

/* False: could not be read, and answered. */
static bool read_figures(struct api_request *r, struct figures *ret)
{
	struct daemon *d = r->api->d;
	int err = figures_read(d->dp, registry_names(d->registry), daemon_now_ns(), ret);

	if (err)
		api_fail(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "read the figures: %s", strerror(-err));
	return !err;
}

static bool read_classes(struct api_request *r, struct class_figures *ret)
{
	struct daemon *d = r->api->d;
	int err = class_figures_read(d->dp, registry_names(d->registry), ret);

	if (err)
		api_fail(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "read the figures: %s", strerror(-err));
	return !err;
}

/* -- top -- */

static cJSON *add_row(cJSON *rows, const char *name, const struct figure *f)
{
	cJSON *row = cJSON_CreateObject();

	json_str(row, "tenant", name);
	add_figure(f, row);
	cJSON_AddItemToArray(rows, row);
	return row;
}

static void add_rows(const struct figures *f, const struct class_figures *classes,
		     const size_t *order, size_t limit, cJSON *rows)
{
	struct figure none = {}, other = {};

	for (size_t i = 0; i < f->n_tenants; i++) {
		const struct figure_tenant *t = &f->tenants[order[i]];
		struct figure one = {};
		cJSON *row;

		figure_add_tenant(f, t, i < limit ? &one : &other);
		if (i >= limit)
			continue;
		row = add_row(rows, t->name, &one);
		add_tenant_times(f, t, row);
		class_figures_json(classes, t->name, row);
	}
	figure_add_unclaimed(f, &other);
	if (figure_offered_packets(&other))
		add_row(rows, FIGURES_OTHER, &other);
	figure_add_none(f, &none);
	if (figure_offered_packets(&none))
		add_row(rows, FIGURES_NONE, &none);
}

void api_get_top(struct api_request *r)
{
	uint64_t limit = API_TOP_LIMIT;
	sl_autofree size_t *order = NULL;
	sl_cleanup(class_figures_free) struct class_figures classes = {};
	struct figures f;
	cJSON *out;

	if (!api_query_u64(r, "limit", 1, API_LIST_LIMIT_MAX, &limit) ||
	    !read_classes(r, &classes) || !read_figures(r, &f))
		return;
	if (figures_order(&f, FIGURES_BY_OFFERED, &order)) {
		figures_free(&f);
		api_reply(r, 0, NULL);
		return;
	}
	out = cJSON_CreateObject();
	json_u64(out, "time_ns", f.time_ns);
	json_u64(out, "tenants", f.n_tenants);
	json_u64(out, "folded", f.n_tenants > limit ? f.n_tenants - limit : 0);
	add_rows(&f, &classes, order, limit, json_arr(out, "rows"));
	figures_free(&f);
	api_reply(r, MHD_HTTP_OK, out);
}

/* -- tenants -- */

static void add_quota(const struct model_quota *q, cJSON *to)
{
	char text[NUM_TEXT];
	bool any = false;

	for (size_t i = 0; i < SL_Q__MAX; i++) {
		if (q->rate[i] <= 0)
			continue;
		any = true;
		json_str(to, quota_labels[i],
			 i == SL_Q_BYTES ? num_byte_rate_text(q->rate[i], text)
					 : num_rate_text(q->rate[i], text));
	}
	if (q->open_max)
		json_u64(to, "open_connections", q->open_max);
	if (any)
		json_str(to, "burst", num_duration_text(q->burst_ns, text));
}

static void add_text(cJSON *to, const char *text)
{
	cJSON_AddItemToArray(to, cJSON_CreateString(text));
}

/* @classes: figures of them; NULL: without. */
static cJSON *tenant_json(const struct model_tenant *t, const struct class_figures *classes)
{
	cJSON *o = cJSON_CreateObject();

	json_str(o, "name", t->name);
	json_str(o, "on_excess", model_excess_word(t->excess));
	json_str(o, "refused_syn", t->reset_syn ? "reset" : "drop");
	add_quota(&t->quota, json_obj(o, "quota"));
	add_quota(&t->device_quota, json_obj(o, "device_quota"));
	class_quotas_json(classes, t, o);
	api_add_allow(t, json_obj(o, "allow"));
	return o;
}

static void add_sources(const struct model_tenant *t, cJSON *to)
{
	char text[ADDR_TEXT];

	for (size_t i = 0; i < t->n_sources; i++) {
		const struct model_prefix *p = &t->sources[i];

		add_text(to, addr_prefix_text(&p->addr, p->len, text));
	}
}

static void add_word(cJSON *to, const char *word, const char *text)
{
	cJSON *o = cJSON_CreateObject();

	json_str(o, word, text);
	cJSON_AddItemToArray(to, o);
}

/* As it was configured, and in that order. */
static void add_matches(const struct model_tenant *t, cJSON *to)
{
	char text[IDENTITY_TEXT];

	for (size_t s = 0, i = 0; s < t->n_sources || i < t->n_identities;) {
		const struct model_prefix *p = &t->sources[s];
		const struct model_identity *id = &t->identities[i];

		if (s < t->n_sources && (i == t->n_identities || p->at < id->at)) {
			add_word(to, "source", addr_prefix_text(&p->addr, p->len, text));
			s++;
		} else {
			add_word(to, identity_member(identity_root(id)), identity_text(id, text));
			i++;
		}
	}
}

static void add_accounts(const struct figures *f, const struct figure_tenant *t, cJSON *to)
{
	for (size_t i = t->account; i < t->account + t->n_accounts; i++) {
		cJSON *o = cJSON_CreateObject();
		struct figure_times times = {};
		struct figure one = {};

		figure_add_account(f, i, &one);
		json_str(o, "service", f->accounts[i].service);
		add_figure(&one, o);
		if (figure_add_account_times(f, i, &times))
			add_times(&times, o);
		cJSON_AddItemToArray(to, o);
	}
}

static void add_tenant_figures(const struct figures *f, const char *name, cJSON *to)
{
	const struct figure_tenant *t = figures_tenant(f, name);
	struct figure sum = {};

	if (t)
		figure_add_tenant(f, t, &sum);
	add_figure(&sum, to);
	if (t)
		add_tenant_times(f, t, to);
}

void api_get_tenant(struct api_request *r)
{
	const struct model_tenant *t = api_tenant(r);
	sl_cleanup(class_figures_free) struct class_figures classes = {};
	const struct figure_tenant *has;
	struct figures f;
	cJSON *out, *accounts;

	if (!t || !read_classes(r, &classes) || !read_figures(r, &f))
		return;
	out = tenant_json(t, &classes);
	json_u64(out, "time_ns", f.time_ns);
	add_sources(t, json_arr(out, "sources"));
	add_matches(t, json_arr(out, "match"));
	add_tenant_figures(&f, t->name, out);
	accounts = json_arr(out, "accounts");
	has = figures_tenant(&f, t->name);
	if (has)
		add_accounts(&f, has, accounts);
	figures_free(&f);
	api_reply(r, MHD_HTTP_OK, out);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct model_tenant *const *)a)->name,
		      (*(const struct model_tenant *const *)b)->name);
}

/* Tenants whose name comes after @after, sorted: pages that stay right while
 * tenants come and go.
 */
static const struct model_tenant **sorted_after(const struct model *m, const char *after,
						size_t *ret_n)
{
	const struct model_tenant **list = calloc(m->n_tenants + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return NULL;
	for (size_t i = 0; i < m->n_tenants; i++)
		if (strcmp(m->tenants[i].name, after) > 0)
			list[n++] = &m->tenants[i];
	qsort(list, n, sizeof(*list), by_name);
	*ret_n = n;
	return list;
}

void api_get_tenants(struct api_request *r)
{
	const char *after = api_query(r, "after");
	sl_autofree const struct model_tenant **list = NULL;
	sl_cleanup(class_figures_free) struct class_figures classes = {};
	uint64_t limit = API_LIST_LIMIT;
	struct figures f;
	cJSON *out, *tenants;
	size_t n;

	if (!api_query_u64(r, "limit", 1, API_LIST_LIMIT_MAX, &limit))
		return;
	list = sorted_after(r->api->d->model, after ? after : "", &n);
	if (!list) {
		api_reply(r, 0, NULL);
		return;
	}
	if (!read_classes(r, &classes) || !read_figures(r, &f))
		return;
	out = cJSON_CreateObject();
	json_u64(out, "time_ns", f.time_ns);
	json_u64(out, "total", r->api->d->model->n_tenants);
	tenants = json_arr(out, "tenants");
	for (size_t i = 0; i < n && i < limit; i++) {
		cJSON *o = tenant_json(list[i], &classes);

		add_tenant_figures(&f, list[i]->name, o);
		cJSON_AddItemToArray(tenants, o);
	}
	if (n > limit)
		json_str(out, "next", list[limit - 1]->name);
	figures_free(&f);
	api_reply(r, MHD_HTTP_OK, out);
}

/* -- quotas -- */

/* False: malformed, and answered. */
static bool quota_members(struct api_request *r, const cJSON *body, const cJSON **ret_quota,
			  const cJSON **ret_device)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, body) {
		bool is_quota = !strcmp(item->string, "quota");
		const cJSON **to = is_quota ? ret_quota : ret_device;

		if ((!is_quota && strcmp(item->string, "device_quota")) || *to) {
			api_fail(r, MHD_HTTP_UNPROCESSABLE_CONTENT,
				 "%.64s: unknown or repeated; want \"quota\" or \"device_quota\"",
				 item->string);
			return false;
		}
		if (!cJSON_IsObject(item)) {
			api_fail(r, MHD_HTTP_UNPROCESSABLE_CONTENT,
				 "%s: want an object such as {\"messages\": \"5k/s\"}",
				 item->string);
			return false;
		}
		*to = item;
	}
	if (*ret_quota || *ret_device)
		return true;
	api_fail(r, MHD_HTTP_UNPROCESSABLE_CONTENT, "want \"quota\" or \"device_quota\"");
	return false;
}

void api_patch_tenant(struct api_request *r)
{
	const struct model_tenant *t = api_tenant(r);
	cJSON *body = t ? api_body(r) : NULL;
	const cJSON *quota = NULL, *device = NULL;
	struct config_error why = {};
	int err;

	if (!body)
		return;
	if (quota_members(r, body, &quota, &device)) {
		err = daemon_tenant_quota(r->api->d, r->name[0], quota, device, &why);
		/* The model in force may be another one now. */
		t = err ? NULL : api_tenant(r);
		if (err || t)
			api_result(r, err, &why, MHD_HTTP_OK, t ? tenant_json(t, NULL) : NULL);
	}
	cJSON_Delete(body);
}
