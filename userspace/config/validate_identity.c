// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What messages say belongs to one tenant, and services that ask for it say whose the
 * messages are that name nobody.
 */
#include <errno.h>
#include <string.h>
#include "../common/cleanup.h"
#include "../common/str.h"
#include "identity.h"
#include "index.h"
#include "validate.h"

#define TEXT_SHOWN 80 /* of an identity in an error */

static const char *shown(const struct model_identity *i, char *buf, size_t size)
{
	char text[IDENTITY_TEXT];
	struct str s = str_over(buf, size);

	str_add_safe(&s, identity_text(i, text), TEXT_SHOWN);
	return buf;
}

/* -- each once -- */

static int identity_taken(const struct model_identity *i, uint64_t first, size_t ti,
			  struct config_error *reterr)
{
	const char *member = identity_member(identity_root(i));
	char text[TEXT_SHOWN + 8];

	return invalid(reterr,
		       "tenants[%zu].match[%u].%s: \"%s\" is tenants[%zu].match[%zu] too; want "
		       "each %s once",
		       ti, i->at, member, shown(i, text, sizeof(text)), (size_t)(first >> 32),
		       (size_t)(uint32_t)first, strchr(member, '_') + 1);
}

static int identities_unique(const struct model *m, struct config_error *reterr)
{
	sl_cleanup(index_close) struct index seen = {};
	size_t n = 0;

	for (size_t i = 0; i < m->n_tenants; i++)
		n += m->tenants[i].n_identities;
	if (index_open(&seen, n))
		return -ENOMEM;

	for (size_t i = 0; i < m->n_tenants; i++) {
		for (size_t j = 0; j < m->tenants[i].n_identities; j++) {
			const struct model_identity *id = &m->tenants[i].identities[j];
			uint64_t first =
				index_add(&seen, id->bytes, id->size, (uint64_t)i << 32 | id->at);

			if (first != INDEX_NONE)
				return identity_taken(id, first, i, reterr);
		}
	}
	return 0;
}

static int paths_unique(const struct model_tenant *t, size_t ti, struct config_error *reterr)
{
	sl_cleanup(index_close) struct index seen = {};
	char text[TEXT_SHOWN + 8];

	if (!t->n_paths)
		return 0;
	if (index_open(&seen, t->n_paths))
		return -ENOMEM;
	for (size_t i = 0; i < t->n_paths; i++) {
		const struct model_identity *p = &t->paths[i];

		if (index_add(&seen, p->bytes, p->size, i) != INDEX_NONE)
			return invalid(reterr,
				       "tenants[%zu].allow.coap_paths[%zu]: \"%s\" is listed twice",
				       ti, i, shown(p, text, sizeof(text)));
	}
	return 0;
}

/* -- services that ask -- */

/* Of the CoAP services that a tenant may use and that ask: those without fixed tenant,
 * as with sources.
 */
struct asking {
	bool any;
	uint64_t no_default; /* the first that has no default tenant, or INDEX_NONE */
};

static void asking_add(struct asking *a, const struct model *m, size_t si)
{
	const struct model_service *s = &m->services[si];

	si = s->front; /* that asks for its pools */
	if (s->protocol != SL_P_COAP || s->tenant[0])
		return;
	a->any = true;
	if (!s->default_tenant[0] && a->no_default > si)
		a->no_default = si;
}

static struct asking asking_listed(const struct model *m, const struct index *services,
				   const struct model_tenant *t)
{
	struct asking a = { .no_default = INDEX_NONE };

	for (size_t i = 0; i < t->n_services; i++)
		asking_add(&a, m, index_find(services, t->services[i], strlen(t->services[i])));
	return a;
}

static int asking_check(const struct asking *a, const struct model_tenant *t, size_t ti,
			struct config_error *reterr)
{
	const struct model_identity *first = &t->identities[0];

	if (!a->any)
		return invalid(reterr,
			       "tenants[%zu].match[%u].%s: no service of this tenant asks for it; "
			       "want one of protocol coap, without fixed tenant, that it may use",
			       ti, first->at, identity_member(identity_root(first)));
	if (a->no_default != INDEX_NONE)
		return invalid(reterr,
			       "services[%zu].default_tenant: required, as tenants[%zu].match[%u] "
			       "has this service ask messages whose they are: an ACK or RST names "
			       "nobody, so it goes there",
			       (size_t)a->no_default, ti, first->at);
	return 0;
}

static int services_ask(const struct model *m, struct config_error *reterr)
{
	sl_cleanup(index_close) struct index services = {};
	struct asking all = { .no_default = INDEX_NONE };
	int err = index_open(&services, m->n_services);

	if (err)
		return err;
	for (size_t i = 0; i < m->n_services; i++) {
		const char *name = m->services[i].name;

		index_add(&services, name, strlen(name), i);
		asking_add(&all, m, i);
	}
	for (size_t i = 0; i < m->n_tenants && !err; i++) {
		const struct model_tenant *t = &m->tenants[i];
		struct asking a = all;

		if (!t->n_identities)
			continue;
		if (t->n_services)
			a = asking_listed(m, &services, t);
		err = asking_check(&a, t, i, reterr);
	}
	return err;
}

int identities_validate(const struct model *m, struct config_error *reterr)
{
	int err = identities_unique(m, reterr);

	for (size_t i = 0; i < m->n_tenants && !err; i++)
		err = paths_unique(&m->tenants[i], i, reterr);
	return err ? err : services_ask(m, reterr);
}
