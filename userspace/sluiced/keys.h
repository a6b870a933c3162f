/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The secret keys of all hashes, from the configuration's secret. */
#ifndef SL_KEYS_H
#define SL_KEYS_H

#include "daemon.h"

/* The keys that every node with this secret has. Pure. */
void keys_derive(const struct model *m, struct sl_control *ret);

/* Are the keys in force those of the model's secret? Where nothing is in force
 * yet they are put there. Else -EINVAL, and what to do: other keys would send
 * every flow to another slot.
 */
int keys_check(struct daemon *d, const struct model *m, struct config_error *reterr);

#endif /* SL_KEYS_H */
