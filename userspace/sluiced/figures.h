/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Per-tenant figures at one moment, for /v1/top, /v1/tenants and /metrics: the
 * data plane's counters under the names they belong to. Only accounts with any
 * figure are held; sums by reason are made for the rows that are shown.
 *
 *	offered = admitted + not admitted
 *
 * in packets exactly; in messages and connections with what was refused as such
 * (what a packet quota refused was not looked into).
 */
#ifndef SL_FIGURES_H
#define SL_FIGURES_H

#include <stddef.h>
#include <stdint.h>
#include "../dataplane/names.h"
#include "../dataplane/stats.h"

#define FIGURES_NONE  "_none"  /* belongs to no tenant */
#define FIGURES_OTHER "_other" /* rows that were folded, tallies that found no room */

struct figure {
	struct sl_hot admitted;
	uint64_t refused[SL_R__MAX]; /* not admitted, by reason */
	uint64_t marked[SL_R__MAX];  /* would have been refused; admitted */
	uint64_t open;		     /* tracked connections, now */
};

struct figure_account {
	char *tenant; /* owns both texts */
	const char *service;
	struct sl_hot admitted;
	uint64_t refused;	     /* packets, of all reasons */
	uint32_t open;		     /* tracked connections, now */
	size_t tally, n_tallies;     /* in figures.tallies */
	size_t latency, n_latencies; /* in figures.latencies */
};

struct figure_tenant {
	const char *name;
	size_t account, n_accounts; /* in figures.accounts */
	uint64_t admitted, offered; /* packets */
};

struct figures {
	uint64_t time_ns;
	struct figure_account *accounts; /* by tenant, then service */
	size_t n_accounts;
	struct figure_tenant *tenants; /* by name */
	size_t n_tenants;
	struct stats_tally *tallies;
	size_t n_tallies;
	size_t none_n;	      /* tallies[0..none_n): no account was found */
	uint8_t *claimed;     /* a byte a tally: an account with a name has it */
	uint32_t tallies_cap; /* of the map, for doctor */
	struct stats_latency *latencies;
	size_t n_latencies;
};

/* Times from request to answer, by enum sl_latency_sort; large. */
struct figure_times {
	struct sl_latency of[SL_L__MAX];
};

int figures_read(const struct dataplane *dp, struct names *names, uint64_t now_ns,
		 struct figures *ret);
void figures_free(struct figures *f);

/* NULL: no figure yet. */
const struct figure_tenant *figures_tenant(const struct figures *f, const char *name);

/* Add to @sum (zeroed by the caller). */
void figure_add_tally(const struct stats_tally *t, struct figure *sum);
void figure_add_account(const struct figures *f, size_t account, struct figure *sum);
void figure_add_tenant(const struct figures *f, const struct figure_tenant *t, struct figure *sum);
void figure_add_none(const struct figures *f, struct figure *sum);
/* Tallies of accounts whose name is gone, and of SL_TALLY_OTHER. */
void figure_add_unclaimed(const struct figures *f, struct figure *sum);

/* The same of times. False: there are none. */
bool figure_add_account_times(const struct figures *f, size_t account, struct figure_times *sum);
bool figure_add_tenant_times(const struct figures *f, const struct figure_tenant *t,
			     struct figure_times *sum);
bool figure_add_other_times(const struct figures *f, struct figure_times *sum);

uint64_t figure_refused(const struct figure *f); /* packets, of all reasons */
uint64_t figure_offered_packets(const struct figure *f);
uint64_t figure_offered_messages(const struct figure *f);
uint64_t figure_offered_connections(const struct figure *f);

/* Indices of tenants, the largest first; the caller's to free. */
enum figures_order {
	FIGURES_BY_OFFERED,
	FIGURES_BY_ADMITTED,
};
int figures_order(const struct figures *f, enum figures_order by, size_t **ret);

#endif /* SL_FIGURES_H */
