/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The secret keys of all hashes, from the configuration's secret. Pure. */
#ifndef SL_PLAN_KEYS_H
#define SL_PLAN_KEYS_H

#include <sluice/abi.h>
#include "../common/siphash.h"
#include "../config/model.h"

/* The keys that every node with this secret has. */
void keys_derive(const struct model *m, struct sl_control *ret);
/* That of the ETags of responses; nobody can tell from one what has it. */
struct siphash_key keys_etag(const struct model *m);

#endif /* SL_PLAN_KEYS_H */
