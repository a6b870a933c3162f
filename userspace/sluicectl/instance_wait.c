// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Waiting for a drain, with progress on stderr. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "instance.h"

#define POLL_NS	     500000000l
#define HTTP_MISSING 404
#define HTTP_BAD     400
#define FOR_EVER     UINT64_MAX

static uint64_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* One line that is written over on a terminal; elsewhere one line a change. */
static void progress(const char *text, char *io_last, size_t size)
{
	if (!strcmp(text, io_last))
		return;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s\033[K", text);
	else
		fprintf(stderr, "%s\n", text);
	fflush(stderr);
	snprintf(io_last, size, "%s", text);
}

enum look {
	LOOK_AGAIN,
	LOOK_DONE,
	LOOK_FAILED,
};

static enum look look(const struct ctl *c, const char *path, bool gone, char *text, size_t size)
{
	struct client_reply r = {};
	enum look what = LOOK_AGAIN;
	cJSON *json;

	if (client_call(c, "GET", path, NULL, &r)) {
		/* A daemon that is restarted goes on with the drain. */
		snprintf(text, size, "the daemon does not answer; waiting for it");
		return LOOK_AGAIN;
	}
	json = cJSON_Parse(r.text ? r.text : "");
	free(r.text);
	if (r.status == HTTP_MISSING && gone) {
		snprintf(text, size, "removed");
		what = LOOK_DONE;
	} else if (r.status >= HTTP_BAD) {
		snprintf(text, size, "%.200s", json_text(json, "error"));
		what = LOOK_FAILED;
	} else if (!gone && !strcmp(json_text(json, "state"), "drained")) {
		snprintf(text, size, "drained");
		what = LOOK_DONE;
	} else if (!gone && !strcmp(json_text(json, "admin"), "up")) {
		snprintf(text, size, "it is up again: somebody ended the drain");
		what = LOOK_FAILED;
	} else {
		snprintf(text, size, "%.0f flows left, %.0f slots in transition",
			 json_number(json, "pins"), json_number(json, "slots_in_transition"));
	}
	cJSON_Delete(json);
	return what;
}

enum ctl_result instance_wait(const struct ctl *c, const char *service, const char *instance,
			      bool gone)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };
	uint64_t seconds = FOR_EVER, begun = now_s();
	char path[CTL_PATH_LEN], text[256] = "", last[256] = "";
	enum look what;

	if (!ctl_path(c, path, "/v1/services/%s/instances/%s", service, instance) ||
	    !ctl_option_count(c, "--timeout", 1, UINT32_MAX, &seconds))
		return CTL_USAGE;
	fflush(stdout);
	for (;;) {
		what = look(c, path, gone, text, sizeof(text));
		progress(text, last, sizeof(last));
		if (what != LOOK_AGAIN || now_s() - begun >= seconds)
			break;
		nanosleep(&pause, NULL);
	}
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	if (what == LOOK_AGAIN)
		ctl_error(c, "not done after %llu s; the drain goes on",
			  (unsigned long long)seconds);
	return what == LOOK_DONE ? CTL_OK : CTL_FAILED;
}
