// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whose a connection is by what comes first in it, and that it stays so: through the loaded
 * program, both ways, IPv4 and IPv6. Who was charged is read from the accounts.
 */
#include "streambed.h"

static struct made connect_as(const char *username)
{
	return mqtt_connect_make(
		&(struct mqttmake){ .version = 4, .client_id = "c1", .username = username });
}

/* A new connection whose first segment is @m; returns whose that is. */
static uint32_t first_is(int v6, struct made m)
{
	struct conn c = conn_open(v6);

	return conn_say(&c, m.bytes, m.len);
}

static uint32_t user_is(int v6, const char *name)
{
	return first_is(v6, connect_as(name));
}

static uint32_t hello_is(int v6, struct tlsmake t)
{
	return first_is(v6, tls_hello_make(&t));
}

static void test_a_user_name_names_a_tenant(void **state)
{
	(void)state;
	name_is(SL_T_MQTT_USERNAME, "acme/", ACME);
	name_is(SL_T_MQTT_USERNAME, "globex", GLOBEX);
	for (int v6 = 0; v6 < 2; v6++) {
		assert_int_equal(user_is(v6, "acme/"), ACME);
		assert_int_equal(user_is(v6, "acme/d1"), ACME);
		assert_int_equal(user_is(v6, "acme/d1/x"), ACME);
		assert_int_equal(user_is(v6, "globex"), GLOBEX);
		assert_int_equal(user_is(v6, "globex/d1"), GUESTS);
		assert_int_equal(user_is(v6, "acme"), GUESTS);
		assert_int_equal(user_is(v6, "ACME/"), GUESTS);
		assert_int_equal(user_is(v6, "x/acme/"), GUESTS);
		assert_int_equal(user_is(v6, NULL), GUESTS);
	}
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_MISSED), 10);
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_UNKNOWN), 0);
	assert_int_equal(bed_note(bed, SL_N_FLOW_UNTRACKED), 0);
}

/* Whatever stands in front of it, in each version. */
static void test_every_form_of_connect(void **state)
{
	static const uint16_t properties[] = { 0, 1, 127, 128, 700 };
	char longest[SL_IDENTITY_MAX + 2];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[SL_IDENTITY_MAX] = '\0';
	name_is(SL_T_MQTT_USERNAME, "acme/", ACME);
	name_is(SL_T_MQTT_USERNAME, longest, GLOBEX);
	for (uint8_t version = 3; version <= 5; version++) {
		for (int will = 0; will < 2; will++) {
			struct mqttmake c = { .version = version,
					      .client_id = will ? "" : "some-client",
					      .will = will ? "last/will" : NULL,
					      .username = "acme/d1" };

			for (size_t i = 0; i < SL_ARRAY_SIZE(properties); i++) {
				c.properties = properties[i];
				assert_int_equal(first_is(will, mqtt_connect_make(&c)), ACME);
			}
			c.username = longest;
			assert_int_equal(first_is(will, mqtt_connect_make(&c)), GLOBEX);
		}
	}
	longest[SL_IDENTITY_MAX] = 'x';
	longest[SL_IDENTITY_MAX + 1] = '\0';
	assert_int_equal(user_is(0, longest), GUESTS);
	assert_int_equal(first_is(0, mqtt_connect_make(&(struct mqttmake){
					     .version = 6, .username = "acme/d1" })),
			 GUESTS);
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_UNKNOWN), 1);
}

static void test_a_client_id_names_a_tenant(void **state)
{
	struct mqttmake c = { .version = 5, .client_id = "acme:7" };

	(void)state;
	name_is(SL_T_MQTT_CLIENT_ID, "acme:7", ACME);
	name_is(SL_T_MQTT_CLIENT_ID, "globex/", GLOBEX);
	name_is(SL_T_MQTT_USERNAME, "initech/", INITECH);
	assert_int_equal(first_is(0, mqtt_connect_make(&c)), ACME);
	c.client_id = "globex/7";
	assert_int_equal(first_is(1, mqtt_connect_make(&c)), GLOBEX);
	c.username = "nobody"; /* the broker refuses it, if it likes */
	assert_int_equal(first_is(0, mqtt_connect_make(&c)), GLOBEX);
	c.username = "initech/d"; /* what it checks comes first */
	assert_int_equal(first_is(0, mqtt_connect_make(&c)), INITECH);
}

static void test_a_server_name_names_a_tenant(void **state)
{
	(void)state;
	name_is(SL_T_TLS_SNI, "acme.example", ACME);
	for (int v6 = 0; v6 < 2; v6++) {
		assert_int_equal(hello_is(v6, (struct tlsmake){ .name = "acme.example" }), ACME);
		assert_int_equal(hello_is(v6, (struct tlsmake){ .name = "ACME.exAmple" }), ACME);
		assert_int_equal(hello_is(v6, (struct tlsmake){ .name = "acme.example",
								.before = 1216,
								.after = 40,
								.session_id = 32 }),
				 ACME);
		assert_int_equal(hello_is(v6, (struct tlsmake){ .name = "acme.exampl" }), GUESTS);
		assert_int_equal(hello_is(v6, (struct tlsmake){ .after = 9 }), GUESTS);
		assert_int_equal(hello_is(v6, (struct tlsmake){}), GUESTS);
	}
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_MISSED), 6);
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_UNKNOWN), 0);
}

/* What is cut before the name's end says nothing, and what is put together later neither. */
static void test_a_split_identity_is_unknown(void **state)
{
	struct made m = connect_as("acme/d1");

	(void)state;
	name_is(SL_T_MQTT_USERNAME, "acme/", ACME);
	name_is(SL_T_MQTT_CLIENT_ID, "c1", GLOBEX);
	for (size_t n = 1; n < m.len; n++) {
		struct conn c = conn_open(n & 1);
		/* The password may be cut off. */
		uint32_t want = n < m.len - strlen("password") - 2 ? GUESTS : ACME;

		assert_int_equal(conn_say(&c, m.bytes, n), want);
		assert_int_equal(conn_say(&c, m.bytes + n, m.len - n), want);
	}
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_UNKNOWN), m.len - 11);
}

static void test_a_split_hello_is_unknown(void **state)
{
	struct made m = tls_hello_make(
		&(struct tlsmake){ .name = "acme.example", .before = 60, .after = 1000 });
	size_t behind = m.len - 1004;

	(void)state;
	name_is(SL_T_TLS_SNI, "acme.example", ACME);
	for (size_t n = 1; n < m.len; n += n < behind + 3 ? 1 : 100) {
		struct conn c = conn_open(0);

		assert_int_equal(conn_say(&c, m.bytes, n), n < behind ? GUESTS : ACME);
		assert_int_equal(conn_say(&c, m.bytes + n, m.len - n), n < behind ? GUESTS : ACME);
	}
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_UNKNOWN), behind - 1);
}

static void test_a_tenant_stays(void **state)
{
	struct made globex = connect_as("globex/d1"), acme = connect_as("acme/d1");
	struct conn c = conn_open(0);

	(void)state;
	name_is(SL_T_MQTT_USERNAME, "acme/", ACME);
	name_is(SL_T_MQTT_USERNAME, "globex/", GLOBEX);
	assert_int_equal(conn_say(&c, acme.bytes, acme.len), ACME);
	assert_int_equal(conn_send(&c, ACK, NULL, 0), ACME);
	/* Another CONNECT, and bytes that look like one in the middle of something. */
	assert_int_equal(conn_say(&c, globex.bytes, globex.len), ACME);
	assert_int_equal(conn_say(&c, "\x30\x05\x00\x01t..", 7), ACME);
	assert_int_equal(conn_send(&c, FIN | ACK, NULL, 0), ACME);
}

/* The server drops what has a wrong checksum, is old or ahead; here it is seen all the same. */
static void test_nobody_says_one_thing_here_and_another_there(void **state)
{
	struct made globex = connect_as("globex/d1"), acme = connect_as("acme/d1");
	uint8_t padded[200] = { 0 };
	struct conn c = conn_open(0), d;
	uint32_t first = c.seq;

	(void)state;
	name_is(SL_T_MQTT_USERNAME, "acme/", ACME);
	name_is(SL_T_MQTT_USERNAME, "globex/", GLOBEX);
	c.seq = first + 500; /* ahead: it names nobody */
	assert_int_equal(conn_say(&c, globex.bytes, globex.len), GUESTS);
	c.seq = first;
	assert_int_equal(conn_say(&c, acme.bytes, acme.len), ACME);
	c.seq = first; /* sent again */
	assert_int_equal(conn_say(&c, acme.bytes, acme.len), ACME);
	c.seq = first;
	refused(&c, globex.bytes, globex.len, SL_R_IDENTITY_CHANGED);
	c.seq = first;
	refused(&c, acme.bytes, 3, SL_R_IDENTITY_CHANGED);
	memcpy(padded + 1, globex.bytes, globex.len);
	c.seq = first - 1; /* an old byte in front, which the server cuts off */
	refused(&c, padded, globex.len + 1, SL_R_IDENTITY_CHANGED);
	refused(&c, acme.bytes, acme.len, SL_R_IDENTITY_CHANGED); /* not what the server reads */
	/* Once it has answered the first bytes are settled, and their numbers come again. */
	conn_answer(&c, PSH | ACK, first + acme.len, "\x20\x02\0\0", 4);
	c.seq = first;
	assert_int_equal(conn_say(&c, globex.bytes, globex.len), ACME);

	/* The other way about: what was nobody's stays so. */
	d = conn_open(1);
	first = d.seq;
	assert_int_equal(conn_say(&d, acme.bytes, 3), GUESTS);
	d.seq = first;
	refused(&d, acme.bytes, acme.len, SL_R_IDENTITY_CHANGED);
}

/* Data in a SYN may reach a server that takes it (RFC 7413); it was not looked into. */
static void test_data_in_a_syn_names_nobody(void **state)
{
	struct made acme = connect_as("acme/d1");
	struct conn c = conn_new(0);

	(void)state;
	name_is(SL_T_MQTT_USERNAME, "acme/", ACME);
	assert_int_equal(conn_send(&c, SYN, "\x10\x20", 2), GUESTS);
	c.seq++;
	conn_answer(&c, SYN | ACK, c.seq + 2, NULL, 0);
	refused(&c, acme.bytes, acme.len, SL_R_IDENTITY_CHANGED); /* in its place */
	c.seq += 2;
	assert_int_equal(conn_send(&c, ACK, NULL, 0), GUESTS);
	assert_int_equal(conn_say(&c, acme.bytes, acme.len), GUESTS);
	assert_int_equal(bed_note(bed, SL_N_FLOW_UNTRACKED), 0);
}

/* An MQTT version that a tenant may not use; what hides it is refused, too. */
static void test_versions(void **state)
{
	struct mqttmake m = { .username = "acme/d1" };
	struct made made;
	struct conn c;

	(void)state;
	name_is(SL_T_MQTT_USERNAME, "acme/", ACME);
	account(ACME, (struct sl_account){ .mqtt_denied = 1 << SL_MV_3_1 | 1 << SL_MV_5 |
							  1 << SL_MV_OTHER });
	for (m.version = 3; m.version <= 6; m.version++) {
		made = mqtt_connect_make(&m);
		c = conn_open(m.version & 1);
		if (m.version == 4 || m.version == 6) /* of the guests, for all we know */
			assert_int_equal(conn_say(&c, made.bytes, made.len),
					 m.version == 4 ? ACME : GUESTS);
		else
			refused(&c, made.bytes, made.len, SL_R_MQTT_NOT_ALLOWED);
		/* What its instance never hears of takes nothing of who is named. */
		assert_int_equal(is_open(ACME), m.version > 3);
	}
	account(GUESTS, (struct sl_account){ .mqtt_denied = 1 << SL_MV_5 | 1 << SL_MV_OTHER });
	made = mqtt_connect_make(&m);
	c = conn_open(0);
	refused(&c, made.bytes, made.len, SL_R_MQTT_NOT_ALLOWED);
	refused(&c, made.bytes, 4, SL_R_MQTT_NOT_ALLOWED); /* hidden */
	m = (struct mqttmake){ .version = 4 };
	made = mqtt_connect_make(&m);
	assert_int_equal(first_is(0, made), GUESTS);
}

/* A source's own is the source's, whatever its devices say. */
static void test_a_source_comes_first(void **state)
{
	struct made acme = connect_as("acme/d1");
	struct conn c;

	(void)state;
	name_is(SL_T_MQTT_USERNAME, "acme/", ACME);
	source_is(INITECH);
	c = conn_open(0);
	assert_int_equal(conn_say(&c, acme.bytes, acme.len), INITECH);
	source_is(0); /* and stays so */
	assert_int_equal(conn_say(&c, "x", 1), INITECH);
	assert_int_equal(conn_send(&c, ACK, NULL, 0), INITECH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(test_a_user_name_names_a_tenant, setup_mqtt),
		ROW(test_every_form_of_connect, setup_mqtt),
		ROW(test_a_client_id_names_a_tenant, setup_mqtt),
		ROW(test_a_server_name_names_a_tenant, setup_mqtts),
		ROW(test_a_split_identity_is_unknown, setup_mqtt),
		ROW(test_a_split_hello_is_unknown, setup_mqtts),
		ROW(test_a_tenant_stays, setup_mqtt),
		ROW(test_nobody_says_one_thing_here_and_another_there, setup_mqtt),
		ROW(test_data_in_a_syn_names_nobody, setup_mqtt),
		ROW(test_versions, setup_mqtt),
		ROW(test_a_source_comes_first, setup_source),
	};

	network_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
