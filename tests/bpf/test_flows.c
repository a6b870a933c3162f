// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The flow table: what gets into it, what does not get anything out of it, and how many
 * connections are open. Through the loaded program, both ways, IPv4 and IPv6.
 */
#include "streambed.h"

static const struct bpf_map *flows(void)
{
	return bed->skel->maps.sl_flows;
}

static const struct bpf_map *opens(void)
{
	return bed->skel->maps.sl_flow_opens;
}

static uint64_t flags_of(const struct conn *c)
{
	struct sl_flow_key key = conn_key(c);
	struct sl_flow f;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(flows()), &key, &f), 0);
	return f.who >> SL_FLOW_FLAGS_SHIFT;
}

/* Nobody is in it who does not know what the SYN-ACK said. */
static void test_only_proven_connections_are_in_it(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct conn c = conn_new(v6);

		assert_int_equal(conn_syn(&c), GUESTS);
		assert_true(conn_is_in(&c, opens()));
		assert_int_equal(conn_send(&c, ACK, NULL, 0), GUESTS); /* of no SYN-ACK */
		assert_false(conn_is_in(&c, flows()));
		conn_answer(&c, SYN | ACK, c.seq + 1, NULL, 0); /* of another SYN */
		conn_send(&c, ACK, NULL, 0);
		assert_false(conn_is_in(&c, flows()));
		conn_answer(&c, SYN | ACK, c.seq, NULL, 0);
		for (int off = -2; off <= 2; off++) {
			if (!off)
				continue;
			c.ack += off;
			conn_send(&c, ACK, NULL, 0);
			conn_send(&c, ACK, "x", 1);
			conn_send(&c, RST | ACK, NULL, 0);
			c.ack -= off;
		}
		conn_send(&c, 0, NULL, 0); /* without ACK the number means nothing */
		assert_false(conn_is_in(&c, flows()));
		assert_int_equal(is_open(GUESTS), v6);
		conn_send(&c, ACK, NULL, 0);
		assert_true(conn_is_in(&c, flows()));
		assert_false(conn_is_in(&c, opens()));
		assert_int_equal(is_open(GUESTS), v6 + 1);
		assert_int_equal(bed->states[1 + v6].flow_opens, 0);
		assert_int_equal(bed->states[1 + v6].flows, 1);
	}
	assert_int_equal(bed_note(bed, SL_N_FLOW_UNTRACKED), 2 * 15);
}

static void test_a_flood_has_the_budget_and_no_more(void **state)
{
	struct conn c = conn_open(0), late;

	(void)state;
	for (int i = 0; i < 5 * BUDGET; i++) {
		struct conn flood = conn_new(0);

		assert_int_equal(conn_syn(&flood), GUESTS);
		conn_answer(&flood, SYN | ACK, flood.seq, NULL, 0);
		flood.ack += 77;
		conn_send(&flood, ACK, NULL, 0);
		conn_send(&flood, RST, NULL, 0);
	}
	assert_int_equal(bed->states[1].flow_opens, BUDGET);
	assert_int_equal(bed_note(bed, SL_N_FLOW_FULL), 4 * BUDGET);
	assert_int_equal(conn_send(&c, ACK, "x", 1), GUESTS);
	assert_true(conn_is_in(&c, flows()));
	late = conn_open(0); /* goes on all the same */
	assert_false(conn_is_in(&late, flows()));
	assert_int_equal(conn_send(&late, ACK, "x", 1), GUESTS);
	assert_int_equal(is_open(GUESTS), 1);
	late = conn_open(1); /* the other service's budget is its own */
	assert_true(conn_is_in(&late, flows()));
}

/* What somebody forges in a device's very address and port, without seeing the answers. */
static void test_forged_segments_break_nothing(void **state)
{
	static const uint8_t flags[] = { SYN, RST, FIN | ACK, RST | ACK, SYN | FIN, SYN | ACK, 0 };

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct conn c = conn_open(v6);
		struct sl_flow_key key = conn_key(&c);
		struct sl_flow before, after;

		bpf_map_lookup_elem(bpf_map__fd(flows()), &key, &before);
		for (size_t i = 0; i < SL_ARRAY_SIZE(flags); i++) {
			struct conn forged = c;

			forged.seq = 0x12345678 + i;
			forged.ack = 0x777;
			conn_send(&forged, flags[i], NULL, 0);
			assert_int_equal(is_open(GUESTS), 1 + v6);
		}
		assert_int_equal(conn_send(&c, ACK, "x", 1), GUESTS);
		bpf_map_lookup_elem(bpf_map__fd(flows()), &key, &after);
		after.who &= ~SL_FLOW_FLAG(SL_FLOW_AGAIN);
		assert_int_equal(after.who, before.who);
		assert_int_equal(after.first, before.first);
	}
}

static void test_both_sides_end_it(void **state)
{
	(void)state;
	for (int device_first = 0; device_first < 2; device_first++) {
		struct conn c = conn_open(device_first);

		assert_int_equal(is_open(GUESTS), 1);
		if (device_first)
			conn_send(&c, FIN | ACK, NULL, 0);
		else
			conn_answer(&c, FIN | ACK, c.seq, NULL, 0);
		assert_int_equal(is_open(GUESTS), 1);
		if (device_first)
			conn_answer(&c, FIN | ACK, c.seq + 1, NULL, 0);
		else
			conn_send(&c, FIN | ACK, NULL, 0);
		assert_int_equal(is_open(GUESTS), 0);
		assert_int_equal(conn_send(&c, ACK, "x", 1), GUESTS);
		conn_send(&c, FIN | ACK, NULL, 0);
		conn_answer(&c, FIN | ACK, c.seq, NULL, 0);
		assert_int_equal(is_open(GUESTS), 0);
		assert_true(flags_of(&c) & SL_FLOW_OVER);
	}
	assert_int_equal(bed_note(bed, SL_N_FLOW_UNTRACKED), 0);
}

static void test_an_instance_ends_it_alone(void **state)
{
	struct conn c = conn_open(0), d = conn_new(0);

	(void)state;
	conn_answer(&c, RST | ACK, c.seq, NULL, 0);
	assert_int_equal(is_open(GUESTS), 0);
	assert_true(flags_of(&c) & SL_FLOW_OVER);
	conn_syn(&d); /* and does not begin what it refuses */
	assert_int_equal(bed->states[1].flow_opens, 1);
	conn_answer(&d, RST | ACK, d.seq, NULL, 0);
	assert_int_equal(bed->states[1].flow_opens, 0);
	assert_false(conn_is_in(&d, opens()));
}

/* The ACK was lost, or the device has changed its mind: what proves it ends it as well. */
static void test_what_begins_with_its_end(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct conn reset = conn_new(v6), fin = conn_new(v6);

		conn_syn(&reset);
		conn_answer(&reset, SYN | ACK, reset.seq, NULL, 0);
		conn_send(&reset, RST | ACK, NULL, 0);
		assert_false(conn_is_in(&reset, flows()));
		assert_int_equal(is_open(GUESTS), 0);
		conn_syn(&fin);
		conn_answer(&fin, SYN | ACK, fin.seq, NULL, 0);
		conn_send(&fin, FIN | ACK, "x", 1);
		assert_int_equal(is_open(GUESTS), 1);
		conn_answer(&fin, FIN | ACK, fin.seq + 2, NULL, 0);
		assert_int_equal(is_open(GUESTS), 0);
	}
}

/* A RST of the device's own, where the instance expects it; and what comes of a lucky guess. */
static void test_a_device_resets_it(void **state)
{
	struct conn c = conn_open(0), d = conn_open(1), more;

	(void)state;
	account(GUESTS, (struct sl_account){ .open_max = 2 });
	conn_say(&c, "hello", 5);
	conn_answer(&c, PSH | ACK, c.seq, "hello", 5);
	assert_int_equal(is_open(GUESTS), 2);
	conn_send(&c, RST, NULL, 0);
	conn_send(&c, RST | ACK, NULL, 0);
	assert_int_equal(is_open(GUESTS), 1);
	assert_int_equal(conn_send(&c, ACK, NULL, 0), GUESTS);
	assert_int_equal(is_open(GUESTS), 1);
	assert_int_equal(conn_say(&c, "x", 1), GUESTS); /* it goes on */
	assert_int_equal(is_open(GUESTS), 2);
	assert_false(flags_of(&c) & (SL_FLOW_OVER | SL_FLOW_DEVICE_RST));
	conn_send(&d, RST, NULL, 0);
	more = conn_open(0); /* no way around the quota */
	assert_int_equal(is_open(GUESTS), 2);
	refused(&d, "x", 1, SL_R_OPEN_CONNECTIONS);
	assert_int_equal(conn_say(&more, "x", 1), GUESTS);
	assert_int_equal(is_open(GUESTS), 2);
}

static void flow_flag(const struct conn *c, uint32_t flags)
{
	struct sl_flow_key key = conn_key(c);
	struct sl_flow f;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(flows()), &key, &f), 0);
	f.who |= SL_FLOW_FLAG(flags);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(flows()), &key, &f, BPF_EXIST), 0);
}

/* As the daemon does. */
static void open_end(uint32_t tenant)
{
	uint32_t id[] = { tenant, tenant * 2 + 1 };
	const struct bpf_map *maps[] = { bed->skel->maps.sl_open_tenants, bed->skel->maps.sl_open };

	for (int i = 0; i < 2; i++) {
		struct sl_open_count n;

		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(maps[i]), &id[i], &n), 0);
		n.ended++;
		bed_update(maps[i], &id[i], &n);
	}
}

static uint32_t ends_of(const struct conn *c)
{
	return flags_of(c) &
	       (SL_FLOW_OVER | SL_FLOW_DEVICE_FIN | SL_FLOW_DEVICE_RST | SL_FLOW_LAPSED);
}

/* Nothing but the very next number, of what was sent in order or was acknowledged. */
static void test_which_reset_fits(void **state)
{
	(void)state;
	for (int at = -1; at <= 1; at++) {
		struct conn c = conn_open(0), d = conn_open(1);
		uint32_t fin = at ? SL_FLOW_DEVICE_FIN : SL_FLOW_OVER | SL_FLOW_DEVICE_RST;

		conn_say(&c, "not answered", 12);
		conn_say(&c, "nor this", 8);
		c.seq += at;
		conn_send(&c, RST | ACK, NULL, 0);
		assert_int_equal(ends_of(&c), fin);
		d.seq += 5000; /* out of order: what the answer says counts */
		conn_answer(&d, PSH | ACK, d.seq, "x", 1);
		d.seq += at;
		conn_send(&d, RST, NULL, 0);
		assert_int_equal(ends_of(&d), fin);
		assert_int_equal(is_open(GUESTS), 2 + 2 * (at > 0));
	}
}

/* What the daemon has ceased to count is its tenant's all the same, and counts again. */
static void test_what_lapsed_goes_on(void **state)
{
	struct made acme =
		mqtt_connect_make(&(struct mqttmake){ .version = 4, .username = "acme/d1" });
	struct conn c = conn_open(0);

	(void)state;
	name_is(SL_T_MQTT_USERNAME, "acme/", ACME);
	assert_int_equal(conn_say(&c, acme.bytes, acme.len), ACME);
	conn_answer(&c, PSH | ACK, c.seq, "\x20\x02\0\0", 4);
	for (int fits = 0; fits < 2; fits++) {
		open_end(ACME);
		flow_flag(&c, SL_FLOW_DEVICE_FIN | SL_FLOW_OVER | SL_FLOW_LAPSED);
		assert_int_equal(is_open(ACME), 0);
		assert_int_equal(conn_send(&c, ACK, NULL, 0), ACME);
		assert_int_equal(is_open(ACME), 0);
		c.seq += !fits;
		assert_int_equal(conn_send(&c, PSH | ACK, "\xc0\0", 2), ACME);
		c.seq -= !fits;
		assert_int_equal(is_open(ACME), 1);
		assert_int_equal(ends_of(&c), fits ? 0 : SL_FLOW_DEVICE_FIN); /* forged, perhaps */
	}
	assert_int_equal(bed_note(bed, SL_N_FLOW_UNTRACKED), 0);
}

/* The same port again: the new connection takes the old one's place once it is proven. */
static void test_a_port_is_used_again(void **state)
{
	struct conn c = conn_open(0), again = c;

	(void)state;
	again.seq = 99000;
	again.server_seq = 123;
	conn_syn(&again);
	assert_int_equal(conn_send(&c, ACK, "x", 1), GUESTS);
	assert_int_equal(is_open(GUESTS), 1);
	conn_answer(&again, SYN | ACK, again.seq, NULL, 0);
	assert_int_equal(conn_send(&again, ACK, NULL, 0), GUESTS);
	assert_int_equal(is_open(GUESTS), 1);
	assert_int_equal(bed->states[1].flows, 1);
	assert_false(flags_of(&again) & SL_FLOW_AGAIN);
	conn_answer(&again, RST | ACK, again.seq, NULL, 0);
	assert_int_equal(is_open(GUESTS), 0);
}

/* -- a quota on them -- */

static void conn_close(struct conn *c)
{
	conn_send(c, FIN | ACK, NULL, 0);
	conn_answer(c, FIN | ACK, c->seq + 1, NULL, 0);
}

static void test_a_quota_of_open_connections(void **state)
{
	struct conn c[3], more;

	(void)state;
	account(GUESTS, (struct sl_account){ .open_max = 3 });
	for (int i = 0; i < 3; i++)
		c[i] = conn_open(i & 1); /* of both services together */
	for (int i = 0; i < 2; i++) {
		more = conn_new(i);
		assert_int_equal(conn_syn(&more), 0);
		assert_int_equal(bed_reason(bed, SL_R_OPEN_CONNECTIONS), 1 + i);
		assert_false(conn_is_in(&more, opens()));
	}
	assert_int_equal(conn_send(&c[2], ACK, "x", 1), GUESTS);
	conn_close(&c[0]);
	more = conn_open(1);
	assert_int_equal(is_open(GUESTS), 3);
	assert_int_equal(conn_send(&more, ACK, "x", 1), GUESTS);
	/* A smaller quota ends none. */
	account(GUESTS, (struct sl_account){ .open_max = 1 });
	assert_int_equal(conn_send(&more, ACK, "x", 1), GUESTS);
}

/* Many SYNs at once pass, as none is a connection yet; what they become is held to the quota. */
static void test_a_quota_holds_for_many_at_once(void **state)
{
	struct conn c[5];

	(void)state;
	account(GUESTS, (struct sl_account){ .open_max = 2 });
	for (int i = 0; i < 5; i++) {
		c[i] = conn_new(0);
		assert_int_equal(conn_syn(&c[i]), GUESTS);
		conn_answer(&c[i], SYN | ACK, c[i].seq, NULL, 0);
	}
	for (int i = 0; i < 5; i++)
		assert_int_equal(conn_send(&c[i], ACK, NULL, 0), i < 2 ? GUESTS : 0);
	assert_int_equal(is_open(GUESTS), 2);
	assert_int_equal(bed_reason(bed, SL_R_OPEN_CONNECTIONS), 3);
	conn_close(&c[0]); /* there is room: what the device repeats goes through */
	assert_int_equal(conn_send(&c[4], ACK, "x", 1), GUESTS);
	assert_int_equal(is_open(GUESTS), 2);
}

static void test_mark_only_counts_them(void **state)
{
	(void)state;
	account(GUESTS, (struct sl_account){ .open_max = 1, .excess = SL_X_MARK });
	for (int i = 0; i < 4; i++)
		conn_open(0);
	assert_int_equal(is_open(GUESTS), 4);
	assert_int_equal(bed_note(bed, SL_N_MARKED), 3);
	assert_int_equal(bed_reason(bed, SL_R_OPEN_CONNECTIONS), 0);
}

/* Who is named is charged from then on, and its quota holds as well. */
static void test_a_named_tenants_quota(void **state)
{
	struct made acme =
		mqtt_connect_make(&(struct mqttmake){ .version = 4, .username = "acme/d1" });
	struct conn c[3];

	(void)state;
	name_is(SL_T_MQTT_USERNAME, "acme/", ACME);
	account(ACME, (struct sl_account){ .open_max = 2 });
	for (int i = 0; i < 3; i++) {
		c[i] = conn_open(i & 1);
		assert_int_equal(is_open(GUESTS), 1);
		assert_int_equal(is_open(ACME), i);
		if (i == 2)
			refused(&c[i], acme.bytes, acme.len, SL_R_OPEN_CONNECTIONS);
		else
			assert_int_equal(conn_say(&c[i], acme.bytes, acme.len), ACME);
	}
	assert_int_equal(is_open(GUESTS), 1);
	assert_int_equal(is_open(ACME), 2);
	conn_close(&c[0]);
	assert_int_equal(is_open(ACME), 1);
	assert_int_equal(conn_say(&c[2], acme.bytes, acme.len), ACME); /* it repeats it */
	assert_int_equal(is_open(ACME), 2);
	assert_int_equal(is_open(GUESTS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(test_only_proven_connections_are_in_it, setup_tcp),
		ROW(test_a_flood_has_the_budget_and_no_more, setup_tcp),
		ROW(test_forged_segments_break_nothing, setup_tcp),
		ROW(test_both_sides_end_it, setup_tcp),
		ROW(test_an_instance_ends_it_alone, setup_tcp),
		ROW(test_what_begins_with_its_end, setup_tcp),
		ROW(test_a_device_resets_it, setup_tcp),
		ROW(test_which_reset_fits, setup_tcp),
		ROW(test_what_lapsed_goes_on, setup_mqtt),
		ROW(test_a_port_is_used_again, setup_tcp),
		ROW(test_a_quota_of_open_connections, setup_tcp),
		ROW(test_a_quota_holds_for_many_at_once, setup_tcp),
		ROW(test_mark_only_counts_them, setup_tcp),
		ROW(test_a_named_tenants_quota, setup_mqtt),
	};

	network_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
