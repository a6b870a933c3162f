// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* events: those kept, and, with --follow, those that come. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "../common/num.h"
#include "../common/str.h"
#include "ctl.h"
#include "output.h"

#define SHOWN_DEF   50
#define FOLLOW_BACK 10
#define KEPT_MAX    4096
#define RETRY_S	    1

static enum tone level_tone(const char *level)
{
	if (!strcmp(level, "error"))
		return TONE_BAD;
	return strcmp(level, "warning") ? TONE_PLAIN : TONE_WARN;
}

static void print_event(const struct ctl *c, const cJSON *ev)
{
	const char *instance = json_text(ev, "instance"), *service = json_text(ev, "service");
	const char *tenant = json_text(ev, "tenant");
	enum tone tone = level_tone(json_text(ev, "level"));
	char safe[1024];
	struct str s = str_over(safe, sizeof(safe));

	str_add_safe(&s, json_text(ev, "text"), 512);
	printf("%.0f  %s  %s%s%s  %s%s%s%s%s%s%s\n", json_number(ev, "seq"), json_text(ev, "time"),
	       tone_begin(tone, c->color), json_text(ev, "type"), tone_end(tone, c->color), service,
	       *service && *instance ? "/" : "", instance,
	       *tenant ? *service ? ", tenant " : "tenant " : "", tenant,
	       *service || *instance || *tenant ? ": " : "", safe);
}

/* -- a page -- */

static enum ctl_result show(struct ctl *c, const char *query, uint64_t n)
{
	char path[CTL_PATH_LEN];
	const cJSON *ev;
	cJSON *json = NULL;
	enum ctl_result rc;

	snprintf(path, sizeof(path), "/v1/events?%s=%llu&limit=%llu&packets=%d", query,
		 (unsigned long long)n, (unsigned long long)KEPT_MAX,
		 ctl_option(c, "--packets") != NULL);
	rc = ctl_fetch(c, "GET", path, NULL, &json);
	cJSON_ArrayForEach(ev, cJSON_GetObjectItemCaseSensitive(json, "events"))
		print_event(c, ev);
	cJSON_Delete(json);
	return rc;
}

/* -- following -- */

struct follow {
	const struct ctl *c;
	uint64_t last; /* sequence number seen; 0: none yet */
	bool lost;
};

static void follow_data(struct follow *f, const char *data)
{
	cJSON *json;

	if (f->c->json) {
		puts(data);
	} else {
		json = cJSON_Parse(data);
		if (f->lost)
			fprintf(stderr, "%.0f events were lost: this reader is too slow\n",
				json_number(json, "lost"));
		else if (json)
			print_event(f->c, json);
		cJSON_Delete(json);
	}
	fflush(stdout);
}

/* Server-sent events: "id: N", "event: TYPE", "data: JSON", an empty line. */
static bool follow_line(void *arg, char *line)
{
	struct follow *f = arg;

	if (!strncmp(line, "id: ", 4))
		num_count(line + 4, 0, UINT64_MAX, &f->last);
	else if (!strncmp(line, "event: ", 7))
		f->lost = !strcmp(line + 7, "lost");
	else if (!strncmp(line, "data: ", 6))
		follow_data(f, line + 6);
	return !ferror(stdout);
}

/* A stream that ends is taken up where it ended; a daemon that is restarted
 * counts anew, which it tells by itself.
 */
static enum ctl_result follow(struct ctl *c, const char *path)
{
	const struct timespec pause = { .tv_sec = RETRY_S };
	struct follow f = { .c = c };
	bool began = false, waiting = false;

	for (;;) {
		uint64_t before = f.last;
		enum ctl_result rc = client_lines(c, path, f.last, follow_line, &f);

		if (rc == CTL_FAILED || ferror(stdout))
			return CTL_FAILED;
		if (rc == CTL_UNREACHABLE && !began) {
			client_say_unreachable(c);
			return rc;
		}
		began = true;
		if (f.last != before)
			waiting = false;
		if (!waiting)
			ctl_error(c, "the stream ended; waiting for the daemon");
		waiting = true;
		nanosleep(&pause, NULL);
	}
}

enum ctl_result cmd_events(struct ctl *c)
{
	uint64_t after = 0, limit = ctl_option(c, "--follow") ? FOLLOW_BACK : SHOWN_DEF;
	bool has_after = ctl_option(c, "--after");
	char path[CTL_PATH_LEN];

	if (!ctl_option_count(c, "--after", 0, UINT64_MAX, &after) ||
	    !ctl_option_count(c, "--limit", 0, KEPT_MAX, &limit))
		return CTL_USAGE;
	if (!ctl_option(c, "--follow"))
		return show(c, has_after ? "after" : "tail", has_after ? after : limit);
	snprintf(path, sizeof(path), "/v1/events?%s=%llu&packets=%d", has_after ? "after" : "tail",
		 (unsigned long long)(has_after ? after : limit),
		 ctl_option(c, "--packets") != NULL);
	return follow(c, path);
}
