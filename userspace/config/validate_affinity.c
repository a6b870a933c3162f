// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What decides where a flow goes, what a device is, and what is timed or asked fit the protocol. */
#include <errno.h>
#include <stdbool.h>
#include "../common/cleanup.h"
#include "../common/num.h"
#include "index.h"
#include "validate.h"

static int on_down_validate(const struct model_service *s, size_t n, struct config_error *reterr)
{
	if (s->health.on_down == ON_DOWN_RESET && model_is_udp(s->protocol))
		return invalid(reterr,
			       "services[%zu].health.on_down: \"reset\" fits a TCP service only; "
			       "want \"keep\" or \"move\"",
			       n);
	return 0;
}

static int outlier_validate(const struct model_service *s, size_t n, struct config_error *reterr)
{
	const struct model_outlier *o = &s->health.outlier;
	char ejection[NUM_TEXT];

	if (!o->present)
		return 0;
	if (s->protocol == SL_P_UDP)
		return invalid(reterr,
			       "services[%zu].health.outlier: which datagram of protocol udp wants "
			       "an answer is not known; leave this out",
			       n);
	if (o->ejection_max_ns < o->ejection_ns)
		return invalid(
			reterr,
			"services[%zu].health.outlier.ejection_max: want at least ejection, %s", n,
			num_duration_text(o->ejection_ns, ejection));
	return 0;
}

static int cid_validate(const struct model_service *s, size_t n, struct config_error *reterr)
{
	if (s->cid.layout && s->protocol != SL_P_COAPS)
		return invalid(reterr,
			       "services[%zu].cid: fits protocol coaps only: no other has "
			       "connection ids; leave this out",
			       n);
	if (s->device_key == SL_DK_CID && !s->cid.layout)
		return invalid(reterr,
			       "services[%zu].device_key: \"cid\" needs the service's cid, which "
			       "says how long one is; want \"address\" or \"endpoint\"",
			       n);
	return 0;
}

static int latency_validate(const struct model_service *s, size_t n, struct config_error *reterr)
{
	if (s->latency && model_is_udp(s->protocol) && s->protocol != SL_P_COAP)
		return invalid(
			reterr,
			"services[%zu].latency: which datagram answers which is not known of "
			"protocol %s; want false, or coap, mqtt, mqtts or tcp",
			n, model_protocol_word(s->protocol));
	return 0;
}

static int echo_validate(const struct model_service *s, size_t n, struct config_error *reterr)
{
	if (s->echo_s && s->protocol != SL_P_COAP)
		return invalid(
			reterr,
			"services[%zu].echo: fits protocol coap only: of %s no source can be "
			"asked; want false",
			n, model_protocol_word(s->protocol));
	return 0;
}

int affinity_validate(const struct model_service *s, size_t n, struct config_error *reterr)
{
	int err = on_down_validate(s, n, reterr);

	if (!err)
		err = outlier_validate(s, n, reterr);
	if (!err)
		err = cid_validate(s, n, reterr);
	if (!err)
		err = latency_validate(s, n, reterr);
	if (!err)
		err = echo_validate(s, n, reterr);
	return err;
}

/* Bytes of the shortest server id that a connection id may hold. */
static uint8_t shortest_server_id(const struct model_cid *c)
{
	uint8_t least = SL_SERVER_ID_MAX;

	for (int i = 0; i < SL_CID_ROTATIONS; i++)
		if (c->server_id_length[i] && c->server_id_length[i] < least)
			least = c->server_id_length[i];
	return least;
}

static int server_id_validate(const struct model_service *s, size_t si, size_t ii,
			      struct config_error *reterr)
{
	uint8_t bytes = shortest_server_id(&s->cid);
	uint32_t max = UINT32_MAX >> 8 * (SL_SERVER_ID_MAX - bytes);

	if (!s->cid.layout)
		return invalid(reterr,
			       "services[%zu].instances[%zu].server_id: the service has no cid to "
			       "find it in; leave this out",
			       si, ii);
	if (s->instances[ii].server_id > max)
		return invalid(reterr,
			       "services[%zu].instances[%zu].server_id: %u needs more than %u "
			       "byte%s; want at most %u",
			       si, ii, s->instances[ii].server_id, bytes, bytes == 1 ? "" : "s",
			       max);
	return 0;
}

int server_ids_validate(const struct model_service *s, size_t si, struct config_error *reterr)
{
	sl_cleanup(index_close) struct index ids = {};
	int err = index_open(&ids, s->n_instances);

	for (size_t i = 0; !err && i < s->n_instances; i++) {
		const uint32_t *id = &s->instances[i].server_id;
		uint64_t first;

		if (!s->instances[i].has_server_id)
			continue;
		err = server_id_validate(s, si, i, reterr);
		if (err)
			return err;
		first = index_add(&ids, id, sizeof(*id), i);
		if (first != INDEX_NONE)
			err = invalid(reterr,
				      "services[%zu].instances[%zu].server_id: %u is "
				      "services[%zu].instances[%zu] too; want each once",
				      si, i, *id, si, (size_t)first);
	}
	return err;
}
