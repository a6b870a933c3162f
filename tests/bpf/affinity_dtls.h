/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The rows of DTLS, of its connection ids, and of MQTT-SN. */
#ifndef TEST_AFFINITY_DTLS_H
#define TEST_AFFINITY_DTLS_H

#include "affinity_rows.h"

/* DTLS 1.2 records of epoch 0, and what fills them. */
#define TIMES8(s)    s s s s s s s s
#define SEQUENCE     "000000000001"
#define RECORD(type) type "fefd 0000" SEQUENCE
#define HELLO(rest)  \
	RECORD("16") \
	"0036 01 00002a 0000 000000 00002a fefd" TIMES8("5a5a5a5a") "00 " rest
#define HELLO_FIRST  HELLO("00 0002 c0a8 0100")
#define HELLO_COOKIE HELLO("01cc 0002 c0a8 01")
#define DATA	     RECORD("17") "0004 01020304"
#define ALERT	     RECORD("15") "0002 0100"
#define CIPHER	     RECORD("14") "0001 01" /* ChangeCipherSpec: what a server sends after a proof */
#define VERIFY	     RECORD("16") "0016 03 00000a 0000 000000 00000a feff 07 01020304050607"

/* Records with a connection id; one of 1.3 is not as long as its header says least. */
#define CID_12(id)	"19 fefd 0001" SEQUENCE id "0008" TIMES8("aa")
#define CID_13(id)	"30" id "aa" TIMES8("bbbb")

#define SN_CONNECT	"08 04 04 01 003c 6162"
#define SN_SEARCHGW	"03 01 00"
#define SN_PUBLISH	"09 0c 62 0001 0000 aabb" /* QoS -1 */
#define SN_PINGREQ	"02 16"
#define SN_PINGRESP	"02 17"
#define SN_CONNACK	"03 05 00"
#define SN_WILLTOPICREQ "02 06"
#define SN_SLEEP	"04 18 003c"
#define SN_DISCONNECT	"02 18"

static int setup_dtls(void **state)
{
	return affinity_setup(state, (struct bed_service){ .proto = IPPROTO_UDP,
							   .protocol = SL_P_COAPS,
							   .flags = SL_SVC_AFFINITY });
}

static int setup_mqttsn(void **state)
{
	return affinity_setup(state, (struct bed_service){ .proto = IPPROTO_UDP,
							   .protocol = SL_P_MQTTSN,
							   .flags = SL_SVC_AFFINITY });
}

static void server_id(int instance, uint32_t id)
{
	struct sl_cid_key key = { .server_id = id, .service = fx.service };
	uint32_t value = instance;

	bed_update(fx.bed->skel->maps.sl_cids, &key, &value);
}

static int setup_first_byte(void **state)
{
	affinity_setup(state, (struct bed_service){ .proto = IPPROTO_UDP,
						    .protocol = SL_P_COAPS,
						    .flags = SL_SVC_AFFINITY,
						    .cid_layout = SL_CID_FIRST_BYTE,
						    .cid_len = 1 });
	server_id(OLD, 0);
	server_id(NEW, 0xa1);
	server_id(THIRD, 0xa2);
	return 0;
}

/* Rotation 0 has server ids of 2 bytes, rotation 1 of 4, others none; what 7 has does
 * not matter.
 */
static int setup_quic_lb(void **state)
{
	affinity_setup(state, (struct bed_service){ .proto = IPPROTO_UDP,
						    .protocol = SL_P_COAPS,
						    .flags = SL_SVC_AFFINITY,
						    .cid_layout = SL_CID_QUIC_LB,
						    .cid_len = 8,
						    .cid_rotations = 0x20000042 });
	server_id(OLD, 0x0102);
	server_id(THIRD, 0x01020304);
	return 0;
}

static void test_a_dtls_session_opens_lives_and_ends(void **state)
{
	(void)state;
	transition(0);
	STEP(from_device(1, HELLO_FIRST), OPENER_EARLY, OLD);
	assert_int_equal(half_open(1), OLD);
	STEP(from_instance(OLD, 1, VERIFY), SENDER_REST, DEVICE);
	transition(50);
	STEP(from_device(1, HELLO_FIRST), PIN, OLD); /* repeated */
	STEP(from_device(1, HELLO_COOKIE), PIN_WAIT, OLD);
	assert_int_equal(pin_flags(1), SL_PIN_KEEP);
	STEP(from_instance(OLD, 1, CIPHER), SENDER_PROMOTE, DEVICE);
	assert_int_equal(established(1), OLD);
	STEP(from_device(1, DATA), PIN, OLD);
	STEP(from_device(1, ALERT), PIN_CLOSING, OLD);
	assert_int_equal(pin_flags(1), SL_PIN_CLOSING);
	STEP(from_device(1, HELLO_FIRST), OPENER_LATE, NEW);
	STEP(from_device(2, HELLO_FIRST), OPENER_LATE, NEW);
	STEP(from_device(3, HELLO_COOKIE), ONEWAY, OLD); /* its cookie is from OLD */
	STEP(from_device(4, ALERT), OTHER, OLD);
	assert_int_equal(pins(4), 0);
}

/* A device that sends, and is not answered. */
static void test_one_way_data_waits_for_an_answer(void **state)
{
	(void)state;
	transition(50);
	for (int port = 1; port <= HALF; port++)
		STEP(from_device(port, DATA), ONEWAY, OLD);
	assert_int_equal(half_open(1), OLD);
	assert_int_equal(pin_flags(1), SL_PIN_KEEP);
	STEP(from_device(50, DATA), ONEWAY_FULL, OLD); /* the rest is for openers */
	assert_int_equal(pins(50), 0);
	assert_int_equal(bed_note(fx.bed, SL_N_PIN_FAILED), 1);
	assert_int_equal(fx.bed->states[fx.service].pin_failures, 1);
	STEP(from_device(60, HELLO_FIRST), OPENER_LATE, NEW);
	transition(KEEP);
	STEP(from_device(1, DATA), PIN_WAIT, OLD);
	STEP(from_instance(OLD, 1, DATA), SENDER_PROMOTE, DEVICE);
	assert_int_equal(established(1), OLD);
	STEP(from_instance(OLD, 50, CID_12("00")), SENDER_NEW, DEVICE);
	STEP(from_instance(OLD, 51, CID_13("00")), SENDER_NEW, DEVICE);
	assert_int_equal(established(51), OLD);
}

static void test_dtls_without_tcp_gets_no_reset(void **state)
{
	(void)state;
	transition(50);
	instance_flags(OLD, SL_I_DOWN | SL_I_RESET);
	STEP(from_device(1, DATA), ONEWAY, NEW);
}

static void test_the_first_byte_names_an_instance(void **state)
{
	(void)state;
	STEP(from_device(1, CID_12("a2")), CID, THIRD); /* a quiet slot's, too */
	STEP(from_device(1, CID_13("00")), CID, OLD);
	transition(50);
	STEP(from_device(1, DATA), ONEWAY, OLD);
	STEP(from_device(1, CID_12("a1")), CID, NEW); /* before its pin */
	assert_int_equal(half_open(1), OLD);
	STEP(from_device(1, DATA), PIN_WAIT, OLD);
	assert_int_equal(bed_note(fx.bed, SL_N_CID_UNKNOWN), 0);
}

static void test_an_id_of_nobody_goes_by_its_address(void **state)
{
	(void)state;
	STEP(from_device(1, CID_12("a3")), QUIESCENT, NEW);
	assert_int_equal(bed_note(fx.bed, SL_N_CID_UNKNOWN), 1);
	instance_flags(THIRD, SL_I_DOWN);
	STEP(from_device(1, CID_12("a2")), QUIESCENT, NEW);
	assert_int_equal(bed_note(fx.bed, SL_N_CID_UNKNOWN), 2);
	transition(50);
	STEP(from_device(1, CID_13("a2")), ONEWAY, OLD);
	assert_int_equal(bed_note(fx.bed, SL_N_CID_UNKNOWN), 3);
	STEP(from_device(1, CID_13("a1")), CID, NEW);
	assert_int_equal(bed_note(fx.bed, SL_N_CID_UNKNOWN), 3);
}

static void test_rotations_say_how_long_a_server_id_is(void **state)
{
	(void)state;
	transition(50);
	STEP(from_device(1, CID_12("05 0102 0304 555555")), CID, OLD);
	STEP(from_device(2, CID_12("3f 0102 0304 555555")), CID, THIRD);
	STEP(from_device(3, CID_13("1f 0102 ffff 555555")), CID, OLD);
	STEP(from_device(4, CID_13("20 0102 0304 555555")), CID, THIRD);
	assert_int_equal(bed_note(fx.bed, SL_N_CID_UNKNOWN), 0);
	assert_int_equal(pins(1) + pins(2) + pins(3) + pins(4), 0);
	STEP(from_device(5, CID_12("20 0102 0305 555555")), ONEWAY, OLD);
	STEP(from_device(6, CID_12("45 0102 0304 555555")), ONEWAY, OLD); /* not configured */
	STEP(from_device(7, CID_13("e5 0102 0304 555555")), ONEWAY, OLD); /* unroutable */
	assert_int_equal(bed_note(fx.bed, SL_N_CID_UNKNOWN), 3);
}

static void test_an_mqttsn_client_connects_publishes_and_leaves(void **state)
{
	(void)state;
	transition(0);
	STEP(from_device(1, SN_CONNECT), OPENER_EARLY, OLD);
	STEP(from_instance(OLD, 1, SN_WILLTOPICREQ), SENDER_WAIT, DEVICE); /* anybody gets one */
	STEP(from_instance(OLD, 1, SN_CONNACK), SENDER_WAIT, DEVICE);	   /* likewise */
	assert_int_equal(pin_flags(1), SL_PIN_KEEP); /* it need not say anything for long */
	assert_int_equal(half_open(1), OLD);
	STEP(from_device(1, SN_PUBLISH), PIN_WAIT, OLD);
	STEP(from_instance(OLD, 1, SN_PINGRESP), SENDER_PROMOTE, DEVICE);
	assert_int_equal(established(1), OLD);
	transition(50);
	STEP(from_device(1, SN_SEARCHGW), PIN_REQUEST_ONCE, OLD);
	STEP(from_device(1, SN_SLEEP), PIN, OLD);
	assert_int_equal(pin_flags(1), 0);
	STEP(from_device(1, SN_PINGREQ), PIN, OLD);
	STEP(from_device(1, SN_DISCONNECT), PIN_CLOSING, OLD);
	STEP(from_instance(OLD, 1, SN_DISCONNECT), SENDER_REST, DEVICE);
	STEP(from_device(1, SN_CONNECT), OPENER_LATE, NEW);
	STEP(from_device(1, SN_DISCONNECT), PIN_CLOSING, NEW);
	STEP(from_instance(NEW, 1, SN_CONNACK), SENDER_REST, DEVICE);
	STEP(from_instance(NEW, 9, SN_CONNACK), SENDER_REST, DEVICE);
	assert_int_equal(pins(9), 0);
	STEP(from_device(2, SN_PUBLISH), ONEWAY, OLD);
	STEP(from_device(3, SN_SEARCHGW), REQUEST_ONCE, NEW);
	STEP(from_device(4, SN_DISCONNECT), OTHER, OLD);
	assert_int_equal(pins(3) + pins(4), 0);
}

#define DTLS_TESTS                                                                     \
	ROWS_TEST(test_a_dtls_session_opens_lives_and_ends, setup_dtls),               \
		ROWS_TEST(test_one_way_data_waits_for_an_answer, setup_dtls),          \
		ROWS_TEST(test_dtls_without_tcp_gets_no_reset, setup_dtls),            \
		ROWS_TEST(test_the_first_byte_names_an_instance, setup_first_byte),    \
		ROWS_TEST(test_an_id_of_nobody_goes_by_its_address, setup_first_byte), \
		ROWS_TEST(test_rotations_say_how_long_a_server_id_is, setup_quic_lb),  \
		ROWS_TEST(test_an_mqttsn_client_connects_publishes_and_leaves, setup_mqttsn)

#endif /* TEST_AFFINITY_DTLS_H */
