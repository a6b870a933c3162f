// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The way to the daemon: HTTP over its Unix socket, by libcurl. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <curl/curl.h>
#include "../common/cleanup.h"
#include "ctl.h"
#include "output.h"

#define CONNECT_S	  5L
#define ANSWER_S	  120L
#define MAX_ANSWER	  (256u << 20)
#define MAX_LINE	  (64u << 10)
#define HTTP_BAD	  400
#define UNREACHABLE(code) ((code) == CURLE_COULDNT_CONNECT)

/* -- one request -- */

static size_t take_text(char *data, size_t size, size_t n, void *arg)
{
	struct client_reply *r = arg;
	size_t more = size * n;
	char *grown;

	if (more > MAX_ANSWER - r->len)
		return 0;
	grown = realloc(r->text, r->len + more + 1);
	if (!grown)
		return 0;
	memcpy(grown + r->len, data, more);
	r->text = grown;
	r->len += more;
	r->text[r->len] = '\0';
	return more;
}

static CURL *handle(const struct ctl *c, const char *path)
{
	CURL *curl = curl_easy_init();
	char url[CTL_PATH_LEN + 32];

	if (!curl)
		return NULL;
	snprintf(url, sizeof(url), "http://localhost%s", path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*"); /* whatever the environment says */
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	return curl;
}

static enum ctl_result perform(const struct ctl *c, CURL *curl, long *ret_status)
{
	CURLcode code = curl_easy_perform(curl);

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
	if (code == CURLE_OK)
		return CTL_OK;
	if (UNREACHABLE(code))
		return CTL_UNREACHABLE;
	ctl_error(c, "%s: %s", c->socket, curl_easy_strerror(code));
	return CTL_FAILED;
}

enum ctl_result client_call(const struct ctl *c, const char *method, const char *path,
			    const char *body, struct client_reply *ret)
{
	struct client_reply r = {};
	struct curl_slist *headers = NULL;
	CURL *curl = handle(c, path);
	enum ctl_result rc;

	if (!curl) {
		ctl_error(c, "out of memory");
		return CTL_FAILED;
	}
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, ANSWER_S);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_text);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &r);
	headers = curl_slist_append(headers, "Content-Type: application/json");
	headers = curl_slist_append(headers, "Expect:");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	}
	rc = perform(c, curl, &r.status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (rc)
		free(r.text);
	else
		*ret = r;
	return rc;
}

void client_say_unreachable(const struct ctl *c)
{
	if (access(c->socket, F_OK))
		ctl_error(c, "no daemon at %s: %s; start it with: systemctl start sluiced",
			  c->socket, strerror(errno));
	else if (access(c->socket, R_OK | W_OK))
		ctl_error(c, "%s: %s; run this as root, or as a member of the socket's group",
			  c->socket, strerror(errno));
	else
		ctl_error(c, "nobody answers at %s; start it with: systemctl start sluiced",
			  c->socket);
}

static enum ctl_result say_refusal(const struct ctl *c, const struct client_reply *r)
{
	cJSON *json = cJSON_Parse(r->text ? r->text : "");
	const char *why = json_text(json, "error");

	if (*why)
		ctl_error(c, "%s", why);
	else
		ctl_error(c, "the daemon answered with status %ld", r->status);
	cJSON_Delete(json);
	return CTL_FAILED;
}

/* -- a stream of lines -- */

struct lines {
	CURL *curl;
	client_line_fn fn;
	void *arg;
	char *line;
	size_t len;
	bool stopped;
};

static size_t take_lines(char *data, size_t size, size_t n, void *arg)
{
	struct lines *l = arg;
	long status = 0;

	curl_easy_getinfo(l->curl, CURLINFO_RESPONSE_CODE, &status);
	for (size_t i = 0; i < size * n; i++) {
		if (data[i] != '\n' || status >= HTTP_BAD) { /* a refusal is kept whole */
			if (l->len + 1 < MAX_LINE)
				l->line[l->len++] = data[i];
			continue;
		}
		l->line[l->len] = '\0';
		l->len = 0;
		if (!l->fn(l->arg, l->line)) {
			l->stopped = true;
			return 0;
		}
	}
	return size * n;
}

enum ctl_result client_lines(const struct ctl *c, const char *path, uint64_t last_id,
			     client_line_fn fn, void *arg)
{
	sl_autofree char *memory = malloc(MAX_LINE);
	struct curl_slist *headers = NULL;
	CURL *curl = handle(c, path);
	struct lines l = { .curl = curl, .fn = fn, .arg = arg, .line = memory };
	char last[48];
	long status = 0;
	CURLcode code;

	if (!curl || !memory) {
		ctl_error(c, "out of memory");
		curl_easy_cleanup(curl);
		return CTL_FAILED;
	}
	headers = curl_slist_append(headers, "Accept: text/event-stream");
	if (last_id) {
		snprintf(last, sizeof(last), "Last-Event-ID: %llu", (unsigned long long)last_id);
		headers = curl_slist_append(headers, last);
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_lines);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &l);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (UNREACHABLE(code))
		return CTL_UNREACHABLE;
	if (status >= HTTP_BAD) {
		memory[l.len] = '\0';
		return say_refusal(c, &(struct client_reply){ .status = status, .text = memory });
	}
	/* However a stream ended: the caller may take it up again. */
	return CTL_OK;
}

/* -- what commands use -- */

bool ctl_path(const struct ctl *c, char ret[CTL_PATH_LEN], const char *fmt, ...)
{
	size_t len = 0;
	bool ok = true;
	va_list ap;

	va_start(ap, fmt);
	while (*fmt && ok) {
		if (fmt[0] == '%' && fmt[1] == 's') {
			ok = format_path_segment(va_arg(ap, const char *), ret + len,
						 CTL_PATH_LEN - len);
			if (ok)
				len += strlen(ret + len);
			fmt += 2;
		} else {
			ok = len + 1 < CTL_PATH_LEN;
			if (ok)
				ret[len++] = *fmt++;
		}
	}
	va_end(ap);
	ret[len < CTL_PATH_LEN ? len : CTL_PATH_LEN - 1] = '\0';
	if (!ok)
		ctl_error(c, "a name is too long");
	return ok;
}

static enum ctl_result call_json(const struct ctl *c, const char *method, const char *path,
				 const cJSON *body, struct client_reply *ret)
{
	sl_autofree char *text = body ? cJSON_PrintUnformatted(body) : NULL;
	enum ctl_result rc;

	if (body && !text) {
		ctl_error(c, "out of memory");
		return CTL_FAILED;
	}
	rc = client_call(c, method, path, text, ret);
	if (rc == CTL_UNREACHABLE)
		client_say_unreachable(c);
	return rc;
}

static enum ctl_result parse_reply(const struct ctl *c, const struct client_reply *r, cJSON **ret)
{
	*ret = cJSON_Parse(r->text ? r->text : "");
	if (*ret)
		return CTL_OK;
	ctl_error(c, "the daemon's answer is not JSON");
	return CTL_FAILED;
}

enum ctl_result ctl_fetch(const struct ctl *c, const char *method, const char *path,
			  const cJSON *body, cJSON **ret)
{
	struct client_reply r = {};
	enum ctl_result rc = call_json(c, method, path, body, &r);

	if (rc)
		return rc;
	if (c->json)
		printf("%s\n", r.text ? r.text : "");
	if (r.status >= HTTP_BAD)
		rc = say_refusal(c, &r);
	else if (!c->json)
		rc = parse_reply(c, &r, ret);
	free(r.text);
	return rc;
}

enum ctl_result ctl_ask(const struct ctl *c, const char *method, const char *path,
			const cJSON *body, cJSON **ret)
{
	struct client_reply r = {};
	enum ctl_result rc = call_json(c, method, path, body, &r);

	if (rc)
		return rc;
	rc = r.status >= HTTP_BAD ? say_refusal(c, &r) : parse_reply(c, &r, ret);
	free(r.text);
	return rc;
}

/* -- the daemon's program -- */

static void exec_sluiced(const char *const *argv)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - sizeof("sluiced"));
	char *slash;

	if (len > 0) {
		path[len] = '\0';
		slash = strrchr(path, '/');
		strcpy(slash ? slash + 1 : path, "sluiced");
		execv(path, (char *const *)argv);
	}
	execvp("sluiced", (char *const *)argv);
	_exit(127);
}

enum ctl_result ctl_run_sluiced(const struct ctl *c, const char *const *argv)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (!pid)
		exec_sluiced(argv);
	if (pid < 0) {
		ctl_error(c, "fork: %s", strerror(errno));
		return CTL_FAILED;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return CTL_FAILED;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		ctl_error(c, "sluiced is neither beside this program nor in PATH");
	return WIFEXITED(status) && !WEXITSTATUS(status) ? CTL_OK : CTL_FAILED;
}
