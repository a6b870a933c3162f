// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <ctype.h>
#include <linux/bpf.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>
#include <cjson/cJSON.h>
#include "lib/affinity.h"
#include "tell.h"

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

/* -- names of ids -- */

static const char *service_word(const struct ground *g, const struct sl_event *e)
{
	return e->service && e->service <= g->model->n_services
		       ? g->model->services[e->service - 1].name
		       : NULL;
}

static const char *account_word(const struct ground *g, const struct sl_event *e)
{
	return e->account && e->account <= g->n_accounts ? g->accounts[e->account] : NULL;
}

static const char *tenant_word(const struct ground *g, const struct sl_event *e)
{
	uint32_t id = account_word(g, e) ? g->account_tenant[e->account] : 0;

	return id ? g->model->tenants[id - 1].name : NULL;
}

static const char *instance_word(const struct ground *g, const struct sl_event *e)
{
	const char *slash;

	if (!e->instance || e->instance > g->n_instances)
		return NULL;
	slash = strchr(g->instances[e->instance], '/');
	return slash ? slash + 1 : g->instances[e->instance];
}

/* From an instance: its source is no device. */
static bool is_answer(const struct sl_event *e)
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

/* The hash of a device; "" if the frame is of none. */
static void device_word(const struct sl_event *e, char *to, size_t size)
{
	*to = '\0';
	if (e->device && !is_answer(e))
		snprintf(to, size, "%016llx", (unsigned long long)e->device);
}

/* Of a service what it speaks, else what the headers say. */
static const char *protocol_word(const struct ground *g, const struct sl_event *e)
{
	if (service_word(g, e))
		return model_protocol_word(g->model->services[e->service - 1].protocol);
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

/* "from > to", of the frame as it came; "" if it is not IP. */
static void ends(const struct capture_frame *f, const struct sl_event *e, char *to, size_t size)
{
	bool is_v4 = e->family == 4;
	int family = is_v4 ? AF_INET : AF_INET6;
	const uint8_t *ip = f->bytes + ETH_HLEN;
	char from[INET6_ADDRSTRLEN] = "", dest[INET6_ADDRSTRLEN] = "";

	*to = '\0';
	if (!e->family || f->len < ETH_HLEN + (is_v4 ? sizeof(struct ip) : sizeof(struct ip6_hdr)))
		return;
	inet_ntop(family,
		  ip + (is_v4 ? offsetof(struct ip, ip_src) : offsetof(struct ip6_hdr, ip6_src)),
		  from, sizeof(from));
	inet_ntop(family,
		  ip + (is_v4 ? offsetof(struct ip, ip_dst) : offsetof(struct ip6_hdr, ip6_dst)),
		  dest, sizeof(dest));
	if (e->sport || e->dport)
		snprintf(to, size, is_v4 ? "%s:%u > %s:%u" : "[%s]:%u > [%s]:%u", from,
			 ntohs(e->sport), dest, ntohs(e->dport));
	else
		snprintf(to, size, "%s > %s", from, dest);
}

bool tell_leaves(const struct verdict *v)
{
	return v->action == XDP_TX || v->action == XDP_REDIRECT ||
	       v->event.reason == SL_R_STEERED_STACK || v->event.reason == SL_R_RETURNED_STACK;
}

/* -- text -- */

#define LINE_FORMAT \
	"%6s %18s %-47s %-12.12s %-12.12s %-22.22s %-16s %-8s %-22s %-8s %-18s %-14.14s %s\n"

void tell_head(FILE *to, bool color)
{
	if (color)
		fputs("\033[1m", to);
	fprintf(to, LINE_FORMAT, "n", "time", "from > to", "service", "tenant", "account", "device",
		"protocol", "kind", "verdict", "reason", "instance", "pins");
	if (color)
		fputs("\033[0m", to);
}

static const char *tone_of(const struct verdict *v)
{
	if (v->action == XDP_DROP || v->action == XDP_ABORTED)
		return "\033[31m";
	return tell_leaves(v) ? "\033[32m" : "\033[2m";
}

static const char *or_dash(const char *word)
{
	return word ? word : "-";
}

static void words_of(uint32_t set, bool rows, char *to, size_t size)
{
	size_t at = 0;
	char row[32];

	*to = '\0';
	for (int i = 0; i < 32 && at < size; i++) {
		if (!(set >> i & 1) || (rows && i >= AFF__MAX) || (!rows && i >= SL_N__MAX))
			continue;
		if (rows)
			row_word(i, row, sizeof(row));
		at += snprintf(to + at, size - at, "%s%s", at ? " " : "",
			       rows ? row : note_words[i]);
	}
}

void tell_text(FILE *to, bool color, const struct ground *g, const struct capture_frame *f,
	       const struct verdict *v)
{
	const struct sl_event *e = &v->event;
	char n[24], when[32], device[24], where[2 * INET6_ADDRSTRLEN + 24], rows[128], notes[256],
		pins[480];

	snprintf(n, sizeof(n), "%llu", (unsigned long long)f->n);
	snprintf(when, sizeof(when), "%llu.%06llu", (unsigned long long)(f->time_ns / 1000000000),
		 (unsigned long long)(f->time_ns % 1000000000 / 1000));
	device_word(e, device, sizeof(device));
	ends(f, e, where, sizeof(where));
	words_of(v->rows, true, rows, sizeof(rows));
	words_of(v->notes, false, notes, sizeof(notes));
	snprintf(pins, sizeof(pins), "%s%s%s%s%s", *rows ? rows : "-", *notes ? " (" : "", notes,
		 *notes ? ")" : "", f->captured < f->len ? " (the capture was cut)" : "");
	if (color)
		fputs(tone_of(v), to);
	fprintf(to, LINE_FORMAT, n, when, *where ? where : "-", or_dash(service_word(g, e)),
		or_dash(tenant_word(g, e)), or_dash(account_word(g, e)), *device ? device : "-",
		or_dash(protocol_word(g, e)), e->kind < SL_K__MAX ? kind_words[e->kind] : "-",
		action_word(v->action), e->reason < SL_R__MAX ? reason_words[e->reason] : "-",
		or_dash(instance_word(g, e)), pins);
	if (color)
		fputs("\033[0m", to);
}

/* -- JSON -- */

static void add_word(cJSON *o, const char *name, const char *word)
{
	if (word && *word)
		cJSON_AddStringToObject(o, name, word);
	else
		cJSON_AddNullToObject(o, name);
}

static void add_set(cJSON *o, const char *name, uint32_t set, bool rows)
{
	cJSON *list = cJSON_AddArrayToObject(o, name);
	char row[32];

	for (int i = 0; list && i < (rows ? (int)AFF__MAX : (int)SL_N__MAX); i++) {
		if (!(set >> i & 1))
			continue;
		if (rows)
			row_word(i, row, sizeof(row));
		cJSON_AddItemToArray(list, cJSON_CreateString(rows ? row : note_words[i]));
	}
}

static void add_numbers(cJSON *o, const struct capture_frame *f, const struct sl_event *e)
{
	char text[40];

	cJSON_AddNumberToObject(o, "n", f->n);
	/* As text: a double does not hold nanoseconds since 1970. */
	snprintf(text, sizeof(text), "%llu.%09llu", (unsigned long long)(f->time_ns / 1000000000),
		 (unsigned long long)(f->time_ns % 1000000000));
	cJSON_AddRawToObject(o, "ts", text);
	cJSON_AddNumberToObject(o, "length", f->len);
	cJSON_AddBoolToObject(o, "cut", f->captured < f->len);
	device_word(e, text, sizeof(text));
	add_word(o, "device", text);
}

bool tell_json(FILE *to, const struct ground *g, const struct capture_frame *f,
	       const struct verdict *v)
{
	const struct sl_event *e = &v->event;
	char where[2 * INET6_ADDRSTRLEN + 24];
	cJSON *o = cJSON_CreateObject();
	char *text;

	ends(f, e, where, sizeof(where));
	add_numbers(o, f, e);
	add_word(o, "flow", where);
	add_word(o, "service", service_word(g, e));
	add_word(o, "tenant", tenant_word(g, e));
	add_word(o, "account", account_word(g, e));
	add_word(o, "protocol", protocol_word(g, e));
	add_word(o, "kind", e->kind && e->kind < SL_K__MAX ? kind_words[e->kind] : NULL);
	add_word(o, "verdict", action_word(v->action));
	add_word(o, "reason", e->reason < SL_R__MAX ? reason_words[e->reason] : NULL);
	add_word(o, "instance", instance_word(g, e));
	add_set(o, "pins", v->rows, true);
	add_set(o, "notes", v->notes, false);
	text = o ? cJSON_PrintUnformatted(o) : NULL;
	if (text)
		fprintf(to, "%s\n", text);
	cJSON_free(text);
	cJSON_Delete(o);
	return text != NULL;
}
