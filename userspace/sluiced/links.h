/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Interfaces that the program is attached to, in step with the configuration. */
#ifndef SL_LINKS_H
#define SL_LINKS_H

#include "daemon.h"

/* Attach to those of @m that are not attached yet. On failure those of this call
 * are detached again, and *@reterr names the interface.
 */
int links_attach(struct daemon *d, const struct model *m, struct config_error *reterr);

/* The change they were attached for is not in force: detach them again. */
void links_undo(struct daemon *d);

/* What is attached now is no part of a change that can be undone. */
void links_keep(struct daemon *d);

/* It is in force: detach those it does not name, also what an earlier daemon
 * attached, and bring those to their mode that are in another.
 */
void links_commit(struct daemon *d, const struct model *m);

/* By request. -ENOENT: it is not attached. */
int links_detach(struct daemon *d, const char *ifname);

void links_free(struct daemon *d);

#endif /* SL_LINKS_H */
