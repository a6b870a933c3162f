/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SL_DP_DESCRIBE_H
#define SL_DP_DESCRIBE_H

#include "links.h"
#include "neigh.h"

/* Doctor's facts and advice about one link. */
void describe_link(const struct link *k, struct neigh_link *ret);

#endif /* SL_DP_DESCRIBE_H */
