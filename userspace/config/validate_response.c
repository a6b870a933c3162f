// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Responses of tenants: each is somebody's to ask for, and each once. */
#include <errno.h>
#include <string.h>
#include "../common/str.h"
#include "identity.h"
#include "validate.h"

#define TEXT_SHOWN 80 /* of a path in an error */

/* A fixed tenant's service is that one's alone. */
static bool may_use(const struct model_tenant *t, const struct model_service *s)
{
	return s->tenant[0] ? !strcmp(s->tenant, t->name) : model_lists(t, s->name);
}

static bool is_asked(const struct model *m, const struct model_tenant *t, const char *service)
{
	for (size_t i = 0; i < m->n_services; i++) {
		const struct model_service *s = &m->services[i];

		if (s->protocol == SL_P_COAP && (!service[0] || !strcmp(service, s->name)) &&
		    may_use(t, s))
			return true;
	}
	return false;
}

static int response_validate(const struct model *m, size_t ti, size_t ri,
			     struct config_error *reterr)
{
	const struct model_tenant *t = &m->tenants[ti];
	const struct model_response *r = &t->responses[ri];
	char text[IDENTITY_TEXT], shown[TEXT_SHOWN + 8];
	struct str s = str_over(shown, sizeof(shown));

	if (!is_asked(m, t, r->service))
		return invalid(reterr, "tenants[%zu].responses[%zu].%s", ti, ri,
			       r->service[0]
				       ? "service: want a service of protocol coap that this "
					 "tenant may use"
				       : "path: no service of this tenant is asked for it; want "
					 "one of protocol coap that it may use");
	for (size_t i = 0; i < ri; i++) {
		if (!model_response_is(&t->responses[i], &r->path, r->service))
			continue;
		str_add_safe(&s, identity_text(&r->path, text), TEXT_SHOWN);
		return invalid(reterr,
			       "tenants[%zu].responses[%zu].path: \"%s\" is responses[%zu] too; "
			       "want each once, or once a service",
			       ti, ri, shown, i);
	}
	return 0;
}

int responses_validate(const struct model *m, struct config_error *reterr)
{
	size_t n = 0;
	int err = 0;

	for (size_t t = 0; t < m->n_tenants && !err; t++) {
		for (size_t r = 0; r < m->tenants[t].n_responses && !err; r++)
			err = response_validate(m, t, r, reterr);
		n += m->tenants[t].n_responses;
		if (!err && n > SL_MAX_RESPONSES)
			err = invalid(reterr,
				      "tenants[%zu].responses: want at most %d of all tenants", t,
				      SL_MAX_RESPONSES);
	}
	return err;
}
