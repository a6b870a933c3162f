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

/* Sorts of identities by what a service must be to ask for them. */
enum asked {
	ASKED_COAP,
	ASKED_MQTT,
	ASKED_TLS,
	ASKED_CID,
	ASKED__MAX
};

static enum asked asked_of(const struct model_identity *i)
{
	switch (identity_root(i)) {
	case SL_T_MQTT_USERNAME:
	case SL_T_MQTT_CLIENT_ID:
		return ASKED_MQTT;
	case SL_T_TLS_SNI:
		return ASKED_TLS;
	case SL_T_DTLS_CID:
		return ASKED_CID;
	default:
		return ASKED_COAP;
	}
}

/* Of the services that a tenant may use and that ask: those without fixed tenant, as with
 * sources.
 */
struct asking {
	bool any[ASKED__MAX];
	uint64_t no_default[ASKED__MAX]; /* the first that has no default tenant, or INDEX_NONE */
	bool delimiter[128];		 /* of those that ask for ASKED_MQTT */
	uint32_t cid_max; /* the most that fits into the bits of those of ASKED_CID */
};

static struct asking asking_none(void)
{
	struct asking a = {};

	for (size_t i = 0; i < ASKED__MAX; i++)
		a.no_default[i] = INDEX_NONE;
	return a;
}

static void asking_add(struct asking *a, const struct model *m, size_t si)
{
	const struct model_service *s = &m->services[si];
	const bool asks[ASKED__MAX] = {
		[ASKED_COAP] = s->protocol == SL_P_COAP,
		[ASKED_MQTT] = s->track && s->protocol == SL_P_MQTT,
		[ASKED_TLS] = s->track && s->protocol != SL_P_MQTT,
		[ASKED_CID] = s->cid.tenant_bits,
	};
	uint32_t cid_max = UINT32_MAX >> (SL_CID_TENANT_BITS - s->cid.tenant_bits) % 32;

	si = s->front; /* that asks for its pools */
	for (size_t i = 0; i < ASKED__MAX; i++) {
		if (!asks[i] || s->tenant[0])
			continue;
		a->any[i] = true;
		if (!s->default_tenant[0] && a->no_default[i] > si)
			a->no_default[i] = si;
	}
	if (asks[ASKED_CID] && a->cid_max < cid_max)
		a->cid_max = cid_max;
	if (asks[ASKED_MQTT])
		a->delimiter[s->delimiter & 127] = true;
}

static struct asking asking_listed(const struct model *m, const struct index *services,
				   const struct model_tenant *t)
{
	struct asking a = asking_none();

	for (size_t i = 0; i < t->n_services; i++)
		asking_add(&a, m, index_find(services, t->services[i], strlen(t->services[i])));
	return a;
}

/* What ends in a delimiter stands for all that begins so; but only up to the first one. */
static int delimiter_check(const struct asking *a, const struct model_identity *id, size_t ti,
			   struct config_error *reterr)
{
	uint8_t last = id->bytes[id->size - 1];
	const uint8_t *first = memchr(id->bytes + 2, last, id->size - 2);
	char text[TEXT_SHOWN + 8];

	if (last >= 128 || !a->delimiter[last] || first == id->bytes + id->size - 1)
		return 0;
	return invalid(reterr,
		       "tenants[%zu].match[%u].%s: \"%s\" has '%c' before its end, where names are "
		       "cut; want it at the end only",
		       ti, id->at, identity_member(identity_root(id)),
		       shown(id, text, sizeof(text)), last);
}

static int asking_check_one(const struct asking *a, const struct model_identity *id, size_t ti,
			    struct config_error *reterr)
{
	static const char *const want[ASKED__MAX] = {
		[ASKED_COAP] = "protocol coap",
		[ASKED_MQTT] = "protocol mqtt with track",
		[ASKED_TLS] = "protocol mqtts or tcp with track",
		[ASKED_CID] = "protocol coaps with cid.tenant",
	};
	static const char *const why[ASKED__MAX] = {
		[ASKED_COAP] = "messages whose they are: an ACK or RST names nobody",
		[ASKED_MQTT] = "connections whose they are: until CONNECT they name nobody",
		[ASKED_TLS] = "connections whose they are: until ClientHello they name nobody",
		[ASKED_CID] = "records whose they are: a handshake has no connection id",
	};
	enum asked asked = asked_of(id);

	if (!a->any[asked])
		return invalid(reterr,
			       "tenants[%zu].match[%u].%s: no service of this tenant asks for it; "
			       "want one of %s, without fixed tenant, that it may use",
			       ti, id->at, identity_member(identity_root(id)), want[asked]);
	if (a->no_default[asked] != INDEX_NONE)
		return invalid(reterr,
			       "services[%zu].default_tenant: required, as tenants[%zu].match[%u] "
			       "has this service ask %s, so it goes there",
			       (size_t)a->no_default[asked], ti, id->at, why[asked]);
	if (asked == ASKED_CID && identity_number(id) > a->cid_max)
		return invalid(reterr,
			       "tenants[%zu].match[%u].dtls_cid: does not fit into the bits of "
			       "cid.tenant of a service that it may use; want at most %u",
			       ti, id->at, a->cid_max);
	return asked == ASKED_MQTT ? delimiter_check(a, id, ti, reterr) : 0;
}

static int asking_check(const struct asking *a, const struct model_tenant *t, size_t ti,
			struct config_error *reterr)
{
	int err = 0;

	for (size_t i = 0; i < t->n_identities && !err; i++)
		err = asking_check_one(a, &t->identities[i], ti, reterr);
	return err;
}

static int services_ask(const struct model *m, struct config_error *reterr)
{
	sl_cleanup(index_close) struct index services = {};
	struct asking all = asking_none();
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
