/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TCP's rows of the decision table, and udp, which has none. */
#ifndef TEST_AFFINITY_TCP_H
#define TEST_AFFINITY_TCP_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "affinity_rows.h"

#define SYN 2
#define ACK 16
#define FIN 17
#define RST 4

static int setup_tcp(void **state)
{
	return affinity_setup(state, (struct bed_service){ .proto = IPPROTO_TCP,
							   .protocol = SL_P_TCP,
							   .flags = SL_SVC_AFFINITY });
}

static int setup_udp(void **state)
{
	return affinity_setup(state,
			      (struct bed_service){ .proto = IPPROTO_UDP, .protocol = SL_P_UDP });
}

static struct frame tcp(uint16_t port, uint8_t flags)
{
	return frame_tcp(&(struct path){ DEV, port, VIP, PORT }, flags, NULL, 0);
}

static struct frame tcp_data(uint16_t port)
{
	return frame_tcp(&(struct path){ DEV, port, VIP, PORT }, ACK, "x", 1);
}

static struct frame tcp_back(int instance, uint16_t port, uint8_t flags)
{
	struct path p = path_back(instance, port);

	return frame_tcp(&p, flags, NULL, 0);
}

static struct frame tcp_data_back(int instance, uint16_t port)
{
	struct path p = path_back(instance, port);

	return frame_tcp(&p, ACK, "x", 1);
}

static bool is_closing(uint16_t port)
{
	return pin_flags(port) & SL_PIN_CLOSING;
}

static void test_a_quiet_slot_makes_no_pin(void **state)
{
	(void)state;
	STEP(tcp(1, SYN), QUIESCENT, NEW);
	STEP(tcp(1, ACK), QUIESCENT, NEW);
	assert_int_equal(pins(1), 0);
}

static void test_what_was_there_stays_with_the_old_instance(void **state)
{
	(void)state;
	transition(100);
	STEP(tcp_data(1), OTHER, OLD);
	assert_int_equal(pins(1), 0); /* anybody can send this in its name, but not the answer */
	STEP(tcp_data_back(OLD, 1), SENDER_NEW, DEVICE);
	assert_int_equal(established(1), OLD);
	assert_int_equal(pin_flags(1), 0);
	STEP(tcp_back(OLD, 2, ACK), SENDER_NEW, DEVICE);
	assert_int_equal(established(2), OLD);
	/* the ring moves on; the pin holds */
	fx.bed->slots[fx.slot].cur = THIRD;
	fx.bed->slots[fx.slot].prev = NEW;
	pin_grow_old(1);
	STEP(tcp_data(1), PIN, OLD);
	assert_in_range(pin_age(1), 0, 50);
	pin_grow_old(1);
	STEP(tcp_data_back(OLD, 1), SENDER_PIN, DEVICE);
	assert_in_range(pin_age(1), 0, 50);
}

static void test_what_is_no_answer_to_its_device_pins_nothing(void **state)
{
	(void)state;
	transition(50);
	STEP(tcp_back(OLD, 1, SYN | ACK), SENDER_REST, DEVICE);
	STEP(tcp_back(OLD, 1, RST), SENDER_REST, DEVICE);
	STEP(tcp_back(OLD, 1, RST | ACK), SENDER_REST, DEVICE);
	STEP(tcp_back(OLD, 1, FIN), SENDER_REST, DEVICE);
	assert_int_equal(pins(1), 0);
	STEP(tcp_data_back(OLD, 1), SENDER_NEW, DEVICE);
	STEP(tcp_data_back(THIRD, 1), SENDER_REST, DEVICE); /* the pin names another */
	assert_int_equal(established(1), OLD);
}

static void test_an_early_opener_stays_and_a_late_one_goes(void **state)
{
	(void)state;
	transition(0);
	STEP(tcp(1, SYN), OPENER_EARLY, OLD);
	assert_int_equal(half_open(1), OLD);
	transition(AFFINITY_GRACE_S - 2); /* a second may pass meanwhile */
	STEP(tcp(2, SYN), OPENER_EARLY, OLD);
	transition(AFFINITY_GRACE_S);
	STEP(tcp(3, SYN), OPENER_LATE, NEW);
	assert_int_equal(half_open(3), NEW);
	STEP(tcp(1, SYN), PIN, OLD); /* repeated */
	assert_int_equal(half_open(1), OLD);
	assert_int_equal(fx.bed->states[fx.service].half_open, 3);
}

static void test_a_half_open_pin_is_promoted_by_its_instance(void **state)
{
	(void)state;
	transition(50);
	STEP(tcp(1, SYN), OPENER_LATE, NEW);
	STEP(tcp_back(NEW, 1, SYN | ACK), SENDER_REST, DEVICE);
	STEP(tcp(1, ACK), PIN_WAIT, NEW);
	assert_int_equal(half_open(1), NEW);
	assert_int_equal(pin_flags(1), SL_PIN_KEEP); /* it does not end as a SYN's does */
	STEP(tcp_back(NEW, 1, ACK), SENDER_PROMOTE, DEVICE);
	assert_int_equal(established(1), NEW);
	assert_int_equal(pin_flags(1), 0);
	assert_int_equal(half_open(1), 0);
	assert_int_equal(fx.bed->states[fx.service].half_open, 0);
}

static void test_without_budget_an_opener_stays_unpinned(void **state)
{
	(void)state;
	transition(50);
	for (int port = 1; port <= BUDGET; port++)
		STEP(tcp(port, SYN), OPENER_LATE, NEW);
	STEP(tcp(BUDGET + 1, SYN), OPENER_FULL, OLD);
	assert_int_equal(pins(BUDGET + 1), 0);
	assert_int_equal(bed_note(fx.bed, SL_N_HALF_OPEN_FULL), 1);
	STEP(tcp_data_back(NEW, 1), SENDER_PROMOTE, DEVICE); /* room again */
	STEP(tcp(BUDGET + 1, SYN), OPENER_LATE, NEW);
}

static void test_closing_shortens_and_data_restores(void **state)
{
	(void)state;
	transition(50);
	STEP(tcp_data_back(OLD, 1), SENDER_NEW, DEVICE);
	STEP(tcp(1, FIN), PIN_CLOSING, OLD);
	assert_true(is_closing(1));
	pin_grow_old(1);
	STEP(tcp(1, ACK), PIN_ACK, OLD); /* the last word, perhaps */
	assert_true(is_closing(1));
	assert_in_range(pin_age(1), 0, 50);
	STEP(tcp_data(1), PIN, OLD);
	assert_false(is_closing(1));
	STEP(tcp(1, RST), PIN_CLOSING, OLD);
	assert_true(is_closing(1));
	STEP(tcp(2, FIN), OTHER, OLD); /* the first seen of its flow */
	assert_int_equal(pins(2), 0);
}

static void test_an_instances_end_shortens_and_its_data_restores(void **state)
{
	(void)state;
	transition(50);
	STEP(tcp_data_back(OLD, 1), SENDER_NEW, DEVICE);
	STEP(tcp_back(OLD, 1, FIN), SENDER_END, DEVICE);
	assert_true(is_closing(1));
	pin_grow_old(1);
	STEP(tcp_back(OLD, 1, ACK), SENDER_ACK, DEVICE);
	assert_true(is_closing(1));
	assert_in_range(pin_age(1), 0, 50);
	STEP(tcp_data_back(OLD, 1), SENDER_PIN, DEVICE);
	assert_false(is_closing(1));
	STEP(tcp_back(OLD, 1, RST), SENDER_END, DEVICE);
	assert_true(is_closing(1));
}

static void test_closing_a_half_open_pin_leaves_it_so(void **state)
{
	(void)state;
	transition(50);
	STEP(tcp(1, SYN), OPENER_LATE, NEW);
	STEP(tcp(1, RST), PIN_CLOSING, NEW);
	STEP(tcp(1, ACK), PIN_ACK, NEW); /* nor does its last word make it last */
	assert_int_equal(half_open(1), NEW);
	assert_int_equal(pin_flags(1), SL_PIN_CLOSING);
	assert_int_equal(established(1), 0);
}

static void test_a_new_flow_on_a_closed_ones_port_is_new(void **state)
{
	(void)state;
	transition(50);
	STEP(tcp_data_back(OLD, 1), SENDER_NEW, DEVICE);
	STEP(tcp(1, FIN), PIN_CLOSING, OLD);
	STEP(tcp(1, SYN), OPENER_LATE, NEW);
	assert_int_equal(established(1), 0);
	assert_int_equal(half_open(1), NEW);
	STEP(tcp_data_back(NEW, 1), SENDER_PROMOTE, DEVICE);
}

static void test_past_the_deadline_only_pins_decide(void **state)
{
	(void)state;
	transition(50);
	STEP(tcp_data_back(OLD, 1), SENDER_NEW, DEVICE);
	transition(KEEP);
	STEP(tcp(1, ACK), PIN, OLD);
	STEP(tcp(2, ACK), PAST, NEW);
	STEP(tcp(3, SYN), PAST, NEW);
	STEP(tcp_data_back(NEW, 2), SENDER_REST, DEVICE); /* without a pin it is cur's */
	assert_int_equal(pins(2) + pins(3), 0);
	STEP(tcp(1, FIN), PIN_CLOSING, OLD);
	STEP(tcp(1, SYN), PAST, NEW); /* a new flow: the old pin goes */
	assert_int_equal(pins(1), 0);
	STEP(tcp(1, ACK), PAST, NEW);
	STEP(tcp_data_back(OLD, 4), SENDER_NEW, DEVICE); /* what it answers came in time */
	STEP(tcp(4, ACK), PIN, OLD);
}

static void test_a_down_or_replaced_instance_has_no_pins(void **state)
{
	(void)state;
	transition(50);
	STEP(tcp_data_back(OLD, 1), SENDER_NEW, DEVICE);
	instance_flags(OLD, SL_I_DOWN);
	STEP(tcp(1, ACK), OTHER, NEW);
	STEP(tcp_data_back(NEW, 1), SENDER_NEW, DEVICE);
	assert_int_equal(established(1), NEW);
	STEP(tcp(2, SYN), OPENER_LATE, NEW);
	instance_flags(OLD, 0);
	STEP(tcp(1, ACK), PIN, NEW);
	STEP(tcp_data_back(OLD, 3), SENDER_NEW, DEVICE);
	instance_replace(OLD);
	fx.bed->slots[fx.slot].prev = NEW;
	STEP(tcp(3, ACK), OTHER, NEW);
}

static void test_devices_of_an_instance_that_is_reset_are_told(void **state)
{
	(void)state;
	transition(50);
	STEP(tcp_data_back(OLD, 1), SENDER_NEW, DEVICE);
	instance_flags(OLD, SL_I_DOWN | SL_I_RESET);
	STEP(tcp(1, ACK), RESET, BACK); /* by its pin */
	assert_int_equal(pins(1), 0);
	STEP(tcp(2, ACK), RESET, BACK); /* by the slot */
	STEP(tcp(2, RST), RESET, NOWHERE);
	STEP(tcp(1, SYN), OPENER_LATE, NEW); /* it connects anew */
	STEP(tcp(1, ACK), PIN_WAIT, NEW);
	transition(KEEP);
	STEP(tcp(2, ACK), PAST, NEW); /* nobody knows any more whose it was */
}

/* While no pin can be made, a flow without one may be new. */
static void test_without_budget_only_pinned_flows_are_reset(void **state)
{
	(void)state;
	transition(50);
	STEP(tcp_data_back(OLD, 99), SENDER_NEW, DEVICE);
	for (int port = 1; port <= BUDGET; port++)
		STEP(tcp(port, SYN), OPENER_LATE, NEW);
	instance_flags(OLD, SL_I_DOWN | SL_I_RESET);
	STEP(tcp(50, SYN), OPENER_FULL, NEW);
	STEP(tcp(50, ACK), OTHER, NEW);
	STEP(tcp(99, ACK), RESET, BACK);
}

static void test_a_reset_past_the_deadline_takes_the_pin(void **state)
{
	(void)state;
	transition(50);
	STEP(tcp_data_back(OLD, 1), SENDER_NEW, DEVICE);
	transition(KEEP);
	instance_flags(OLD, SL_I_DOWN | SL_I_RESET);
	STEP(tcp(1, ACK), RESET, BACK);
	STEP(tcp(1, ACK), PAST, NEW);
}

#define FILL_AT_ONCE 4096

/* Leave no room among the established. */
static void fill_pins(void)
{
	static struct sl_pin_key keys[FILL_AT_ONCE];
	static struct sl_pin pins_of_others[FILL_AT_ONCE];
	uint32_t n = FILL_AT_ONCE, all = 0;

	for (int err = 0; !err; all += FILL_AT_ONCE) {
		for (uint32_t i = 0; i < FILL_AT_ONCE; i++)
			keys[i].addr.w[0] = all + i + 1;
		err = bpf_map_update_batch(bpf_map__fd(fx.bed->skel->maps.sl_pins), keys,
					   pins_of_others, &n, NULL);
	}
}

static void test_with_a_full_table_pins_are_half_open_where_they_are_needed(void **state)
{
	(void)state;
	fill_pins();
	transition(50);
	STEP(tcp_data_back(OLD, 1), SENDER_NEW, DEVICE);
	assert_int_equal(pins(1), 0); /* it goes to prev without one */
	STEP(tcp_data_back(NEW, 2), SENDER_NEW, DEVICE);
	assert_int_equal(half_open(2), NEW);
	assert_int_equal(pin_flags(2), SL_PIN_KEEP);
	STEP(tcp(3, SYN), OPENER_LATE, NEW);
	STEP(tcp_data_back(NEW, 3), SENDER_PROMOTE, DEVICE);
	assert_int_equal(half_open(3), NEW);
	assert_int_equal(pin_flags(3), SL_PIN_KEEP);
	transition(KEEP);
	STEP(tcp_data_back(OLD, 4), SENDER_NEW, DEVICE);
	assert_int_equal(half_open(4), OLD);
	assert_int_equal(fx.bed->states[fx.service].pin_failures, 4);
	assert_int_equal(fx.bed->states[fx.service].half_open, 3);
}

/* Make the established pin half-open again; there is one at any time. */
static void demote(const struct sl_pin_key *key, const struct sl_pin *pin)
{
	bed_update(fx.bed->skel->maps.sl_half_open, key, pin);
	bpf_map_delete_elem(bpf_map__fd(fx.bed->skel->maps.sl_pins), key);
	fx.bed->states[fx.service].half_open = 1;
}

/* What a device sends meanwhile, on another CPU, goes where it went. */
static void test_a_pin_is_found_while_it_is_promoted(void **state)
{
	struct frame data = tcp_data(1), answer = tcp_data_back(NEW, 1);
	struct sl_pin_key key = pin_key_of(1);
	struct sl_pin pin;
	pid_t device;

	(void)state;
	transition(50);
	STEP(tcp(1, SYN), OPENER_LATE, NEW);
	STEP(answer, SENDER_PROMOTE, DEVICE);
	assert_true(pin_of(fx.bed->skel->maps.sl_pins, 1, &pin));
	device = fork();
	if (!device) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			bed_run(fx.bed, &data, NULL);
	}
	for (int i = 0; i < 100000; i++) {
		demote(&key, &pin);
		bed_run(fx.bed, &answer, NULL);
	}
	kill(device, SIGKILL);
	assert_int_equal(waitpid(device, NULL, 0), device);
	assert_int_equal(bed_row(fx.bed, AFF_OTHER), 0);
}

static void test_udp_always_follows_the_ring(void **state)
{
	(void)state;
	transition(0);
	STEP(from_device(1, "00"), QUIESCENT, NEW);
	assert_int_equal(pins(1), 0);
}

#define TCP_TESTS                                                                           \
	ROWS_TEST(test_a_quiet_slot_makes_no_pin, setup_tcp),                               \
		ROWS_TEST(test_what_was_there_stays_with_the_old_instance, setup_tcp),      \
		ROWS_TEST(test_an_early_opener_stays_and_a_late_one_goes, setup_tcp),       \
		ROWS_TEST(test_what_is_no_answer_to_its_device_pins_nothing, setup_tcp),    \
		ROWS_TEST(test_a_half_open_pin_is_promoted_by_its_instance, setup_tcp),     \
		ROWS_TEST(test_without_budget_an_opener_stays_unpinned, setup_tcp),         \
		ROWS_TEST(test_closing_shortens_and_data_restores, setup_tcp),              \
		ROWS_TEST(test_an_instances_end_shortens_and_its_data_restores, setup_tcp), \
		ROWS_TEST(test_closing_a_half_open_pin_leaves_it_so, setup_tcp),            \
		ROWS_TEST(test_a_new_flow_on_a_closed_ones_port_is_new, setup_tcp),         \
		ROWS_TEST(test_past_the_deadline_only_pins_decide, setup_tcp),              \
		ROWS_TEST(test_a_down_or_replaced_instance_has_no_pins, setup_tcp),         \
		ROWS_TEST(test_devices_of_an_instance_that_is_reset_are_told, setup_tcp),   \
		ROWS_TEST(test_without_budget_only_pinned_flows_are_reset, setup_tcp),      \
		ROWS_TEST(test_a_reset_past_the_deadline_takes_the_pin, setup_tcp),         \
		ROWS_TEST(test_with_a_full_table_pins_are_half_open_where_they_are_needed,  \
			  setup_tcp),                                                       \
		ROWS_TEST(test_a_pin_is_found_while_it_is_promoted, setup_tcp),             \
		ROWS_TEST(test_udp_always_follows_the_ring, setup_udp)

#endif /* TEST_AFFINITY_TCP_H */
