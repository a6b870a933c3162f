// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* "classes": what messages may have quotas of their own, and the quotas. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../common/num.h"
#include "class.h"
#include "decode.h"
#include "validate.h"

static const char *const words[SL_CLASS_SLOTS] = {
#define X(name, label) [SL_K_##name] = label,
	SL_KINDS(X)
#undef X
#define X(name, label) [SL_C_##name] = label,
		SL_CLASSES(X)
#undef X
};

/* What a word begins with; what no row has is no class: to count datagrams or segments
 * that nobody looks into, there is the tenant's own quota.
 */
static const struct {
	const char *begin;
	enum sl_protocol protocol;
} families[] = {
	{ "coap.", SL_P_COAP },	    { "lwm2m.", SL_P_COAP }, { "onem2m.", SL_P_COAP },
	{ "mqtt.", SL_P_MQTT },	    { "dtls.", SL_P_COAPS }, { "tls.", SL_P_MQTTS },
	{ "mqttsn.", SL_P_MQTTSN },
};

static enum sl_protocol family_of(const char *word)
{
	for (size_t i = 0; i < SL_ARRAY_SIZE(families); i++)
		if (!strncmp(word, families[i].begin, strlen(families[i].begin)))
			return families[i].protocol;
	return SL_P__MAX;
}

const char *class_word(unsigned int cls)
{
	const char *word = cls < SL_CLASS_SLOTS ? words[cls] : NULL;

	return word && family_of(word) != SL_P__MAX ? word : NULL;
}

enum sl_protocol class_protocol(unsigned int cls)
{
	const char *word = class_word(cls);

	return word ? family_of(word) : SL_P__MAX;
}

static unsigned int class_find(const char *word)
{
	for (unsigned int i = 0; i < SL_CLASS_SLOTS; i++)
		if (class_word(i) && !strcmp(words[i], word))
			return i;
	return 0;
}

/* clang-format off */
const struct decode_field class_quota_fields[] = {
	FIELD("messages", struct model_class, rate, decode_rate, .max = 1000000000, .required = true),
	FIELD("burst",    struct model_class, burst_ns, decode_duration, .min = 1000, .max = QUOTA_BURST_MAX_NS),
	{},
};
/* clang-format on */

static int decode_class(const cJSON *value, const struct path *at, struct model_tenant *t,
			struct config_error *reterr)
{
	struct model_class *c = &t->classes[t->n_classes];

	c->cls = class_find(value->string);
	if (!c->cls)
		return decode_fail(at, reterr,
				   "unknown class; want a kind of message such as "
				   "\"coap.observe\" or \"mqtt.publish\"");
	for (size_t i = 0; i < t->n_classes; i++)
		if (t->classes[i].cls == c->cls)
			return decode_fail(at, reterr, "given twice; want it once");
	t->n_classes++;
	c->burst_ns = QUOTA_BURST_DEFAULT_NS;
	return decode_object(value, at, class_quota_fields, c, reterr);
}

int classes_decode(const cJSON *object, const struct path *at, void *out,
		   struct config_error *reterr)
{
	struct model_tenant *t = out;
	const cJSON *value;
	int n, err = 0;

	if (!cJSON_IsObject(object))
		return decode_fail(at, reterr, "want an object {...} of classes");
	n = cJSON_GetArraySize(object);
	if (n > SL_TENANT_CLASSES)
		return decode_fail(at, reterr, "%d classes; want at most %d", n, SL_TENANT_CLASSES);
	t->classes = calloc(n + 1, sizeof(*t->classes));
	if (!t->classes)
		return -ENOMEM;
	cJSON_ArrayForEach(value, object) {
		const struct path here = { .up = at, .member = value->string };

		err = decode_class(value, &here, t, reterr);
		if (err)
			break;
	}
	return err;
}
