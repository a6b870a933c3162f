// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The order of all checks, and those of interfaces and services. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include "../common/addr.h"
#include "../common/cleanup.h"
#include "../common/num.h"
#include "../common/str.h"
#include "index.h"
#include "validate.h"

/* "SERVICE/NAME" is a key of SL_NAME_KEY bytes, with a byte for its sort and
 * room for what dataplane/names.h adds to an entry that is on its way out.
 */
#define NAMES_LEN (SL_NAME_KEY - 18)

int invalid(struct config_error *reterr, const char *fmt, ...)
{
	struct str s = str_over(reterr->text, sizeof(reterr->text));
	va_list ap;

	va_start(ap, fmt);
	str_addv(&s, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static uint8_t l4_of(enum sl_protocol protocol)
{
	return model_is_udp(protocol) ? IPPROTO_UDP : IPPROTO_TCP;
}

static const char *l4_name(uint8_t l4)
{
	return l4 == IPPROTO_UDP ? "udp" : "tcp";
}

static int interfaces_validate(const struct model *m, struct config_error *reterr)
{
	for (size_t i = 0; i < m->n_interfaces; i++)
		for (size_t j = 0; j < i; j++)
			if (!strcmp(m->interfaces[i].name, m->interfaces[j].name))
				return invalid(
					reterr,
					"interfaces[%zu].name: \"%s\" is interfaces[%zu] too", i,
					m->interfaces[i].name, j);
	return 0;
}

/* What an address is for no server and no service; NULL: it is fine. */
static const char *unfit(const struct sl_addr *addr)
{
	switch (addr_scope(addr)) {
	case ADDR_UNSPECIFIED:
		return "the unspecified address; want one that packets can be sent to";
	case ADDR_LOOPBACK:
		return "a loopback address, which never passes an interface; want one that "
		       "is reached over a link";
	case ADDR_LINK_LOCAL:
		return "link-local, which says nothing without an interface; want a global "
		       "or a unique local address";
	case ADDR_MULTICAST:
		return "multicast or broadcast; want an address of one host";
	default:
		return NULL;
	}
}

static int service_address_validate(const struct model_service *s, size_t n,
				    struct config_error *reterr)
{
	const char *why = unfit(&s->addr);
	char addr[ADDR_TEXT];

	if (why)
		return invalid(reterr, "services[%zu].address: %s is %s", n,
			       addr_text(&s->addr, addr), why);
	return 0;
}

static int service_health_validate(const struct model_service *s, size_t n,
				   struct config_error *reterr)
{
	const struct model_health *h = &s->health;
	char interval[NUM_TEXT];
	bool tcp = l4_of(s->protocol) == IPPROTO_TCP;

	if (h->probe == PROBE_COAP && s->protocol != SL_P_COAP)
		return invalid(
			reterr,
			"services[%zu].health.probe: \"coap\" fits protocol coap only; want %s", n,
			tcp ? "\"tcp\" or \"none\"" : "\"none\"");
	if (h->probe == PROBE_MQTT && s->protocol != SL_P_MQTT)
		return invalid(
			reterr,
			"services[%zu].health.probe: \"mqtt\" fits protocol mqtt only; want %s", n,
			tcp ? "\"tcp\" or \"none\"" : "\"none\"");
	if (h->probe == PROBE_TCP && !tcp)
		return invalid(
			reterr,
			"services[%zu].health.probe: \"tcp\" does not fit a UDP service; want %s",
			n, s->protocol == SL_P_COAP ? "\"coap\" or \"none\"" : "\"none\"");
	if (h->timeout_ns > h->interval_ns)
		return invalid(reterr,
			       "services[%zu].health.timeout: want at most the interval, %s", n,
			       num_duration_text(h->interval_ns, interval));
	return 0;
}

static bool can_drop_malformed(enum sl_protocol protocol)
{
	return protocol == SL_P_COAP || protocol == SL_P_COAPS || protocol == SL_P_MQTTSN;
}

static int service_members_validate(const struct model_service *s, size_t n,
				    struct config_error *reterr)
{
	int err = service_address_validate(s, n, reterr);

	if (err)
		return err;
	if (s->drop_malformed && !can_drop_malformed(s->protocol))
		return invalid(reterr,
			       "services[%zu].drop_malformed: want false: only coap, coaps and "
			       "mqttsn can; where a message begins in a TCP stream is not known "
			       "without track",
			       n);
	if (s->tenant[0] && s->default_tenant[0])
		return invalid(reterr,
			       "services[%zu].default_tenant: the service has a fixed tenant; want "
			       "one of tenant and default_tenant",
			       n);
	if (s->scaling.present && s->scaling.min > s->scaling.max)
		return invalid(reterr, "services[%zu].scaling.min: %u is over max; want at most %u",
			       n, s->scaling.min, s->scaling.max);
	err = service_health_validate(s, n, reterr);
	if (!err)
		err = track_validate(s, n, reterr);
	return err ? err : affinity_validate(s, n, reterr);
}

static int instance_address_validate(const struct model *m, size_t si, size_t ii,
				     const struct index *vips, struct config_error *reterr)
{
	const struct model_service *s = &m->services[si];
	const struct sl_addr *addr = &s->instances[ii].addr;
	const char *why = unfit(addr);
	char text[ADDR_TEXT];
	uint64_t owner;

	if (why)
		return invalid(reterr, "services[%zu].instances[%zu].address: %s is %s", si, ii,
			       addr_text(addr, text), why);
	if (addr_is_v4(addr) != addr_is_v4(&s->addr))
		return invalid(reterr,
			       "services[%zu].instances[%zu].address: want an %s address, as the "
			       "service's is",
			       si, ii, addr_is_v4(&s->addr) ? "IPv4" : "IPv6");
	owner = index_find(vips, addr, sizeof(*addr));
	if (owner != INDEX_NONE)
		return invalid(reterr,
			       "services[%zu].instances[%zu].address: %s is the virtual address of "
			       "services[%zu]; want the server's own",
			       si, ii, addr_text(addr, text), (size_t)owner);
	return 0;
}

static int instance_names_validate(const struct model_service *s, size_t si,
				   struct config_error *reterr)
{
	sl_cleanup(index_close) struct index names = {};
	int err = index_open(&names, s->n_instances);

	if (err)
		return err;
	for (size_t i = 0; i < s->n_instances; i++) {
		const char *name = s->instances[i].name;
		uint64_t first = index_add(&names, name, strlen(name), i);

		if (first != INDEX_NONE)
			return invalid(reterr,
				       "services[%zu].instances[%zu].name: \"%s\" is used by "
				       "services[%zu].instances[%zu] too",
				       si, i, name, si, (size_t)first);
		if (strlen(name) + strlen(s->name) > NAMES_LEN)
			return invalid(reterr,
				       "services[%zu].instances[%zu].name: want at most %d "
				       "characters together with the service's name",
				       si, i, NAMES_LEN);
	}
	return 0;
}

static struct sl_return_key endpoint(const struct sl_addr *addr, uint16_t port, uint8_t l4)
{
	return (struct sl_return_key){ .addr = *addr, .port = htons(port), .proto = l4 };
}

/* One server, one service: the way back knows nothing but its address. */
static int instance_endpoint_validate(const struct sl_return_key *key, size_t si, size_t ii,
				      uint64_t first, struct config_error *reterr)
{
	char text[ADDR_ENDPOINT_TEXT];
	size_t fs = first >> 32, fi = (uint32_t)first;

	addr_endpoint_text(&key->addr, ntohs(key->port), text);
	if (fs == si)
		return invalid(
			reterr,
			"services[%zu].instances[%zu].port: %s is services[%zu].instances[%zu]"
			" too; want each server once",
			si, ii, text, fs, fi);
	return invalid(reterr,
		       "services[%zu].instances[%zu].port: %s (%s) is services[%zu].instances[%zu] "
		       "too: nat could not tell whose answer it is; want another port",
		       si, ii, text, l4_name(key->proto), fs, fi);
}

/* What is looked up while services are walked; keys are kept here. */
struct seen {
	struct index names, vips, fronts, servers;
	struct sl_return_key *front_keys, *server_keys;
	size_t n_servers;
};

static void seen_close(struct seen *seen)
{
	index_close(&seen->names);
	index_close(&seen->vips);
	index_close(&seen->fronts);
	index_close(&seen->servers);
	free(seen->front_keys);
	free(seen->server_keys);
}

static int seen_open(struct seen *seen, const struct model *m)
{
	size_t servers = 0;

	for (size_t i = 0; i < m->n_services; i++)
		servers += m->services[i].n_instances;
	seen->front_keys = calloc(m->n_services + 1, sizeof(*seen->front_keys));
	seen->server_keys = calloc(servers + 1, sizeof(*seen->server_keys));
	if (!seen->front_keys || !seen->server_keys || index_open(&seen->names, m->n_services) ||
	    index_open(&seen->vips, m->n_services) || index_open(&seen->fronts, m->n_services) ||
	    index_open(&seen->servers, servers))
		return -ENOMEM;
	return 0;
}

static int service_validate(const struct model *m, size_t n, struct seen *seen,
			    struct config_error *reterr)
{
	const struct model_service *s = &m->services[n];
	struct sl_return_key *key = &seen->front_keys[n];
	char text[ADDR_ENDPOINT_TEXT];
	uint64_t first = index_add(&seen->names, s->name, strlen(s->name), n);

	if (first != INDEX_NONE)
		return invalid(reterr, "services[%zu].name: \"%s\" is used by services[%zu] too", n,
			       s->name, (size_t)first);
	if (model_is_pool(s)) /* its front was, or will be, looked at */
		return service_members_validate(s, n, reterr);
	*key = endpoint(&s->addr, s->port, l4_of(s->protocol));
	first = index_add(&seen->fronts, key, sizeof(*key), n);
	if (first != INDEX_NONE)
		return invalid(reterr,
			       "services[%zu].port: %s (%s) is services[%zu] too; want another "
			       "address or port",
			       n, addr_endpoint_text(&s->addr, s->port, text), l4_name(key->proto),
			       (size_t)first);
	index_add(&seen->vips, &s->addr, sizeof(s->addr), n);
	return service_members_validate(s, n, reterr);
}

static int instances_validate(const struct model *m, size_t si, struct seen *seen,
			      struct config_error *reterr)
{
	const struct model_service *s = &m->services[si];
	int err = instance_names_validate(s, si, reterr);

	if (!err)
		err = server_ids_validate(s, si, reterr);
	for (size_t i = 0; !err && i < s->n_instances; i++) {
		struct sl_return_key *key = &seen->server_keys[seen->n_servers++];
		uint64_t first;

		err = instance_address_validate(m, si, i, &seen->vips, reterr);
		if (err)
			return err;
		*key = endpoint(&s->instances[i].addr, s->instances[i].port, l4_of(s->protocol));
		first = index_add(&seen->servers, key, sizeof(*key), (uint64_t)si << 32 | i);
		if (first != INDEX_NONE)
			err = instance_endpoint_validate(key, si, i, first, reterr);
	}
	return err;
}

int services_validate(const struct model *m, struct config_error *reterr)
{
	sl_cleanup(seen_close) struct seen seen = {};
	int err = seen_open(&seen, m);

	for (size_t i = 0; !err && i < m->n_services; i++)
		err = service_validate(m, i, &seen, reterr);
	for (size_t i = 0; !err && i < m->n_services; i++)
		err = instances_validate(m, i, &seen, reterr);
	return err;
}

int model_validate(struct model *m, uint64_t tick_ns, struct config_error *reterr)
{
	int err = interfaces_validate(m, reterr);

	if (!err)
		err = pools_validate(m, reterr);
	if (!err)
		err = services_validate(m, reterr);
	if (!err)
		err = tenants_validate(m, tick_ns, reterr);
	if (!err)
		err = identities_validate(m, reterr);
	if (!err)
		err = tracked_validate(m, reterr);
	if (!err)
		err = classes_validate(m, tick_ns, reterr);
	if (!err)
		err = responses_validate(m, reterr);
	if (!err)
		err = routes_validate(m, reterr);
	if (!err)
		err = capacity_validate(m, reterr);
	return err;
}
