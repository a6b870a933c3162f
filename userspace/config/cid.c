// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A service's "cid": how its servers' DTLS connection ids (RFC 9146, RFC 9147) say
 * which of them made one, and whose the device is. All of it is checked here, as no other
 * member counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sluice/limits.h>
#include "../common/cleanup.h"
#include "decode.h"

#define UNROUTABLE (SL_CID_ROTATIONS - 1)

struct rotation {
	uint8_t id;
	uint8_t server_id_length;
};

struct tenant_bits {
	uint8_t at, bits;
};

struct cid {
	enum sl_cid_layout layout;
	uint8_t length;
	struct tenant_bits tenant;
	struct decode_list rotations;
};

static void cid_release(struct cid *c)
{
	free(c->rotations.items);
}

static int decode_rotation_id(const cJSON *value, const struct path *at, void *out,
			      struct config_error *reterr)
{
	if (cJSON_IsNumber(value) && value->valuedouble == UNROUTABLE)
		return decode_fail(at, reterr,
				   "7 (0b111) means that the connection id names no server; "
				   "want an integer from 0 to 6");
	return decode_u8(value, at, out, reterr);
}

/* clang-format off */
static const struct decode_word layouts[] = {
	{ .word = "first-byte", .value = SL_CID_FIRST_BYTE },
	{ .word = "quic-lb",    .value = SL_CID_QUIC_LB },
	{},
};

const struct decode_field rotation_fields[] = {
	FIELD("id",               struct rotation, id,               decode_rotation_id, .required = true, .max = UNROUTABLE - 1),
	FIELD("server_id_length", struct rotation, server_id_length, decode_u8, .required = true, .min = 1, .max = SL_SERVER_ID_MAX),
	{},
};
/* clang-format on */

static int decode_rotation(const cJSON *value, const struct path *at, void *out,
			   struct config_error *reterr)
{
	return decode_object(value, at, rotation_fields, out, reterr);
}

static int decode_rotations(const cJSON *value, const struct path *at, void *out,
			    struct config_error *reterr)
{
	static const struct decode_items items = {
		.size = sizeof(struct rotation),
		.max = UNROUTABLE,
		.what = "rotations",
		.decode = decode_rotation,
	};
	struct cid *c = out;
	int err = decode_list(value, at, &items, &c->rotations, reterr);

	if (!err && !c->rotations.n)
		return decode_fail(at, reterr,
				   "want at least one; leave it out for "
				   "[{\"id\": 0, \"server_id_length\": 1}]");
	return err;
}

/* clang-format off */
const struct decode_field cid_tenant_fields[] = {
	FIELD("at",   struct tenant_bits, at,   decode_u8, .required = true, .max = 8 * SL_CID_MAX - 1),
	FIELD("bits", struct tenant_bits, bits, decode_u8, .required = true, .min = 1, .max = SL_CID_TENANT_BITS),
	{},
};
/* clang-format on */

static int decode_tenant_bits(const cJSON *value, const struct path *at, void *out,
			      struct config_error *reterr)
{
	return decode_object(value, at, cid_tenant_fields, out, reterr);
}

/* clang-format off */
const struct decode_field cid_fields[] = {
	FIELD("length", struct cid, length, decode_u8, .required = true, .min = 1, .max = SL_CID_MAX),
	FIELD("layout", struct cid, layout, decode_word, .required = true, .words = layouts),
	FIELD_OF("rotations", decode_rotations),
	FIELD("tenant", struct cid, tenant, decode_tenant_bits),
	{},
};
/* clang-format on */

/* Put the rotations into @to: each id once, its server id within the length. */
static int rotations_take(const struct cid *c, const struct path *at, struct model_cid *to,
			  struct config_error *reterr)
{
	const struct rotation *r = c->rotations.items;
	const struct path list = { .up = at, .member = "rotations" };
	size_t first[SL_CID_ROTATIONS] = {};

	for (size_t i = 0; i < c->rotations.n; i++) {
		const struct path item = { .up = &list, .index = i };
		const struct path id = { .up = &item, .member = "id" };
		const struct path len = { .up = &item, .member = "server_id_length" };

		if (to->server_id_length[r[i].id])
			return decode_fail(&id, reterr, "%u is rotations[%zu] too", r[i].id,
					   first[r[i].id]);
		if (1 + r[i].server_id_length > c->length)
			return decode_fail(&len, reterr,
					   "with the first byte it is longer than an id; want at "
					   "most %d, or a length of at least %d",
					   c->length - 1, 1 + r[i].server_id_length);
		to->server_id_length[r[i].id] = r[i].server_id_length;
		first[r[i].id] = i;
	}
	return 0;
}

static int cid_take(const struct cid *c, const struct path *at, struct model_cid *to,
		    struct config_error *reterr)
{
	const struct path length = { .up = at, .member = "length" };
	const struct path rotations = { .up = at, .member = "rotations" };
	const struct path tenant = { .up = at, .member = "tenant" };

	*to = (struct model_cid){ .layout = c->layout,
				  .length = c->length,
				  .tenant_at = c->tenant.at,
				  .tenant_bits = c->tenant.bits };
	if (to->tenant_at + to->tenant_bits > 8 * c->length)
		return decode_fail(&tenant, reterr,
				   "an id of length %u has bits 0 to %d; want at + bits to be at "
				   "most %d",
				   c->length, 8 * c->length - 1, 8 * c->length);
	if (c->layout == SL_CID_FIRST_BYTE && c->rotations.n)
		return decode_fail(&rotations, reterr,
				   "there are none with layout \"first-byte\"; leave this out");
	if (c->layout == SL_CID_QUIC_LB && c->length < 2)
		return decode_fail(&length, reterr,
				   "want at least 2 with layout \"quic-lb\": the server id comes "
				   "after the first byte");
	if (!c->rotations.n)
		to->server_id_length[0] = 1;
	return rotations_take(c, at, to, reterr);
}

int cid_decode(const cJSON *value, const struct path *at, void *out, struct config_error *reterr)
{
	sl_cleanup(cid_release) struct cid c = {};
	struct model_cid ret = {};
	int err = decode_object(value, at, cid_fields, &c, reterr);

	if (!err)
		err = cid_take(&c, at, &ret, reterr);
	if (!err)
		*(struct model_cid *)out = ret;
	return err;
}
