// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A tenant's "responses": what the node itself says to a CoAP GET, in clear and as it stands. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sluice/limits.h>
#include "../common/num.h"
#include "decode.h"

#define S		NUM_NS_PER_S
#define MAX_AGE_DEFAULT 60 /* RFC 7252 5.10.5 */
#define FORMAT_MAX	65535

static int decode_payload(const cJSON *value, const struct path *at, void *out,
			  struct config_error *reterr)
{
	const char *text = cJSON_GetStringValue(value);
	struct model_response *r = out;

	if (!text || !*text || strlen(text) > SL_RESPONSE_BYTES)
		return decode_fail(at, reterr, "want text of 1 to %d bytes", SL_RESPONSE_BYTES);
	r->payload = strdup(text);
	return r->payload ? 0 : -ENOMEM;
}

/* clang-format off */
const struct decode_field response_fields[] = {
	FIELD("path",           struct model_response, path,      response_path_decode, .required = true),
	FIELD("service",        struct model_response, service,   decode_name),
	FIELD("content_format", struct model_response, format,    decode_u32, .max = FORMAT_MAX),
	FIELD("max_age",        struct model_response, max_age_s, decode_seconds, .max = 30 * 86400 * S),
	FIELD_OF("payload", decode_payload, .required = true),
	{},
};
/* clang-format on */

static int response_decode(const cJSON *value, const struct path *at, void *out,
			   struct config_error *reterr)
{
	struct model_response *r = out;

	r->format = SL_FORMAT_NONE;
	r->max_age_s = MAX_AGE_DEFAULT;
	return decode_object(value, at, response_fields, r, reterr);
}

int responses_decode(const cJSON *value, const struct path *at, void *out,
		     struct config_error *reterr)
{
	static const struct decode_items items = {
		.size = sizeof(struct model_response),
		.max = SL_RESPONSES,
		.what = "responses",
		.decode = response_decode,
	};
	struct model_tenant *t = out;
	struct decode_list list = {};
	int err = decode_list(value, at, &items, &list, reterr);

	t->responses = list.items;
	t->n_responses = list.n;
	for (size_t i = 0; i < t->n_responses; i++)
		t->responses[i].path.at = i;
	return err;
}

int config_responses(const cJSON *list, const char *where, struct model_tenant *io,
		     struct config_error *reterr)
{
	const struct path at = { .member = where };
	struct model_tenant t = {};
	int err = responses_decode(list, &at, &t, reterr);

	if (err) {
		model_responses_free(t.responses, t.n_responses);
		return err;
	}
	model_responses_free(io->responses, io->n_responses);
	io->responses = t.responses;
	io->n_responses = t.n_responses;
	return 0;
}

int config_response_path(const char *text, const char *where, struct model_identity *ret,
			 struct config_error *reterr)
{
	const struct path at = { .member = where };
	cJSON *value = cJSON_CreateString(text);
	int err = value ? response_path_decode(value, &at, ret, reterr) : -ENOMEM;

	cJSON_Delete(value);
	return err;
}
