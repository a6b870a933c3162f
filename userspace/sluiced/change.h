/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One change of the configuration on its way into force; reload.c tells when,
 * change.c how, change_rings.c what becomes of the rings, change_commit.c what
 * follows once it is in force.
 */
#ifndef SL_CHANGE_H
#define SL_CHANGE_H

#include "../plan/plan.h"
#include "daemon.h"

struct change_instance {
	const struct model_instance *want;
	struct sl_name name; /* its id */
	bool written;	     /* by this change: to be undone */
	bool is_new;	     /* there was no record of it */
	bool had_return;     /* another id had the return entry: */
	struct sl_return_key return_key;
	struct sl_return return_before;
};

struct change_service {
	const struct model_service *want;
	struct sl_service_key endpoint; /* where devices reach it; a pool's is its front's */
	struct sl_service value;	/* as it will be in the banks */
	struct change_instance *instances;
	uint32_t old_first, old_size; /* of its ring so far; 0: it had none */
	bool moved;		      /* value names a region that this change took */
	bool chosen;
	bool below_min_healthy;
	uint32_t wanted, healthy;
};

struct change {
	struct daemon *d;
	struct model *model; /* wanted */
	/* Only instances differ from what is in force: tenants, accounts, interfaces
	 * and the services themselves are not looked at.
	 */
	bool services_only;
	const char *service; /* with services_only: the one whose instances differ */
	struct config_error *reterr;

	/* change.c's own */
	struct change_service *services;
	size_t n_services;
	bool *wanted; /* [cap.instances]: the instance is in the model */
	uint16_t *service_ids;
	uint32_t *tenant_ids;
	struct plan *plan; /* NULL with services_only */
	bool stale;	   /* the bank that is idle now may need repair */
};

/* Put @c->model in force, or change nothing: a negative errno, and why in
 * *@c->reterr. In force, the daemon has taken over the model (with services_only
 * its services), and @c->model is what was before, the caller's to free.
 */
int change_run(struct change *c);

/* -- between its files -- */
int change_fail(struct change *c, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int change_rings(struct change *c);
void change_rings_undo(struct change *c);
void change_commit(struct change *c);

/* The weight of an instance in the ring: where it is on the way to the wanted one,
 * the present one. @live may be NULL.
 */
uint32_t change_weight(const struct live_instance *live, const struct model_instance *want);

/* change_cids.c: -EBUSY if a server id is wanted that one that leaves still has. */
int change_cids_check(struct change *c);
void change_cid_commit(struct daemon *d, struct live_instance *i,
		       const struct model_instance *want);

#endif /* SL_CHANGE_H */
