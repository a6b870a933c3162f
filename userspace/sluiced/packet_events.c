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

	if (size >= sizeof(struct sl_event) && within_rate(p))
		tell(p->d, data);
	return 0;
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
