// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every row of the decision table (bpf/README.md, "Pins") by a packet through the
 * program: which instance, and what became of the pin. The rows' arithmetic is
 * the model's, tests/unit/test_pins_model.c; this is about maps and time.
 */
#include "network.h"
#include "lib/affinity.h"

#define VIP  "203.0.113.10"
#define DEV  "198.51.100.1"
#define KEEP 300

enum {
	OLD = 1,
	NEW,
	THIRD,
	INSTANCES = 3
};

#define SYN 2
#define ACK 16
#define FIN 17
#define RST 4

struct fixture {
	struct bed *bed;
	uint32_t slot;
	uint16_t service;
};

static struct fixture fx;

static int setup_for(void **state, uint8_t proto, uint8_t protocol)
{
	static const char *const addr[] = { "10.0.1.11", "10.0.1.12", "10.0.1.13" };

	bed_open(state);
	fx.bed = *state;
	fx.service = bed_service(fx.bed,
				 &(struct bed_service){ VIP, 1883, proto, protocol,
							protocol == SL_P_UDP ? 0 : SL_SVC_AFFINITY,
							1, 1, NEW, KEEP, 4 },
				 &fx.slot);
	bed_account(fx.bed, 1, fx.service, (struct sl_account){ .id = 1 });
	for (int i = 0; i < INSTANCES; i++)
		bed_instance(fx.bed, &(struct bed_instance){ OLD + i, addr[i], 1883, VIP, 1883,
							     proto, fx.service, 77, 1500 });
	return 0;
}

static int setup_tcp(void **state)
{
	return setup_for(state, IPPROTO_TCP, SL_P_TCP);
}

static int setup_coap(void **state)
{
	return setup_for(state, IPPROTO_UDP, SL_P_COAP);
}

static int setup_udp(void **state)
{
	return setup_for(state, IPPROTO_UDP, SL_P_UDP);
}

/* The slot as it is @age_s after it changed from OLD to NEW. */
static void transition(int age_s)
{
	fx.bed->slots[fx.slot] =
		(struct sl_slot){ .cur = NEW, .prev = OLD, .deadline = bed_now_s() - age_s + KEEP };
}

static int sent_to(const struct frame *in)
{
	struct frame out;

	if (bed_run(fx.bed, in, &out) != XDP_REDIRECT)
		return 0;
	return out.bytes[out.l3 + 19] - 10; /* 10.0.1.11 is OLD */
}

static int tcp(uint16_t port, uint8_t flags)
{
	struct path p = { DEV, port, VIP, 1883 };
	struct frame f = frame_tcp(&p, flags, NULL, 0);

	return sent_to(&f);
}

static int coap(uint16_t port, uint8_t type, uint8_t code)
{
	uint8_t msg[] = { 0x40 | type << 4, code, 1, 2 };
	struct path p = { DEV, port, VIP, 1883 };
	struct frame f = frame_udp(&p, msg, sizeof(msg));

	return sent_to(&f);
}

static bool pin(const struct bpf_map *map, uint16_t port, struct sl_pin *ret)
{
	struct sl_pin_key key = { .addr = addr_of(DEV),
				  .port = htons(port),
				  .service = fx.service };

	return !bpf_map_lookup_elem(bpf_map__fd(map), &key, ret);
}

/* The instance of the established, of the half-open pin; 0: there is none. */
static int established(uint16_t port)
{
	struct sl_pin p;

	return pin(fx.bed->skel->maps.sl_pins, port, &p) ? p.instance : 0;
}

static int half_open(uint16_t port)
{
	struct sl_pin p;

	return pin(fx.bed->skel->maps.sl_half_open, port, &p) ? p.instance : 0;
}

static bool is_closing(uint16_t port)
{
	struct sl_pin p;

	return pin(fx.bed->skel->maps.sl_pins, port, &p) && p.flags & SL_PIN_CLOSING;
}

static void test_a_quiet_slot_makes_no_pin(void **state)
{
	(void)state;
	assert_int_equal(tcp(1, SYN), NEW);
	assert_int_equal(tcp(1, ACK), NEW);
	assert_int_equal(established(1) + half_open(1), 0);
}

static void test_what_was_there_stays_with_the_old_instance(void **state)
{
	(void)state;
	transition(100);
	assert_int_equal(tcp(1, ACK), OLD);
	assert_int_equal(established(1), OLD);
	/* the ring moves on; the pin holds */
	fx.bed->slots[fx.slot].cur = THIRD;
	fx.bed->slots[fx.slot].prev = NEW;
	assert_int_equal(tcp(1, ACK), OLD);
}

static void test_an_early_opener_stays_and_a_late_one_goes(void **state)
{
	(void)state;
	transition(0);
	assert_int_equal(tcp(1, SYN), OLD);
	assert_int_equal(half_open(1), OLD);
	transition(AFFINITY_GRACE_S - 2); /* a second may pass meanwhile */
	assert_int_equal(tcp(2, SYN), OLD);
	transition(AFFINITY_GRACE_S);
	assert_int_equal(tcp(3, SYN), NEW);
	assert_int_equal(half_open(3), NEW);
	assert_int_equal(tcp(1, SYN), OLD); /* repeated: its pin decides */
	assert_int_equal(fx.bed->states[fx.service].half_open, 3);
}

static void test_a_half_open_pin_is_promoted(void **state)
{
	(void)state;
	transition(50);
	assert_int_equal(tcp(1, SYN), NEW);
	assert_int_equal(tcp(1, ACK), NEW);
	assert_int_equal(established(1), NEW);
	assert_int_equal(half_open(1), 0);
	assert_int_equal(fx.bed->states[fx.service].half_open, 0);
}

static void test_without_budget_an_opener_stays_unpinned(void **state)
{
	(void)state;
	transition(50);
	for (int port = 1; port <= 4; port++)
		assert_int_equal(tcp(port, SYN), NEW);
	assert_int_equal(tcp(5, SYN), OLD);
	assert_int_equal(half_open(5) + established(5), 0);
	assert_int_equal(bed_note(fx.bed, SL_N_HALF_OPEN_FULL), 1);
	assert_int_equal(tcp(1, ACK), NEW); /* promoted: room again */
	assert_int_equal(tcp(5, SYN), NEW);
}

static void test_closing_shortens_and_data_restores(void **state)
{
	(void)state;
	transition(50);
	assert_int_equal(tcp(1, ACK), OLD);
	assert_int_equal(tcp(1, FIN), OLD);
	assert_true(is_closing(1));
	assert_int_equal(tcp(1, ACK), OLD);
	assert_false(is_closing(1));
	assert_int_equal(tcp(1, RST), OLD);
	assert_true(is_closing(1));
	assert_int_equal(tcp(2, FIN), OLD); /* the first seen of its flow */
	assert_true(is_closing(2));
	assert_int_equal(established(2), OLD);
}

static void test_a_new_flow_on_a_closed_ones_port_is_new(void **state)
{
	(void)state;
	transition(50);
	assert_int_equal(tcp(1, ACK), OLD);
	assert_int_equal(tcp(1, FIN), OLD);
	assert_int_equal(tcp(1, SYN), NEW);
	assert_int_equal(established(1), 0);
	assert_int_equal(half_open(1), NEW);
	assert_int_equal(tcp(1, ACK), NEW);
}

static void test_past_the_deadline_only_pins_decide(void **state)
{
	(void)state;
	transition(50);
	assert_int_equal(tcp(1, ACK), OLD);
	transition(KEEP);
	assert_int_equal(tcp(1, ACK), OLD);
	assert_int_equal(tcp(2, ACK), NEW);
	assert_int_equal(tcp(3, SYN), NEW);
	assert_int_equal(established(2) + half_open(2) + established(3) + half_open(3), 0);
	assert_int_equal(tcp(1, FIN), OLD);
	assert_int_equal(tcp(1, SYN), NEW); /* a new flow: the old pin goes */
	assert_int_equal(established(1), 0);
	assert_int_equal(tcp(1, ACK), NEW);
}

static void test_a_down_or_replaced_instance_has_no_pins(void **state)
{
	(void)state;
	transition(50);
	assert_int_equal(tcp(1, ACK), OLD);
	fx.bed->instances[OLD].flags = SL_I_DOWN;
	assert_int_equal(tcp(1, ACK), NEW);
	assert_int_equal(established(1), NEW);
	assert_int_equal(tcp(2, SYN), NEW);
	fx.bed->instances[OLD].flags = 0;
	assert_int_equal(tcp(1, ACK), NEW);
	assert_int_equal(tcp(3, ACK), OLD);
	fx.bed->instances[OLD].generation++; /* the id is another server's now */
	fx.bed->slots[fx.slot].prev = NEW;
	assert_int_equal(tcp(3, ACK), NEW);
}

static void test_coap_requests_open_and_the_rest_belongs(void **state)
{
	(void)state;
	transition(20);
	assert_int_equal(coap(1, 0, 1), NEW); /* GET */
	assert_int_equal(coap(2, 0, 2), OLD); /* POST: 45 s */
	assert_int_equal(coap(3, 2, 0), OLD); /* ACK to a server's message */
	assert_int_equal(established(3), OLD);
	transition(AFFINITY_GRACE_SLOW_S);
	assert_int_equal(coap(4, 0, 2), NEW);
	assert_int_equal(coap(2, 0, 2), OLD); /* repeated: not executed twice */
}

static void test_udp_always_follows_the_ring(void **state)
{
	struct path p = { DEV, 1, VIP, 1883 };
	struct frame f = frame_udp(&p, "x", 1);

	(void)state;
	transition(0);
	assert_int_equal(sent_to(&f), NEW);
	assert_int_equal(established(1) + half_open(1), 0);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, bed_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_quiet_slot_makes_no_pin, setup_tcp),
		TEST(test_what_was_there_stays_with_the_old_instance, setup_tcp),
		TEST(test_an_early_opener_stays_and_a_late_one_goes, setup_tcp),
		TEST(test_a_half_open_pin_is_promoted, setup_tcp),
		TEST(test_without_budget_an_opener_stays_unpinned, setup_tcp),
		TEST(test_closing_shortens_and_data_restores, setup_tcp),
		TEST(test_a_new_flow_on_a_closed_ones_port_is_new, setup_tcp),
		TEST(test_past_the_deadline_only_pins_decide, setup_tcp),
		TEST(test_a_down_or_replaced_instance_has_no_pins, setup_tcp),
		TEST(test_coap_requests_open_and_the_rest_belongs, setup_coap),
		TEST(test_udp_always_follows_the_ring, setup_udp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
