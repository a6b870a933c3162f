// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* GET /metrics: what each family says, and the bounds on how many. docs/metrics.md. */
#include <errno.h>
#include <stdlib.h>
#include "../common/cleanup.h"
#include "api.h"
#include "metrics.h"

/* -- the daemon -- */

static void put_daemon(FILE *f, const struct api *a)
{
	const struct daemon *d = a->d;
	uint64_t up_ns = daemon_now_ns() - d->started_ns;

	metric_family(f, "sluice_info", METRIC_GAUGE, "Version and node; always 1");
	metric_int(f, "sluice_info", METRIC_LABELS("version", SL_VERSION, "node", d->model->node),
		   1);
	metric_family(f, "sluice_uptime_seconds", METRIC_GAUGE, "Time since the daemon started");
	metric_float(f, "sluice_uptime_seconds", NULL, up_ns / 1e9);
	metric_family(f, "sluice_config_generation", METRIC_GAUGE,
		      "Configurations put in force since the daemon started");
	metric_int(f, "sluice_config_generation", NULL, d->generation);
	metric_family(f, "sluice_reloads_total", METRIC_COUNTER, "Reloads by result");
	metric_int(f, "sluice_reloads_total", METRIC_LABELS("result", "ok"), a->reloads_ok);
	metric_int(f, "sluice_reloads_total", METRIC_LABELS("result", "failed"), a->reloads_failed);
	metric_family(f, "sluice_last_reload_successful", METRIC_GAUGE,
		      "1 unless the last reload failed");
	metric_int(f, "sluice_last_reload_successful", NULL, !a->reload_error[0]);
	metric_family(f, "sluice_last_reload_success_timestamp_seconds", METRIC_GAUGE,
		      "When a reload last succeeded, 0 if none has yet");
	metric_int(f, "sluice_last_reload_success_timestamp_seconds", NULL, a->last_reload);
	metric_family(f, "sluice_interface_info", METRIC_GAUGE,
		      "Attached interfaces and their XDP mode; always 1");
	for (const struct daemon_interface *i = d->interfaces; i; i = i->next)
		metric_int(f, "sluice_interface_info",
			   METRIC_LABELS("interface", i->name, "mode", link_mode_label(i->mode)),
			   1);
}

static void put_reasons(FILE *f, const struct dataplane *dp)
{
	struct stats_reasons s;

	stats_reasons(dp, &s);
	metric_family(f, "sluice_packets_total", METRIC_COUNTER,
		      "Packets by the one reason under which they left");
	for (size_t i = SL_R_NONE + 1; i < SL_R__MAX; i++)
		metric_int(f, "sluice_packets_total",
			   METRIC_LABELS("reason", reason_labels[i], "group",
					 group_labels[reason_groups[i]]),
			   s.reason[i]);
	metric_family(f, "sluice_notes_total", METRIC_COUNTER,
		      "Packets to which something happened on their way");
	for (size_t i = 0; i < SL_N__MAX; i++)
		metric_int(f, "sluice_notes_total", METRIC_LABELS("note", note_labels[i]),
			   s.note[i]);
}

/* -- accounts -- */

struct account_row {
	const char *tenant, *service;
	struct figure sum;
};

struct account_rows {
	struct account_row *row;
	size_t n, cap;
	size_t folded; /* tenants */
};

static struct figure *row_add(struct account_rows *rows, const char *tenant, const char *service)
{
	struct account_row *r = &rows->row[rows->n++];

	r->tenant = tenant;
	r->service = service;
	return &r->sum;
}

/* The largest tenants, whole; the rest in one row. */
static void select_tenants(const struct figures *f, const size_t *order, struct account_rows *rows)
{
	struct figure other = {};

	for (size_t i = 0; i < f->n_tenants; i++) {
		const struct figure_tenant *t = &f->tenants[order[i]];

		if (i >= METRICS_MAX_TENANTS || rows->n + t->n_accounts > METRICS_MAX_ACCOUNTS) {
			figure_add_tenant(f, t, &other);
			rows->folded++;
			continue;
		}
		for (size_t k = t->account; k < t->account + t->n_accounts; k++)
			figure_add_account(f, k, row_add(rows, t->name, f->accounts[k].service));
	}
	figure_add_unclaimed(f, &other);
	if (rows->folded || figure_offered_packets(&other))
		*row_add(rows, FIGURES_OTHER, FIGURES_OTHER) = other;
}

/* What belongs to no tenant, by service: the tallies are sorted by it. */
static void select_none(struct registry *reg, const struct figures *f, struct account_rows *rows)
{
	for (size_t i = 0, end; i < f->none_n; i = end) {
		uint32_t id = f->tallies[i].service;
		struct live_service *s =
			id && id <= UINT16_MAX ? registry_service_by_id(reg, id) : NULL;
		struct figure *sum;

		for (end = i; end < f->none_n && f->tallies[end].service == id; end++)
			;
		if (rows->n == rows->cap)
			return;
		sum = row_add(rows, FIGURES_NONE, s ? s->name : "");
		for (size_t k = i; k < end; k++)
			figure_add_tally(&f->tallies[k], sum);
	}
}

static void put_admitted(FILE *f, const struct account_rows *rows)
{
	/* clang-format off */
	static const struct { const char *name, *help; size_t at; } family[] = {
		{ "sluice_admitted_packets_total", "Packets sent on to an instance",
		  offsetof(struct sl_hot, packets) },
		{ "sluice_admitted_bytes_total", "Bytes of IP packets sent on to an instance",
		  offsetof(struct sl_hot, bytes) },
		{ "sluice_admitted_messages_total", "Messages sent on to an instance",
		  offsetof(struct sl_hot, messages) },
		{ "sluice_admitted_connections_total", "New connections let through",
		  offsetof(struct sl_hot, connections) },
	};
	/* clang-format on */

	for (size_t i = 0; i < SL_ARRAY_SIZE(family); i++) {
		metric_family(f, family[i].name, METRIC_COUNTER, family[i].help);
		for (size_t k = 0; k < rows->n; k++) {
			const struct account_row *r = &rows->row[k];
			uint64_t value;

			memcpy(&value, (const char *)&r->sum.admitted + family[i].at,
			       sizeof(value));
			metric_int(f, family[i].name,
				   METRIC_LABELS("tenant", r->tenant, "service", r->service),
				   value);
		}
	}
}

static void put_open(FILE *f, const struct account_rows *rows)
{
	const char *name = "sluice_open_connections";

	metric_family(f, name, METRIC_GAUGE, "Tracked connections that are open");
	for (size_t i = 0; i < rows->n; i++) {
		const struct account_row *r = &rows->row[i];

		if (r->sum.open)
			metric_int(f, name,
				   METRIC_LABELS("tenant", r->tenant, "service", r->service),
				   r->sum.open);
	}
}

static void put_by_reason(FILE *f, const struct account_rows *rows, const char *name, size_t at)
{
	for (size_t k = 0; k < rows->n; k++) {
		const struct account_row *r = &rows->row[k];
		const uint64_t *by = (const uint64_t *)((const char *)&r->sum + at);

		for (size_t i = 0; i < SL_R__MAX; i++)
			if (by[i])
				metric_int(f, name,
					   METRIC_LABELS("tenant", r->tenant, "service", r->service,
							 "reason", reason_labels[i]),
					   by[i]);
	}
}

static void put_folded(FILE *f, const char *object, size_t n)
{
	metric_int(f, "sluice_metrics_folded", METRIC_LABELS("object", object), n);
}

static int put_accounts(FILE *f, struct daemon *d, size_t *ret_folded)
{
	struct account_rows rows = { .cap = METRICS_MAX_ACCOUNTS + METRICS_MAX_SERVICES + 1 };
	sl_autofree struct account_row *memory = calloc(rows.cap, sizeof(*memory));
	sl_autofree size_t *order = NULL;
	struct figures fig;
	int err = memory ? 0 : -ENOMEM;

	if (!err)
		err = figures_read(d->dp, registry_names(d->registry), daemon_now_ns(), &fig);
	if (err)
		return err;
	rows.row = memory;
	err = figures_order(&fig, FIGURES_BY_ADMITTED, &order);
	if (!err) {
		select_tenants(&fig, order, &rows);
		select_none(d->registry, &fig, &rows);
		put_admitted(f, &rows);
		put_open(f, &rows);
		metric_family(f, "sluice_refused_packets_total", METRIC_COUNTER,
			      "Packets that were not admitted, by reason");
		put_by_reason(f, &rows, "sluice_refused_packets_total",
			      offsetof(struct figure, refused));
		metric_family(f, "sluice_marked_packets_total", METRIC_COUNTER,
			      "Packets over quota, admitted because on_excess is mark");
		put_by_reason(f, &rows, "sluice_marked_packets_total",
			      offsetof(struct figure, marked));
		*ret_folded = rows.folded;
		err = metrics_latencies(f, &fig, order);
		if (!err)
			err = metrics_classes(f, d->dp, registry_names(d->registry), &fig, order);
	}
	figures_free(&fig);
	return err;
}

/* -- all of it -- */

static int put_all(FILE *f, struct api *a)
{
	size_t tenants = 0, services, instances;
	int err;

	put_daemon(f, a);
	put_reasons(f, a->d->dp);
	err = put_accounts(f, a->d, &tenants);
	if (err)
		return err;
	metrics_services(f, a->d, &services, &instances);
	metric_family(f, "sluice_metrics_folded", METRIC_GAUGE,
		      "Objects without series of their own: tenants are summed in _other");
	put_folded(f, "tenant", tenants);
	put_folded(f, "service", services);
	put_folded(f, "instance", instances);
	return 0;
}

void api_get_metrics(struct api_request *r)
{
	sl_autofree char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int err;

	if (!f) {
		api_reply(r, 0, NULL);
		return;
	}
	err = put_all(f, r->api);
	if (fclose(f) && !err)
		err = -ENOMEM;
	if (err) {
		api_fail(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "read the figures: %s", strerror(-err));
		return;
	}
	r->status = MHD_HTTP_OK;
	r->text_len = len;
	r->text = sl_take(text);
}
