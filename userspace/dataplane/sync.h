/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A plan into the kernel, never a mixture: write the idle bank, put it in force
 * by one store, wait until no packet can hold the old one, repeat there. Does
 * not log.
 *
 * A process killed anywhere in here leaves the old configuration or the new one
 * in force; the next sync repairs the idle bank, because it compares every
 * object with what the kernel has and not with what a process remembers.
 */
#ifndef SL_DP_SYNC_H
#define SL_DP_SYNC_H

#include "dataplane.h"
#include "../plan/plan.h"

/* Progress of long work: called now and then, may be NULL. */
typedef void (*sync_progress)(void *arg, size_t done, size_t total);

/* Put @want in force. On failure before the store the old configuration stays
 * in force and a negative errno is returned with the reason; after the store
 * the new one is, and the call returns 0 although the old bank may need repair
 * at the next sync (*@ret_stale is then true).
 */
int sync_plan(struct dataplane *dp, const struct plan *want, sync_progress progress, void *arg,
	      bool *ret_stale, struct dataplane_error *reterr);

/* Per object: one tenant's accounts have another quota. Same guarantee, costs
 * these accounts only. Buckets that are further ahead than the new quota
 * explains are capped.
 */
int sync_accounts(struct dataplane *dp, const struct plan_account *accounts, size_t n,
		  struct dataplane_error *reterr);

/* The same for services whose rings have moved; several objects of both sorts in
 * one flip. -ESTALE: the banks differ, only sync_plan() can help. -ENOENT: an
 * object is not in force.
 */
struct sync_objects {
	const struct plan_service *services;
	size_t n_services;
	const struct plan_account *accounts;
	size_t n_accounts;
	const struct plan_response *responses;
	size_t n_responses;
};
int sync_objects(struct dataplane *dp, const struct sync_objects *o,
		 struct dataplane_error *reterr);

/* Wait until every packet that began before this call has left (RCU). */
int sync_wait(void);

/* Lasting objects. An instance's record and return entry are written before a
 * slot names it and removed after none does. @vip: where devices reach it; @front: of a
 * pool's instance the front's id, else 0. @proto 0: not known any more.
 */
int sync_instance_write(struct dataplane *dp, uint16_t id, const struct sl_instance *value,
			const struct sl_service_key *vip, uint16_t front);
int sync_instance_clear(struct dataplane *dp, uint16_t id, uint8_t proto);

/* The server id in the connection ids that instance @id makes, or that there is none
 * (@has false). What another instance of its service had under @server_id is
 * replaced. Returns 0, -ENOSPC or another negative errno.
 */
int sync_instance_server_id(struct dataplane *dp, uint16_t id, bool has, uint32_t server_id);
/* Then it is .server_id of its record. */
bool sync_instance_has_server_id(const struct dataplane *dp, uint16_t id);
void sync_instance_hop(struct dataplane *dp, uint16_t id, const struct sl_hop *hop);

/* Ones' complement differences for struct sl_instance, see bpf/lib/csum.h. */
void sync_deltas(const struct sl_addr *from, __be16 from_port, const struct sl_addr *to,
		 __be16 to_port, __u16 *ret_l3, __u16 *ret_l4);

#endif /* SL_DP_SYNC_H */
