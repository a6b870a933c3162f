/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests of configurations: documents made by editing one valid document. */
#ifndef TEST_CONFIG_EDIT_H
#define TEST_CONFIG_EDIT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/str.h"
#include "config/config.h"

#define CONFIGS "tests/unit/configs" /* tests run in the top folder */
#define TICK_NS 4000000ull

/* A service of DTLS for the base document, with members of "cid" and server ids. */
#define COAPS(cid, instances)                                                  \
	"{\"name\": \"dtls\", \"address\": \"203.0.113.10\", \"port\": 5684, " \
	"\"protocol\": \"coaps\", \"cid\": {" cid "}, \"instances\": [" instances "]}"
#define DTLS_SERVER(n, id)                                                         \
	"{\"name\": \"d-" n "\", \"address\": \"10.0.1.3" n "\", \"port\": 5684, " \
	"\"server_id\": " id "}"
#define CID(length, layout, id1, id2) \
	COAPS("\"length\": " length ", " layout, DTLS_SERVER("1", id1) ", " DTLS_SERVER("2", id2))
#define ROTATION(id, len) "{\"id\": " id ", \"server_id_length\": " len "}"
#define QUIC_LB(id1, len1, id2, len2) \
	"\"layout\": \"quic-lb\", \"rotations\": [" ROTATION(id1, len1) ", " ROTATION(id2, len2) "]"
#define OUTLIER(interval, ejection, ejection_max)                                  \
	"{\"outlier\": {\"interval\": \"" interval "\", \"ejection\": \"" ejection \
	"\", \"ejection_max\": \"" ejection_max "\"}}"

/* Read a file whole; the caller frees. NULL: it is not there. */
static inline char *edit_slurp(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	char *text = f ? calloc(1, 1 << 20) : NULL;

	if (text)
		*ret_len = fread(text, 1, (1 << 20) - 1, f);
	if (f)
		fclose(f);
	return text;
}

/* Take "member" or "[3]" off the front of *@at. */
static inline bool edit_step(const char **at, char *member, size_t size, int *index)
{
	const char *pos = *at + (**at == '.');
	int used = 0;
	size_t len;

	if (sscanf(pos, "[%d]%n", index, &used) == 1 && used) {
		*at = pos + used;
		return false;
	}
	for (len = 0; pos[len] && pos[len] != '.'; len++) {
		int ignored, whole = 0;

		if (sscanf(pos + len, "[%d]%n", &ignored, &whole) == 1 && whole)
			break;
	}
	snprintf(member, size, "%.*s", (int)len, pos);
	*at = pos + len;
	return true;
}

static inline void edit_put(cJSON *parent, const char *member, int index, cJSON *value)
{
	if (member && !value)
		cJSON_DeleteItemFromObjectCaseSensitive(parent, member);
	else if (member && cJSON_GetObjectItemCaseSensitive(parent, member))
		cJSON_ReplaceItemInObjectCaseSensitive(parent, member, value);
	else if (member)
		cJSON_AddItemToObject(parent, member, value);
	else if (!value)
		cJSON_DeleteItemFromArray(parent, index);
	else if (index < cJSON_GetArraySize(parent))
		cJSON_ReplaceItemInArray(parent, index, value);
	else
		cJSON_AddItemToArray(parent, value);
}

/* Set what @at names to @json; NULL removes it. Missing objects are not made.
 * Aborts where the test itself is wrong.
 */
static inline void edit_set(cJSON *doc, const char *at, const char *json)
{
	cJSON *value = json ? cJSON_Parse(json) : NULL;
	cJSON *parent = doc;

	if (json && !value)
		abort();
	for (;;) {
		char member[128];
		int index = 0;
		bool named = edit_step(&at, member, sizeof(member), &index);

		if (!*at) {
			edit_put(parent, named ? member : NULL, index, value);
			return;
		}
		parent = named ? cJSON_GetObjectItemCaseSensitive(parent, member)
			       : cJSON_GetArrayItem(parent, index);
		if (!parent)
			abort();
	}
}

static inline cJSON *edit_base(void)
{
	size_t len = 0;
	char *text = edit_slurp(CONFIGS "/base.json", &len);
	cJSON *doc = text ? cJSON_ParseWithLength(text, len) : NULL;

	if (!doc)
		abort();
	free(text);
	return doc;
}

#endif /* TEST_CONFIG_EDIT_H */
