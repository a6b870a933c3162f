// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Server ids of DTLS connection ids (RFC 9146) in a change: an id must not be given to
 * a new instance while one that drains is still known by it to its devices.
 */
#include <errno.h>
#include <bpf/bpf.h>
#include "../dataplane/sync.h"
#include "change.h"
#include "registry_own.h"

/* An instance that this change does not want, and that still holds @server_id. */
static const struct live_instance *holder_that_leaves(const struct change *c, uint16_t service,
						      uint32_t server_id)
{
	const struct sl_cid_key key = { .server_id = server_id, .service = service };
	__u32 id;

	if (bpf_map_lookup_elem(c->d->dp->cids_fd, &key, &id) || id >= c->d->dp->cap.instances ||
	    c->wanted[id])
		return NULL;
	return registry_instance_by_id(c->d->registry, id);
}

int change_cids_check(struct change *c)
{
	for (size_t s = 0; s < c->n_services; s++) {
		const struct change_service *cs = &c->services[s];

		for (size_t i = 0; i < cs->want->n_instances; i++) {
			const struct model_instance *want = cs->instances[i].want;
			const struct live_instance *holder = NULL;

			if (want->has_server_id)
				holder = holder_that_leaves(c, cs->value.id, want->server_id);
			if (holder)
				return change_fail(c, -EBUSY,
						   "services[%zu].instances[%zu].server_id: %u is "
						   "still in use by %s, which %s; want another",
						   s, i, want->server_id, holder->name,
						   holder->leaving ? "drains" : "would drain");
		}
	}
	return 0;
}

void change_cid_commit(struct daemon *d, struct live_instance *i, const struct model_instance *want)
{
	struct event_about about = { "server_id", i->service->name, i->name, NULL };
	int err = 0;

	if (i->has_server_id != want->has_server_id || i->server_id != want->server_id)
		err = sync_instance_server_id(d->dp, i->id, want->has_server_id, want->server_id);
	if (err) {
		event_emit(d->events, LOG_ERR, about,
			   "its connection ids are not known, its records go by address: %s",
			   strerror(-err));
		return;
	}
	i->has_server_id = want->has_server_id;
	i->server_id = want->has_server_id ? want->server_id : 0;
}
