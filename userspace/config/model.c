// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include "model.h"

void model_free(struct model *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n_services; i++) {
		free(m->services[i].instances);
		free(m->services[i].scaling.exec);
	}
	for (size_t i = 0; i < m->n_tenants; i++) {
		free(m->tenants[i].sources);
		free(m->tenants[i].services);
	}
	free(m->interfaces);
	free(m->services);
	free(m->tenants);
	free(m->metrics_listen);
	explicit_bzero(m->secret, sizeof(m->secret));
	free(m);
}
