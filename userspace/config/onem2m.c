// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>
#include "decode.h"
#include "onem2m.h"

static const char *const types[SL_TYPES] = {
	[1] = "accessControlPolicy",
	[2] = "AE",
	[3] = "container",
	[4] = "contentInstance",
	[5] = "CSEBase",
	[8] = "execInstance",
	[9] = "group",
	[10] = "locationPolicy",
	[12] = "mgmtCmd",
	[13] = "mgmtObj",
	[14] = "node",
	[15] = "pollingChannel",
	[16] = "remoteCSE",
	[17] = "request",
	[18] = "schedule",
	[23] = "subscription",
	[24] = "semanticDescriptor",
	[28] = "flexContainer",
	[29] = "timeSeries",
	[30] = "timeSeriesInstance",
};

const char *onem2m_type_text(uint8_t type, char ret[ONEM2M_TYPE_TEXT])
{
	if (type < SL_TYPES && types[type])
		snprintf(ret, ONEM2M_TYPE_TEXT, "%s", types[type]);
	else
		snprintf(ret, ONEM2M_TYPE_TEXT, "%u", type);
	return ret;
}

int onem2m_type_decode(const cJSON *value, const struct path *at, void *out,
		       struct config_error *reterr)
{
	const char *text = cJSON_GetStringValue(value);
	double number = cJSON_GetNumberValue(value);
	uint8_t *ret = out;

	for (size_t i = 0; text && i < SL_TYPES; i++) {
		if (!types[i] || strcmp(types[i], text))
			continue;
		*ret = i;
		return 0;
	}
	if (!cJSON_IsNumber(value) || !(number >= 1 && number < SL_TYPES) ||
	    number != (uint8_t)number)
		return decode_fail(
			at, reterr,
			"want a oneM2M resource type such as \"contentInstance\", or its "
			"number, from 1 to %d",
			SL_TYPES - 1);
	*ret = number;
	return 0;
}

/* -- what a tenant may do -- */

static const struct decode_word operations[] = {
	{ .word = "create", .value = SL_OP_CREATE },
	{ .word = "retrieve", .value = SL_OP_RETRIEVE },
	{ .word = "update", .value = SL_OP_UPDATE },
	{ .word = "delete", .value = SL_OP_DELETE },
	{ .word = "notify", .value = SL_OP_NOTIFY },
	{},
};
_Static_assert(SL_ARRAY_SIZE(operations) == SL_OP_OTHER + 1, "every operation has a word");

const char *model_operation_word(enum sl_operation operation)
{
	return operations[operation].word;
}

static int decode_operation(const cJSON *value, const struct path *at, void *out,
			    struct config_error *reterr)
{
	static const struct decode_field field = { .name = "onem2m_operations",
						   .words = operations };
	struct path here = *at;

	here.field = &field;
	return decode_word(value, &here, out, reterr);
}

static int decode_type(const cJSON *value, const struct path *at, void *out,
		       struct config_error *reterr)
{
	uint8_t type = 0;
	int err = onem2m_type_decode(value, at, &type, reterr);

	*(int *)out = type;
	return err;
}

int onem2m_operations_decode(const cJSON *value, const struct path *at, void *out,
			     struct config_error *reterr)
{
	static const struct decode_items items = {
		.size = sizeof(int),
		.max = 64,
		.what = "operations",
		.decode = decode_operation,
	};
	struct model_tenant *t = out;
	uint64_t allowed;
	int err = decode_set(value, at, &items, operations, &allowed, reterr);

	if (!err)
		t->denied_operations = SL_ALLOW_OPERATIONS & ~allowed;
	return err;
}

int onem2m_types_decode(const cJSON *value, const struct path *at, void *out,
			struct config_error *reterr)
{
	static const struct decode_items items = {
		.size = sizeof(int),
		.max = 64,
		.what = "types",
		.decode = decode_type,
	};
	struct model_tenant *t = out;

	return decode_set(value, at, &items, NULL, &t->types, reterr);
}
