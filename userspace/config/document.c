// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The members of the document itself, with their limits and defaults. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sluice/limits.h>
#include "../common/addr.h"
#include "../common/num.h"
#include "../common/str.h"
#include "decode.h"

#define EVENT_SAMPLE_DEFAULT 1024
#define EVENT_MAX_DEFAULT    1000

/* A name that a link can have, as the kernel's dev_valid_name() sees it. */
static int decode_ifname(const cJSON *value, const struct path *at, void *out,
			 struct config_error *reterr)
{
	const char *text = cJSON_GetStringValue(value);
	bool good = text && *text && strcmp(text, ".") && strcmp(text, "..");

	for (const char *c = text; good && *c; c++)
		good = *c > 0x20 && *c < 0x7f && !strchr("/:", *c);
	if (!good || str_copy(out, IF_NAMESIZE, text))
		return decode_fail(at, reterr, "want an interface's name of at most %d characters",
				   IF_NAMESIZE - 1);
	return 0;
}

static int decode_listen(const cJSON *value, const struct path *at, void *out,
			 struct config_error *reterr)
{
	const char *text = cJSON_GetStringValue(value);
	struct model *m = out;
	struct sl_addr addr;
	uint16_t port;

	if (!text || addr_endpoint_parse(text, &addr, &port))
		return decode_fail(at, reterr,
				   "want an address and a port such as \"127.0.0.1:9464\" or "
				   "\"[::1]:9464\"");
	m->metrics_listen = strdup(text);
	return m->metrics_listen ? 0 : -ENOMEM;
}

/* So many a second, in whole ones; 0, any number, is a word: "0/s" would read as none. */
static int decode_event_rate(const cJSON *value, const struct path *at, void *out,
			     struct config_error *reterr)
{
	const char *text = cJSON_GetStringValue(value);
	char min[NUM_TEXT], max[NUM_TEXT];
	double rate;

	if (text && !strcmp(text, "unlimited")) {
		*(uint32_t *)out = 0;
		return 0;
	}
	if (decode_rate(value, at, &rate, reterr))
		return decode_fail(
			at, reterr, "want a rate such as \"1k/s\", from %s to %s, or \"unlimited\"",
			num_rate_text(at->field->min, min), num_rate_text(at->field->max, max));
	*(uint32_t *)out = rate + 0.5;
	return 0;
}

/* clang-format off */
static const struct decode_word modes[] = {
	{ .word = "auto",    .value = MODE_AUTO },
	{ .word = "native",  .value = MODE_NATIVE },
	{ .word = "generic", .value = MODE_GENERIC },
	{},
};

const struct decode_field interface_fields[] = {
	FIELD("name", struct model_interface, name, decode_ifname, .required = true),
	FIELD("mode", struct model_interface, mode, decode_word, .words = modes),
	{},
};

/* Of what has ids, one more than the objects: id 0 means "none". */
const struct decode_field capacity_fields[] = {
	FIELD("services",     struct model_capacity, services,     decode_u32, .min = 2, .max = SL_MAX_SERVICES),
	FIELD("instances",    struct model_capacity, instances,    decode_u32, .min = 2, .max = SL_MAX_INSTANCES - 1),
	FIELD("tenants",      struct model_capacity, tenants,      decode_u32, .min = 2, .max = SL_MAX_TENANTS),
	FIELD("accounts",     struct model_capacity, accounts,     decode_u32, .min = 2, .max = SL_MAX_ACCOUNTS),
	FIELD("prefixes",     struct model_capacity, prefixes,     decode_u32, .min = 1, .max = SL_MAX_PREFIXES),
	FIELD("slots",        struct model_capacity, slots,        decode_power_of_two, .min = 2 * SL_RING_MIN_SLOTS, .max = SL_MAX_SLOTS),
	FIELD("pins",         struct model_capacity, pins,         decode_u32, .min = 1024, .max = SL_MAX_PINS),
	FIELD("half_open",    struct model_capacity, half_open,    decode_u32, .min = 1024, .max = SL_MAX_HALF_OPEN),
	FIELD("device_lines", struct model_capacity, device_lines, decode_power_of_two, .min = 1024, .max = SL_MAX_DEVICE_LINES),
	FIELD("exchanges",    struct model_capacity, exchanges,    decode_u32, .min = 1024, .max = SL_MAX_EXCHANGES),
	FIELD("tallies",      struct model_capacity, tallies,      decode_u32, .min = 1024, .max = SL_MAX_TALLIES),
	FIELD("trie",         struct model_capacity, trie,         decode_u32, .min = 1, .max = SL_MAX_TRIE),
	FIELD("flows",        struct model_capacity, flows,        decode_u32, .min = 1024, .max = SL_MAX_FLOWS),
	{},
};

const struct decode_field metrics_fields[] = {
	FIELD_OF("listen", decode_listen),
	{},
};

const struct decode_field events_fields[] = {
	FIELD("sample",   struct model, event_sample, decode_power_of_two, .max = 1048576),
	FIELD("max_rate", struct model, event_max,    decode_event_rate, .min = 1, .max = 1000000),
	{},
};
/* clang-format on */

static int decode_interface(const cJSON *value, const struct path *at, void *out,
			    struct config_error *reterr)
{
	return decode_object(value, at, interface_fields, out, reterr);
}

static int decode_interfaces(const cJSON *value, const struct path *at, void *out,
			     struct config_error *reterr)
{
	static const struct decode_items items = {
		.size = sizeof(struct model_interface),
		.max = 256,
		.what = "interfaces",
		.decode = decode_interface,
	};
	struct model *m = out;
	struct decode_list list = {};
	int err = decode_list(value, at, &items, &list, reterr);

	m->interfaces = list.items;
	m->n_interfaces = list.n;
	return err;
}

static int decode_services(const cJSON *value, const struct path *at, void *out,
			   struct config_error *reterr)
{
	static const struct decode_items items = {
		.size = sizeof(struct model_service),
		.max = SL_MAX_SERVICES,
		.what = "services",
		.decode = service_decode,
	};
	struct model *m = out;
	struct decode_list list = {};
	int err = decode_list(value, at, &items, &list, reterr);

	m->services = list.items;
	m->n_services = list.n;
	return err;
}

static int decode_tenants(const cJSON *value, const struct path *at, void *out,
			  struct config_error *reterr)
{
	static const struct decode_items items = {
		.size = sizeof(struct model_tenant),
		.max = SL_MAX_TENANTS,
		.what = "tenants",
		.decode = tenant_decode,
	};
	struct model *m = out;
	struct decode_list list = {};
	int err = decode_list(value, at, &items, &list, reterr);

	m->tenants = list.items;
	m->n_tenants = list.n;
	return err;
}

static int decode_capacity(const cJSON *value, const struct path *at, void *out,
			   struct config_error *reterr)
{
	return decode_object(value, at, capacity_fields, out, reterr);
}

static int decode_metrics(const cJSON *value, const struct path *at, void *out,
			  struct config_error *reterr)
{
	return decode_object(value, at, metrics_fields, out, reterr);
}

static int decode_events(const cJSON *value, const struct path *at, void *out,
			 struct config_error *reterr)
{
	return decode_object(value, at, events_fields, out, reterr);
}

/* clang-format off */
const struct decode_field document_fields[] = {
	FIELD_OF("$schema", decode_ignored),
	FIELD("node",     struct model, node,     decode_name),
	FIELD_OF("secret", secret_decode, .required = true),
	FIELD_OF("interfaces", decode_interfaces, .required = true),
	FIELD_OF("services", decode_services),
	FIELD_OF("tenants", decode_tenants),
	FIELD("capacity", struct model, capacity, decode_capacity),
	FIELD_OF("metrics", decode_metrics),
	FIELD_OF("events", decode_events),
	FIELD_LATER("coexist", "Sluice is alone on an interface: leave this out"),
	{},
};
/* clang-format on */

/* The host's name up to its first dot, as far as it is a name of ours. */
static void default_node(char ret[SL_NAME_LEN])
{
	static const struct decode_field field = { .name = "node" };
	const struct path at = { .member = "node", .field = &field };
	struct config_error ignored;
	char host[SL_NAME_LEN] = "";
	cJSON value = { .type = cJSON_String, .valuestring = host };

	if (!gethostname(host, sizeof(host) - 1))
		host[strcspn(host, ".")] = '\0';
	if (decode_name(&value, &at, ret, &ignored))
		str_copy(ret, SL_NAME_LEN, "node");
}

int document_decode(const cJSON *doc, struct model *m, struct config_error *reterr)
{
	const struct path at = {};
	int err;

	m->event_sample = EVENT_SAMPLE_DEFAULT;
	m->event_max = EVENT_MAX_DEFAULT;
	m->capacity = (struct model_capacity){
		.services = SL_DEF_SERVICES,
		.instances = SL_DEF_INSTANCES,
		.tenants = SL_DEF_TENANTS,
		.accounts = SL_DEF_ACCOUNTS,
		.prefixes = SL_DEF_PREFIXES,
		.slots = SL_DEF_SLOTS,
		.pins = SL_DEF_PINS,
		.half_open = SL_DEF_HALF_OPEN,
		.device_lines = SL_DEF_DEVICE_LINES,
		.exchanges = SL_DEF_EXCHANGES,
		.tallies = SL_DEF_TALLIES,
		.trie = SL_DEF_TRIE,
		.flows = SL_DEF_FLOWS,
	};
	err = decode_object(doc, &at, document_fields, m, reterr);
	if (!err && !m->node[0])
		default_node(m->node);
	return err;
}
