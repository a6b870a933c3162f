// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include "model.h"

static void identities_free(struct model_identity *identities, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(identities[i].bytes);
	free(identities);
}

void model_responses_free(struct model_response *responses, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(responses[i].path.bytes);
		free(responses[i].payload);
	}
	free(responses);
}

struct model_tenant *model_tenant(struct model *m, const char *name)
{
	for (size_t i = 0; i < m->n_tenants; i++) {
		if (!strcmp(m->tenants[i].name, name))
			return &m->tenants[i];
	}
	return NULL;
}

bool model_lists(const struct model_tenant *t, const char *service)
{
	for (size_t i = 0; i < t->n_services; i++)
		if (!strcmp(t->services[i], service))
			return true;
	return !t->n_services;
}

bool model_response_is(const struct model_response *r, const struct model_identity *path,
		       const char *service)
{
	return r->path.size == path->size && !memcmp(r->path.bytes, path->bytes, path->size) &&
	       !strcmp(r->service, service);
}

void model_free(struct model *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n_services; i++) {
		for (size_t k = 0; k < m->services[i].n_routes; k++)
			free(m->services[i].routes[k].path.bytes);
		free(m->services[i].routes);
		free(m->services[i].instances);
		free(m->services[i].scaling.exec);
	}
	for (size_t i = 0; i < m->n_tenants; i++) {
		free(m->tenants[i].sources);
		free(m->tenants[i].services);
		free(m->tenants[i].classes);
		identities_free(m->tenants[i].identities, m->tenants[i].n_identities);
		identities_free(m->tenants[i].paths, m->tenants[i].n_paths);
		model_responses_free(m->tenants[i].responses, m->tenants[i].n_responses);
	}
	free(m->interfaces);
	free(m->services);
	free(m->tenants);
	free(m->metrics_listen);
	explicit_bzero(m->secret, sizeof(m->secret));
	free(m);
}
