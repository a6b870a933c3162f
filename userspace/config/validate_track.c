// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What only a tracked service can do is asked of one. */
#include <string.h>
#include "validate.h"

int track_validate(const struct model_service *s, size_t n, struct config_error *reterr)
{
	if (s->track && model_is_udp(s->protocol))
		return invalid(
			reterr,
			"services[%zu].track: protocol %s has no connections; want false, or "
			"tcp, mqtt or mqtts",
			n, model_protocol_word(s->protocol));
	if (s->idle_s && !s->track)
		return invalid(reterr,
			       "services[%zu].idle_timeout: is of tracked connections; want "
			       "\"track\": true, or leave this out",
			       n);
	if (s->delimiter && (!s->track || s->protocol != SL_P_MQTT))
		return invalid(reterr,
			       "services[%zu].identity_delimiter: is of names in MQTT's CONNECT; "
			       "want \"track\": true and protocol mqtt, or leave this out",
			       n);
	return 0;
}

/* May @t use service @s? */
static bool uses(const struct model_tenant *t, const struct model_service *s)
{
	if (s->tenant[0])
		return !strcmp(s->tenant, t->name);
	for (size_t i = 0; i < t->n_services; i++)
		if (!strcmp(t->services[i], s->name))
			return true;
	return !t->n_services;
}

static bool uses_tracked(const struct model *m, const struct model_tenant *t, bool mqtt)
{
	for (size_t i = 0; i < m->n_services; i++) {
		const struct model_service *s = &m->services[i];

		if (s->track && (!mqtt || s->protocol == SL_P_MQTT) && uses(t, s))
			return true;
	}
	return false;
}

int tracked_validate(const struct model *m, struct config_error *reterr)
{
	for (size_t i = 0; i < m->n_tenants; i++) {
		const struct model_tenant *t = &m->tenants[i];

		if (t->quota.open_max && !uses_tracked(m, t, false))
			return invalid(reterr,
				       "tenants[%zu].quota.open_connections: no service of this "
				       "tenant counts them; want one with \"track\": true",
				       i);
		if (t->mqtt_denied && !uses_tracked(m, t, true))
			return invalid(
				reterr,
				"tenants[%zu].allow.mqtt_versions: no service of this "
				"tenant sees them; want one of protocol mqtt with \"track\": "
				"true",
				i);
	}
	return 0;
}
