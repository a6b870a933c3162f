/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The story of a configuration, in its two parts: from bytes to a valid model, and
 * from the model into force. The daemon's start goes the same way.
 */
#ifndef SL_RELOAD_H
#define SL_RELOAD_H

#include "daemon.h"
#include "overlay.h"

struct story {
	struct overlay *overlay; /* as it will be */
	cJSON *document;	 /* with the overlay applied */
	struct model *model;
	int quotas_given_up; /* tenants whose run-time quotas the file replaces */
};

/* Read the file (or, unless @file_again, the document that the API has put), lay
 * the changes made at run time over it, decode and validate.
 */
int story_load(struct daemon *d, bool file_again, struct story *ret, struct config_error *reterr);

/* Put it in force, or change nothing. @what: for the event, "reload" or the like. */
int story_enforce(struct daemon *d, struct story *s, const char *what, struct config_error *reterr);
void story_free(struct story *s);

/* The document in force once more, as a whole: makes both banks equal again. */
int story_repair(struct daemon *d, struct config_error *reterr);

/* All of a tenant's responses, by the whole document; kept in the overlay. */
int story_responses(struct daemon *d, const char *tenant, const cJSON *responses,
		    struct config_error *reterr);

/* Keep the overlay, and say so if that failed. */
void overlay_keep(struct daemon *d);

#endif /* SL_RELOAD_H */
