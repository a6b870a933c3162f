/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names and their ids, in the pinned map sl_names: stable over reload, restart
 * and upgrade. An id is taken before anything in the kernel names it and freed
 * only when nothing does any more. A cache of the whole map is kept in memory.
 * Does not log.
 */
#ifndef SL_DP_NAMES_H
#define SL_DP_NAMES_H

#include "dataplane.h"

struct names;

/* sl_name.state of an instance: what a restarted daemon must not forget. */
enum name_instance_state {
	NAME_I_DRAINING = 1 << 0, /* takes no new flows; .since_s says since when */
	NAME_I_LEAVING =
		1 << 1,	      /* and is no longer in the configuration: free the id when drained */
	NAME_I_DOWN = 1 << 2, /* probes said so, last */
	NAME_I_GONE = 1 << 3, /* and there was evidence that nothing listens there */
};

int names_open(struct dataplane *dp, struct names **ret);
void names_close(struct names *n);

/* The id of (@kind, @text): the one it has, if its tag equals @tag, or a new one.
 * With another tag in force (a service got another address) the old entry is
 * renamed with a suffix "~N", so that it can drain, and a new id is given.
 * -ENOSPC: the capacity member that @kind counts against is used up.
 */
int names_take(struct names *n, enum sl_name_kind kind, const char *text, uint64_t tag,
	       struct sl_name *ret);
int names_find(struct names *n, enum sl_name_kind kind, const char *text, struct sl_name *ret);
int names_set_state(struct names *n, enum sl_name_kind kind, const char *text, uint32_t state,
		    uint32_t since_s);
int names_drop(struct names *n, enum sl_name_kind kind, const char *text);

/* A change of the configuration takes names before it is certain: what was taken
 * or renamed since names_mark() is undone by names_rollback() and made final by
 * names_commit(). Drops and states are not covered.
 */
void names_mark(struct names *n);
void names_commit(struct names *n);
void names_rollback(struct names *n);

/* Call @fn for each entry of @kind; it may drop the entry it is given. */
void names_each(struct names *n, enum sl_name_kind kind,
		void (*fn)(void *arg, const char *text, const struct sl_name *name), void *arg);

/* Reverse look-up for figures; NULL if there is none. */
const char *names_text(struct names *n, enum sl_name_kind kind, uint32_t id);

#endif /* SL_DP_NAMES_H */
