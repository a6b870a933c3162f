// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a configuration: a model or a named error, never both, and what
 * the strict grammar lets through is JSON for cJSON too.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "config/config.h"
#include "config/identity.h"
#include "config/syntax.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_strings(const struct model *m)
{
	for (size_t i = 0; i < m->n_services; i++)
		if (!memchr(m->services[i].name, '\0', SL_NAME_LEN) || !m->services[i].port)
			abort();
	for (size_t i = 0; i < m->n_tenants; i++)
		if (!memchr(m->tenants[i].name, '\0', SL_NAME_LEN))
			abort();
}

/* Strings that a message can have, whole to the last byte, and a text that says the same. */
static void check_identities(const struct model_identity *list, size_t n, bool of_path)
{
	for (size_t i = 0; i < n; i++) {
		const struct model_identity *id = &list[i];
		enum sl_trie_root root = identity_root(id);
		char text[IDENTITY_TEXT];
		size_t at = 1, parts = 0;

		for (; at < id->size; at += 1 + id->bytes[at], parts++)
			if (!id->bytes[at] || id->bytes[at] > SL_IDENTITY_MAX)
				abort();
		if (at != id->size || parts > SL_PATH_DEPTH || of_path != (root == SL_T_ALLOW))
			abort();
		if (!parts && !of_path)
			abort();
		if (!*identity_text(id, text) || strlen(text) + 1 >= IDENTITY_TEXT)
			abort();
	}
}

/* What the packet path has room for. */
static void check_responses(const struct model_tenant *t)
{
	if (t->n_responses > SL_RESPONSES)
		abort();
	for (size_t i = 0; i < t->n_responses; i++) {
		const struct model_response *r = &t->responses[i];
		size_t len = strlen(r->payload);

		if (identity_root(&r->path) != SL_T_RESPONSE || !len || len > SL_RESPONSE_BYTES ||
		    (r->format > 65535 && r->format != SL_FORMAT_NONE))
			abort();
	}
}

static void check_steps(const struct model *m)
{
	uint64_t steps = 0;

	for (size_t i = 0; i < m->n_tenants; i++) {
		check_identities(m->tenants[i].identities, m->tenants[i].n_identities, false);
		check_identities(m->tenants[i].paths, m->tenants[i].n_paths, true);
		check_responses(&m->tenants[i]);
	}
	if (identity_count_steps(m, &steps) || steps > m->capacity.trie)
		abort();
}

/* A packet may count on it: the server id lies within every connection id. */
static void check_cid(const struct model_service *s)
{
	const struct model_cid *c = &s->cid;
	int rotations = 0;

	for (int i = 0; i < SL_CID_ROTATIONS; i++) {
		rotations += c->server_id_length[i] > 0;
		if (c->server_id_length[i] + (c->layout == SL_CID_QUIC_LB) > c->length)
			abort();
	}
	if (!c->layout != !rotations || c->server_id_length[SL_CID_ROTATIONS - 1] ||
	    c->length > SL_CID_MAX || (s->device_key == SL_DK_CID && !c->layout))
		abort();
	for (size_t i = 0; i < s->n_instances; i++)
		if (s->instances[i].has_server_id && !c->layout)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct config_error why = {}, syntax = {};
	struct model *m = NULL;
	cJSON *doc = NULL;
	int err = config_load_text((const char *)data, len, 4000000, &m, &why);

	if (err ? m || !why.text[0] : !m)
		abort();
	if (!memchr(why.text, '\0', sizeof(why.text)))
		abort();
	if (m) {
		check_strings(m);
		check_steps(m);
	}
	for (size_t i = 0; m && i < m->n_services; i++)
		check_cid(&m->services[i]);
	model_free(m);

	err = config_read_text((const char *)data, len, &doc, &why);
	if (syntax_check((const char *)data, len, &syntax) ? err : err != -EINVAL)
		abort();
	cJSON_Delete(doc);
	return 0;
}
