// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/bpf.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>
#include "../common/told.h"
#include "tell.h"

/* -- names of ids -- */

static const char *service_word(const struct ground *g, const struct sl_event *e)
{
	return e->service && e->service <= g->model->n_services
		       ? g->model->services[e->service - 1].name
		       : NULL;
}

static const char *account_word(const struct ground *g, const struct sl_event *e)
{
	return e->account && e->account <= g->n_accounts ? g->accounts[e->account] : NULL;
}

static const char *tenant_word(const struct ground *g, const struct sl_event *e)
{
	uint32_t id = account_word(g, e) ? g->account_tenant[e->account] : 0;

	return id ? g->model->tenants[id - 1].name : NULL;
}

static const char *instance_word(const struct ground *g, const struct sl_event *e)
{
	const char *slash;

	if (!e->instance || e->instance > g->n_instances)
		return NULL;
	slash = strchr(g->instances[e->instance], '/');
	return slash ? slash + 1 : g->instances[e->instance];
}

/* Of a service what it speaks; NULL: of none. */
static const char *protocol_word(const struct ground *g, const struct sl_event *e)
{
	if (!service_word(g, e))
		return NULL;
	return model_protocol_word(g->model->services[e->service - 1].protocol);
}

static struct sl_addr addr_at(const uint8_t *at, bool is_v4)
{
	struct sl_addr a = { .w = { 0, 0, htonl(0xffff), 0 } };

	memcpy(&a.w[is_v4 ? 3 : 0], at, is_v4 ? 4 : 16);
	return a;
}

/* Of the frame as it came. */
static void ends(const struct capture_frame *f, struct told *t)
{
	bool is_v4 = t->event->family == 4;
	const uint8_t *ip = f->bytes + ETH_HLEN;

	if (!t->event->family ||
	    f->len < ETH_HLEN + (is_v4 ? sizeof(struct ip) : sizeof(struct ip6_hdr)))
		return;
	t->has_flow = true;
	t->src = addr_at(
		ip + (is_v4 ? offsetof(struct ip, ip_src) : offsetof(struct ip6_hdr, ip6_src)),
		is_v4);
	t->dst = addr_at(
		ip + (is_v4 ? offsetof(struct ip, ip_dst) : offsetof(struct ip6_hdr, ip6_dst)),
		is_v4);
}

bool tell_leaves(const struct verdict *v)
{
	return v->action == XDP_TX || v->action == XDP_REDIRECT ||
	       v->event.reason == SL_R_STEERED_STACK || v->event.reason == SL_R_RETURNED_STACK;
}

static cJSON *words(const struct ground *g, const struct capture_frame *f, const struct verdict *v)
{
	const struct sl_event *e = &v->event;
	struct told t = {
		.event = e,
		.n = f->n,
		.time_ns = f->time_ns,
		.len = f->len,
		.cut = f->captured < f->len,
		.service = service_word(g, e),
		.tenant = tenant_word(g, e),
		.account = account_word(g, e),
		.instance = instance_word(g, e),
		.protocol = protocol_word(g, e),
		.kind = e->kind,
		.action = v->action,
		.rows = v->rows,
		.notes = &v->notes,
	};

	ends(f, &t);
	return told_json(&t);
}

bool tell_text(FILE *to, bool color, const struct ground *g, const struct capture_frame *f,
	       const struct verdict *v)
{
	cJSON *o = words(g, f, v);

	if (o)
		told_text(to, color, o, f->captured < f->len ? " (the capture was cut)" : "");
	cJSON_Delete(o);
	return o != NULL;
}

bool tell_json(FILE *to, const struct ground *g, const struct capture_frame *f,
	       const struct verdict *v)
{
	cJSON *o = words(g, f, v);
	char *text = o ? cJSON_PrintUnformatted(o) : NULL;

	if (text)
		fprintf(to, "%s\n", text);
	cJSON_free(text);
	cJSON_Delete(o);
	return text != NULL;
}
