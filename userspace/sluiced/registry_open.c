// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The registry from what the kernel has. A restarted daemon goes on with the same
 * ids, slots, drains and verdicts; the configuration only says what is wanted.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../common/cleanup.h"
#include "../dataplane/scan.h"
#include "../dataplane/sync.h"
#include "registry_own.h"
#include "rings.h"

struct opening {
	struct registry *r;
	int err;
};

static void on_service_name(void *arg, const char *text, const struct sl_name *name)
{
	struct opening *o = arg;
	struct live_service *s;

	if (o->err)
		return;
	s = registry_add_service(o->r, text, name->id);
	if (!s) {
		o->err = -ENOMEM;
		return;
	}
	s->leaving = true; /* until it is found in the bank in force */
	s->seen_pin_failures = o->r->dp->service_states[s->id].pin_failures;
}

static int on_service_entry(struct registry *r, const struct sl_service_key *key,
			    const struct sl_service *value)
{
	struct live_service *s = registry_service_by_id(r, value->id);
	int err;

	if (!s) /* its name was lost: the next configuration gives it another id */
		return 0;
	s->key = *key;
	s->key.bank = 0;
	s->ring_first = value->ring_first;
	s->ring_size = value->ring_size;
	s->keep_s = value->keep_s;
	/* Until the configuration says how long: none of them is forgotten. */
	s->idle_s = value->program == SL_PROG_STREAM ? UINT32_MAX : 0;
	s->affinity = value->flags & SL_SVC_AFFINITY;
	s->pool = !key->proto;
	s->leaving = false;
	err = s->ring_size ? regions_claim(&r->regions, s->ring_first, s->ring_size) : 0;
	if (!err)
		registry_set_unsettled(
			r->dp, s->id,
			ring_is_unsettled(r->dp->slots + s->ring_first, s->ring_size));
	return err;
}

static int read_services(struct registry *r)
{
	sl_cleanup(scan_close) struct scan s = {};
	uint32_t n, bank = r->dp->control->bank & 1;
	int err = scan_open(r->dp->services_fd, sizeof(struct sl_service_key),
			    sizeof(struct sl_service), &s);

	while (!err && !s.done) {
		const struct sl_service_key *keys;
		const struct sl_service *values;

		err = scan_next(&s, &n);
		keys = (const void *)s.keys;
		values = (const void *)s.values;
		for (uint32_t i = 0; !err && i < n; i++) {
			if (keys[i].bank == bank)
				err = on_service_entry(r, &keys[i], &values[i]);
		}
	}
	return err;
}

/* As far as the kernel's record tells; the configuration has the last word. */
static enum model_admin admin_from(const struct sl_name *name, const struct sl_instance *record)
{
	if (name->state & NAME_I_LEAVING || !(name->state & NAME_I_DRAINING))
		return ADMIN_UP;
	return record->flags & SL_I_DOWN && !(name->state & NAME_I_GONE) ? ADMIN_DOWN
									 : ADMIN_DRAINING;
}

static void on_instance_name(void *arg, const char *text, const struct sl_name *name)
{
	struct opening *o = arg;
	struct registry *r = o->r;
	const struct sl_instance *record = &r->dp->instances[name->id];
	struct live_service *s = registry_service_by_id(r, record->service);
	struct live_instance *i;

	if (o->err)
		return;
	/* Named, but never written: nothing in the kernel can refer to it. */
	if (!s || record->generation != (uint16_t)name->generation) {
		o->err = record->service ? sync_instance_clear(r->dp, name->id, 0) : 0;
		if (!o->err)
			o->err = names_drop(r->names, SL_NAME_INSTANCE, text);
		return;
	}
	i = registry_add_instance(r, s, text, name);
	if (!i) {
		o->err = -ENOMEM;
		return;
	}
	i->addr = record->addr;
	i->port = be16toh(record->port);
	i->has_server_id = sync_instance_has_server_id(r->dp, i->id);
	i->server_id = i->has_server_id ? record->server_id : 0;
	i->leaving = name->state & NAME_I_LEAVING;
	i->drain_since_s = name->state & NAME_I_DRAINING ? name->since_s : 0;
	i->health = name->state & NAME_I_DOWN ? HEALTH_DOWN : HEALTH_UNKNOWN;
	i->admin = admin_from(name, record);
	i->gone = name->state & NAME_I_GONE;
	i->given_up = i->drain_since_s && record->flags & SL_I_DOWN && !i->gone;
	i->moved = !i->gone && i->health == HEALTH_DOWN && i->admin == ADMIN_UP && !i->leaving &&
		   record->flags & SL_I_DOWN;
}

static int registry_read(struct registry *r, struct config_error *reterr)
{
	struct opening o = { .r = r };
	int err;

	names_each(r->names, SL_NAME_SERVICE, on_service_name, &o);
	err = o.err ? o.err : read_services(r);
	if (err == -EEXIST) {
		snprintf(reterr->text, sizeof(reterr->text),
			 "the pinned maps are damaged: two rings share slots; detach, remove the "
			 "pins and start again");
		return err;
	}
	if (!err) {
		names_each(r->names, SL_NAME_INSTANCE, on_instance_name, &o);
		err = o.err;
	}
	if (err)
		snprintf(reterr->text, sizeof(reterr->text), "cannot read the pinned maps: %s",
			 strerror(-err));
	return err;
}

int registry_open(struct dataplane *dp, struct registry **ret, struct config_error *reterr)
{
	struct registry *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->dp = dp;
	r->service_by_id = calloc(dp->cap.services, sizeof(struct live_service *));
	r->instance_by_id = calloc(dp->cap.instances, sizeof(struct live_instance *));
	err = r->service_by_id && r->instance_by_id ? 0 : -ENOMEM;
	if (!err)
		err = regions_open(&r->regions, dp->cap.slots);
	if (!err)
		err = names_open(dp, &r->names);
	if (err)
		snprintf(reterr->text, sizeof(reterr->text), "cannot read the names map: %s",
			 strerror(-err));
	else
		err = registry_read(r, reterr);
	if (err) {
		registry_close(r);
		return err;
	}
	*ret = r;
	return 0;
}

void registry_close(struct registry *r)
{
	if (!r)
		return;
	while (r->services)
		registry_drop_service(r, r->services);
	names_close(r->names);
	regions_close(&r->regions);
	free(r->service_by_id);
	free(r->instance_by_id);
	free(r);
}
