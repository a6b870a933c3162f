// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* doctor: the daemon's checks, or, where it does not run, the few that need none. */
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include "../common/str.h"
#include "ctl.h"
#include "output.h"

#define BPFFS "/sys/fs/bpf"

static enum tone state_tone(const char *state)
{
	return !strcmp(state, "ok") ? TONE_GOOD : !strcmp(state, "warn") ? TONE_WARN : TONE_BAD;
}

static void print_safe(const char *text)
{
	char safe[1024];
	struct str s = str_over(safe, sizeof(safe));

	str_add_safe(&s, text, sizeof(safe) - 4);
	fputs(safe, stdout);
}

static void print_check(const struct ctl *c, const cJSON *check)
{
	const char *state = json_text(check, "state"), *advice = json_text(check, "advice");
	enum tone tone = state_tone(state);

	printf("%s%-4.4s%s  ", tone_begin(tone, c->color), state, tone_end(tone, c->color));
	print_safe(json_text(check, "check"));
	fputs(": ", stdout);
	print_safe(json_text(check, "text"));
	fputc('\n', stdout);
	if (!*advice)
		return;
	fputs("      -> ", stdout);
	print_safe(advice);
	fputc('\n', stdout);
}

/* Fails where a check does; warnings are for reading. */
static enum ctl_result print_checks(const struct ctl *c, const cJSON *checks)
{
	unsigned int warn = 0, fail = 0;
	const cJSON *check;

	cJSON_ArrayForEach(check, checks) {
		warn += !strcmp(json_text(check, "state"), "warn");
		fail += !strcmp(json_text(check, "state"), "fail");
		print_check(c, check);
	}
	printf("%u failed, %u warnings\n", fail, warn);
	return fail ? CTL_FAILED : CTL_OK;
}

static void add_check(cJSON *checks, const char *name, bool ok, const char *text,
		      const char *advice)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "check", name);
	cJSON_AddStringToObject(o, "state", ok ? "ok" : "fail");
	cJSON_AddStringToObject(o, "text", text);
	cJSON_AddStringToObject(o, "advice", ok ? "" : advice);
	cJSON_AddItemToArray(checks, o);
}

static void local_checks(const struct ctl *c, cJSON *checks)
{
	unsigned int major = 0, minor = 0;
	struct statfs fs;
	struct utsname u;
	char text[512];
	bool bpffs;

	snprintf(text, sizeof(text), "sluiced does not answer at %s", c->socket);
	add_check(checks, "daemon", false, text,
		  "systemctl start sluiced (or: sluiced --config /etc/sluice/sluice.json); "
		  "journalctl -u sluiced tells why it ended");
	uname(&u);
	sscanf(u.release, "%u.%u", &major, &minor);
	snprintf(text, sizeof(text), "Linux %s", u.release);
	add_check(checks, "kernel", major > 6 || (major == 6 && minor >= 1), text,
		  "run Linux 6.1 or later");
	bpffs = !statfs(BPFFS, &fs) && fs.f_type == BPF_FS_MAGIC;
	add_check(checks, "bpffs", bpffs, bpffs ? "mounted at " BPFFS : "not mounted at " BPFFS,
		  "mount -t bpf bpf " BPFFS);
}

static enum ctl_result without_daemon(const struct ctl *c)
{
	cJSON *json = cJSON_CreateObject(), *checks = cJSON_AddArrayToObject(json, "checks");
	char *text;

	local_checks(c, checks);
	if (c->json) {
		text = cJSON_PrintUnformatted(json);
		puts(text ? text : "{}");
		free(text);
	} else {
		print_checks(c, checks);
	}
	cJSON_Delete(json);
	client_say_unreachable(c);
	return CTL_UNREACHABLE;
}

enum ctl_result cmd_doctor(struct ctl *c)
{
	struct client_reply probe = {};
	enum ctl_result rc = client_call(c, "GET", "/v1/status", NULL, &probe);
	cJSON *json = NULL;

	free(probe.text);
	if (rc == CTL_UNREACHABLE)
		return without_daemon(c);
	rc = ctl_fetch(c, "GET", "/v1/doctor", NULL, &json);
	if (!json)
		return rc;
	rc = print_checks(c, cJSON_GetObjectItemCaseSensitive(json, "checks"));
	cJSON_Delete(json);
	return rc;
}
