/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* JSON objects into plain structs, by table: one row a member, with its place in
 * the struct, its decoder and its limits. Unknown, repeated and missing members
 * are errors, so a typo never silently falls back to a default. Does not log.
 */
#ifndef SL_DECODE_H
#define SL_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>
#include "config.h"

struct decode_field;

/* Where in the document we are: a chain on the stack, put into words only when
 * an error needs it. The first node has no member unless the caller names one.
 */
struct path {
	const struct path *up;
	const char *member; /* NULL: element @index of an array */
	size_t index;
	const struct decode_field *field; /* of a member: its row, with its limits */
};

/* A word that a member may have. */
struct decode_word {
	const char *word;
	int value;
	bool later; /* known, but this release does not support it yet */
};

/* Decode @value into @out. Returns 0, or a negative errno with the reason. */
typedef int (*decode_fn)(const cJSON *value, const struct path *at, void *out,
			 struct config_error *reterr);

struct decode_field {
	const char *name;
	size_t offset;
	decode_fn decode;
	bool required;
	uint64_t min, max; /* of numbers and durations; rates: a second, min 0 is 1/h */
	const struct decode_word *words; /* of decode_word(), ending in {} */
	const char *later;		 /* not supported by this release: what to do instead */
};

/* A row: member "name" lies in member @m of struct @type. */
#define FIELD(name_, type, m, fn, ...)                                                  \
	{                                                                               \
		.name = name_, .offset = offsetof(type, m), .decode = (fn), __VA_ARGS__ \
	}
/* A row whose decoder is given the whole struct. */
#define FIELD_OF(name_, fn, ...)                           \
	{                                                  \
		.name = name_, .decode = (fn), __VA_ARGS__ \
	}
/* A row for a word of a later release. */
#define FIELD_LATER(name_, instead)             \
	{                                       \
		.name = name_, .later = instead \
	}

#define QUOTA_BURST_DEFAULT_NS 100000000ull
#define QUOTA_BURST_MAX_NS     3600000000000ull

/* Say "PATH: ..." and return -EINVAL. */
int decode_fail(const struct path *at, struct config_error *reterr, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* @out is as far as it was decoded on failure: initialise it, and free it. */
int decode_object(const cJSON *object, const struct path *at, const struct decode_field *fields,
		  void *out, struct config_error *reterr);

bool decode_has_field(const struct decode_field *fields, const char *name);

/* An array of structs. *@ret holds what there is of it also on failure, so that
 * it is freed with what it belongs to.
 */
struct decode_items {
	size_t size, max;
	const char *what; /* "instances", for the error about too many */
	decode_fn decode; /* is given zeroed memory */
};
struct decode_list {
	void *items; /* NULL where empty */
	size_t n;
};
int decode_list(const cJSON *array, const struct path *at, const struct decode_items *items,
		struct decode_list *ret, struct config_error *reterr);
/* The same as a set, 1 << each: of at least one item, each once. Items are decoded to an int
 * from 0 to 63. @words: what an error calls them, in that order; NULL: nothing.
 */
int decode_set(const cJSON *array, const struct path *at, const struct decode_items *items,
	       const struct decode_word *words, uint64_t *ret, struct config_error *reterr);

/* Decoders of single values; limits and words are those of the field. */
int decode_u8(const cJSON *value, const struct path *at, void *out, struct config_error *reterr);
int decode_u16(const cJSON *value, const struct path *at, void *out, struct config_error *reterr);
int decode_u32(const cJSON *value, const struct path *at, void *out, struct config_error *reterr);
int decode_power_of_two(const cJSON *value, const struct path *at, void *out,
			struct config_error *reterr); /* uint32_t; 0 if min is */
int decode_share(const cJSON *value, const struct path *at, void *out,
		 struct config_error *reterr); /* double from 0 to 1 */
int decode_bool(const cJSON *value, const struct path *at, void *out, struct config_error *reterr);
int decode_duration(const cJSON *value, const struct path *at, void *out,
		    struct config_error *reterr); /* uint64_t, ns */
int decode_seconds(const cJSON *value, const struct path *at, void *out,
		   struct config_error *reterr); /* uint32_t, s; limits in ns */
int decode_rate(const cJSON *value, const struct path *at, void *out,
		struct config_error *reterr); /* double, a second */
int decode_byte_rate(const cJSON *value, const struct path *at, void *out,
		     struct config_error *reterr);
int decode_word(const cJSON *value, const struct path *at, void *out,
		struct config_error *reterr); /* an enum */
int decode_word_bool(const cJSON *value, const struct path *at, void *out,
		     struct config_error *reterr); /* a bool that has words for its values */
int decode_name(const cJSON *value, const struct path *at, void *out,
		struct config_error *reterr); /* char[SL_NAME_LEN] */
int decode_address(const cJSON *value, const struct path *at, void *out,
		   struct config_error *reterr); /* struct sl_addr */
int decode_ignored(const cJSON *value, const struct path *at, void *out,
		   struct config_error *reterr); /* a string, of no meaning to us */

/* The tables, for checks that schema and documentation say the same. */
struct decode_table {
	const char *name; /* of the object, as in the schema's $defs */
	const struct decode_field *fields;
};
extern const struct decode_field document_fields[], interface_fields[], capacity_fields[],
	metrics_fields[], events_fields[];
extern const struct decode_field service_fields[], pool_fields[], route_fields[], instance_fields[],
	health_fields[], outlier_fields[], cid_fields[], cid_tenant_fields[], rotation_fields[],
	echo_fields[], scaling_fields[], target_fields[];
extern const struct decode_field tenant_fields[], match_fields[], quota_fields[],
	device_quota_fields[], allow_fields[], class_quota_fields[], response_fields[];

/* What document, service and tenant consist of. */
int document_decode(const cJSON *doc, struct model *m, struct config_error *reterr);
int service_decode(const cJSON *value, const struct path *at, void *out,
		   struct config_error *reterr);
int instance_decode(const cJSON *value, const struct path *at, void *out,
		    struct config_error *reterr);
int health_decode(const cJSON *value, const struct path *at, void *out,
		  struct config_error *reterr);
int cid_decode(const cJSON *value, const struct path *at, void *out,
	       struct config_error *reterr); /* struct model_cid, whole or untouched */
int tenant_decode(const cJSON *value, const struct path *at, void *out,
		  struct config_error *reterr);
/* What messages say, struct model_identity, whole or untouched: see identity.h. */
int coap_host_decode(const cJSON *value, const struct path *at, void *out,
		     struct config_error *reterr);
int coap_path_decode(const cJSON *value, const struct path *at, void *out,
		     struct config_error *reterr);
int allowed_path_decode(const cJSON *value, const struct path *at, void *out,
			struct config_error *reterr); /* "/" as well */
int response_path_decode(const cJSON *value, const struct path *at, void *out,
			 struct config_error *reterr); /* "/" as well */
int originator_decode(const cJSON *value, const struct path *at, void *out,
		      struct config_error *reterr);
int mqtt_username_decode(const cJSON *value, const struct path *at, void *out,
			 struct config_error *reterr);
int mqtt_client_id_decode(const cJSON *value, const struct path *at, void *out,
			  struct config_error *reterr);
int dtls_cid_decode(const cJSON *value, const struct path *at, void *out,
		    struct config_error *reterr);
int tls_sni_decode(const cJSON *value, const struct path *at, void *out,
		   struct config_error *reterr);
/* "responses", into struct model_tenant. */
int responses_decode(const cJSON *value, const struct path *at, void *out,
		     struct config_error *reterr);
int route_path_decode(const cJSON *value, const struct path *at, void *out,
		      struct config_error *reterr); /* "/" as well */
int routes_decode(const cJSON *value, const struct path *at, void *out,
		  struct config_error *reterr); /* struct model_service */
int method_decode(const cJSON *value, const struct path *at, void *out,
		  struct config_error *reterr); /* int, below SL_METHODS; 0: GET */
int onem2m_type_decode(const cJSON *value, const struct path *at, void *out,
		       struct config_error *reterr); /* uint8_t, see onem2m.h */
int onem2m_operations_decode(const cJSON *value, const struct path *at, void *out,
			     struct config_error *reterr); /* struct model_tenant */
int onem2m_types_decode(const cJSON *value, const struct path *at, void *out,
			struct config_error *reterr); /* struct model_tenant */
int quota_decode(const cJSON *value, const struct path *at, void *out, struct config_error *reterr);
int device_quota_decode(const cJSON *value, const struct path *at, void *out,
			struct config_error *reterr);
int classes_decode(const cJSON *object, const struct path *at, void *out,
		   struct config_error *reterr); /* struct model_tenant */
int secret_decode(const cJSON *value, const struct path *at, void *out,
		  struct config_error *reterr); /* struct model */

/* Health before its members are decoded, and what they left out and depends on others. */
struct model_health health_default(void);
void health_fill(const cJSON *health, enum sl_protocol protocol, struct model_health *h);

#endif /* SL_DECODE_H */
