// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <ctype.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <string.h>
#include "lib/affinity.h"
#include "addr.h"
#include "cleanup.h"
#include "told.h"

static const char *const kind_words[] = {
#define X(name, label) label,
	SL_KINDS(X)
#undef X
};

static const char *const reason_words[] = {
#define X(name, action, group, label, text) label,
	SL_REASONS(X)
#undef X
};

static const char *const note_words[] = {
#define X(name, label, text) label,
	SL_NOTES(X)
#undef X
};

static const char *const row_words[] = {
#define X(name, slot, packet, pin, go, action) #name,
	AFFINITY_ROWS(X)
#undef X
};

static const char *action_word(int action)
{
	static const char *const words[] = {
		[XDP_ABORTED] = "aborted", [XDP_DROP] = "drop",		[XDP_PASS] = "pass",
		[XDP_TX] = "tx",	   [XDP_REDIRECT] = "redirect",
	};

	return action >= 0 && (size_t)action < SL_ARRAY_SIZE(words) ? words[action] : "unknown";
}

bool told_is_answer(const struct sl_event *e)
{
	switch (e->reason) {
	case SL_R_LOCAL:
	case SL_R_RETURNED:
	case SL_R_RETURNED_STACK:
	case SL_R_RETURN_UNROUTABLE:
	case SL_R_RETURN_TOO_BIG:
		return true;
	default: /* hop_limit is either's; what goes to an instance has an account then */
		return e->reason == SL_R_HOP_LIMIT && !e->account;
	}
}

static const char *header_word(const struct sl_event *e)
{
	switch (e->family ? e->proto : -1) {
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	default:
		return e->family == 4 ? "ipv4" : e->family ? "ipv6" : NULL;
	}
}

/* "request_late": the row of the decision table (bpf/README.md). */
static void row_word(uint32_t row, char *to, size_t size)
{
	size_t i;

	for (i = 0; row_words[row][i] && i < size - 1; i++)
		to[i] = tolower((unsigned char)row_words[row][i]);
	to[i] = '\0';
}

/* "from > to"; "" if it is not IP. */
static void flow_words(const struct told *t, char *to, size_t size)
{
	const struct sl_event *e = t->event;
	char from[ADDR_TEXT], dest[ADDR_TEXT];

	*to = '\0';
	if (!t->has_flow || !e->family)
		return;
	addr_text(&t->src, from);
	addr_text(&t->dst, dest);
	if (e->sport || e->dport)
		snprintf(to, size, e->family == 4 ? "%s:%u > %s:%u" : "[%s]:%u > [%s]:%u", from,
			 ntohs(e->sport), dest, ntohs(e->dport));
	else
		snprintf(to, size, "%s > %s", from, dest);
}

/* -- JSON -- */

static void add_word(cJSON *o, const char *name, const char *word)
{
	if (word && *word)
		cJSON_AddStringToObject(o, name, word);
	else
		cJSON_AddNullToObject(o, name);
}

static void add_rows(cJSON *o, uint32_t set)
{
	cJSON *list = cJSON_AddArrayToObject(o, "pins");
	char row[32];

	for (int i = 0; list && i < (int)AFF__MAX; i++) {
		if (!(set >> i & 1))
			continue;
		row_word(i, row, sizeof(row));
		cJSON_AddItemToArray(list, cJSON_CreateString(row));
	}
}

static void add_notes(cJSON *o, const uint32_t *set)
{
	cJSON *list = set ? cJSON_AddArrayToObject(o, "notes") : NULL;

	if (!set)
		cJSON_AddNullToObject(o, "notes");
	for (int i = 0; list && i < (int)SL_N__MAX; i++)
		if (*set >> i & 1)
			cJSON_AddItemToArray(list, cJSON_CreateString(note_words[i]));
}

static void add_numbers(cJSON *o, const struct told *t)
{
	const struct sl_event *e = t->event;
	char text[40] = "";

	cJSON_AddNumberToObject(o, "n", t->n);
	/* As text: a double does not hold nanoseconds since 1970. */
	snprintf(text, sizeof(text), "%llu.%09llu", (unsigned long long)(t->time_ns / 1000000000),
		 (unsigned long long)(t->time_ns % 1000000000));
	cJSON_AddRawToObject(o, "ts", text);
	cJSON_AddNumberToObject(o, "length", t->len);
	cJSON_AddBoolToObject(o, "cut", t->cut);
	*text = '\0';
	if (e->device && !told_is_answer(e))
		snprintf(text, sizeof(text), "%016llx", (unsigned long long)e->device);
	add_word(o, "device", text);
}

cJSON *told_json(const struct told *t)
{
	const struct sl_event *e = t->event;
	char flow[2 * ADDR_ENDPOINT_TEXT + 8];
	cJSON *o = cJSON_CreateObject();

	if (!o)
		return NULL;
	flow_words(t, flow, sizeof(flow));
	add_numbers(o, t);
	add_word(o, "flow", flow);
	add_word(o, "service", t->service);
	add_word(o, "tenant", t->tenant);
	add_word(o, "account", t->account);
	add_word(o, "protocol", t->protocol ? t->protocol : header_word(e));
	add_word(o, "kind", t->kind && t->kind < SL_K__MAX ? kind_words[t->kind] : NULL);
	add_word(o, "verdict", action_word(t->action));
	add_word(o, "reason", e->reason < SL_R__MAX ? reason_words[e->reason] : NULL);
	add_word(o, "instance", t->instance);
	add_rows(o, t->rows);
	add_notes(o, t->notes);
	return o;
}

uint64_t told_time(const char *line)
{
	const char *at = strstr(line, "\"ts\":");
	unsigned long long s = 0, ns = 0;

	if (!at || sscanf(at, "\"ts\":%llu.%9llu", &s, &ns) != 2)
		return 0;
	return s * 1000000000 + ns;
}

/* -- text -- */

#define LINE_FORMAT \
	"%6s %18s %-47s %-12.12s %-12.12s %-22.22s %-16s %-8s %-22s %-8s %-18s %-14.14s %s\n"

void told_head(FILE *to, bool color)
{
	if (color)
		fputs("\033[1m", to);
	fprintf(to, LINE_FORMAT, "n", "time", "from > to", "service", "tenant", "account", "device",
		"protocol", "kind", "verdict", "reason", "instance", "pins");
	if (color)
		fputs("\033[0m", to);
}

static const char *text_of(const cJSON *o, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return text ? text : "-";
}

static const char *tone_of(const cJSON *o)
{
	const char *verdict = text_of(o, "verdict");

	if (!strcmp(verdict, "drop") || !strcmp(verdict, "aborted"))
		return "\033[31m";
	return strcmp(verdict, "pass") || strstr(text_of(o, "reason"), "_stack") ? "\033[32m"
										 : "\033[2m";
}

static void words_of(const cJSON *list, char *to, size_t size)
{
	const cJSON *word;
	size_t at = 0;

	*to = '\0';
	cJSON_ArrayForEach(word, list) {
		const char *text = cJSON_GetStringValue(word);

		if (at < size && text)
			at += snprintf(to + at, size - at, "%s%s", at ? " " : "", text);
	}
}

/* To the microsecond. */
static void time_word(const cJSON *o, char *to, size_t size)
{
	const cJSON *ts = cJSON_GetObjectItemCaseSensitive(o, "ts");

	if (cJSON_IsRaw(ts))
		snprintf(to, size, "%.*s", (int)strlen(ts->valuestring) - 3, ts->valuestring);
	else
		snprintf(to, size, "%.6f", cJSON_IsNumber(ts) ? ts->valuedouble : 0);
}

void told_text(FILE *to, bool color, const cJSON *o, const char *remark)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(o, "n");
	const char *kind = text_of(o, "kind");
	char n[24], when[40], rows[128], notes[256], pins[480];

	snprintf(n, sizeof(n), "%.0f", cJSON_IsNumber(number) ? number->valuedouble : 0);
	time_word(o, when, sizeof(when));
	words_of(cJSON_GetObjectItemCaseSensitive(o, "pins"), rows, sizeof(rows));
	words_of(cJSON_GetObjectItemCaseSensitive(o, "notes"), notes, sizeof(notes));
	snprintf(pins, sizeof(pins), "%s%s%s%s%s", *rows ? rows : "-", *notes ? " (" : "", notes,
		 *notes ? ")" : "", remark);
	if (color)
		fputs(tone_of(o), to);
	fprintf(to, LINE_FORMAT, n, when, text_of(o, "flow"), text_of(o, "service"),
		text_of(o, "tenant"), text_of(o, "account"), text_of(o, "device"),
		text_of(o, "protocol"), *kind == '-' ? kind_words[SL_K_NONE] : kind,
		text_of(o, "verdict"), text_of(o, "reason"), text_of(o, "instance"), pins);
	if (color)
		fputs("\033[0m", to);
}
