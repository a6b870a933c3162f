// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* CoAP options in the order of their numbers, each with the difference to the one before
 * (RFC 7252 3.1), then the marker and the payload.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "keys.h"
#include "response.h"

#define OPTION_ETAG	      4
#define OPTION_CONTENT_FORMAT 12
#define OPTION_MAX_AGE	      14
#define MAX_AGE_DEFAULT	      60 /* is what leaving it out means (RFC 7252 5.10.5) */
#define MARKER		      0xff

/* Bytes under way; what they are put into is large enough. */
struct options {
	uint8_t *bytes;
	size_t len;
	unsigned int number; /* of the last one */
};

/* Deltas and lengths below 13 have no extension. */
static void put_option(struct options *o, unsigned int number, const void *value, size_t len)
{
	o->bytes[o->len++] = (number - o->number) << 4 | len;
	memcpy(o->bytes + o->len, value, len);
	o->len += len;
	o->number = number;
}

/* In as few bytes as it takes, none for 0 (RFC 7252 3.2). */
static void put_uint(struct options *o, unsigned int number, uint32_t value)
{
	uint8_t bytes[4] = { value >> 24, value >> 16, value >> 8, value };
	size_t skip = 0;

	while (skip < sizeof(bytes) && !bytes[skip])
		skip++;
	put_option(o, number, bytes + skip, sizeof(bytes) - skip);
}

static void put_max_age(struct options *o, uint32_t s)
{
	if (s != MAX_AGE_DEFAULT)
		put_uint(o, OPTION_MAX_AGE, s);
}

/* The Internet checksum's sum of 16-bit words as they lie in memory (RFC 1071). */
static uint16_t sum_words(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2) {
		uint8_t pair[2] = { bytes[i], i + 1 < len ? bytes[i + 1] : 0 };
		uint16_t word;

		memcpy(&word, pair, sizeof(word));
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Of what is said and as what; the same on every node. */
static void make_etag(const struct model_response *r, const struct siphash_key *key, uint8_t ret[8])
{
	uint8_t bytes[4 + SL_RESPONSE_BYTES] = { r->format >> 24, r->format >> 16, r->format >> 8,
						 r->format };
	size_t len = strlen(r->payload);
	uint64_t etag;

	memcpy(bytes + 4, r->payload, len);
	etag = siphash(key, bytes, 4 + len);
	for (int i = 0; i < 8; i++)
		ret[i] = etag >> 8 * i;
}

void response_plan(const struct model_response *r, const struct siphash_key *etag,
		   struct sl_response *ret)
{
	struct options body = { .bytes = ret->body }, valid = { .bytes = ret->valid };
	size_t len = strlen(r->payload);

	memset(ret, 0, sizeof(*ret));
	ret->format = r->format;
	make_etag(r, etag, ret->etag);
	put_option(&body, OPTION_ETAG, ret->etag, sizeof(ret->etag));
	if (r->format != SL_FORMAT_NONE)
		put_uint(&body, OPTION_CONTENT_FORMAT, r->format);
	put_max_age(&body, r->max_age_s);
	body.bytes[body.len++] = MARKER;
	memcpy(body.bytes + body.len, r->payload, len);
	ret->len = body.len + len;
	ret->sum = sum_words(ret->body, ret->len);
	put_option(&valid, OPTION_ETAG, ret->etag, sizeof(ret->etag));
	put_max_age(&valid, r->max_age_s);
	ret->valid_len = valid.len;
	ret->valid_sum = sum_words(ret->valid, ret->valid_len);
}

int responses_build(const struct model *m, const uint32_t *ids, struct plan_response **ret,
		    size_t *ret_n)
{
	const struct siphash_key etag = keys_etag(m);
	struct plan_response *list;
	size_t n = 0;

	for (size_t t = 0; t < m->n_tenants; t++)
		n += m->tenants[t].n_responses;
	list = calloc(n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	n = 0;
	for (size_t t = 0; t < m->n_tenants; t++) {
		for (size_t i = 0; i < m->tenants[t].n_responses; i++, n++) {
			list[n].key.tenant = ids[t];
			list[n].key.number = i + 1;
			response_plan(&m->tenants[t].responses[i], &etag, &list[n].value);
		}
	}
	*ret = list;
	*ret_n = n;
	return 0;
}
