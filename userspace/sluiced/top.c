// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "top.h"

struct top {
	struct daemon *d;
	uv_timer_t timer;
	uint64_t since_ns, last_since_ns; /* CLOCK_MONOTONIC; last: 0, there is none */
	struct {
		char tenant[SL_NAME_LEN]; /* "": nobody's */
		uint64_t since_ns;	  /* windows from here on are this tenant's alone */
	} table[SL_TOP_TENANTS + 1];
};

static void turn(struct top *t)
{
	int err = top_turn(t->d->dp);

	if (err)
		event_emit(t->d->events, LOG_WARN, (struct event_about){ .type = "top" },
			   "windows of devices: %s", strerror(-err));
	t->last_since_ns = t->since_ns;
	t->since_ns = daemon_now_ns();
}

static void on_minute(uv_timer_t *timer)
{
	struct top *t = timer->data;

	for (int i = 1; i <= SL_TOP_TENANTS; i++) {
		if (t->table[i].tenant[0]) {
			turn(t);
			return;
		}
	}
}

int top_open(struct daemon *d, struct top **ret)
{
	struct top *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->d = d;
	uv_timer_init(&d->loop, &t->timer);
	t->timer.data = t;
	uv_timer_start(&t->timer, on_minute, TOP_WINDOW_MS, TOP_WINDOW_MS);
	*ret = t;
	return 0;
}

static void on_closed(uv_handle_t *timer)
{
	free(timer->data);
}

void top_close(struct top *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->timer, on_closed);
}

void top_update(struct top *t, const struct model *m)
{
	const char *owner[SL_TOP_TENANTS + 1] = {};
	bool changed[SL_TOP_TENANTS + 1] = {}, any = false;

	for (size_t i = 0; i < m->n_tenants; i++)
		if (m->tenants[i].top_table)
			owner[m->tenants[i].top_table] = m->tenants[i].name;
	for (int i = 1; i <= SL_TOP_TENANTS; i++) {
		const char *name = owner[i] ? owner[i] : "";

		if (!strcmp(name, t->table[i].tenant))
			continue;
		snprintf(t->table[i].tenant, SL_NAME_LEN, "%s", name);
		changed[i] = any = true;
	}
	if (!any)
		return;
	turn(t);
	uv_timer_again(&t->timer);
	for (int i = 1; i <= SL_TOP_TENANTS; i++)
		if (changed[i])
			t->table[i].since_ns = t->since_ns;
}

bool top_window(const struct top *t, const struct model_tenant *tenant, bool last,
		struct top_window *ret)
{
	uint64_t since = last ? t->last_since_ns : t->since_ns;

	if (!since || since < t->table[tenant->top_table].since_ns)
		return false;
	*ret = (struct top_window){
		.index = top_running(t->d->dp) ^ last,
		.since_ns = since,
		.until_ns = last ? t->since_ns : daemon_now_ns(),
	};
	return true;
}
