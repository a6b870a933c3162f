// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a tracked connection's tenant has besides: quotas of classes, RSTs for refused SYNs, and
 * on_excess, each together with a quota of open connections.
 */
#include "streambed.h"
#include "classbed.h"

#define HOUR	(3600ull * 1000000000 * SL_TAT_PER_NS)
#define PUBLISH "\x30\x05\x00\x01t.."
#define PINGREQ "\xc0\0"

/* Of CONNECT and PUBLISH one each, and then none for an hour. */
static void classes_of(uint32_t tenant, struct sl_account a)
{
	static const struct classbed one[] = { { .cls = SL_K_MQTT_CONNECT, .cost = HOUR },
					       { .cls = SL_K_MQTT_PUBLISH, .cost = HOUR } };

	a.quota_mask |= SL_ACCOUNT_CLASSES;
	account(tenant, a);
	classbed_put(bed, tenant, one, SL_ARRAY_SIZE(one));
}

static struct made connect_as(const char *username)
{
	return mqtt_connect_make(&(struct mqttmake){ .version = 4, .username = username });
}

static int run_syn(int v6)
{
	struct conn c = conn_new(v6);
	struct frame in = conn_frame(&c, SYN, NULL, 0), out;
	int action = bed_run(bed, &in, &out);

	assert_int_equal(conn_is_in(&c, bed->skel->maps.sl_flow_opens), action == XDP_REDIRECT);
	if (action == XDP_TX)
		assert_int_equal(out.bytes[out.l4 + 13], RST | ACK);
	return action;
}

/* They are those of who is named, from its CONNECT on. */
static void test_classes_are_the_named_tenants(void **state)
{
	struct made acme = connect_as("acme/d1"), globex = connect_as("globex/d1");

	(void)state;
	name_is(SL_T_MQTT_USERNAME, "acme/", ACME);
	name_is(SL_T_MQTT_USERNAME, "globex/", GLOBEX);
	classes_of(ACME, (struct sl_account){ .open_max = 3 });
	for (int v6 = 0; v6 < 2; v6++) {
		struct conn c = conn_open(v6), d = conn_open(v6), e = conn_open(v6);

		assert_int_equal(conn_say(&d, globex.bytes, globex.len), GLOBEX);
		assert_int_equal(conn_say(&e, PUBLISH, 7), GUESTS);
		if (v6) {
			refused(&c, acme.bytes, acme.len, SL_R_CLASS_MESSAGES);
			classes_of(ACME, (struct sl_account){ .open_max = 3 });
		}
		assert_int_equal(conn_say(&c, acme.bytes, acme.len), ACME);
		assert_int_equal(is_open(ACME), 1 + v6);
		assert_int_equal(conn_say(&c, PUBLISH, 7), ACME);
		refused(&c, PUBLISH, 7, SL_R_CLASS_MESSAGES);
		refused(&c, PINGREQ PUBLISH, 9, SL_R_CLASS_MESSAGES); /* in a bundle, too */
		assert_int_equal(conn_say(&c, PINGREQ, 2), ACME);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(conn_say(&d, PUBLISH, 7), GLOBEX);
			assert_int_equal(conn_say(&e, PUBLISH, 7), GUESTS);
		}
	}
	assert_int_equal(bed_note(bed, SL_N_FLOW_UNTRACKED), 0);
}

/* A SYN alone is answered, whatever on_excess says; what is over the quota later is dropped. */
static void test_a_syn_over_it_gets_a_rst(void **state)
{
	static const uint8_t excess[] = { SL_X_DROP, SL_X_ANSWER };
	struct conn late[2];

	(void)state;
	conn_open(0);
	for (int v6 = 0; v6 < 2; v6++) {
		late[v6] = conn_new(v6);
		conn_syn(&late[v6]);
		conn_answer(&late[v6], SYN | ACK, late[v6].seq, NULL, 0);
	}
	for (int i = 0; i < 2; i++) {
		account(GUESTS, (struct sl_account){ .open_max = 1, .excess = excess[i] });
		for (int v6 = 0; v6 < 2; v6++)
			assert_int_equal(run_syn(v6), XDP_DROP);
		account(GUESTS, (struct sl_account){ .open_max = 1,
						     .excess = excess[i],
						     .quota_mask = SL_ACCOUNT_RESET_SYN });
		for (int v6 = 0; v6 < 2; v6++) {
			assert_int_equal(run_syn(v6), XDP_TX);
			assert_int_equal(conn_send(&late[v6], ACK, NULL, 0), 0);
		}
	}
	assert_int_equal(bed_reason(bed, SL_R_ANSWERED_TENANT), 4);
	assert_int_equal(bed_reason(bed, SL_R_OPEN_CONNECTIONS), 4 + 4);
	assert_int_equal(is_open(GUESTS), 1);
}

/* Everything passes, and what would not have is counted: each sort once. */
static void test_mark_together_with_all_of_them(void **state)
{
	struct made guest = connect_as("nobody");

	(void)state;
	classes_of(GUESTS, (struct sl_account){ .open_max = 1,
						.excess = SL_X_MARK,
						.quota_mask = SL_ACCOUNT_RESET_SYN });
	for (int i = 0; i < 4; i++) {
		struct conn c = conn_open(i & 1);

		assert_int_equal(bed_note(bed, SL_N_MARKED), i ? 3 * i - 2 : 0);
		assert_int_equal(conn_say(&c, guest.bytes, guest.len), GUESTS);
		assert_int_equal(bed_note(bed, SL_N_MARKED), i ? 3 * i - 1 : 0);
		assert_int_equal(conn_say(&c, PUBLISH, 7), GUESTS);
		assert_int_equal(bed_note(bed, SL_N_MARKED), 3 * i);
		assert_int_equal(is_open(GUESTS), i + 1);
	}
	assert_int_equal(run_syn(0), XDP_REDIRECT);
	assert_int_equal(bed_reason(bed, SL_R_OPEN_CONNECTIONS), 0);
	assert_int_equal(bed_reason(bed, SL_R_CLASS_MESSAGES), 0);
}

/* Also of who is named, at its CONNECT. */
static void test_mark_of_a_named_tenant(void **state)
{
	struct made acme = connect_as("acme/d1");

	(void)state;
	name_is(SL_T_MQTT_USERNAME, "acme/", ACME);
	account(ACME, (struct sl_account){ .open_max = 2, .excess = SL_X_MARK });
	for (int i = 0; i < 4; i++) {
		struct conn c = conn_open(i & 1);

		assert_int_equal(conn_say(&c, acme.bytes, acme.len), ACME);
		assert_int_equal(is_open(ACME), i + 1);
		assert_int_equal(conn_say(&c, PINGREQ, 2), ACME);
		assert_int_equal(bed_note(bed, SL_N_MARKED), i < 2 ? 0 : i - 1);
	}
	assert_int_equal(bed_reason(bed, SL_R_OPEN_CONNECTIONS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(test_classes_are_the_named_tenants, setup_mqtt),
		ROW(test_a_syn_over_it_gets_a_rst, setup_mqtt),
		ROW(test_mark_together_with_all_of_them, setup_mqtt),
		ROW(test_mark_of_a_named_tenant, setup_mqtt),
	};

	network_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
