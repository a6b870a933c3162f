/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From bytes to a valid model, one path for file and API. Does not log. */
#ifndef SL_CONFIG_H
#define SL_CONFIG_H

#include <stddef.h>
#include <cjson/cJSON.h>
#include "model.h"

#define CONFIG_MAX_BYTES (64u << 20)

struct config_error {
	char text[512]; /* "tenants[2].quota.messages: want a rate such as \"50k/s\"" */
};

/* Read, decode and validate. On failure returns a negative errno, leaves *@ret
 * untouched and says in *@reterr where and what would be right. @tick_ns is the
 * coarse clock's step (clock_getres): bursts shorter than two steps are refused.
 */
int config_load_file(const char *path, uint64_t tick_ns, struct model **ret,
		     struct config_error *reterr);
int config_load_text(const char *text, size_t len, uint64_t tick_ns, struct model **ret,
		     struct config_error *reterr);

/* The same for a document already parsed; what the API changes goes this way:
 * the daemon keeps the document in force, edits a copy, and loads that.
 */
int config_load_json(const cJSON *doc, uint64_t tick_ns, struct model **ret,
		     struct config_error *reterr);

#endif /* SL_CONFIG_H */
