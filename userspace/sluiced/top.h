/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Windows of the tenants' heaviest devices: turned every minute while a tenant has
 * top_devices, and when a table gets another tenant.
 */
#ifndef SL_TOP_DAEMON_H
#define SL_TOP_DAEMON_H

#include "../dataplane/top.h"
#include "daemon.h"

#define TOP_WINDOW_MS 60000

int top_open(struct daemon *d, struct top **ret);
void top_close(struct top *t);

/* @m is in force: who has which table. */
void top_update(struct top *t, const struct model *m);

struct top_window {
	uint32_t index;
	uint64_t since_ns, until_ns; /* CLOCK_MONOTONIC */
};
/* The window that runs, or the @last whole one. False: there is none that is of
 * @tenant alone, which has top_devices.
 */
bool top_window(const struct top *t, const struct model_tenant *tenant, bool last,
		struct top_window *ret);

#endif /* SL_TOP_DAEMON_H */
