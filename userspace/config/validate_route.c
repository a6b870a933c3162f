// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pools have a front, and its address; routes lead to pools of their own service, each by
 * conditions of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../common/cleanup.h"
#include "index.h"
#include "validate.h"

/* -- pools -- */

static int front_validate(const struct model_service *front, const char *name, size_t n,
			  struct config_error *reterr)
{
	if (!front)
		return invalid(
			reterr,
			"services[%zu].pool_of: no service is called \"%s\"; want the name of "
			"one in services",
			n, name);
	if (model_is_pool(front))
		return invalid(
			reterr,
			"services[%zu].pool_of: \"%s\" is a pool itself; want a service that "
			"has an address",
			n, name);
	if (front->protocol != SL_P_COAP)
		return invalid(reterr,
			       "services[%zu].pool_of: \"%s\" is of protocol %s; want one of "
			       "protocol coap: no other has routes",
			       n, name, model_protocol_word(front->protocol));
	return 0;
}

static void pool_fill(struct model_service *s, const struct model_service *front)
{
	s->addr = front->addr;
	s->port = front->port;
	s->protocol = front->protocol;
	s->drop_malformed = front->drop_malformed;
	memcpy(s->tenant, front->tenant, sizeof(s->tenant));
	memcpy(s->default_tenant, front->default_tenant, sizeof(s->default_tenant));
	s->device_key = front->device_key;
	s->reply_rate = front->reply_rate;
}

static int services_index(const struct model *m, struct index *ret)
{
	int err = index_open(ret, m->n_services);

	for (size_t i = 0; i < m->n_services && !err; i++)
		index_add(ret, m->services[i].name, strlen(m->services[i].name), i);
	return err;
}

int pools_validate(struct model *m, struct config_error *reterr)
{
	sl_cleanup(index_close) struct index names = {};
	int err = services_index(m, &names);

	for (size_t i = 0; i < m->n_services && !err; i++) {
		struct model_service *s = &m->services[i];
		uint64_t at;

		s->front = i;
		if (!model_is_pool(s))
			continue;
		at = index_find(&names, s->pool_of, strlen(s->pool_of));
		err = front_validate(at == INDEX_NONE ? NULL : &m->services[at], s->pool_of, i,
				     reterr);
		if (err)
			break;
		s->front = at;
		pool_fill(s, &m->services[at]);
	}
	return err;
}

/* -- routes -- */

struct route_names {
	struct index services, tenants;
};

static void route_names_close(struct route_names *n)
{
	index_close(&n->services);
	index_close(&n->tenants);
}

static int pool_find(const struct model *m, const struct route_names *names, size_t si, size_t ri,
		     struct config_error *reterr)
{
	const struct model_service *s = &m->services[si];
	struct model_route *r = &s->routes[ri];
	uint64_t at = index_find(&names->services, r->pool, strlen(r->pool));

	if (at == INDEX_NONE)
		return invalid(reterr,
			       "services[%zu].routes[%zu].pool: no service is called \"%s\"; want "
			       "the name of one with \"pool_of\": \"%s\"",
			       si, ri, r->pool, s->name);
	if (!model_is_pool(&m->services[at]) || m->services[at].front != si)
		return invalid(reterr,
			       "services[%zu].routes[%zu].pool: \"%s\" is no pool of this service; "
			       "want the name of one with \"pool_of\": \"%s\"",
			       si, ri, r->pool, s->name);
	r->pool_at = at;
	return 0;
}

static int tenant_find(const struct model *m, const struct route_names *names, size_t si, size_t ri,
		       struct config_error *reterr)
{
	struct model_route *r = &m->services[si].routes[ri];
	uint64_t at;

	if (!r->tenant[0])
		return 0;
	at = index_find(&names->tenants, r->tenant, strlen(r->tenant));
	if (at == INDEX_NONE)
		return invalid(reterr,
			       "services[%zu].routes[%zu].tenant: no tenant is called \"%s\"; want "
			       "the name of one in tenants",
			       si, ri, r->tenant);
	r->tenant_at = at;
	return 0;
}

/* What a route asks for, as bytes that are compared. */
struct route_key {
	uint16_t tenant_len, path_len;
	uint8_t method, has_type, type, pad;
	char bytes[]; /* tenant, path */
};

static int route_unique(const struct model_service *s, size_t si, size_t ri, struct index *seen,
			struct route_key *key, struct config_error *reterr)
{
	const struct model_route *r = &s->routes[ri];
	uint64_t first;

	*key = (struct route_key){
		.tenant_len = strlen(r->tenant),
		.path_len = r->path.size,
		.method = r->method,
		.has_type = r->has_type,
		.type = r->type,
	};
	memcpy(key->bytes, r->tenant, key->tenant_len);
	memcpy(key->bytes + key->tenant_len, r->path.bytes, r->path.size);
	first = index_add(seen, key, sizeof(*key) + key->tenant_len + key->path_len, ri);
	if (first == INDEX_NONE)
		return 0;
	return invalid(reterr,
		       "services[%zu].routes[%zu]: asks for what routes[%zu] asks for; want each "
		       "once",
		       si, ri, (size_t)first);
}

static int routes_unique(const struct model_service *s, size_t si, struct config_error *reterr)
{
	const size_t most = sizeof(struct route_key) + SL_NAME_LEN;
	sl_cleanup(index_close) struct index seen = {};
	sl_autofree char *keys = NULL;
	size_t size = 1;
	char *next;
	int err = index_open(&seen, s->n_routes);

	for (size_t i = 0; i < s->n_routes; i++)
		size += most + s->routes[i].path.size + sizeof(uint64_t);
	keys = next = calloc(1, size);
	if (err || !keys)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_routes && !err; i++) {
		err = route_unique(s, si, i, &seen, (void *)next, reterr);
		next += (most + s->routes[i].path.size + sizeof(uint64_t)) & ~7ul;
	}
	return err;
}

static int service_routes_validate(const struct model *m, const struct route_names *names,
				   size_t si, struct config_error *reterr)
{
	const struct model_service *s = &m->services[si];
	int err = 0;

	if (s->n_routes && s->protocol != SL_P_COAP)
		return invalid(reterr,
			       "services[%zu].routes: fits protocol coap only: of no other it is "
			       "known what a request is for; leave this out",
			       si);
	for (size_t i = 0; i < s->n_routes && !err; i++) {
		err = pool_find(m, names, si, i, reterr);
		if (!err)
			err = tenant_find(m, names, si, i, reterr);
	}
	return err || !s->n_routes ? err : routes_unique(s, si, reterr);
}

int routes_validate(const struct model *m, struct config_error *reterr)
{
	sl_cleanup(route_names_close) struct route_names names = {};
	int err = services_index(m, &names.services);

	if (!err)
		err = index_open(&names.tenants, m->n_tenants);
	for (size_t i = 0; i < m->n_tenants && !err; i++)
		index_add(&names.tenants, m->tenants[i].name, strlen(m->tenants[i].name), i);
	for (size_t i = 0; i < m->n_services && !err; i++)
		err = service_routes_validate(m, &names, i, reterr);
	return err;
}
