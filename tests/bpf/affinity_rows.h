/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tests of the decision table share: a service with one slot and three
 * instances; steps, of which each is a packet, the row that it must be decided by
 * and where it must go; and the sum of all rows that were met.
 */
#ifndef TEST_AFFINITY_ROWS_H
#define TEST_AFFINITY_ROWS_H

#include "network.h"
#include "bytes.h"
#include "lib/affinity.h"

#define VIP    "203.0.113.10"
#define DEV    "198.51.100.1"
#define PORT   1883
#define KEEP   300
#define BUDGET 8	    /* of half-open pins, and of exchanges */
#define HALF   (BUDGET / 2) /* of it, for what may be a flood of data or requests */

/* Instances; and where else a packet goes. */
enum {
	NOWHERE,
	OLD,
	NEW,
	THIRD,
	DEVICE, /* forwarded to it, as an instance's answer is */
	BACK,	/* the device gets a RST */
};

static const char *const instance_addr[] = {
	[OLD] = "10.0.1.11", [NEW] = "10.0.1.12", [THIRD] = "10.0.1.13"
};

struct fixture {
	struct bed *bed;
	uint32_t slot;
	uint16_t service;
};

static struct fixture fx;
static uint64_t rows_met[AFF__MAX];

static const char *const row_names[] = {
#define X(name, slot, packet, pin, go, action) [AFF_##name] = #name,
	AFFINITY_ROWS(X)
#undef X
};

/* Give @s's slot to NEW. */
static int affinity_setup(void **state, struct bed_service s)
{
	bed_open(state);
	fx.bed = *state;
	s.vip = VIP;
	s.port = PORT;
	s.tenant = 1;
	s.ring_size = 1;
	s.instance = NEW;
	s.keep_s = KEEP;
	s.half_open_max = BUDGET;
	fx.service = bed_service(fx.bed, &s, &fx.slot);
	bed_account(fx.bed, 1, fx.service, (struct sl_account){ .id = 1 });
	for (int i = OLD; i <= THIRD; i++)
		bed_instance(fx.bed, &(struct bed_instance){ i, instance_addr[i], PORT, VIP, PORT,
							     s.proto, fx.service, 77, 1500 });
	network_target(fx.bed, "dev0");
	return 0;
}

static int affinity_teardown(void **state)
{
	for (int row = 0; row < AFF__MAX; row++)
		rows_met[row] += bed_row(fx.bed, row);
	if (bed_reason(fx.bed, SL_R_INTERNAL))
		fail_msg("something failed that cannot");
	return bed_close(state);
}

#define ROWS_TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, affinity_teardown)

/* -- time and instances -- */

/* The slot as it is @age_s after it changed from OLD to NEW. */
static void transition(int age_s)
{
	fx.bed->slots[fx.slot] =
		(struct sl_slot){ .cur = NEW, .prev = OLD, .deadline = bed_now_s() - age_s + KEEP };
	fx.bed->states[fx.service].unsettled = 1;
}

static void instance_flags(int instance, uint8_t flags)
{
	fx.bed->instances[instance].flags = flags;
}

/* The id is another server's from now on. */
static void instance_replace(int instance)
{
	fx.bed->instances[instance].generation++;
}

/* -- frames; @port is the device's -- */

static struct frame datagram(struct path p, const char *hex)
{
	struct bytes b = bytes_hex(hex);
	struct frame f = frame_udp(&p, b.data, b.len);

	bytes_free(&b);
	return f;
}

static struct frame from_device(uint16_t port, const char *hex)
{
	return datagram((struct path){ DEV, port, VIP, PORT }, hex);
}

static struct path path_back(int instance, uint16_t port)
{
	return (struct path){ instance_addr[instance], PORT, DEV, port };
}

static struct frame from_instance(int instance, uint16_t port, const char *hex)
{
	return datagram(path_back(instance, port), hex);
}

/* -- steps -- */

static int where(int action, const struct frame *out, bool reset)
{
	struct sl_addr to = { .w = { 0, 0, htonl(0xffff), 0 } }, other;

	if (action != XDP_REDIRECT && action != XDP_TX)
		return NOWHERE;
	memcpy(&to.w[3], out->bytes + out->l3 + 16, 4);
	for (int i = OLD; i <= THIRD; i++) {
		other = addr_of(instance_addr[i]);
		if (!memcmp(&to, &other, sizeof(to)))
			return i;
	}
	return reset ? BACK : DEVICE;
}

static void step(int line, struct frame f, enum affinity_row row, int to)
{
	uint64_t before[AFF__MAX], resets = bed_reason(fx.bed, SL_R_RESET);
	struct frame out;
	int went;

	for (int i = 0; i < AFF__MAX; i++)
		before[i] = bed_row(fx.bed, i);
	went = bed_run(fx.bed, &f, &out);
	went = where(went, &out, bed_reason(fx.bed, SL_R_RESET) > resets);
	for (int i = 0; i < AFF__MAX; i++) {
		bool want = i == (int)row && row != AFF_QUIESCENT;

		if (bed_row(fx.bed, i) != before[i] + want)
			fail_msg("line %d: row %s%s", line, row_names[i],
				 want ? " did not decide" : " decided");
	}
	if (went != to)
		fail_msg("line %d: went to %d, want %d", line, went, to);
}

/* Rows that nobody looks up, such as a quiet slot's, are not counted. */
#define STEP(frame, row, to) step(__LINE__, frame, AFF_##row, to)

/* -- what is remembered: the instance; 0: there is nothing -- */

static struct sl_pin_key pin_key_of(uint16_t port)
{
	return (struct sl_pin_key){ .addr = addr_of(DEV),
				    .port = htons(port),
				    .service = fx.service };
}

static bool pin_of(const struct bpf_map *map, uint16_t port, struct sl_pin *ret)
{
	struct sl_pin_key key = pin_key_of(port);

	return !bpf_map_lookup_elem(bpf_map__fd(map), &key, ret);
}

/* The established pin of the device's block-wise transfer. */
static struct sl_pin transfer(uint16_t port)
{
	struct sl_pin_key key = pin_key_of(port);
	struct sl_pin p = {};

	key.transfer = true;
	bpf_map_lookup_elem(bpf_map__fd(fx.bed->skel->maps.sl_pins), &key, &p);
	return p;
}

static int established(uint16_t port)
{
	struct sl_pin p;

	return pin_of(fx.bed->skel->maps.sl_pins, port, &p) ? p.instance : 0;
}

static int half_open(uint16_t port)
{
	struct sl_pin p;

	return pin_of(fx.bed->skel->maps.sl_half_open, port, &p) ? p.instance : 0;
}

static int pins(uint16_t port)
{
	return established(port) + half_open(port);
}

/* enum sl_pin_flag. */
static uint8_t pin_flags(uint16_t port)
{
	struct sl_pin p;

	assert_true(pin_of(fx.bed->skel->maps.sl_pins, port, &p) ||
		    pin_of(fx.bed->skel->maps.sl_half_open, port, &p));
	return p.flags;
}

/* Seconds since the established pin was seen. */
static uint32_t pin_age(uint16_t port)
{
	struct sl_pin p;

	assert_true(pin_of(fx.bed->skel->maps.sl_pins, port, &p));
	return bed_now_s() - p.seen;
}

static void pin_grow_old(uint16_t port)
{
	struct sl_pin_key key = pin_key_of(port);
	struct sl_pin p;

	assert_true(pin_of(fx.bed->skel->maps.sl_pins, port, &p));
	p.seen -= 100;
	bed_update(fx.bed->skel->maps.sl_pins, &key, &p);
}

static struct sl_exchange_key exchange_key_of(uint16_t port, uint16_t mid, bool by_server)
{
	return (struct sl_exchange_key){ .addr = addr_of(DEV),
					 .port = htons(port),
					 .service = fx.service,
					 .mid = htons(mid),
					 .by_server = by_server };
}

static int exchange(uint16_t port, uint16_t mid, bool by_server)
{
	struct sl_exchange_key key = exchange_key_of(port, mid, by_server);
	struct sl_exchange e;

	if (bpf_map_lookup_elem(bpf_map__fd(fx.bed->skel->maps.sl_exchanges), &key, &e))
		return 0;
	return e.instance;
}

/* Make a device's exchange @age_s old; returns how old it was. */
static uint32_t exchange_age(uint16_t port, uint16_t mid, uint32_t age_s)
{
	struct sl_exchange_key key = exchange_key_of(port, mid, false);
	const struct bpf_map *map = fx.bed->skel->maps.sl_exchanges;
	uint32_t now = bed_now_s(), was;
	struct sl_exchange e;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &key, &e), 0);
	was = now - e.seen;
	e.seen = now - age_s;
	bed_update(map, &key, &e);
	return was;
}

#endif /* TEST_AFFINITY_ROWS_H */
