/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What doctor's parts share. A check is {check, state, text, advice}. */
#ifndef SL_DOCTOR_H
#define SL_DOCTOR_H

#include "daemon.h"

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_WARN,
	DOCTOR_FAIL,
};

#define DOCTOR_TEXT 384

/* Say what is; then, where something is to be done, what. */
struct doctor {
	struct daemon *d;
	cJSON *checks;
	struct neigh_link *links;
	size_t n_links;
	bool serves[2]; /* services of IPv4, of IPv6 */
};
void doctor_say(struct doctor *doc, const char *check, enum doctor_state state, const char *advice,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));

void doctor_links(struct doctor *doc);	   /* doctor_net.c */
void doctor_instances(struct doctor *doc); /* doctor_net.c */

#endif /* SL_DOCTOR_H */
