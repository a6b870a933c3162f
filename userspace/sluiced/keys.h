/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The secret keys of all hashes, as they are in force. */
#ifndef SL_KEYS_H
#define SL_KEYS_H

#include "daemon.h"

/* Are the keys in force those of the model's secret? Where nothing is in force
 * yet they are put there. Else -EINVAL, and what to do: other keys would send
 * every flow to another slot.
 */
int keys_check(struct daemon *d, const struct model *m, struct config_error *reterr);

#endif /* SL_KEYS_H */
