// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Identities in the form in which messages have them: CoAP's Uri-Host and Uri-Path (RFC 7252
 * 5.10.1, 6.4), oneM2M's originator (TS-0008 6.2.2.4.1), MQTT's user name and client id (5.0
 * section 3.1.3), TLS's server name (RFC 6066 3), numbers in DTLS connection ids (RFC 9146).
 */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../common/addr.h"
#include "decode.h"
#include "identity.h"

struct identity_draft {
	uint8_t bytes[IDENTITY_BYTES];
	size_t size;
};

static int draft_keep(const struct identity_draft *d, struct model_identity *ret)
{
	uint8_t *bytes = malloc(d->size);

	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, d->bytes, d->size);
	ret->bytes = bytes;
	ret->size = d->size;
	return 0;
}

/* One string, that is not too long. */
static int keep_string(enum sl_trie_root root, const char *text, struct model_identity *ret)
{
	struct identity_draft d = { .bytes = { root, strlen(text) }, .size = 2 + strlen(text) };

	memcpy(d.bytes + 2, text, strlen(text));
	return draft_keep(&d, ret);
}

/* -- host -- */

/* With something behind the address of a literal, or behind a name. */
static bool has_port(const char *host)
{
	struct sl_addr ignored;

	if (host[0] == '[')
		return host[strlen(host) - 1] != ']';
	return strchr(host, ':') && addr_parse(host, &ignored) == -EINVAL;
}

int coap_host_decode(const cJSON *value, const struct path *at, void *out,
		     struct config_error *reterr)
{
	const char *text = cJSON_GetStringValue(value);
	size_t len = text ? strlen(text) : 0;
	char host[SL_IDENTITY_MAX + 1] = "";
	bool good = len && len <= SL_IDENTITY_MAX;

	for (size_t i = 0; good && i < len; i++) {
		unsigned char c = text[i];

		good = c > 0x20 && c != 0x7f && c != '/';
		host[i] = c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
	}
	if (!good)
		return decode_fail(
			at, reterr,
			"want a host such as \"acme.example\", of 1 to %d bytes without blanks and "
			"'/'",
			SL_IDENTITY_MAX);
	if (has_port(host))
		return decode_fail(at, reterr, "want the host alone, without a port");
	return keep_string(SL_T_COAP_HOST, host, out);
}

/* -- originator -- */

int originator_decode(const cJSON *value, const struct path *at, void *out,
		      struct config_error *reterr)
{
	const char *text = cJSON_GetStringValue(value);

	if (!text || !*text || strlen(text) > SL_IDENTITY_MAX)
		return decode_fail(at, reterr,
				   "want an originator such as \"CAdmin\", of 1 to %d bytes",
				   SL_IDENTITY_MAX);
	return keep_string(SL_T_ORIGINATOR, text, out);
}

/* -- what comes first in a stream -- */

static int mqtt_decode(const cJSON *value, const struct path *at, enum sl_trie_root root, void *out,
		       struct config_error *reterr)
{
	const char *text = cJSON_GetStringValue(value);

	if (!text || !*text || strlen(text) > SL_IDENTITY_MAX)
		return decode_fail(at, reterr,
				   "want a name such as \"pump-7\", or what it begins with up to "
				   "identity_delimiter such as \"acme/\", of 1 to %d bytes",
				   SL_IDENTITY_MAX);
	return keep_string(root, text, out);
}

int mqtt_username_decode(const cJSON *value, const struct path *at, void *out,
			 struct config_error *reterr)
{
	return mqtt_decode(value, at, SL_T_MQTT_USERNAME, out, reterr);
}

int mqtt_client_id_decode(const cJSON *value, const struct path *at, void *out,
			  struct config_error *reterr)
{
	return mqtt_decode(value, at, SL_T_MQTT_CLIENT_ID, out, reterr);
}

/* In ASCII, as it is on the wire; without the dot at its end, and no address. */
int tls_sni_decode(const cJSON *value, const struct path *at, void *out,
		   struct config_error *reterr)
{
	const char *text = cJSON_GetStringValue(value);
	size_t len = text ? strlen(text) : 0;
	char name[SL_IDENTITY_MAX + 1] = "";
	struct sl_addr ignored;
	bool good = len && len <= SL_IDENTITY_MAX && text[len - 1] != '.';

	for (size_t i = 0; good && i < len; i++) {
		unsigned char c = text[i];

		good = c < 0x80 && (isalnum(c) || strchr("-_.", c));
		name[i] = tolower(c);
	}
	if (!good || !addr_parse(name, &ignored))
		return decode_fail(
			at, reterr,
			"want a server name such as \"acme.example\", of 1 to %d "
			"letters, digits, '-', '_' and '.', without a '.' at its end, and "
			"no address",
			SL_IDENTITY_MAX);
	return keep_string(SL_T_TLS_SNI, name, out);
}

/* -- connection id -- */

int dtls_cid_decode(const cJSON *value, const struct path *at, void *out,
		    struct config_error *reterr)
{
	double number = cJSON_IsNumber(value) ? value->valuedouble : -1;
	struct identity_draft d = { .bytes = { SL_T_DTLS_CID, sizeof(uint32_t) },
				    .size = 2 + sizeof(uint32_t) };
	uint32_t n;

	if (number < 0 || number > UINT32_MAX || number != (uint32_t)number)
		return decode_fail(
			at, reterr,
			"want the number in the tenant's connection ids, an integer from "
			"0 to %u",
			UINT32_MAX);
	n = htobe32((uint32_t)number);
	memcpy(d.bytes + 2, &n, sizeof(n));
	return draft_keep(&d, out);
}

/* -- path -- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Take a byte off the front of *@text. False: "%" without its two digits. */
static bool take_byte(const char **text, uint8_t *ret)
{
	int high, low;

	*ret = *(*text)++;
	if (*ret != '%')
		return true;
	high = hex_digit(**text);
	low = high < 0 ? -1 : hex_digit((*text)[1]);
	if (low < 0)
		return false;
	*text += 2;
	*ret = high << 4 | low;
	return true;
}

static bool is_dots(const uint8_t *bytes, uint8_t len)
{
	return len && len <= 2 && bytes[0] == '.' && bytes[len - 1] == '.';
}

/* What is up to the next '/' as one string more. */
static int take_segment(const char **text, const struct path *at, struct identity_draft *d,
			struct config_error *reterr)
{
	uint8_t *string = d->bytes + d->size + 1, len = 0, byte;

	while (**text && **text != '/') {
		if (**text == '?' || **text == '#')
			return decode_fail(at, reterr,
					   "want the path alone; in a segment a '?' is \"%%3F\" "
					   "and a '#' is \"%%23\"");
		if (!take_byte(text, &byte))
			return decode_fail(at, reterr,
					   "want two hexadecimal digits after each '%%'");
		if (len == SL_IDENTITY_MAX)
			return decode_fail(at, reterr, "want segments of at most %d bytes",
					   SL_IDENTITY_MAX);
		string[len++] = byte;
	}
	if (!len)
		return decode_fail(at, reterr,
				   "want no empty segment, neither \"//\" nor a '/' at the end");
	if (is_dots(string, len))
		return decode_fail(at, reterr,
				   "want no segment \".\" and no \"..\": CoAP has none");
	d->bytes[d->size] = len;
	d->size += 1 + len;
	return 0;
}

static int path_decode(const cJSON *value, const struct path *at, enum sl_trie_root root,
		       struct model_identity *ret, struct config_error *reterr)
{
	const char *text = cJSON_GetStringValue(value);
	struct identity_draft d = { .bytes = { root }, .size = 1 };
	int n = 0;

	if (!text || *text != '/')
		return decode_fail(at, reterr,
				   "want a path such as \"/acme/sensors\", with a '/' first");
	if (!text[1])
		text++; /* "/" has no segment */
	while (*text) {
		int err;

		if (n++ == SL_PATH_DEPTH)
			return decode_fail(at, reterr, "want at most %d segments", SL_PATH_DEPTH);
		text++;
		err = take_segment(&text, at, &d, reterr);
		if (err)
			return err;
	}
	return draft_keep(&d, ret);
}

int coap_path_decode(const cJSON *value, const struct path *at, void *out,
		     struct config_error *reterr)
{
	const char *text = cJSON_GetStringValue(value);

	if (text && !strcmp(text, "/"))
		return decode_fail(at, reterr,
				   "\"/\" begins every path, so everyone would match; want a "
				   "segment such as \"/acme\"");
	return path_decode(value, at, SL_T_COAP_PATH, out, reterr);
}

int allowed_path_decode(const cJSON *value, const struct path *at, void *out,
			struct config_error *reterr)
{
	return path_decode(value, at, SL_T_ALLOW, out, reterr);
}

int route_path_decode(const cJSON *value, const struct path *at, void *out,
		      struct config_error *reterr)
{
	return path_decode(value, at, SL_T_ROUTE, out, reterr);
}

int response_path_decode(const cJSON *value, const struct path *at, void *out,
			 struct config_error *reterr)
{
	return path_decode(value, at, SL_T_RESPONSE, out, reterr);
}
