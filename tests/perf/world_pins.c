// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pins and exchanges of the flows of the packet bench. */
#include <errno.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include "common/cleanup.h"
#include "world.h"
#include "world_parts.h"

#define AT_ONCE 4096

/* What a service's flows have while they are measured. Instance 1 is the previous
 * one; 0 the one that world_frame() lets answer.
 */
struct gift {
	enum world_service service;
	int instance;
	uint8_t flags;
	bool half_open, exchanges, transfer;
};
static const struct gift gifts[] = {
	{ W_DTLS_PINS, 1 },
	{ W_COAP_PINS, 0 },
	{ W_COAP_TRANSFER, 0, .transfer = true },
	{ W_CLOSING, 0, .flags = SL_PIN_CLOSING },
	{ W_HALF_OPEN, 0, .half_open = true },
	{ W_MQTTSN_HALF, 0, .half_open = true },
	{ W_COAP_EXCHANGES, 1, .exchanges = true },
};
static const struct gift always = { W_PINS, 1 };

/* In the maps or not any more: for flow 0 to @n. */
struct giving {
	const struct gift *what;
	uint32_t n;
	bool fresh, take_back;
};

static struct sl_pin_key pin_key(const struct perf_flow *f, uint16_t service)
{
	return (struct sl_pin_key){
		.addr = { .w = { 0, 0, htonl(0xffff), htonl(f->addr) } },
		.port = htons(f->port),
		.service = service,
	};
}

static struct sl_exchange_key exchange_key(const struct perf_flow *f, uint16_t service, bool server)
{
	struct sl_pin_key k = pin_key(f, service);

	return (struct sl_exchange_key){
		.addr = k.addr,
		.port = k.port,
		.service = service,
		.mid = htons(WORLD_MID),
		.by_server = server,
	};
}

static struct perf_flow fresh(const struct world *w, uint32_t turn)
{
	struct perf_flow f = w->flows[w->first[W_SEQ_1]];

	f.addr += turn & WORLD_FRESH;
	return f;
}

/* Flow @i of all that are given something: first W_SEQ_1's; others not in the order
 * in which they come by.
 */
static struct perf_flow given(const struct world *w, bool new, uint32_t i)
{
	if (new)
		return fresh(w, i);
	return i ? world_flow(i - 1) : fresh(w, 0);
}

static int pins_batch(const struct world *w, const struct giving *g, uint32_t first, uint32_t count,
		      struct sl_pin_key *keys, struct sl_pin *pins)
{
	int fd = g->what->half_open ? w->dp->half_open_fd : w->dp->pins_fd;

	for (uint32_t k = 0; k < count; k++) {
		struct perf_flow f = given(w, g->fresh, first + k);

		keys[k] = pin_key(&f, g->what->service + 1);
		keys[k].transfer = g->what->transfer;
		pins[k] = (struct sl_pin){
			.instance = world_instance(g->what->service, g->what->instance),
			.generation = 1,
			.flags = g->what->flags,
			.seen = world_now_s(),
		};
	}
	return g->take_back ? bpf_map_delete_batch(fd, keys, &count, NULL)
			    : bpf_map_update_batch(fd, keys, pins, &count, NULL);
}

static int give_pins(const struct world *w, const struct giving *g)
{
	sl_autofree struct sl_pin_key *keys = calloc(AT_ONCE, sizeof(*keys));
	sl_autofree struct sl_pin *pins = calloc(AT_ONCE, sizeof(*pins));
	int err = 0;

	if (!keys || !pins)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->n + 1 && !err; i += AT_ONCE)
		err = pins_batch(w, g, i, g->n + 1 - i < AT_ONCE ? g->n + 1 - i : AT_ONCE, keys,
				 pins);
	return err;
}

/* Their Message-ID is the device's, and the server's. */
static int give_exchanges(const struct world *w, const struct giving *g)
{
	struct sl_exchange e = {
		.instance = world_instance(g->what->service, g->what->instance),
		.generation = 1,
		.seen = world_now_s(),
	};
	int err = 0;

	for (uint32_t i = 0; i < 2 * (g->n + 1) && !err; i++) {
		struct perf_flow f = given(w, g->fresh, i / 2);
		struct sl_exchange_key key = exchange_key(&f, g->what->service + 1, i % 2);

		err = g->take_back ? bpf_map_delete_elem(w->dp->exchanges_fd, &key)
				   : bpf_map_update_elem(w->dp->exchanges_fd, &key, &e, BPF_ANY);
	}
	return err;
}

static int give(const struct world *w, const struct giving *g)
{
	return g->what->exchanges ? give_exchanges(w, g) : give_pins(w, g);
}

int world_pins_always(struct world *w)
{
	return give(w, &(struct giving){ .what = &always, .n = WORLD_FLOWS });
}

static int drop_pins(const struct world *w, int fd, enum world_service service, uint32_t n)
{
	sl_autofree struct sl_pin_key *keys = calloc(AT_ONCE, sizeof(*keys));
	int err = 0;

	if (!keys)
		return -ENOMEM;
	for (uint32_t i = 0; i < n && !err; i += AT_ONCE) {
		uint32_t count = n - i < AT_ONCE ? n - i : AT_ONCE;

		for (uint32_t k = 0; k < count; k++) {
			struct perf_flow f = fresh(w, 1 + i + k);

			keys[k] = pin_key(&f, service + 1);
		}
		err = bpf_map_delete_batch(fd, keys, &count, NULL);
	}
	return err;
}

static int drop_exchanges(const struct world *w, enum world_service service, uint32_t n)
{
	int err = 0;

	for (uint32_t i = 0; i < n && !err; i++) {
		struct perf_flow f = fresh(w, 1 + i);
		struct sl_exchange_key key = exchange_key(&f, service + 1, false);

		err = bpf_map_delete_elem(w->dp->exchanges_fd, &key);
	}
	return err;
}

static const struct gift *gift_of(enum world_service service)
{
	for (size_t i = 0; i < SL_ARRAY_SIZE(gifts); i++) {
		if (gifts[i].service == service)
			return &gifts[i];
	}
	return NULL;
}

int world_prepare(struct world *w, const struct world_flows_of *of)
{
	struct giving g = { .what = gift_of(of->service), .n = of->n, .fresh = of->fresh };

	return g.what ? give(w, &g) : 0;
}

static int drop_made(struct world *w, const struct world_flows_of *of)
{
	switch (of->makes) {
	case MAKES_NOTHING:
		break;
	case MAKES_PINS:
	case MAKES_OF_HALF_OPEN:
		return drop_pins(w, w->dp->pins_fd, of->service, of->n);
	case MAKES_HALF_OPEN:
		return drop_pins(w, w->dp->half_open_fd, of->service, of->n);
	case MAKES_EXCHANGES:
		return drop_exchanges(w, of->service, of->n);
	}
	return 0;
}

int world_tidy(struct world *w, const struct world_flows_of *of)
{
	struct giving g = { .what = gift_of(of->service),
			    .n = of->makes == MAKES_OF_HALF_OPEN ? 0 : of->n,
			    .fresh = of->fresh,
			    .take_back = true };
	struct sl_service_state *state = &w->dp->service_states[of->service + 1];
	int err = drop_made(w, of);

	if (!err && g.what)
		err = give(w, &g);
	state->half_open = state->exchanges = 0;
	return err;
}
