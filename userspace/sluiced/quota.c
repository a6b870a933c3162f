// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One tenant's quota changed at run time: its accounts, and nothing else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include "../common/cleanup.h"
#include "../dataplane/sync.h"
#include "registry_own.h"
#include "reload.h"

static void json_deletep(cJSON **json)
{
	cJSON_Delete(*json);
}

/* The tenant's object with the changes, decoded. */
static int quotas_merge(struct daemon *d, const cJSON *object, const cJSON *quota,
			const cJSON *device_quota, struct model_tenant *io,
			struct config_error *reterr)
{
	sl_cleanup(json_deletep) cJSON *merged = cJSON_CreateObject();
	static const char *const members[] = { "quota", "device_quota" };
	const cJSON *changes[] = { quota, device_quota };
	struct model_quota *to[] = { &io->quota, &io->device_quota };
	int err = merged ? 0 : -ENOMEM;

	for (size_t i = 0; i < SL_ARRAY_SIZE(members) && !err; i++) {
		const cJSON *now = cJSON_GetObjectItemCaseSensitive(object, members[i]);

		if (!changes[i])
			continue;
		if (!cJSON_IsObject(changes[i])) {
			snprintf(reterr->text, sizeof(reterr->text),
				 "%s: want an object such as {\"messages\": \"5k/s\"}", members[i]);
			return -EINVAL;
		}
		err = now ? document_set(merged, members[i], now) : 0;
		if (!err)
			err = document_merge(merged, members[i], changes[i]);
		if (!err)
			err = config_quota(cJSON_GetObjectItemCaseSensitive(merged, members[i]),
					   i == 1, d->tick_ns, members[i], to[i], reterr);
	}
	return err;
}

/* The tenant's accounts in force, with another quota. */
static int accounts_make(struct daemon *d, const struct model_tenant *t, struct plan_account **ret,
			 size_t *ret_n)
{
	sl_autofree struct plan_account *accounts =
		calloc(d->model->n_services + 1, sizeof(*accounts));
	struct live_service *s;
	struct sl_name tenant;
	size_t n = 0;
	int err = names_find(d->registry->names, SL_NAME_TENANT, t->name, &tenant);

	if (err || !accounts)
		return err ? err : -ENOMEM;
	for (s = d->registry->services; s && n < d->model->n_services; s = s->next) {
		struct sl_account_key key = { .tenant = tenant.id, .service = s->id };
		struct sl_account now;

		if (s->leaving)
			continue;
		key.bank = d->dp->control->bank & 1;
		err = bpf_map_lookup_elem(d->dp->accounts_fd, &key, &now);
		if (err == -ENOENT)
			continue; /* the tenant may not use this service */
		if (err)
			return err;
		key.bank = 0;
		accounts[n].key = key;
		plan_quota(t, d->tick_ns, &accounts[n].value);
		accounts[n].value.id = now.id;
		accounts[n].value.tenant = now.tenant;
		n++;
	}
	*ret = sl_take(accounts);
	*ret_n = n;
	return 0;
}

static int enforce(struct daemon *d, const struct model_tenant *t, struct config_error *reterr)
{
	sl_autofree struct plan_account *accounts = NULL;
	struct dataplane_error why = {};
	size_t n;
	int err = accounts_make(d, t, &accounts, &n);

	if (!err)
		err = sync_accounts(d->dp, accounts, n, &why);
	if (err)
		snprintf(reterr->text, sizeof(reterr->text), "tenant \"%s\": %.400s", t->name,
			 why.text[0] ? why.text : strerror(-err));
	return err;
}

static void quota_keep(struct daemon *d, cJSON *object, const char *tenant, const cJSON *quota,
		       const cJSON *device_quota)
{
	struct event_about about = { .type = "quota", .tenant = tenant };
	sl_autofree char *text = quota ? cJSON_PrintUnformatted(quota) : NULL;
	sl_autofree char *device = device_quota ? cJSON_PrintUnformatted(device_quota) : NULL;
	int err = document_merge(object, "quota", quota);

	if (!err)
		err = document_merge(object, "device_quota", device_quota);
	if (!err)
		err = overlay_quota(d->overlay, tenant, quota, device_quota);
	event_emit(d->events, LOG_INFO, about, "changed: %s%s%s", text ? text : "",
		   device ? " per device " : "", device ? device : "");
	if (err)
		event_emit(d->events, LOG_ERR, about, "not kept over restarts: %s", strerror(-err));
	overlay_keep(d);
}

int daemon_tenant_quota(struct daemon *d, const char *tenant, const cJSON *quota,
			const cJSON *device_quota, struct config_error *reterr)
{
	struct model_tenant *t = model_tenant(d->model, tenant), changed;
	cJSON *object = document_object(d->document, "tenants", tenant);
	int err;

	if (!t || !object) {
		snprintf(reterr->text, sizeof(reterr->text), "tenant \"%.*s\": there is none",
			 SL_NAME_LEN, tenant);
		return -ENOENT;
	}
	changed = *t;
	err = quotas_merge(d, object, quota, device_quota, &changed, reterr);
	if (err)
		return err;
	err = enforce(d, &changed, reterr);
	if (err == -ESTALE) {
		err = story_repair(d, reterr);
		if (!err)
			err = enforce(d, &changed, reterr);
		t = model_tenant(d->model, tenant);
	}
	if (err)
		return err;
	t->quota = changed.quota;
	t->device_quota = changed.device_quota;
	quota_keep(d, object, tenant, quota, device_quota);
	return 0;
}
