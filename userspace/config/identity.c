// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include "../common/cleanup.h"
#include "../common/str.h"
#include "identity.h"
#include "index.h"

/* -- text -- */

/* What a segment has as itself, RFC 3986 3.3 "pchar". */
static bool is_plain(uint8_t c)
{
	return c < 0x80 && c && (isalnum(c) || strchr("-._~!$&'()*+,;=:@", c));
}

static void add_segment(struct str *s, const uint8_t *bytes, uint8_t len)
{
	str_add(s, "/");
	for (uint8_t i = 0; i < len; i++)
		str_add(s, is_plain(bytes[i]) ? "%c" : "%%%02X", bytes[i]);
}

uint32_t identity_number(const struct model_identity *i)
{
	const uint8_t *b = i->bytes + 2;

	return (uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
}

const char *identity_text(const struct model_identity *i, char ret[IDENTITY_TEXT])
{
	enum sl_trie_root root = identity_root(i);
	struct str s = str_over(ret, IDENTITY_TEXT);
	bool is_path = root == SL_T_COAP_PATH || (root >= SL_T_ALLOW && root <= SL_T_ROUTE);

	if (root == SL_T_DTLS_CID)
		str_add(&s, "%u", identity_number(i));
	for (size_t at = 1; root != SL_T_DTLS_CID && at < i->size; at += 1 + i->bytes[at]) {
		if (is_path)
			add_segment(&s, i->bytes + at + 1, i->bytes[at]);
		else
			str_addn(&s, (const char *)i->bytes + at + 1, i->bytes[at]);
	}
	if (i->size == 1)
		str_add(&s, "/");
	return ret;
}

const char *identity_member(enum sl_trie_root root)
{
	static const char *const members[SL_T__MAX] = {
		[SL_T_COAP_HOST] = "coap_host",
		[SL_T_COAP_PATH] = "coap_path",
		[SL_T_ORIGINATOR] = "onem2m_originator",
		[SL_T_ALLOW] = "coap_paths",
		[SL_T_MQTT_USERNAME] = "mqtt_username",
		[SL_T_MQTT_CLIENT_ID] = "mqtt_client_id",
		[SL_T_TLS_SNI] = "tls_sni",
		[SL_T_DTLS_CID] = "dtls_cid",
		[SL_T_RESPONSE] = "path",
		[SL_T_ROUTE] = "path",
	};

	return members[root];
}

/* -- steps -- */

bool identity_next(struct identity_walk *w, struct sl_trie_key *ret)
{
	uint8_t n;

	w->at += !w->at; /* over the root */
	if (!w->left) {
		if (w->at == w->of->size)
			return false;
		w->left = w->of->bytes[w->at++];
	}
	n = w->left < SL_TRIE_CHUNK ? w->left : SL_TRIE_CHUNK;
	*ret = (struct sl_trie_key){ .len = w->left };
	memcpy(ret->text, w->of->bytes + w->at, n);
	w->at += n;
	w->left -= n;
	return true;
}

static size_t most_steps(const struct model_identity *list, size_t n)
{
	size_t ret = 0;

	for (size_t i = 0; i < n; i++) {
		struct identity_walk w = { .of = &list[i] };
		struct sl_trie_key ignored;

		while (identity_next(&w, &ignored))
			ret++;
	}
	return ret;
}

static uint64_t count_new(struct index *seen, const struct model_identity *list, size_t n)
{
	uint64_t ret = 0;

	for (size_t i = 0; i < n; i++) {
		struct identity_walk w = { .of = &list[i] };
		struct sl_trie_key ignored;

		while (identity_next(&w, &ignored))
			ret += index_add(seen, list[i].bytes, w.at, 0) == INDEX_NONE;
	}
	return ret;
}

/* Paths that a tenant may use share steps with each other alone, below one of the
 * tenant's, and so do types.
 */
static int count_allowed(const struct model_tenant *t, uint64_t *io)
{
	sl_cleanup(index_close) struct index seen = {};

	if (!model_allows_some(t))
		return 0;
	if (index_open(&seen, most_steps(t->paths, t->n_paths)))
		return -ENOMEM;
	*io += 1 + count_new(&seen, t->paths, t->n_paths) + __builtin_popcountll(t->types);
	return 0;
}

/* The paths of a service's routes likewise; each rule is a step below its path's. */
static int count_routes(const struct model_service *s, uint64_t *io)
{
	sl_cleanup(index_close) struct index seen = {};
	size_t most = 0;

	if (!s->n_routes)
		return 0;
	for (size_t i = 0; i < s->n_routes; i++)
		most += most_steps(&s->routes[i].path, 1);
	if (index_open(&seen, most))
		return -ENOMEM;
	*io += 1 + s->n_routes;
	for (size_t i = 0; i < s->n_routes; i++)
		*io += count_new(&seen, &s->routes[i].path, 1);
	return 0;
}

/* Is it the first of its service? */
static bool is_first(const struct model_tenant *t, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(t->responses[k].service, t->responses[i].service))
			return false;
	return true;
}

/* Likewise, below one of the tenant's and the service's. */
static int count_responses_of(const struct model_tenant *t, size_t first, uint64_t *io)
{
	sl_cleanup(index_close) struct index seen = {};
	size_t most = 0;

	for (size_t i = first; i < t->n_responses; i++)
		most += most_steps(&t->responses[i].path, 1);
	if (index_open(&seen, most))
		return -ENOMEM;
	*io += 1;
	for (size_t i = first; i < t->n_responses; i++)
		if (!strcmp(t->responses[i].service, t->responses[first].service))
			*io += count_new(&seen, &t->responses[i].path, 1);
	return 0;
}

static int count_responses(const struct model_tenant *t, uint64_t *io)
{
	int err = 0;

	for (size_t i = 0; i < t->n_responses && !err; i++)
		if (is_first(t, i))
			err = count_responses_of(t, i, io);
	return err;
}

int identity_count_steps(const struct model *m, uint64_t *ret)
{
	sl_cleanup(index_close) struct index seen = {};
	uint64_t n = 0;
	size_t most = 0;
	int err = 0;

	for (size_t i = 0; i < m->n_tenants; i++)
		most += most_steps(m->tenants[i].identities, m->tenants[i].n_identities);
	if (index_open(&seen, most))
		return -ENOMEM;
	for (size_t i = 0; i < m->n_tenants && !err; i++) {
		const struct model_tenant *t = &m->tenants[i];

		n += count_new(&seen, t->identities, t->n_identities);
		err = count_allowed(t, &n);
		if (!err)
			err = count_responses(t, &n);
	}
	for (size_t i = 0; i < m->n_services && !err; i++)
		err = count_routes(&m->services[i], &n);
	if (!err)
		*ret = n;
	return err;
}
