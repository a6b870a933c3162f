// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A flood of forged segments, from random sources and in the names of established connections: it
 * ends none, moves none to another tenant, and none is counted that is not there. Its numbers are
 * random, but the same each time.
 */
#include "streambed.h"

#define CONNS  100
#define FLOOD  1000000
#define TURN   10000	   /* segments of it between what the devices say */
#define OTHERS 0xc6120000u /* 198.18.0.0/15 */

static uint64_t rng = 1;

/* xorshift64* */
static uint32_t rnd(void)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return rng * 0x2545f4914f6cdd1dull >> 32;
}

static struct conn conns[CONNS];

static uint32_t whose(size_t i)
{
	return ACME + i % 2;
}

/* Those that the server has not answered may still say who they are. */
static void conns_open(void)
{
	name_is(SL_T_MQTT_USERNAME, "acme/", ACME);
	name_is(SL_T_MQTT_USERNAME, "globex/", GLOBEX);
	for (size_t i = 0; i < CONNS; i++) {
		struct made m = mqtt_connect_make(&(struct mqttmake){
			.version = 4, .username = i % 2 ? "globex/d1" : "acme/d1" });
		struct conn *c = &conns[i];

		*c = conn_open(i / 2 % 2);
		assert_int_equal(conn_say(c, m.bytes, m.len), whose(i));
		if (i % 3)
			conn_answer(c, PSH | ACK, c->seq, "\x20\x02\0\0", 4);
	}
}

static void all_are_open(void)
{
	assert_int_equal(is_open(ACME), CONNS / 2);
	assert_int_equal(is_open(GLOBEX), CONNS / 2);
	assert_int_equal(is_open(GUESTS), 0);
	assert_int_equal(bed->states[1].flows + bed->states[2].flows, CONNS);
	assert_true(bed->states[1].flow_opens <= BUDGET && bed->states[2].flow_opens <= BUDGET);
}

/* A segment of each sort, with a CONNECT of somebody else's or without: half of them in the name
 * of a connection, and of these half but for a little where it is.
 */
static void forge(struct frame templates[2][2])
{
	static const uint8_t flags[] = { SYN,	    ACK,       RST,	  RST | ACK,
					 FIN | ACK, PSH | ACK, SYN | ACK, 0 };
	uint32_t r = rnd(), addr = htonl(OTHERS | (rnd() & 0x1ffff));
	const struct conn *of = &conns[r % CONNS];
	struct frame *f = &templates[of->v6][r >> 8 & 1], forged = *f;

	frame_put16(&forged, f->l4, of->port);
	if (r >> 9 & 1) {
		memcpy(forged.bytes + f->l3 + (of->v6 ? 20 : 12), &addr, sizeof(addr));
		frame_put16(&forged, f->l4, rnd());
	}
	for (size_t at = 4; at < 12; at += 2)
		frame_put16(&forged, f->l4 + at, rnd());
	if (r >> 13 & 1) {
		frame_put16(&forged, f->l4 + 4, (of->seq + 1 + (r >> 16)) >> 16);
		frame_put16(&forged, f->l4 + 6, of->seq + 1 + (r >> 16));
	}
	forged.bytes[f->l4 + 13] = flags[r >> 10 & 7];
	bed_run(bed, &forged, NULL);
}

/* As the daemon does in time. */
static void opens_forget(void)
{
	int fd = bpf_map__fd(bed->skel->maps.sl_flow_opens);
	struct sl_flow_key key;

	while (!bpf_map_get_next_key(fd, NULL, &key)) {
		assert_int_equal(bpf_map_delete_elem(fd, &key), 0);
		bed->states[key.service].flow_opens--;
	}
	assert_int_equal(bed->states[1].flow_opens + bed->states[2].flow_opens, 0);
}

/* A SYN in a connection's name that the server answers: nobody has seen its number. */
static void answer_one(void)
{
	struct conn c = conns[rnd() % CONNS];

	opens_forget();
	c.seq = rnd();
	conn_syn(&c);
	c.server_seq = rnd();
	conn_answer(&c, SYN | ACK, c.seq, NULL, 0);
}

static void test_a_flood_breaks_nothing(void **state)
{
	struct made m = mqtt_connect_make(&(struct mqttmake){ .version = 4, .username = "x" });
	struct frame templates[2][2];
	uint64_t reasons;

	(void)state;
	conns_open();
	all_are_open();
	for (int v6 = 0; v6 < 2; v6++) {
		struct conn c = { .v6 = v6 };

		templates[v6][0] = conn_frame(&c, ACK, NULL, 0);
		templates[v6][1] = conn_frame(&c, ACK, m.bytes, m.len);
	}
	for (int turn = 0; turn < FLOOD / TURN; turn++) {
		size_t i = turn % CONNS;

		answer_one();
		reasons = bed_all_reasons(bed);
		for (int n = 0; n < TURN; n++)
			forge(templates);
		assert_int_equal(bed_all_reasons(bed), reasons + TURN);
		all_are_open();
		assert_int_equal(conn_say(&conns[i], "\xc0\0", 2), whose(i));
	}
	assert_int_equal(bed_reason(bed, SL_R_INTERNAL), 0);
	/* Each ends once, and by itself. */
	for (size_t i = 0; i < CONNS; i++) {
		struct conn *c = &conns[i];

		assert_int_equal(conn_send(c, ACK, NULL, 0), whose(i));
		assert_int_equal(conn_say(c, "\xc0\0", 2), whose(i));
		assert_int_equal(is_open(whose(i)), CONNS / 2 - i / 2);
		if (i % 4 < 2)
			conn_send(c, RST, NULL, 0);
		else
			conn_answer(c, RST | ACK, c->seq, NULL, 0);
		assert_int_equal(is_open(whose(i)), CONNS / 2 - i / 2 - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(test_a_flood_breaks_nothing, setup_mqtt),
	};

	network_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
