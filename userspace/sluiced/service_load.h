/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The load of one service from the data plane's counters: the sum over its
 * tenants' accounts, see plan/load.h.
 */
#ifndef SL_SERVICE_LOAD_H
#define SL_SERVICE_LOAD_H

#include "../dataplane/stats.h"
#include "../plan/load.h"
#include "daemon.h"

struct service_load;

struct service_load *service_load_new(void);
void service_load_free(struct service_load *l);

/* The unit that a service's target counts in. */
enum sl_quota service_load_unit(const struct model_scaling *set);

/* Read the counters and compare with the last reading. @tallies as from
 * stats_tallies(). With @accounts_changed the accounts are looked up by name
 * again. -EAGAIN: this was the first reading; -ENOMEM. *@ret is untouched then.
 */
int service_load_read(struct service_load *l, struct daemon *d, const struct live_service *svc,
		      const struct stats_tally *tallies, size_t n, bool accounts_changed,
		      uint64_t now_ns, struct load_rates *ret, uint64_t *ret_dt_ns);

#endif /* SL_SERVICE_LOAD_H */
