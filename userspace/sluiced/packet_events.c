// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <endian.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <bpf/libbpf.h>
#include "../dataplane/stats.h"
#include "packet_events.h"

struct packet_events {
	struct daemon *d;
	struct ring_buffer *ring;
	uv_poll_t poll;
	uint32_t second; /* what the count is of */
	uint32_t told, dropped;
	const struct trace_ask *ask; /* NULL: nobody traces */
	trace_fn fn;
	void *arg;
};

static const char *reason_label(uint16_t why)
{
	static const char *const labels[] = {
#define X(name, action, group, label, text) [SL_R_##name] = label,
		SL_REASONS(X)
#undef X
	};

	return why < SL_R__MAX ? labels[why] : "?";
}

static const char *kind_label(uint16_t kind)
{
	static const char *const labels[] = {
#define X(name, label) [SL_K_##name] = label,
		SL_KINDS(X)
#undef X
	};

	return kind < SL_K__MAX ? labels[kind] : "?";
}

static const char *proto_label(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "udp" : proto == IPPROTO_TCP ? "tcp" : "ip";
}

/* Is there room for one more in this second? */
static bool within_rate(struct packet_events *p)
{
	uint32_t now = daemon_now_s();

	if (now != p->second) {
		if (p->dropped)
			event_emit(p->d->events, LOG_DEBUG,
				   (struct event_about){ .type = "packet" },
				   "%u more were sampled and not shown", p->dropped);
		p->second = now;
		p->told = p->dropped = 0;
	}
	if (p->told >= PACKET_EVENTS_PER_S) {
		p->dropped++;
		return false;
	}
	p->told++;
	return true;
}

/* "TENANT/SERVICE" -> "TENANT". */
static void tenant_of(struct daemon *d, uint32_t account, char ret[SL_NAME_LEN])
{
	const char *text = names_text(registry_names(d->registry), SL_NAME_ACCOUNT, account);
	size_t len = text ? strcspn(text, "/") : 0;

	snprintf(ret, SL_NAME_LEN, "%.*s", (int)len, text ? text : "");
}

static void tell(struct daemon *d, const struct sl_event *e)
{
	struct live_service *s = registry_service_by_id(d->registry, e->service);
	struct live_instance *i = registry_instance_by_id(d->registry, e->instance);
	char tenant[SL_NAME_LEN], device[STATS_DEVICE_LEN], ifname[IF_NAMESIZE];
	struct event_about about = {
		.type = "packet",
		.service = s ? s->name : NULL,
		.instance = i && e->instance ? i->name : NULL,
		.tenant = tenant,
	};

	tenant_of(d, e->account, tenant);
	stats_device(e->device, device);
	if (!if_indextoname(e->ifindex, ifname))
		snprintf(ifname, sizeof(ifname), "#%u", e->ifindex);
	if (!e->family) {
		event_emit(d->events, LOG_DEBUG, about, "%s: %u bytes on %s",
			   reason_label(e->reason), e->len, ifname);
		return;
	}
	event_emit(d->events, LOG_DEBUG, about,
		   "%s: %s, %s port %u to %u, IPv%u, %u bytes on %s, device %s",
		   reason_label(e->reason), kind_label(e->kind), proto_label(e->proto),
		   be16toh(e->sport), be16toh(e->dport), e->family, e->len, ifname, device);
}

static int on_sample(void *arg, void *data, size_t size)
{
	struct packet_events *p = arg;
	const struct sl_trace *t = data;

	if (size >= sizeof(*t)) {
		if (p->ask && t->captured <= SL_TRACE_BYTES)
			p->fn(p->arg, t);
	} else if (size >= sizeof(t->event) && within_rate(p)) {
		tell(p->d, data);
	}
	return 0;
}

/* -- sampling -- */

/* 0 is "no events"; of one in one, every second is the most. */
static uint32_t event_mask(uint32_t sample)
{
	if (!sample)
		return 0;
	return sample > 1 ? sample - 1 : 1;
}

/* An id that no packet has where the name is not there, or is no more. */
static uint32_t tenant_id(struct daemon *d, const char *name)
{
	struct sl_name found;

	if (!*name)
		return 0;
	return names_find(registry_names(d->registry), SL_NAME_TENANT, name, &found) ? UINT32_MAX
										     : found.id;
}

static uint16_t service_id(struct daemon *d, const char *name)
{
	const struct live_service *s = *name ? registry_service(d->registry, name) : NULL;

	if (!*name)
		return 0;
	return s ? s->id : UINT16_MAX;
}

static void ask_write(struct daemon *d, const struct trace_ask *ask)
{
	uint32_t tenant = tenant_id(d, ask->tenant);
	uint16_t service = service_id(d, ask->service);

	for (uint32_t cpu = 0; cpu < d->dp->n_cpus; cpu++) {
		struct sl_tracing *t = &d->dp->tracing[cpu];

		t->event_mask = event_mask(d->model->event_sample);
		t->sample_mask = ask->sample - 1;
		t->max = ask->rate;
		t->tenant = tenant;
		t->service = service;
		t->reason = ask->reason;
		t->payload = ask->payload;
	}
}

void packet_events_renew(struct packet_events *p)
{
	struct sl_control *control = p->d->dp->control;

	if (!p->ask)
		return;
	__atomic_store_n(&control->traced_s, daemon_now_s() + TRACE_LEASE_S, __ATOMIC_RELEASE);
	__atomic_store_n(&control->event_mask, SL_EVERY_PACKET, __ATOMIC_RELEASE);
}

void packet_events_sampling(struct daemon *d)
{
	struct sl_control *control = d->dp->control;

	control->event_max = d->model->event_max;
	if (d->packet_events && d->packet_events->ask) {
		ask_write(d, d->packet_events->ask);
		packet_events_renew(d->packet_events);
		return;
	}
	__atomic_store_n(&control->event_mask, event_mask(d->model->event_sample),
			 __ATOMIC_RELEASE);
	__atomic_store_n(&control->traced_s, 0, __ATOMIC_RELEASE);
}

void packet_events_trace(struct packet_events *p, const struct trace_ask *ask, trace_fn fn,
			 void *arg)
{
	for (uint32_t cpu = 0; ask && cpu < p->d->dp->n_cpus; cpu++)
		p->d->dp->tracing[cpu] = (struct sl_tracing){};
	p->ask = ask;
	p->fn = fn;
	p->arg = arg;
	if (p->d->model)
		packet_events_sampling(p->d);
}

struct trace_sums packet_events_sums(const struct packet_events *p)
{
	struct trace_sums sum = {};

	for (uint32_t cpu = 0; cpu < p->d->dp->n_cpus; cpu++) {
		const struct sl_tracing *t = &p->d->dp->tracing[cpu];

		sum.matched += t->matched;
		sum.capped += t->capped;
		sum.lost += t->lost;
	}
	return sum;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct packet_events *p = poll->data;

	(void)status;
	(void)events;
	ring_buffer__consume(p->ring);
}

int packet_events_open(struct daemon *d, struct packet_events **ret)
{
	struct packet_events *p = calloc(1, sizeof(*p));
	int err = 0;

	if (!p)
		return -ENOMEM;
	p->d = d;
	p->ring = ring_buffer__new(d->dp->events_fd, on_sample, p, NULL);
	if (!p->ring)
		err = -errno;
	if (!err)
		err = uv_poll_init(&d->loop, &p->poll, ring_buffer__epoll_fd(p->ring));
	if (err) {
		ring_buffer__free(p->ring);
		free(p);
		return err;
	}
	p->poll.data = p;
	uv_poll_start(&p->poll, UV_READABLE, on_readable);
	*ret = p;
	return 0;
}

static void on_closed(uv_handle_t *poll)
{
	struct packet_events *p = poll->data;

	ring_buffer__free(p->ring);
	free(p);
}

void packet_events_close(struct packet_events *p)
{
	if (!p)
		return;
	uv_poll_stop(&p->poll);
	uv_close((uv_handle_t *)&p->poll, on_closed);
}
