// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a hook is told about the server that it is to start or stop. */
#include <stdio.h>
#include "scaling.h"
#include "../common/addr.h"

struct server_env {
	char text[6][SL_NAME_LEN + 32];
	const char *list[7];
	size_t n;
};

static void env_add(struct server_env *env, const char *name, const char *value)
{
	char *text = env->text[env->n];

	snprintf(text, sizeof(env->text[0]), "%s=%s", name, value);
	env->list[env->n++] = text;
}

static void env_fill(const struct scale_server *srv, struct server_env *env)
{
	const struct live_service *svc = registry_service(srv->scaling->d->registry, srv->service);
	char addr[ADDR_TEXT], number[16];

	env_add(env, "SLUICE_NODE", srv->scaling->d->model->node);
	if (svc && svc->model) {
		snprintf(number, sizeof(number), "%u", svc->model->port);
		env_add(env, "SLUICE_PROTOCOL", model_protocol_word(svc->model->protocol));
		env_add(env, "SLUICE_SERVICE_ADDRESS", addr_text(&svc->model->addr, addr));
		env_add(env, "SLUICE_SERVICE_PORT", number);
	}
	if (srv->port) {
		snprintf(number, sizeof(number), "%u", srv->port);
		env_add(env, "SLUICE_INSTANCE_ADDRESS", addr_text(&srv->addr, addr));
		env_add(env, "SLUICE_INSTANCE_PORT", number);
	}
	env->list[env->n] = NULL;
}

int server_run_hook(struct scale_server *srv, const char *action, hook_done fn)
{
	struct server_env env = { .n = 0 };
	struct hook_spec spec = {
		.exec = srv->exec,
		.service = srv->service,
		.action = action,
		.instance = srv->name,
		.env = env.list,
	};
	int err;

	env_fill(srv, &env);
	err = hook_start(&srv->scaling->d->loop, &spec, fn, srv, &srv->hook);
	if (!err) {
		srv->scaling->hooks++;
		srv->scaling->unsaved = true; /* its pid */
	}
	return err;
}
