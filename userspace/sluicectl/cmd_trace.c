// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* trace: packets of the node as they leave, like explain's lines; with --write as pcapng,
 * too. Whatever happens to this process, the daemon ends the trace.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "../common/told.h"
#include "../explain/pcapng.h"
#include "ctl.h"
#include "output.h"

/* Ctrl-C: the daemon is asked for an end, and tells the sum; a second one does not wait. */
static volatile sig_atomic_t stopped_by;

struct trace {
	const struct ctl *c;
	FILE *out; /* of --write */
	const char *out_path;
	bool began, stopping, ended, failed;
};

static void stop(int signal)
{
	stopped_by = signal;
}

static void catch_signals(void)
{
	static const struct sigaction act = { .sa_handler = stop, .sa_flags = SA_RESETHAND };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

/* -- the file -- */

static uint32_t bytes_of(const cJSON *packet, uint8_t to[SL_TRACE_BYTES])
{
	const char *hex = json_text(packet, "bytes");
	uint32_t n = 0;

	while (n < SL_TRACE_BYTES && hex[2 * n] && sscanf(hex + 2 * n, "%2hhx", &to[n]) == 1)
		n++;
	return n;
}

static const char *or_dash(const cJSON *packet, const char *name)
{
	const char *text = json_text(packet, name);

	return *text ? text : "-";
}

static void write_packet(struct trace *t, const char *line, const cJSON *packet)
{
	uint8_t bytes[SL_TRACE_BYTES];
	char comment[512];
	struct pcapng_frame f = {
		.time_ns = told_time(line),
		.bytes = bytes,
		.captured = bytes_of(packet, bytes),
		.len = json_number(packet, "length"),
		.comment = comment,
	};

	snprintf(comment, sizeof(comment),
		 "verdict %s, reason %s, service %s, tenant %s, instance %s, kind %s",
		 or_dash(packet, "verdict"), or_dash(packet, "reason"), or_dash(packet, "service"),
		 or_dash(packet, "tenant"), or_dash(packet, "instance"), or_dash(packet, "kind"));
	pcapng_write(t->out, &f);
	/* At once: however this ends, the file is whole. */
	if (fflush(t->out) || ferror(t->out)) {
		ctl_error(t->c, "%s: %s", t->out_path, strerror(errno));
		t->failed = true;
	}
}

/* -- lines -- */

/* What was not told, and why this is all. */
static void say_end(const cJSON *end)
{
	static const struct {
		const char *end, *text;
	} whys[] = {
		{ "count", "--count is reached" },
		{ "seconds", "--seconds are over" },
		{ "daemon", "the daemon ends" },
	};
	const char *why = json_text(end, "end"), *text = "stopped";
	double matched = json_number(end, "matched"), told = json_number(end, "told");
	double capped = json_number(end, "capped"), lost = json_number(end, "lost");
	double sampled = matched - told - capped - lost;

	for (size_t i = 0; i < sizeof(whys) / sizeof(whys[0]); i++)
		if (!strcmp(whys[i].end, why))
			text = whys[i].text;
	fflush(stdout);
	fprintf(stderr,
		"sluicectl: %s: told of %.0f of %.0f packets; left out: %.0f over the cap "
		"(--rate), "
		"%.0f by --sample or after the end, %.0f lost\n",
		text, told, matched, capped, sampled > 0 ? sampled : 0, lost);
}

static void ask_to_stop(struct trace *t)
{
	struct client_reply r = {};

	t->stopping = true;
	if (!client_call(t->c, "DELETE", "/v1/trace", NULL, &r))
		free(r.text);
}

/* When the daemon has agreed: what was there stays if it refuses. */
static bool begin_file(struct trace *t)
{
	if (!t->out_path || t->out)
		return true;
	t->out = fopen(t->out_path, "we");
	if (t->out) {
		pcapng_begin(t->out);
		if (!fflush(t->out))
			return true;
	}
	ctl_error(t->c, "%s: %s", t->out_path, strerror(errno));
	t->failed = true;
	return false;
}

static bool trace_line(void *arg, char *line)
{
	struct trace *t = arg;
	cJSON *o;

	if (!t->began) {
		t->began = true;
		if (!t->c->json)
			told_head(stdout, t->c->color);
		fflush(stdout);
	}
	if (!begin_file(t))
		return false;
	if (stopped_by && !t->stopping)
		ask_to_stop(t);
	if (!*line) /* the daemon is there */
		return !ferror(stdout);
	o = cJSON_Parse(line);
	if (cJSON_GetObjectItemCaseSensitive(o, "end")) {
		t->ended = true;
		if (t->c->json)
			puts(line);
		say_end(o);
	} else if (o) {
		if (t->out)
			write_packet(t, line, o);
		if (t->c->json)
			puts(line);
		else
			told_text(stdout, t->c->color, o, "");
	}
	cJSON_Delete(o);
	fflush(stdout);
	return !ferror(stdout) && !t->failed;
}

static enum ctl_result follow(struct trace *t, const char *path)
{
	enum ctl_result rc;

	catch_signals();
	rc = client_lines(t->c, path, 0, trace_line, t);
	if (rc == CTL_UNREACHABLE)
		client_say_unreachable(t->c);
	if (rc || t->ended)
		return rc;
	if (ferror(stdout))
		ctl_error(t->c, "standard output: %s", strerror(errno));
	else if (!t->failed)
		ctl_error(t->c, "the daemon is gone, and with it the trace");
	return CTL_FAILED;
}

/* -- the command -- */

static const char *word(const struct ctl *c, const char *name)
{
	const char *text = ctl_option(c, name);

	return text ? text : "";
}

static bool path_of(const struct ctl *c, char ret[CTL_PATH_LEN])
{
	static const struct {
		const char *option, *query;
		uint64_t max;
	} numbers[] = {
		{ "--count", "count", 10000000 },
		{ "--seconds", "seconds", 3600 },
		{ "--rate", "rate", 1000 },
		{ "--sample", "sample", 1 << 20 },
	};
	size_t len;
	uint64_t n;

	if (!ctl_path(c, ret, "/v1/trace?tenant=%s&service=%s&reason=%s", word(c, "--tenant"),
		      word(c, "--service"), word(c, "--reason")))
		return false;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		n = 0;
		if (!ctl_option_count(c, numbers[i].option, 1, numbers[i].max, &n))
			return false;
		len = strlen(ret);
		if (n)
			snprintf(ret + len, CTL_PATH_LEN - len, "&%s=%llu", numbers[i].query,
				 (unsigned long long)n);
	}
	len = strlen(ret);
	snprintf(ret + len, CTL_PATH_LEN - len, "%s%s",
		 ctl_option(c, "--payload") ? "&payload=1" : "",
		 ctl_option(c, "--addresses") ? "&addresses=1" : "");
	return true;
}

enum ctl_result cmd_trace(struct ctl *c)
{
	struct trace t = { .c = c, .out_path = ctl_option(c, "--write") };
	char path[CTL_PATH_LEN];
	enum ctl_result rc;

	if (t.out_path && (!*t.out_path || !strcmp(t.out_path, "-")))
		return ctl_usage(c, "--write: want a file");
	if (!path_of(c, path))
		return CTL_USAGE;
	rc = follow(&t, path);
	if (t.out && fclose(t.out) && rc == CTL_OK) {
		ctl_error(c, "%s: %s", t.out_path, strerror(errno));
		rc = CTL_FAILED;
	}
	return rc;
}
