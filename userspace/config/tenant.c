// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The members of a tenant, with their limits. Rates of devices are bounded by
 * what abi.h's device_cost can say: 32 bits of 1,024 ns, of a byte of 1/4 ns.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sluice/limits.h>
#include "../common/addr.h"
#include "../common/cleanup.h"
#include "../common/num.h"
#include "decode.h"
#include "validate.h"

/* One of "match": either a source or what its messages say. */
struct match {
	bool is_source;
	struct model_prefix source;
	struct model_identity identity;
};

static int decode_source(const cJSON *value, const struct path *at, void *out,
			 struct config_error *reterr)
{
	const char *text = cJSON_GetStringValue(value);
	struct model_prefix *p = &((struct match *)out)->source;
	struct sl_addr network;
	char want[ADDR_TEXT];
	int err = addr_prefix_parse(text ? text : "", &p->addr, &p->len);

	if (err == -EAFNOSUPPORT)
		return decode_fail(at, reterr, "want the IPv4 prefix itself, not mapped into IPv6");
	if (err)
		return decode_fail(
			at, reterr,
			"want a prefix such as \"198.51.100.0/24\" or \"2001:db8::/32\"");
	network = p->addr;
	addr_mask(&network, p->len);
	if (!addr_equal(&network, &p->addr))
		return decode_fail(at, reterr, "%s: host bits are set; want %s", text,
				   addr_prefix_text(&network, p->len, want));
	((struct match *)out)->is_source = true;
	return 0;
}

/* clang-format off */
static const struct decode_word excesses[] = {
	{ .word = "drop", .value = SL_X_DROP },
	{ .word = "mark", .value = SL_X_MARK },
	{ .word = "answer", .value = SL_X_ANSWER },
	{},
};

static const struct decode_word syn_refusals[] = {
	{ .word = "drop", .value = false },
	{ .word = "reset", .value = true },
	{},
};

const char *model_excess_word(enum sl_excess excess)
{
	return excesses[excess].word;
}

const struct decode_field match_fields[] = {
	FIELD_OF("source", decode_source),
	FIELD("coap_host",         struct match, identity, coap_host_decode),
	FIELD("coap_path",         struct match, identity, coap_path_decode),
	FIELD("onem2m_originator", struct match, identity, originator_decode),
	FIELD("mqtt_username",     struct match, identity, mqtt_username_decode),
	FIELD("mqtt_client_id",    struct match, identity, mqtt_client_id_decode),
	FIELD("tls_sni",           struct match, identity, tls_sni_decode),
	FIELD("dtls_cid",          struct match, identity, dtls_cid_decode),
	FIELD_LATER("vlan", "match by \"source\", or give the tenant a service of its own"),
	{},
};

#define QUOTA_FIELDS(max_rate, max_bytes)                                                                   \
	FIELD("packets",         struct model_quota, rate[SL_Q_PACKETS],     decode_rate, .max = max_rate),       \
	FIELD("bytes",           struct model_quota, rate[SL_Q_BYTES],       decode_byte_rate, .max = max_bytes), \
	FIELD("messages",        struct model_quota, rate[SL_Q_MESSAGES],    decode_rate, .max = max_rate),       \
	FIELD("new_connections", struct model_quota, rate[SL_Q_CONNECTIONS], decode_rate, .max = max_rate),       \
	FIELD("burst",           struct model_quota, burst_ns,               decode_duration, .min = 1000, .max = QUOTA_BURST_MAX_NS)

const struct decode_field quota_fields[] = {
	QUOTA_FIELDS(1000000000, 100000000000),
	FIELD("open_connections", struct model_quota, open_max, decode_u32, .min = 1, .max = SL_MAX_FLOWS),
	{},
};
const struct decode_field device_quota_fields[] = { QUOTA_FIELDS(50000, 50000000), {} };
/* clang-format on */

int quota_decode(const cJSON *value, const struct path *at, void *out, struct config_error *reterr)
{
	return decode_object(value, at, quota_fields, out, reterr);
}

int device_quota_decode(const cJSON *value, const struct path *at, void *out,
			struct config_error *reterr)
{
	return decode_object(value, at, device_quota_fields, out, reterr);
}

static int decode_match(const cJSON *value, const struct path *at, void *out,
			struct config_error *reterr)
{
	int n = cJSON_IsObject(value) ? cJSON_GetArraySize(value) : 1;
	struct match *m = out;
	int err = n > 1 ? 0 : decode_object(value, at, match_fields, m, reterr);

	if (err || n == 1)
		return err;
	return decode_fail(
		at, reterr,
		"want one of \"source\", \"coap_host\", \"coap_path\", \"onem2m_originator\", "
		"\"mqtt_username\", \"mqtt_client_id\", \"tls_sni\" and \"dtls_cid\"; what else "
		"the tenant is known by is a match of its own");
}

/* What was decoded, by its sort, each in its order. Identities are @t's after it. */
static int matches_sort(const struct match *matches, size_t n, struct model_tenant *t)
{
	size_t sources = 0;

	for (size_t i = 0; i < n; i++)
		sources += matches[i].is_source;
	t->sources = calloc(sources + 1, sizeof(*t->sources));
	t->identities = calloc(n - sources + 1, sizeof(*t->identities));
	if (!t->sources || !t->identities)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (matches[i].is_source) {
			t->sources[t->n_sources] = matches[i].source;
			t->sources[t->n_sources++].at = i;
		} else {
			t->identities[t->n_identities] = matches[i].identity;
			t->identities[t->n_identities++].at = i;
		}
	}
	return 0;
}

static int decode_matches(const cJSON *value, const struct path *at, void *out,
			  struct config_error *reterr)
{
	static const struct decode_items items = {
		.size = sizeof(struct match),
		.max = SL_MAX_PREFIXES,
		.what = "matches",
		.decode = decode_match,
	};
	struct decode_list list = {};
	int err = decode_list(value, at, &items, &list, reterr);
	sl_autofree struct match *matches = list.items;

	if (!err)
		err = matches_sort(matches, list.n, out);
	for (size_t i = 0; err && i < list.n; i++)
		free(matches[i].identity.bytes);
	return err;
}

static int decode_services(const cJSON *value, const struct path *at, void *out,
			   struct config_error *reterr)
{
	static const struct decode_items items = {
		.size = SL_NAME_LEN,
		.max = SL_MAX_SERVICES,
		.what = "services",
		.decode = decode_name,
	};
	struct model_tenant *t = out;
	struct decode_list list = {};
	int err = decode_list(value, at, &items, &list, reterr);

	t->services = list.items;
	t->n_services = list.n;
	/* Nothing would read as "none" to some, and is "all" where it is left out. */
	if (!err && !list.n)
		return decode_fail(at, reterr,
				   "want at least one; leave it out to allow all that "
				   "have no fixed tenant");
	return err;
}

/* -- privileges -- */

static const struct decode_word methods[] = {
	{ .word = "GET", .value = 0 },	  { .word = "POST", .value = 1 },
	{ .word = "PUT", .value = 2 },	  { .word = "DELETE", .value = 3 },
	{ .word = "FETCH", .value = 4 },  { .word = "PATCH", .value = 5 },
	{ .word = "iPATCH", .value = 6 }, {},
};
_Static_assert(SL_ARRAY_SIZE(methods) == SL_METHODS + 1, "every method has a word");

const char *model_method_word(unsigned int method)
{
	return methods[method].word;
}

int method_decode(const cJSON *value, const struct path *at, void *out, struct config_error *reterr)
{
	static const struct decode_field field = { .name = "coap_methods", .words = methods };
	struct path here = *at;

	here.field = &field;
	return decode_word(value, &here, out, reterr);
}

/* Whatever is not listed is denied, methods that have no name as well. */
static int decode_methods(const cJSON *value, const struct path *at, void *out,
			  struct config_error *reterr)
{
	static const struct decode_items items = {
		.size = sizeof(int),
		.max = SL_METHODS,
		.what = "methods",
		.decode = method_decode,
	};
	uint64_t allowed;
	int err = decode_set(value, at, &items, methods, &allowed, reterr);

	if (!err)
		((struct model_tenant *)out)->denied = ~allowed;
	return err;
}

static const struct decode_word versions[] = {
	{ .word = "3.1", .value = SL_MV_3_1 },
	{ .word = "3.1.1", .value = SL_MV_3_1_1 },
	{ .word = "5", .value = SL_MV_5 },
	{},
};
_Static_assert(SL_ARRAY_SIZE(versions) == SL_MV_OTHER + 1, "every version has a word");

const char *model_mqtt_version_word(enum sl_mqtt_version version)
{
	return versions[version].word;
}

static int decode_version(const cJSON *value, const struct path *at, void *out,
			  struct config_error *reterr)
{
	static const struct decode_field field = { .name = "mqtt_versions", .words = versions };
	struct path here = *at;

	here.field = &field;
	return decode_word(value, &here, out, reterr);
}

static int decode_versions(const cJSON *value, const struct path *at, void *out,
			   struct config_error *reterr)
{
	static const struct decode_items items = {
		.size = sizeof(int),
		.max = SL_MV_OTHER,
		.what = "versions",
		.decode = decode_version,
	};
	uint64_t allowed;
	int err = decode_set(value, at, &items, versions, &allowed, reterr);

	if (!err)
		((struct model_tenant *)out)->mqtt_denied = ~allowed & ((1 << SL_MV__MAX) - 1);
	return err;
}

static int decode_paths(const cJSON *value, const struct path *at, void *out,
			struct config_error *reterr)
{
	static const struct decode_items items = {
		.size = sizeof(struct model_identity),
		.max = SL_MAX_TRIE,
		.what = "paths",
		.decode = allowed_path_decode,
	};
	struct model_tenant *t = out;
	struct decode_list list = {};
	int err = decode_list(value, at, &items, &list, reterr);

	t->paths = list.items;
	t->n_paths = list.n;
	for (size_t i = 0; i < t->n_paths; i++)
		t->paths[i].at = i;
	if (!err && !list.n)
		return decode_fail(at, reterr, "want at least one; leave it out to allow all");
	return err;
}

const struct decode_field allow_fields[] = {
	FIELD_OF("coap_methods", decode_methods),
	FIELD_OF("coap_paths", decode_paths),
	FIELD_OF("onem2m_operations", onem2m_operations_decode),
	FIELD_OF("onem2m_types", onem2m_types_decode),
	FIELD_OF("mqtt_versions", decode_versions),
	{},
};

static int decode_allow(const cJSON *value, const struct path *at, void *out,
			struct config_error *reterr)
{
	return decode_object(value, at, allow_fields, out, reterr);
}

/* clang-format off */
const struct decode_field tenant_fields[] = {
	FIELD("name",         struct model_tenant, name,         decode_name, .required = true),
	FIELD_OF("match", decode_matches),
	FIELD_OF("services", decode_services),
	FIELD("quota",        struct model_tenant, quota,        quota_decode),
	FIELD("device_quota", struct model_tenant, device_quota, device_quota_decode),
	FIELD("on_excess",    struct model_tenant, excess,       decode_word, .words = excesses),
	FIELD_OF("allow", decode_allow),
	FIELD_OF("responses", responses_decode),
	FIELD("top_devices",  struct model_tenant, top_devices,  decode_bool),
	FIELD_OF("classes", classes_decode),
	FIELD("refused_syn",  struct model_tenant, reset_syn,    decode_word_bool, .words = syn_refusals),
	{},
};
/* clang-format on */

int tenant_decode(const cJSON *value, const struct path *at, void *out, struct config_error *reterr)
{
	struct model_tenant *t = out;

	t->quota.burst_ns = QUOTA_BURST_DEFAULT_NS;
	t->device_quota.burst_ns = QUOTA_BURST_DEFAULT_NS;
	return decode_object(value, at, tenant_fields, t, reterr);
}

int config_quota(const cJSON *object, bool of_device, uint64_t tick_ns, const char *where,
		 struct model_quota *ret, struct config_error *reterr)
{
	const struct path at = { .member = where };
	struct model_quota q = { .burst_ns = QUOTA_BURST_DEFAULT_NS };
	int err = decode_object(object, &at, of_device ? device_quota_fields : quota_fields, &q,
				reterr);

	if (!err)
		err = quota_validate(&q, tick_ns, where, reterr);
	if (!err)
		*ret = q;
	return err;
}
