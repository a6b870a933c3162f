/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From bytes to a valid model, one path for file and API. Does not log. */
#ifndef SL_CONFIG_H
#define SL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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

/* The parts of it, for those who keep the document: bytes to JSON (strict RFC
 * 8259, bounded in size and depth; a syntax error is "LINE:COLUMN: ..."). The
 * caller owns *@ret.
 */
int config_read_file(const char *path, cJSON **ret, struct config_error *reterr);
int config_read_text(const char *text, size_t len, cJSON **ret, struct config_error *reterr);

/* One object alone, by the same tables and limits as within a document; errors
 * begin with @where ("tenants[2].quota"). What other objects say is not
 * checked: for that, load the document.
 */
int config_quota(const cJSON *object, bool of_device, uint64_t tick_ns, const char *where,
		 struct model_quota *ret, struct config_error *reterr);
int config_instance(const cJSON *object, const char *where, struct model_instance *ret,
		    struct config_error *reterr);

/* All of a tenant's responses; io's are replaced and freed, or stay on failure. */
int config_responses(const cJSON *list, const char *where, struct model_tenant *io,
		     struct config_error *reterr);
/* The path of a response, percent-encoded or not; the caller frees ret->bytes. */
int config_response_path(const char *text, const char *where, struct model_identity *ret,
			 struct config_error *reterr);

#endif /* SL_CONFIG_H */
