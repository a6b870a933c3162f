// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../plan/keys.h"
#include "keys.h"

int keys_check(struct daemon *d, const struct model *m, struct config_error *reterr)
{
	struct sl_control *now = d->dp->control, want = {};

	keys_derive(m, &want);
	if (!memcmp(now->flow_key, want.flow_key, sizeof(want.flow_key)) &&
	    !memcmp(now->device_key, want.device_key, sizeof(want.device_key)) &&
	    !memcmp(now->echo_key, want.echo_key, sizeof(want.echo_key)))
		return 0;
	if (registry_services(d->registry)) {
		snprintf(reterr->text, sizeof(reterr->text),
			 "secret: differs from the one in force, which would move every flow; put "
			 "it back, or stop sluiced, run \"sluiced --remove\" and start again");
		return -EINVAL;
	}
	memcpy(now->flow_key, want.flow_key, sizeof(want.flow_key));
	memcpy(now->device_key, want.device_key, sizeof(want.device_key));
	memcpy(now->echo_key, want.echo_key, sizeof(want.echo_key));
	return 0;
}
