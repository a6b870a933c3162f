/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SL_CTL_INSTANCE_H
#define SL_CTL_INSTANCE_H

#include "ctl.h"
#include "output.h"

/* Print the API's answer to .../instances; with @service in front if not NULL. */
void instance_table(const struct ctl *c, const char *service, const cJSON *answer);

/* After a drain or a removal: tell how many flows are left until none is. @gone:
 * the instance itself vanishes then.
 */
enum ctl_result instance_wait(const struct ctl *c, const char *service, const char *instance,
			      bool gone);

#endif /* SL_CTL_INSTANCE_H */
