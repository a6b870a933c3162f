// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* STATE.hooks: the servers that hooks started, see scaling.h.
 *
 *	{ "version": 1, "servers": [ { "service": "broker", "name": "broker-auto-1",
 *	  "state": "serving", "address": "10.0.1.12", "port": 1883,
 *	  "exec": "/usr/lib/sluice/scale" } ] }
 *
 * "hook_pid" is there while a hook runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "scaling.h"
#include "../common/addr.h"
#include "../common/cleanup.h"
#include "../common/save.h"
#include "../common/str.h"

enum {
	STATE_VERSION = 1,
	STATE_MAX_BYTES = 16 << 20,
};

static const char *const state_text[] = {
	[SERVER_STARTING] = "starting",
	[SERVER_PROVING] = "proving",
	[SERVER_SERVING] = "serving",
	[SERVER_STOPPING] = "stopping",
};

/* -- reading -- */

static const char *text_member(const cJSON *o, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return text ? text : "";
}

static int state_parse(const char *text, enum server_state *ret)
{
	for (size_t i = 0; i < SL_ARRAY_SIZE(state_text); i++) {
		if (!strcmp(text, state_text[i])) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

static bool is_name(const char *text)
{
	return text[0] && strlen(text) < SL_NAME_LEN;
}

static int server_decode(const cJSON *o, struct scale_server *srv)
{
	const char *service = text_member(o, "service"), *name = text_member(o, "name");
	const char *address = text_member(o, "address"), *exec = text_member(o, "exec");
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(o, "port");
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(o, "hook_pid");
	int err;

	if (!is_name(service) || !is_name(name))
		return -EINVAL;
	err = state_parse(text_member(o, "state"), &srv->state);
	if (err)
		return err;
	if (address[0]) {
		err = addr_parse(address, &srv->addr);
		if (err)
			return err;
		if (!cJSON_IsNumber(port) || port->valuedouble < 1 ||
		    port->valuedouble > UINT16_MAX)
			return -EINVAL;
		srv->port = port->valuedouble;
	}
	if (srv->state == SERVER_PROVING && !srv->port)
		return -EINVAL;
	if (exec[0] && exec[0] != '/')
		return -EINVAL;
	if (cJSON_IsNumber(pid) && pid->valueint > 0)
		srv->orphan_pid = pid->valueint;

	err = str_copy(srv->service, sizeof(srv->service), service);
	if (!err)
		err = str_copy(srv->name, sizeof(srv->name), name);
	if (err)
		return err;
	srv->exec = strdup(exec);
	return srv->exec ? 0 : -ENOMEM;
}

static void server_load(struct scaling *s, const cJSON *o, int index)
{
	struct scale_server *srv = calloc(1, sizeof(*srv));
	int err = srv ? server_decode(o, srv) : -ENOMEM;

	if (!err && server_find(s, srv->service, srv->name))
		err = -EEXIST;
	if (err) {
		log_err("%s: servers[%d]: %s: passed over; its hook for down will not be run",
			s->path, index, strerror(-err));
		free(srv);
		return;
	}

	srv->scaling = s;
	/* Its hook was running when the daemon died, so nobody heard what came of it. */
	if (srv->state == SERVER_STARTING)
		srv->state = SERVER_STOPPING;
	TAILQ_INSERT_TAIL(&s->servers, srv, link);
}

static int read_whole(const char *path, char **ret, size_t *ret_len)
{
	sl_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	sl_autofree char *text = NULL;
	struct stat st;
	size_t len = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > STATE_MAX_BYTES)
		return -EFBIG;
	text = malloc(st.st_size + 1);
	if (!text)
		return -ENOMEM;
	while (len < (size_t)st.st_size) {
		ssize_t n = read(fd, text + len, st.st_size - len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			break;
		len += n > 0 ? n : 0;
	}
	*ret = sl_take(text);
	*ret_len = len;
	return 0;
}

void scale_state_load(struct scaling *s)
{
	sl_autofree char *text = NULL;
	cJSON *doc = NULL, *list = NULL, *o;
	size_t len = 0;
	int err, i = 0;

	if (!s->path)
		return;
	err = read_whole(s->path, &text, &len);
	if (err == -ENOENT)
		return;
	if (!err)
		doc = cJSON_ParseWithLength(text, len);
	if (cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(doc, "servers")))
		list = cJSON_GetObjectItemCaseSensitive(doc, "servers");
	if (!list)
		log_err("%s: %s: servers of the daemon before this one will not be stopped unless "
			"they are instances still",
			s->path, err ? strerror(-err) : "want an object with an array \"servers\"");
	cJSON_ArrayForEach(o, list)
		server_load(s, o, i++);
	cJSON_Delete(doc);
}

/* -- writing -- */

static cJSON *server_encode(const struct scale_server *srv)
{
	int pid = srv->hook ? hook_pid(srv->hook) : srv->orphan_pid;
	cJSON *o = cJSON_CreateObject();
	char text[ADDR_TEXT];

	cJSON_AddStringToObject(o, "service", srv->service);
	cJSON_AddStringToObject(o, "name", srv->name);
	cJSON_AddStringToObject(o, "state", state_text[srv->state]);
	if (srv->port) {
		cJSON_AddStringToObject(o, "address", addr_text(&srv->addr, text));
		cJSON_AddNumberToObject(o, "port", srv->port);
	}
	cJSON_AddStringToObject(o, "exec", srv->exec);
	if (pid)
		cJSON_AddNumberToObject(o, "hook_pid", pid);
	return o;
}

static char *encode(const struct scaling *s)
{
	cJSON *doc = cJSON_CreateObject(), *list;
	const struct scale_server *srv;
	char *text;

	cJSON_AddNumberToObject(doc, "version", STATE_VERSION);
	list = cJSON_AddArrayToObject(doc, "servers");
	for (srv = TAILQ_FIRST(&s->servers); srv; srv = TAILQ_NEXT(srv, link))
		cJSON_AddItemToArray(list, server_encode(srv));
	text = cJSON_Print(doc);
	cJSON_Delete(doc);
	return text;
}

static int save(const struct scaling *s)
{
	sl_autofree char *text = encode(s);

	return text ? save_file(s->path, text) : -ENOMEM;
}

void scale_state_save(struct scaling *s)
{
	int err = s->path ? save(s) : 0;

	s->unsaved = err;
	if (err && !s->save_failed) /* the next tick tries again: once is enough */
		log_err("%s: %s: a restart of the daemon would forget which servers to stop",
			s->path, strerror(-err));
	s->save_failed = err;
}
