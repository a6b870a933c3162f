/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A configuration as plain structs: what decode fills, validate checks and
 * brings into one normal form, and plan reads. Owns its memory; model_free()
 * releases all of it. Names are unique within their array. Rates are per
 * second, durations in nanoseconds (or seconds where the name says so), 0 in a
 * quota means "not limited".
 */
#ifndef SL_MODEL_H
#define SL_MODEL_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sluice/abi.h>

enum model_mode {
	MODE_AUTO, /* native, else generic with a warning */
	MODE_NATIVE,
	MODE_GENERIC,
};

struct model_interface {
	char name[IF_NAMESIZE];
	enum model_mode mode;
};

enum model_admin {
	ADMIN_UP,
	ADMIN_DRAINING,
	ADMIN_DOWN,
};

struct model_instance {
	char name[SL_NAME_LEN];
	struct sl_addr addr;
	uint16_t port;
	uint32_t weight;	/* 1..1000, default 100 */
	enum model_admin admin; /* "admin": "up" | "draining" | "down" */
	bool has_server_id;	/* services with "cid" only */
	uint32_t server_id;	/* what its connection ids contain, unique in the service */
};

enum model_probe {
	PROBE_NONE,
	PROBE_TCP,
	PROBE_MQTT,
	PROBE_COAP,
};

/* What happens to the flows of an instance that is down. */
enum model_on_down {
	ON_DOWN_KEEP,  /* by probes alone they stay; by evidence they move */
	ON_DOWN_MOVE,  /* they move, also when only probes say so */
	ON_DOWN_RESET, /* as move, and TCP devices are told by RST */
};

/* Instances found out by what passes: many are asked, few answer. */
struct model_outlier {
	bool present;
	uint32_t requests;	  /* asked in an interval, or it says nothing; default 20 */
	double answered;	  /* share that a well one answers at least; default 0.5 */
	uint64_t interval_ns;	  /* default 5s */
	uint64_t ejection_ns;	  /* first time out, doubled each time; default 30s */
	uint64_t ejection_max_ns; /* default 300s, or the first where that is more */
};

struct model_health {
	enum model_probe probe; /* default by protocol: mqtt, coap, tcp, or none */
	uint64_t interval_ns, timeout_ns;
	uint32_t rise, fall;
	double min_healthy; /* share of instances, 0..1; default 0.5 */
	enum model_on_down on_down;
	struct model_outlier outlier;
};

enum model_target {
	TARGET_NONE,
	TARGET_MESSAGES,
	TARGET_PACKETS,
	TARGET_BYTES,
	TARGET_CONNECTIONS, /* new ones a second */
};

struct model_scaling {
	bool present;
	uint32_t min, max, step;
	enum model_target target;
	double target_rate; /* a second and instance */
	double tolerance;   /* default 0.1 */
	uint64_t up_after_ns, down_after_ns, cooldown_ns;
	char *exec; /* absolute path; NULL: only figure and event */
};

/* DTLS connection ids that name the instance ("cid"). */
struct model_cid {
	enum sl_cid_layout layout; /* SL_CID_NONE: records go by address */
	uint8_t length;		   /* of every id, 1..SL_CID_MAX */
	/* by rotation id; 0: that one is not in use. first-byte: only [0], 1 */
	uint8_t server_id_length[SL_CID_ROTATIONS];
	/* Bits that say whose an id is, bit 0 being the highest of its first byte; 1 to 32 of them,
	 * 0: none. They may be the server id's, too.
	 */
	uint8_t tenant_at, tenant_bits;
};

/* What a message must say, see identity.h: the strings of @bytes, each of 1 to
 * SL_IDENTITY_MAX bytes and behind a byte with its length. A host and an originator are
 * one string; a path is its segments, up to SL_PATH_DEPTH, and "/" is none.
 */
struct model_identity {
	uint32_t at; /* its place in "match", "coap_paths" or "routes" */
	uint16_t size;
	uint8_t *bytes; /* before the strings: one with its enum sl_trie_root */
};

/* Requests that are a pool's: of this path and all that begin so, and of what else it names. */
struct model_route {
	struct model_identity path; /* "/": any */
	uint8_t method;		    /* CoAP's code, 0: any */
	bool has_type;
	uint8_t type;		  /* of what is to be made, oneM2M's, below SL_TYPES */
	char tenant[SL_NAME_LEN]; /* "": any */
	char pool[SL_NAME_LEN];
	/* Set by validate: their places in the model that it looked at. */
	size_t tenant_at, pool_at;
};

/* A pool has no address, port and protocol of its own: it has those of its front, and with
 * them tenant, default_tenant, drop_malformed, device_key and reply_rate.
 */
struct model_service {
	char name[SL_NAME_LEN];
	char pool_of[SL_NAME_LEN]; /* its front; "": it is no pool */
	size_t front;		   /* set by validate: the front's place, or its own */
	struct sl_addr addr;
	uint16_t port;
	enum sl_protocol protocol;
	/* steering: only "nat" so far */
	bool drop_malformed;		  /* default false; coap, coaps and mqttsn only */
	char tenant[SL_NAME_LEN];	  /* fixed tenant, "" if by source */
	char default_tenant[SL_NAME_LEN]; /* "" if unknown tenants are refused */
	uint32_t keep_s;		  /* default 3600, of coap and udp 300 */
	bool track;			  /* tcp, mqtt and mqtts only; default false; and then: */
	uint32_t idle_s;		  /* "idle_timeout" of a connection; default keep_s */
	uint8_t delimiter;		  /* "identity_delimiter"; mqtt only, default '/' */
	bool latency;		   /* time answers; default false; coap, mqtt, mqtts and tcp only */
	uint64_t drain_timeout_ns; /* default 10m; 0: wait for ever */
	bool drain_moves;	   /* "drain": "keep" (default) or "move": flows go at once */
	struct model_cid cid;	   /* coaps only */
	enum sl_device_key device_key; /* default "address"; "cid" wants cid */
	uint32_t echo_s;	    /* "echo": who has proven himself is believed; 0: not asked */
	double reply_rate;	    /* "reply_budget", replies in place a second; default 1k/s */
	uint32_t half_open_max;	    /* default 16384; member "pin_budget": of exchanges, too */
	struct model_route *routes; /* coap only; pools have none */
	size_t n_routes;
	struct model_instance *instances;
	size_t n_instances;
	struct model_health health;
	struct model_scaling scaling;
};

static inline bool model_is_pool(const struct model_service *s)
{
	return s->pool_of[0];
}

/* Rates a second; burst as a duration. */
struct model_quota {
	double rate[SL_Q__MAX]; /* by enum sl_quota; 0: not limited */
	uint64_t burst_ns;	/* default 100 ms */
	uint32_t open_max;	/* "open_connections", of a tenant as a whole; 0: any number */
};

/* Of the messages of a class; see class.h for its word. */
struct model_class {
	uint8_t cls;	   /* enum sl_class */
	double rate;	   /* messages a second */
	uint64_t burst_ns; /* default 100 ms */
};

struct model_prefix {
	struct sl_addr addr; /* IPv4 mapped; host bits zero */
	uint8_t len;	     /* 0..128, IPv4's from 96 on */
	uint32_t at;	     /* its place in "match" */
};

/* What the node itself says to a CoAP GET of one path ("responses"). */
struct model_response {
	struct model_identity path;
	char service[SL_NAME_LEN]; /* "": of every one that the tenant may use */
	uint32_t format;	   /* Content-Format, or SL_FORMAT_NONE */
	uint32_t max_age_s;	   /* default 60 */
	char *payload;		   /* text of 1 to SL_RESPONSE_BYTES bytes */
};

struct model_tenant {
	char name[SL_NAME_LEN];
	struct model_prefix *sources; /* from "match": [{ "source": "192.0.2.0/24" }] */
	size_t n_sources;
	struct model_identity *identities; /* from "match": what its messages say */
	size_t n_identities;
	char (*services)[SL_NAME_LEN]; /* NULL and 0: every service without a fixed tenant */
	size_t n_services;
	struct model_quota quota, device_quota;
	struct model_class *classes; /* each once; their order means nothing */
	size_t n_classes;	     /* up to SL_TENANT_CLASSES */
	bool reset_syn; /* "refused_syn": "drop" (default) or "reset": a SYN is answered by RST */
	enum sl_excess excess; /* "on_excess": "drop" (default), "mark" or "answer" */
	bool top_devices;      /* its heaviest devices are counted; default false */
	uint8_t top_table;     /* set by validate: 1 to SL_TOP_TENANTS, in the order of tenants */
	uint8_t mqtt_denied;   /* versions not in "allow", as in struct sl_account; default none */
	uint8_t denied; /* CoAP methods not in "allow", as in struct sl_account; default none */
	struct model_identity *paths; /* "coap_paths" of "allow"; NULL and 0: all */
	size_t n_paths;
	uint8_t denied_operations; /* of oneM2M: 1 << enum sl_operation; default none */
	uint64_t types; /* oneM2M's in "allow": 1 << the type that it may create; 0: all */
	struct model_response *responses; /* up to SL_RESPONSES; each path and service once */
	size_t n_responses;
};

/* Are some of its CoAP requests refused for what they ask, other than by method? */
static inline bool model_allows_some(const struct model_tenant *t)
{
	return t->n_paths || t->denied_operations || t->types;
}

/* Sizes of maps, fixed while the data plane is loaded. */
struct model_capacity {
	uint32_t services, instances, tenants, accounts, prefixes;
	uint32_t slots, pins, half_open, exchanges, device_lines, tallies, trie, flows;
};

struct model {
	char node[SL_NAME_LEN];
	uint8_t secret[64]; /* as configured; "file:PATH" already read */
	size_t secret_len;
	struct model_interface *interfaces;
	size_t n_interfaces;
	struct model_service *services;
	size_t n_services;
	struct model_tenant *tenants;
	size_t n_tenants;
	struct model_capacity capacity;
	char *metrics_listen;  /* "metrics": { "listen": "127.0.0.1:9464" }; NULL: socket only */
	uint32_t event_sample; /* "events": { "sample": 1024 }, a power of two, 0 = none */
	uint32_t event_max;    /* "events": { "max_rate": "1k/s" }, of each CPU; 0: "unlimited" */
};

/* Over UDP; else TCP. */
static inline bool model_is_udp(enum sl_protocol protocol)
{
	return protocol != SL_P_TCP && protocol != SL_P_MQTT && protocol != SL_P_MQTTS;
}

/* As a configuration says it. */
const char *model_protocol_word(enum sl_protocol protocol);
const char *model_excess_word(enum sl_excess excess);
const char *model_mqtt_version_word(enum sl_mqtt_version version); /* below SL_MV_OTHER */
const char *model_method_word(unsigned int method);		   /* below SL_METHODS; 0: "GET" */
const char *model_method_word(unsigned int method);		   /* below SL_METHODS; 0: "GET" */
const char *model_operation_word(enum sl_operation operation);	   /* below SL_OP_OTHER */

/* NULL: there is none. */
struct model_tenant *model_tenant(struct model *m, const char *name);
/* Does @t use @service by its list, or by having none? */
bool model_lists(const struct model_tenant *t, const char *service);
/* Is @r the response to just this path, of @service, or of all where that is ""? */
bool model_response_is(const struct model_response *r, const struct model_identity *path,
		       const char *service);

void model_free(struct model *m);
void model_responses_free(struct model_response *responses, size_t n);
static inline void model_freep(struct model **m)
{
	model_free(*m);
}

#endif /* SL_MODEL_H */
