// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lasting objects: an instance's record, its return entry, its server id, its hop. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <bpf/bpf.h>
#include "filter.h"
#include "lib/csum.h"
#include "sync.h"

void sync_deltas(const struct sl_addr *from, __be16 from_port, const struct sl_addr *to,
		 __be16 to_port, __u16 *ret_l3, __u16 *ret_l4)
{
	*ret_l3 = csum_delta(from, 0, to, 0);
	*ret_l4 = csum_delta(from, from_port, to, to_port);
}

static struct sl_return_key return_key(const struct sl_instance *i, uint8_t proto)
{
	return (struct sl_return_key){ .addr = i->addr, .port = i->port, .proto = proto };
}

int sync_instance_write(struct dataplane *dp, uint16_t id, const struct sl_instance *value,
			const struct sl_service_key *vip, uint16_t front)
{
	struct sl_return_key key = return_key(value, vip->proto);
	struct sl_return back = {
		.vip = vip->addr,
		.port = vip->port,
		.instance = id,
		.service = value->service,
		.l3_delta = value->l3_delta,
		.l4_delta = value->l4_delta,
		.front = front,
	};
	struct sl_instance *record = &dp->instances[id];
	int err;

	filter_add(dp, &value->addr);
	*record = *value;
	err = bpf_map_update_elem(dp->returns_fd, &key, &back, BPF_ANY);
	if (!err)
		return 0;
	*record = (struct sl_instance){ .generation = value->generation };
	return err == -E2BIG ? -ENOSPC : err;
}

static int return_clear(struct dataplane *dp, uint16_t id, uint8_t proto)
{
	struct sl_return_key key = return_key(&dp->instances[id], proto);
	struct sl_return back;
	int err = bpf_map_lookup_elem(dp->returns_fd, &key, &back);

	/* The same server may serve under another id by now: then the entry is its. */
	if (!err && back.instance == id)
		err = bpf_map_delete_elem(dp->returns_fd, &key);
	return err == -ENOENT ? 0 : err;
}

static struct sl_cid_key cid_key(const struct sl_instance *i)
{
	return (struct sl_cid_key){ .server_id = i->server_id, .service = i->service };
}

bool sync_instance_has_server_id(const struct dataplane *dp, uint16_t id)
{
	struct sl_cid_key key = cid_key(&dp->instances[id]);
	__u32 holder;

	return !bpf_map_lookup_elem(dp->cids_fd, &key, &holder) && holder == id;
}

/* Another one may have taken the server id over: then the entry is its. */
static int server_id_clear(struct dataplane *dp, uint16_t id)
{
	struct sl_cid_key key = cid_key(&dp->instances[id]);
	int err;

	if (!sync_instance_has_server_id(dp, id))
		return 0;
	err = bpf_map_delete_elem(dp->cids_fd, &key);
	return err == -ENOENT ? 0 : err;
}

int sync_instance_server_id(struct dataplane *dp, uint16_t id, bool has, uint32_t server_id)
{
	struct sl_instance *record = &dp->instances[id];
	struct sl_cid_key key = cid_key(record);
	__u32 holder = id;
	int err = 0;

	if (!has || record->server_id != server_id)
		err = server_id_clear(dp, id);
	if (err || !has)
		return err;
	key.server_id = server_id;
	err = bpf_map_update_elem(dp->cids_fd, &key, &holder, BPF_ANY);
	if (!err)
		record->server_id = server_id;
	return err == -E2BIG ? -ENOSPC : err;
}

int sync_instance_clear(struct dataplane *dp, uint16_t id, uint8_t proto)
{
	struct sl_instance *record = &dp->instances[id];
	int err;

	if (proto)
		err = return_clear(dp, id, proto);
	else
		err = return_clear(dp, id, IPPROTO_UDP) ?: return_clear(dp, id, IPPROTO_TCP);
	if (!err)
		err = server_id_clear(dp, id);
	if (err)
		return err;
	*record = (struct sl_instance){ .generation = record->generation };
	return 0;
}

void sync_instance_hop(struct dataplane *dp, uint16_t id, const struct sl_hop *hop)
{
	struct sl_instance *record = &dp->instances[id];
	uint8_t idle = !record->hop;

	if (!memcmp(&record->hops[record->hop & 1], hop, sizeof(*hop)))
		return;
	record->hops[idle] = *hop;
	__atomic_store_n(&record->hop, idle, __ATOMIC_RELEASE);
}
