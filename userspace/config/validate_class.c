// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A quota of a class is of messages that the tenant can send: one of its services speaks
 * the protocol.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../common/cleanup.h"
#include "class.h"
#include "index.h"
#include "validate.h"

#define TCP_PROTOCOLS (1u << SL_P_TCP | 1u << SL_P_MQTT | 1u << SL_P_MQTTS)

/* Of services, a bit for each protocol. */
struct spoken {
	const struct model *m;
	struct index services;
	struct index tenants;
	uint32_t open;	 /* of those without fixed tenant */
	uint32_t *fixed; /* [n_tenants] of those that are its alone */
};

static void spoken_close(struct spoken *s)
{
	index_close(&s->services);
	index_close(&s->tenants);
	free(s->fixed);
}

static int spoken_open(struct spoken *s, const struct model *m)
{
	s->m = m;
	s->fixed = calloc(m->n_tenants + 1, sizeof(*s->fixed));
	if (!s->fixed || index_open(&s->services, m->n_services) ||
	    index_open(&s->tenants, m->n_tenants))
		return -ENOMEM;
	for (size_t i = 0; i < m->n_tenants; i++)
		index_add(&s->tenants, m->tenants[i].name, strlen(m->tenants[i].name), i);
	for (size_t i = 0; i < m->n_services; i++) {
		const struct model_service *svc = &m->services[i];
		uint64_t tenant = index_find(&s->tenants, svc->tenant, strlen(svc->tenant));

		index_add(&s->services, svc->name, strlen(svc->name), i);
		if (!svc->tenant[0])
			s->open |= 1u << svc->protocol;
		else if (tenant != INDEX_NONE)
			s->fixed[tenant] |= 1u << svc->protocol;
	}
	return 0;
}

static uint32_t spoken_by(const struct spoken *s, size_t ti)
{
	const struct model_tenant *t = &s->m->tenants[ti];
	uint32_t set = s->fixed[ti] | (t->n_services ? 0 : s->open);

	for (size_t i = 0; i < t->n_services; i++) {
		uint64_t si = index_find(&s->services, t->services[i], strlen(t->services[i]));

		if (si != INDEX_NONE)
			set |= 1u << s->m->services[si].protocol;
	}
	return set;
}

static int class_validate(const struct model_class *c, size_t ti, uint32_t protocols,
			  uint64_t tick_ns, struct config_error *reterr)
{
	const struct model_quota q = { .burst_ns = c->burst_ns };
	enum sl_protocol protocol = class_protocol(c->cls);
	char where[96];

	snprintf(where, sizeof(where), "tenants[%zu].classes.%s", ti, class_word(c->cls));
	if (!(protocols >> protocol & 1))
		return invalid(reterr,
			       "%s: no service of this tenant has such messages; want one of "
			       "protocol %s that it may use",
			       where, model_protocol_word(protocol));
	return quota_validate(&q, tick_ns, where, reterr);
}

static int tenant_validate(const struct model_tenant *t, size_t ti, uint32_t protocols,
			   uint64_t tick_ns, struct config_error *reterr)
{
	for (size_t i = 0; i < t->n_classes; i++) {
		int err = class_validate(&t->classes[i], ti, protocols, tick_ns, reterr);

		if (err)
			return err;
	}
	if (!t->reset_syn || protocols & TCP_PROTOCOLS)
		return 0;
	return invalid(reterr,
		       "tenants[%zu].refused_syn: no service of this tenant is of TCP; want one of "
		       "protocol tcp, mqtt or mqtts that it may use",
		       ti);
}

int classes_validate(const struct model *m, uint64_t tick_ns, struct config_error *reterr)
{
	sl_cleanup(spoken_close) struct spoken s = {};
	int err = spoken_open(&s, m);

	for (size_t i = 0; i < m->n_tenants && !err; i++) {
		const struct model_tenant *t = &m->tenants[i];

		if (t->n_classes || t->reset_syn)
			err = tenant_validate(t, i, spoken_by(&s, i), tick_ns, reterr);
	}
	return err;
}
