/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CoAP's rows of the decision table: what devices send, and what the instances'
 * answers teach.
 */
#ifndef TEST_AFFINITY_COAP_H
#define TEST_AFFINITY_COAP_H

#include "affinity_rows.h"

/* A header (CON, NON, ACK and RST; code; Message-ID); then options. */
#define CON_GET	     "4001"
#define CON_POST     "4002"
#define CON_PATCH    "4006"
#define CON_IPATCH   "4007"
#define CON_PING     "4000"
#define NON_GET	     "5001"
#define EMPTY_ACK    "6000"
#define EMPTY_RST    "7000"
#define CON_CONTENT  "4045"
#define NON_CONTENT  "5045"
#define ACK_CONTENT  "6045"
#define ACK_CONTINUE "605f"
#define ACK_CHANGED  "6044"
#define OBSERVE	     "60"
#define DEREGISTER   "6101"
#define BLOCK2(byte) "d10a" byte
#define BLOCK1(byte) "d10e" byte
#define FIRST_MORE   "0e"
#define LATER	     "16"
#define LATER_MORE   "1e"
#define PAYLOAD	     "ff00"

static int setup_coap(void **state)
{
	return affinity_setup(state, (struct bed_service){ .proto = IPPROTO_UDP,
							   .protocol = SL_P_COAP,
							   .flags = SL_SVC_AFFINITY });
}

static void test_a_late_request_goes_and_its_repetition_follows(void **state)
{
	(void)state;
	transition(20);
	STEP(from_device(1, CON_GET "0001"), REQUEST_LATE, NEW);
	assert_int_equal(exchange(1, 1, false), NEW);
	assert_int_equal(pins(1), 0);
	assert_int_equal(fx.bed->states[fx.service].exchanges, 1);
	fx.bed->slots[fx.slot].cur = THIRD;
	exchange_age(1, 1, 100);
	STEP(from_device(1, CON_GET "0001"), EXCHANGE, NEW);
	assert_in_range(exchange_age(1, 1, 0), 0, 50);
	STEP(from_device(1, CON_GET "0002"), REQUEST_LATE, THIRD);
	STEP(from_device(2, CON_GET "0001"), REQUEST_LATE, THIRD); /* another's id */
	transition(KEEP);
	STEP(from_device(1, CON_GET "0001"), EXCHANGE, NEW);
}

static void test_an_early_request_stays_and_a_post_for_longer(void **state)
{
	(void)state;
	transition(AFFINITY_GRACE_S - 2);
	STEP(from_device(1, CON_GET "0001"), REQUEST_EARLY, OLD);
	assert_int_equal(exchange(1, 1, false), OLD);
	transition(AFFINITY_GRACE_SLOW_S - 2);
	STEP(from_device(1, CON_GET "0002"), REQUEST_LATE, NEW);
	STEP(from_device(1, CON_POST "0003"), REQUEST_EARLY, OLD);
	STEP(from_device(1, CON_IPATCH "0004"), REQUEST_EARLY, OLD);
	transition(AFFINITY_GRACE_SLOW_S);
	STEP(from_device(1, CON_POST "0003"), EXCHANGE, OLD); /* not executed twice */
	fx.bed->states[fx.service].exchanges = 0;
	STEP(from_device(1, CON_PATCH "0005"), REQUEST_LATE, NEW);
}

static void test_what_is_not_repeated_is_not_remembered(void **state)
{
	(void)state;
	transition(0);
	STEP(from_device(1, NON_GET "0001"), REQUEST_ONCE, NEW);
	STEP(from_device(1, CON_PING "0002"), REQUEST_ONCE, NEW); /* any server answers */
	assert_int_equal(exchange(1, 1, false) + exchange(1, 2, false) + pins(1), 0);
}

static void test_without_budget_a_request_stays(void **state)
{
	(void)state;
	transition(50);
	for (int port = 1; port <= HALF; port++)
		STEP(from_device(port, CON_GET "0001"), REQUEST_LATE, NEW);
	STEP(from_device(50, CON_GET "0001"), REQUEST_FULL, OLD);
	assert_int_equal(exchange(50, 1, false), 0);
	assert_int_equal(bed_note(fx.bed, SL_N_EXCHANGE_FULL), 1);
	/* The rest is for what servers say, but not for what need not be acknowledged. */
	for (int port = 1; port <= BUDGET; port++)
		STEP(from_instance(NEW, port, NON_CONTENT "9001" PAYLOAD), SENDER_REST, DEVICE);
	STEP(from_instance(NEW, 1, CON_CONTENT "8001" PAYLOAD), SENDER_OWN, DEVICE);
	STEP(from_device(1, EMPTY_ACK "8001"), EXCHANGE, NEW);
	assert_int_equal(fx.bed->states[fx.service].half_open, 0); /* theirs is another budget */
}

static void test_an_exchange_with_an_instance_that_is_down_is_none(void **state)
{
	(void)state;
	transition(20);
	STEP(from_device(1, CON_GET "0001"), REQUEST_LATE, NEW);
	instance_flags(NEW, SL_I_DOWN);
	fx.bed->slots[fx.slot].cur = THIRD;
	STEP(from_device(1, CON_GET "0001"), REQUEST_LATE, THIRD);
	assert_int_equal(exchange(1, 1, false), THIRD);
	assert_int_equal(fx.bed->states[fx.service].exchanges, 1);
	instance_replace(THIRD);
	fx.bed->slots[fx.slot].cur = OLD;
	STEP(from_device(1, CON_GET "0001"), REQUEST_LATE, OLD);
}

static void test_a_registration_stays_where_others_may_be(void **state)
{
	(void)state;
	transition(100);
	STEP(from_device(1, CON_GET "0001" OBSERVE), REQUEST_EARLY, OLD);
	assert_int_equal(exchange(1, 1, false), OLD);
	STEP(from_device(1, NON_GET "0002" OBSERVE), REGISTER_ONCE, OLD);
	STEP(from_device(1, NON_GET "0003"), REQUEST_ONCE, NEW);
	transition(KEEP);
	STEP(from_device(1, CON_GET "0004" OBSERVE), PAST_REQUEST, NEW);
}

static void test_what_belongs_to_a_server_goes_to_the_old_one(void **state)
{
	(void)state;
	transition(50);
	STEP(from_device(1, EMPTY_ACK "0001"), OTHER, OLD); /* whose message it was is not known */
	STEP(from_device(2, CON_GET "0002" DEREGISTER), OTHER, OLD);
	STEP(from_device(3, CON_CONTENT "0003" PAYLOAD), OTHER, OLD);
	STEP(from_device(4, CON_GET "0004" BLOCK2(LATER)), OTHER, OLD);
	assert_int_equal(pins(1) + pins(2) + pins(3) + pins(4) + transfer(4).instance, 0);
	transition(KEEP);
	STEP(from_device(1, EMPTY_ACK "0001"), PAST, NEW);
	STEP(from_device(4, CON_GET "0005" BLOCK2(LATER)), PAST, NEW);
}

static void test_a_request_follows_a_pin_but_does_not_refresh_it(void **state)
{
	(void)state;
	transition(50);
	STEP(from_instance(OLD, 1, NON_CONTENT "8001" OBSERVE PAYLOAD), SENDER_NEW, DEVICE);
	pin_grow_old(1);
	STEP(from_device(1, CON_GET "0002"), PIN_REQUEST, OLD);
	assert_int_equal(exchange(1, 2, false), OLD); /* the pin may go before it is repeated */
	STEP(from_device(1, NON_GET "0003"), PIN_REQUEST_ONCE, OLD);
	STEP(from_device(1, CON_GET "0007" OBSERVE), PIN_REQUEST, OLD);
	fx.bed->states[fx.service].exchanges = BUDGET;
	STEP(from_device(1, CON_GET "0006"), PIN_REQUEST_ONCE, OLD);
	STEP(from_device(1, EMPTY_ACK "8001"), PIN_ANSWER, OLD); /* it may be a poll's, too */
	assert_in_range(pin_age(1), 100, 150);
	transition(KEEP);
	STEP(from_device(1, CON_GET "0004"), PIN_REQUEST_ONCE, OLD);
	STEP(from_device(2, CON_GET "0005"), PAST_REQUEST, NEW);
	assert_int_equal(exchange(2, 5, false) + pins(2), 0);
	STEP(from_device(1, CON_GET "0009" DEREGISTER), PIN, OLD);
	assert_in_range(pin_age(1), 0, 50);
}

/* -- what instances say -- */

static void test_an_observation_pins_its_device(void **state)
{
	(void)state;
	transition(50);
	STEP(from_instance(NEW, 1, ACK_CONTENT "0001" OBSERVE PAYLOAD), SENDER_NEW, DEVICE);
	assert_int_equal(established(1), NEW);
	assert_int_equal(pin_flags(1), 0);
	pin_grow_old(1);
	STEP(from_instance(NEW, 1,
			   CON_CONTENT "8001"
				       "6102" PAYLOAD),
	     SENDER_PIN, DEVICE);
	assert_in_range(pin_age(1), 0, 50);
	fx.bed->slots[fx.slot].cur = THIRD;
	STEP(from_device(1, EMPTY_ACK "8001"), PIN_ANSWER, NEW);
	STEP(from_instance(NEW, 1, ACK_CONTENT "0009" PAYLOAD), SENDER_REST, DEVICE);
}

static void test_the_answer_to_a_servers_message_finds_it(void **state)
{
	(void)state;
	transition(50);
	STEP(from_instance(OLD, 1, NON_CONTENT "7001" OBSERVE PAYLOAD), SENDER_NEW, DEVICE);
	/* The pin is OLD's; NEW says something of its own, the device answers both. */
	STEP(from_instance(NEW, 1, CON_CONTENT "8001" OBSERVE PAYLOAD), SENDER_OWN, DEVICE);
	assert_int_equal(exchange(1, 0x8001, true), NEW);
	STEP(from_device(1, EMPTY_ACK "8001"), EXCHANGE, NEW);
	STEP(from_device(1, EMPTY_RST "8001"), EXCHANGE, NEW);
	STEP(from_device(1, EMPTY_ACK "8002"), PIN_ANSWER, OLD);
	STEP(from_device(1, NON_GET "8001"), PIN_REQUEST_ONCE, OLD); /* an id of the device's own */
	/* A server's id is used anew, by another. */
	STEP(from_instance(THIRD, 1, NON_CONTENT "8001" OBSERVE PAYLOAD), SENDER_OWN, DEVICE);
	STEP(from_device(1, EMPTY_RST "8001"), EXCHANGE, THIRD);
	/* The pin's instance: the pin may go before the answer comes. */
	STEP(from_instance(OLD, 1, CON_CONTENT "8003" PAYLOAD), SENDER_OWN, DEVICE);
	STEP(from_device(1, EMPTY_ACK "8003"), EXCHANGE, OLD);
	assert_int_equal(fx.bed->states[fx.service].exchanges, 2);
	assert_int_equal(established(1), OLD);
}

static void test_a_separate_response_is_remembered_without_a_pin(void **state)
{
	(void)state;
	transition(50);
	STEP(from_instance(NEW, 1, CON_CONTENT "8001" PAYLOAD), SENDER_OWN, DEVICE);
	assert_int_equal(pins(1), 0);
	STEP(from_device(1, EMPTY_ACK "8001"), EXCHANGE, NEW);
	fx.bed->states[fx.service].exchanges = BUDGET;
	STEP(from_instance(NEW, 1, CON_CONTENT "8002" PAYLOAD), SENDER_REST, DEVICE);
	assert_int_equal(exchange(1, 0x8002, true), 0);
}

static void test_a_servers_own_request_pins(void **state)
{
	(void)state;
	transition(50);
	STEP(from_instance(NEW, 1, CON_GET "8001"), SENDER_NEW, DEVICE);
	assert_int_equal(established(1), NEW);
	STEP(from_device(1, ACK_CONTENT "8001" PAYLOAD), PIN_ANSWER, NEW);
	STEP(from_device(1, CON_CONTENT "0001" PAYLOAD), PIN, NEW);
}

/* Two rows for one message: of the transfer's pin, and of the flow's. */
static void step_blocks(int line, struct frame f, enum affinity_row row)
{
	uint64_t before[2] = { bed_row(fx.bed, row), bed_row(fx.bed, AFF_SENDER_REST) };
	struct frame out;

	bed_run(fx.bed, &f, &out);
	if (bed_row(fx.bed, row) != before[0] + 1 ||
	    bed_row(fx.bed, AFF_SENDER_REST) != before[1] + 1)
		fail_msg("line %d: row %s did not decide", line, row_names[row]);
}
#define STEP_BLOCKS(frame, row) step_blocks(__LINE__, frame, AFF_##row)

static void test_a_transfer_is_pinned_up_to_its_last_block(void **state)
{
	(void)state;
	transition(50);
	STEP(from_device(1, CON_POST "0001" BLOCK1(FIRST_MORE) PAYLOAD), REQUEST_LATE, NEW);
	STEP_BLOCKS(from_instance(NEW, 1, ACK_CONTINUE "0001" BLOCK1(FIRST_MORE)), SENDER_NEW);
	assert_int_equal(transfer(1).instance, NEW);
	assert_int_equal(pins(1), 0);
	fx.bed->slots[fx.slot].cur = THIRD;
	STEP(from_device(1, CON_POST "0002" BLOCK1(LATER_MORE) PAYLOAD), PIN, NEW);
	STEP_BLOCKS(from_instance(NEW, 1, ACK_CONTINUE "0002" BLOCK1(LATER_MORE)), SENDER_PIN);
	STEP(from_device(1, CON_GET "0009"), REQUEST_LATE, THIRD); /* something else */
	STEP(from_device(1, CON_POST "0003" BLOCK1(LATER) PAYLOAD), PIN, NEW);
	STEP_BLOCKS(from_instance(NEW, 1, ACK_CONTENT "0003" BLOCK1(LATER)), SENDER_END);
	assert_int_equal(transfer(1).flags, SL_PIN_CLOSING);
	STEP(from_device(1, CON_POST "0003" BLOCK1(LATER) PAYLOAD), PIN, NEW); /* again */
	assert_int_equal(transfer(1).flags, 0);
	/* A last answer that does not name the block. */
	STEP_BLOCKS(from_instance(NEW, 1, ACK_CHANGED "0003"), SENDER_END);
	assert_int_equal(transfer(1).flags, SL_PIN_CLOSING);
}

static void test_the_next_transfer_is_where_it_began(void **state)
{
	(void)state;
	transition(50);
	STEP_BLOCKS(from_instance(OLD, 1, ACK_CONTENT "0001" BLOCK2(FIRST_MORE) PAYLOAD),
		    SENDER_NEW);
	STEP_BLOCKS(from_instance(NEW, 1, ACK_CONTENT "0002" BLOCK2(FIRST_MORE) PAYLOAD),
		    SENDER_NEW);
	STEP(from_device(1, CON_GET "0003" BLOCK2(LATER)), PIN, NEW);
}

/* An observation at one instance, a transfer at another. */
static void test_a_transfer_and_an_observation_have_pins_of_their_own(void **state)
{
	(void)state;
	transition(50);
	STEP(from_instance(OLD, 1, NON_CONTENT "8001" OBSERVE PAYLOAD), SENDER_NEW, DEVICE);
	STEP_BLOCKS(from_instance(NEW, 1, ACK_CONTENT "0002" BLOCK2(FIRST_MORE) PAYLOAD),
		    SENDER_NEW);
	STEP(from_device(1, CON_GET "0003" BLOCK2(LATER)), PIN, NEW);
	STEP_BLOCKS(from_instance(NEW, 1, ACK_CONTENT "0003" BLOCK2(LATER) PAYLOAD), SENDER_END);
	assert_int_equal(pin_flags(1), 0);
	STEP(from_device(1, CON_GET "0004" DEREGISTER), PIN, OLD);
}

static void test_nothing_is_learnt_where_nothing_is_in_transition(void **state)
{
	(void)state;
	STEP(from_instance(NEW, 1, CON_CONTENT "8001" OBSERVE PAYLOAD), QUIESCENT, DEVICE);
	transition(50);
	fx.bed->states[fx.service].unsettled = 0;
	STEP(from_instance(NEW, 1, CON_CONTENT "8002" OBSERVE PAYLOAD), QUIESCENT, DEVICE);
	transition(KEEP);
	STEP(from_instance(NEW, 1, CON_CONTENT "8003" OBSERVE PAYLOAD), SENDER_REST, DEVICE);
	assert_int_equal(pins(1) + exchange(1, 0x8001, true) + exchange(1, 0x8002, true) +
				 exchange(1, 0x8003, true),
			 0);
}

#define COAP_TESTS                                                                                \
	ROWS_TEST(test_a_late_request_goes_and_its_repetition_follows, setup_coap),               \
		ROWS_TEST(test_an_early_request_stays_and_a_post_for_longer, setup_coap),         \
		ROWS_TEST(test_what_is_not_repeated_is_not_remembered, setup_coap),               \
		ROWS_TEST(test_without_budget_a_request_stays, setup_coap),                       \
		ROWS_TEST(test_an_exchange_with_an_instance_that_is_down_is_none, setup_coap),    \
		ROWS_TEST(test_a_registration_stays_where_others_may_be, setup_coap),             \
		ROWS_TEST(test_what_belongs_to_a_server_goes_to_the_old_one, setup_coap),         \
		ROWS_TEST(test_a_request_follows_a_pin_but_does_not_refresh_it, setup_coap),      \
		ROWS_TEST(test_an_observation_pins_its_device, setup_coap),                       \
		ROWS_TEST(test_the_answer_to_a_servers_message_finds_it, setup_coap),             \
		ROWS_TEST(test_a_separate_response_is_remembered_without_a_pin, setup_coap),      \
		ROWS_TEST(test_a_servers_own_request_pins, setup_coap),                           \
		ROWS_TEST(test_a_transfer_is_pinned_up_to_its_last_block, setup_coap),            \
		ROWS_TEST(test_the_next_transfer_is_where_it_began, setup_coap),                  \
		ROWS_TEST(test_a_transfer_and_an_observation_have_pins_of_their_own, setup_coap), \
		ROWS_TEST(test_nothing_is_learnt_where_nothing_is_in_transition, setup_coap)

#endif /* TEST_AFFINITY_COAP_H */
