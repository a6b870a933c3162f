// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* reload, check, config show, detach. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../common/cleanup.h"
#include "ctl.h"
#include "output.h"

#define FILE_MAX (64u << 20)
#define HTTP_BAD 400

enum ctl_result cmd_reload(struct ctl *c)
{
	cJSON *json = NULL;
	enum ctl_result rc = ctl_fetch(c, "POST", "/v1/reload", NULL, &json);

	if (json)
		printf("generation %.0f is in force: %.0f services, %.0f tenants\n",
		       json_number(json, "generation"), json_number(json, "services"),
		       json_number(json, "tenants"));
	cJSON_Delete(json);
	return rc;
}

enum ctl_result cmd_config_show(struct ctl *c)
{
	cJSON *json = NULL;
	enum ctl_result rc = ctl_fetch(c, "GET", "/v1/config", NULL, &json);
	char *text;

	if (!json)
		return rc;
	text = cJSON_Print(json);
	puts(text ? text : "");
	free(text);
	cJSON_Delete(json);
	return rc;
}

/* -- check -- */

static int read_all(int fd, char **ret)
{
	size_t len = 0, cap = 64 << 10;
	sl_autofree char *text = malloc(cap);

	for (;;) {
		ssize_t n;

		if (!text)
			return -ENOMEM;
		n = read(fd, text + len, cap - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += n;
		if (len > FILE_MAX)
			return -EFBIG;
		if (len + 1 == cap) {
			char *grown = realloc(text, cap *= 2);

			if (!grown)
				return -ENOMEM;
			text = grown;
		}
	}
	text[len] = '\0';
	if (strlen(text) != len)
		return -EBADMSG;
	*ret = sl_take(text);
	return 0;
}

static enum ctl_result read_file(const struct ctl *c, const char *path, char **ret)
{
	bool in = !strcmp(path, "-");
	int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : read_all(fd, ret);

	if (fd >= 0 && !in)
		close(fd);
	if (err == -EBADMSG)
		ctl_error(c, "%s: holds a NUL byte: want JSON", path);
	else if (err == -EFBIG)
		ctl_error(c, "%s: over %u bytes", path, FILE_MAX);
	else if (err)
		ctl_error(c, "%s: %s", path, strerror(-err));
	return err ? CTL_FAILED : CTL_OK;
}

static enum ctl_result check_alone(const struct ctl *c, const char *file)
{
	const char *const argv[] = { "sluiced", "--check", "--config", file, NULL };

	if (!strcmp(file, "-")) {
		client_say_unreachable(c);
		return CTL_UNREACHABLE;
	}
	fprintf(stderr, "no daemon at %s: checked by sluiced --check\n", c->socket);
	return ctl_run_sluiced(c, argv);
}

enum ctl_result cmd_check(struct ctl *c)
{
	sl_autofree char *text = NULL;
	struct client_reply r = {};
	const char *file = c->argv[0];
	enum ctl_result rc = read_file(c, file, &text);
	cJSON *json;

	if (rc)
		return rc;
	rc = client_call(c, "POST", "/v1/check", text, &r);
	if (rc == CTL_UNREACHABLE)
		return check_alone(c, file);
	if (rc)
		return rc;
	if (c->json)
		printf("%s\n", r.text ? r.text : "");
	json = cJSON_Parse(r.text ? r.text : "");
	free(r.text);
	if (r.status >= HTTP_BAD) {
		ctl_error(c, "%s: %s", file, json_text(json, "error"));
		rc = CTL_FAILED;
	} else if (!c->json) {
		printf("%s: ok: %.0f services, %.0f tenants\n", file, json_number(json, "services"),
		       json_number(json, "tenants"));
	}
	cJSON_Delete(json);
	return rc;
}

/* -- detach -- */

/* The data plane outlives the daemon, and must be removable without it. */
static enum ctl_result detach_alone(const struct ctl *c, const char *ifname)
{
	const char *const one[] = { "sluiced", "--detach", ifname, NULL };
	const char *const all[] = { "sluiced", "--remove", NULL };

	fprintf(stderr, "no daemon at %s: done by sluiced %s\n", c->socket,
		ifname ? one[1] : all[1]);
	return ctl_run_sluiced(c, ifname ? one : all);
}

static enum ctl_result detach_one(const struct ctl *c, const char *ifname)
{
	char path[CTL_PATH_LEN];
	cJSON *json = NULL;
	enum ctl_result rc;

	if (!ctl_path(c, path, "/v1/links/%s", ifname))
		return CTL_USAGE;
	rc = ctl_fetch(c, "DELETE", path, NULL, &json);
	if (json)
		printf("%s: detached\n", ifname);
	cJSON_Delete(json);
	return rc;
}

static enum ctl_result detach_all(const struct ctl *c, const cJSON *interfaces)
{
	enum ctl_result rc = CTL_OK;
	const cJSON *i;

	cJSON_ArrayForEach(i, interfaces) {
		enum ctl_result one = detach_one(c, json_text(i, "name"));

		rc = rc ? rc : one;
	}
	return rc;
}

enum ctl_result cmd_detach(struct ctl *c)
{
	bool all = ctl_option(c, "--all");
	struct client_reply probe = {};
	enum ctl_result rc;
	cJSON *json;

	if (all == (c->argc == 1))
		return ctl_usage(c, "want an interface or --all");
	rc = client_call(c, "GET", "/v1/status", NULL, &probe);
	if (rc == CTL_UNREACHABLE)
		return detach_alone(c, all ? NULL : c->argv[0]);
	if (rc)
		return rc;
	json = cJSON_Parse(probe.text ? probe.text : "");
	free(probe.text);
	rc = all ? detach_all(c, cJSON_GetObjectItemCaseSensitive(json, "interfaces"))
		 : detach_one(c, c->argv[0]);
	cJSON_Delete(json);
	return rc;
}
