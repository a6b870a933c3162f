/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One CoAP device of coapdevices: what it sends next, and what it makes of an answer. It
 * has one CON request open at a time (NSTART of RFC 7252 section 4.7); libcoap
 * retransmits it, acknowledges notifications and drops duplicates.
 */
#ifndef SL_TEST_COAPDEVICE_H
#define SL_TEST_COAPDEVICE_H

#include "coapstack.h"

enum kind {
	DEV_OBSERVER,
	DEV_GETTER,
	DEV_PUTTER,
	DEV_POSTER,
	DEV_KINDS
};

/* clang-format off */
#define FIGURES(X) \
	X(requests) X(failed) X(resets) X(errors) X(moved) X(stray) \
	X(registered) X(notifications) X(gaps) X(repeated) X(silent) X(deregistered) X(after_end) \
	X(transfers) X(transfers_done) X(transfers_failed) X(blocks) \
	X(posts) X(posts_answered) X(posts_moved)
/* clang-format on */

struct figures {
#define FIGURE_MEMBER(name) uint64_t name;
	FIGURES(FIGURE_MEMBER)
};

struct token {
	uint32_t index, serial;
};

struct device {
	coap_session_t *session;
	enum kind kind;
	uint32_t index, serial;
	bool waiting;	   /* a request is open, with the token below */
	bool observing;	   /* registered, with the token of the observation */
	bool over;	   /* deregistered */
	bool transferring; /* a body is under way */
	struct token token, observation;
	uint64_t next_ns, last_ns, answers;
	char name[NAME_LEN]; /* of the server that answered last */
	uint64_t registration, seq;
	size_t offset; /* bytes of the body so far */
};

struct devices {
	struct tool_addr to;
	struct tool_sources from;
	uint64_t count[DEV_KINDS], n, begin_rate, interval_ns, pause_ns, timeout_ns, quiet_ns,
		duration_ns;
	unsigned int szx;
	size_t upload_size;
	uint8_t *upload;
	struct device *device;
	uint32_t nonce;
	bool ending;
	struct figures figures;
	uint64_t complaints;
	unsigned int farewells; /* that may be sent in this tick */
};

/* -- requests -- */

static inline void option_add(coap_pdu_t *pdu, uint16_t number, unsigned int value)
{
	uint8_t buf[4];

	coap_add_option(pdu, number, coap_encode_var_safe(buf, sizeof(buf), value), buf);
}

static inline coap_pdu_t *request_new(struct device *d, coap_request_t method, const char *path,
				      struct token token, int observe)
{
	coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_CON, (coap_pdu_code_t)method, d->session);

	if (!pdu)
		tool_die("out of memory");
	d->token = token;
	coap_add_token(pdu, sizeof(token), (const uint8_t *)&token);
	if (observe >= 0)
		option_add(pdu, COAP_OPTION_OBSERVE, observe);
	coap_add_option(pdu, COAP_OPTION_URI_PATH, strlen(path), (const uint8_t *)path);
	return pdu;
}

static inline struct token token_new(struct device *d)
{
	return (struct token){ d->index, ++d->serial };
}

static inline void request_send(struct devices *all, struct device *d, coap_pdu_t *pdu)
{
	d->waiting = true;
	all->figures.requests++;
	if (coap_send(d->session, pdu) == COAP_INVALID_MID) {
		d->waiting = false;
		all->figures.failed++;
	}
}

static inline size_t block_size(const struct devices *all)
{
	return (size_t)16 << all->szx;
}

static inline void send_register(struct devices *all, struct device *d)
{
	d->observation = token_new(d);
	request_send(all, d,
		     request_new(d, COAP_REQUEST_GET, STACK_STATE, d->observation,
				 COAP_OBSERVE_ESTABLISH));
}

static inline void send_deregister(struct devices *all, struct device *d)
{
	request_send(
		all, d,
		request_new(d, COAP_REQUEST_GET, STACK_STATE, d->observation, COAP_OBSERVE_CANCEL));
}

static inline void send_get_block(struct devices *all, struct device *d)
{
	coap_pdu_t *pdu = request_new(d, COAP_REQUEST_GET, STACK_BIG, token_new(d), -1);

	option_add(pdu, COAP_OPTION_BLOCK2, d->offset / block_size(all) << 4 | all->szx);
	request_send(all, d, pdu);
}

static inline void send_put_block(struct devices *all, struct device *d)
{
	coap_pdu_t *pdu = request_new(d, COAP_REQUEST_PUT, STACK_UPLOAD, token_new(d), -1);
	size_t left = all->upload_size - d->offset, size = block_size(all);
	bool more = left > size;

	option_add(pdu, COAP_OPTION_BLOCK1, d->offset / size << 4 | more << 3 | all->szx);
	option_add(pdu, COAP_OPTION_SIZE1, all->upload_size);
	coap_add_data(pdu, more ? size : left, all->upload + d->offset);
	request_send(all, d, pdu);
}

static inline void post_word(const struct devices *all, const struct device *d, char ret[64])
{
	snprintf(ret, 64, "%08" PRIx32 "-%" PRIu32 "-%" PRIu32, all->nonce, d->index, d->serial);
}

static inline void send_post(struct devices *all, struct device *d)
{
	coap_pdu_t *pdu = request_new(d, COAP_REQUEST_POST, STACK_COUNT, token_new(d), -1);
	char word[64];

	post_word(all, d, word);
	coap_add_data(pdu, strlen(word), (const uint8_t *)word);
	all->figures.posts++;
	request_send(all, d, pdu);
}

/* -- answers -- */

static inline void complain(struct devices *all, const struct device *d, const char *what,
			    const char *text)
{
	if (all->complaints++ < 10)
		fprintf(stderr, "coapdevices: device %" PRIu32 " (%s): %s %s\n", d->index, d->name,
			what, text);
}

static inline void transfer_end(struct devices *all, struct device *d, bool whole, uint64_t now)
{
	*(whole ? &all->figures.transfers_done : &all->figures.transfers_failed) += 1;
	d->transferring = false;
	d->next_ns = now + all->interval_ns;
}

static inline void set_name(struct device *d, const char *name)
{
	snprintf(d->name, sizeof(d->name), "%s", name);
}

static inline void take_state(struct devices *all, struct device *d, const coap_pdu_t *pdu,
			      uint64_t now)
{
	struct figures *f = &all->figures;
	struct body b = body_of(pdu);
	coap_opt_iterator_t it;
	char name[NAME_LEN] = "";
	uint64_t registration = 0, seq = 0;

	sscanf(b.text, "%64s %" SCNu64 " %" SCNu64, name, &registration, &seq);
	if (!coap_check_option(pdu, COAP_OPTION_OBSERVE, &it)) { /* the end, or refused */
		*(all->ending ? &f->deregistered : &f->errors) += 1;
		d->waiting = d->observing = false;
		d->over = true;
		return;
	}
	d->last_ns = now;
	if (d->over) {
		f->after_end++;
		return;
	}
	if (!d->observing) {
		f->registered++;
		d->observing = true;
		d->waiting = false;
	} else if (strcmp(name, d->name) || registration != d->registration) {
		f->moved++;
		complain(all, d, "observation moved to", b.text);
	} else if (seq <= d->seq) {
		f->repeated++;
		return;
	} else {
		f->notifications++;
		f->gaps += seq - d->seq - 1;
	}
	set_name(d, name);
	d->registration = registration;
	d->seq = seq;
}

static inline void take_get_block(struct devices *all, struct device *d, const coap_pdu_t *pdu,
				  uint64_t now)
{
	struct body b = body_of(pdu);
	uint8_t want[1024];
	coap_block_t block = { 0 };
	char name[NAME_LEN] = "";
	bool has = coap_get_block(pdu, COAP_OPTION_BLOCK2, &block), good;

	sscanf(b.text, "%*u %20s", name);
	if (!d->offset) {
		set_name(d, name);
	} else if (strcmp(name, d->name)) {
		all->figures.moved++;
		complain(all, d, "body continued by", name);
	}
	good = b.len && b.len <= block_size(all) && block.num == d->offset / block_size(all) &&
	       (has || !d->offset);
	if (good) {
		stack_body(d->name, d->offset, b.len, want);
		good = !memcmp(want, b.data, b.len);
	}
	all->figures.blocks++;
	d->offset += b.len;
	d->next_ns = now + all->pause_ns;
	if (!good)
		complain(all, d, "not the block it asked for:", b.text);
	if (!good || !block.m)
		transfer_end(all, d, good, now);
}

static inline void take_put_block(struct devices *all, struct device *d, const coap_pdu_t *pdu,
				  uint64_t now)
{
	struct body b = body_of(pdu);
	size_t next = d->offset + block_size(all);
	char name[NAME_LEN] = "";
	uint64_t hash = 0;
	bool good;

	all->figures.blocks++;
	d->next_ns = now + all->pause_ns;
	if (next < all->upload_size && coap_pdu_get_code(pdu) == COAP_RESPONSE_CODE_CONTINUE) {
		d->offset = next;
		return;
	}
	good = next >= all->upload_size && sscanf(b.text, "%64s %" SCNx64, name, &hash) == 2 &&
	       hash == stack_hash(all->upload, all->upload_size);
	if (good)
		set_name(d, name);
	else
		complain(all, d, "upload:", b.text);
	transfer_end(all, d, good, now);
}

static inline void take_post(struct devices *all, struct device *d, const coap_pdu_t *pdu,
			     uint64_t now)
{
	struct body b = body_of(pdu);
	char name[NAME_LEN] = "", got[64] = "", word[64];

	post_word(all, d, word);
	sscanf(b.text, "%64s %63s", name, got);
	*(strcmp(got, word) ? &all->figures.errors : &all->figures.posts_answered) += 1;
	all->figures.posts_moved += d->name[0] && strcmp(d->name, name);
	set_name(d, name);
	d->next_ns = now + all->interval_ns;
}

/* -- what coapdevices calls -- */

/* The open request got no answer in all of libcoap's retransmissions, or a reset. */
static inline void device_failed(struct devices *all, struct device *d, bool reset, uint64_t now)
{
	if (!d->waiting)
		return;
	*(reset ? &all->figures.resets : &all->figures.failed) += 1;
	complain(all, d, reset ? "reset" : "no answer", "");
	d->waiting = d->observing = false;
	if (d->transferring)
		transfer_end(all, d, false, now);
	d->next_ns = now + all->interval_ns;
}

/* A response of libcoap's: to the open request, or a notification. */
static inline void device_response(struct devices *all, struct device *d, const coap_pdu_t *pdu,
				   uint64_t now)
{
	static void (*const take[])(struct devices *, struct device *, const coap_pdu_t *,
				    uint64_t) = { take_state, take_get_block, take_put_block,
						  take_post };
	coap_bin_const_t token = coap_pdu_get_token(pdu);

	if (token.length != sizeof(d->token) || memcmp(token.s, &d->token, sizeof(d->token)) ||
	    (d->kind != DEV_OBSERVER && !d->waiting)) {
		all->figures.stray++;
		return;
	}
	d->answers++;
	if (d->kind != DEV_OBSERVER)
		d->waiting = false;
	if (COAP_RESPONSE_CLASS(coap_pdu_get_code(pdu)) != 2) {
		all->figures.errors++;
		complain(all, d, "refused:", body_of(pdu).text);
		d->waiting = d->observing = false;
		if (d->transferring)
			transfer_end(all, d, false, now);
		d->next_ns = now + all->interval_ns;
		return;
	}
	take[d->kind](all, d, pdu, now);
}

static inline void observer_time(struct devices *all, struct device *d, uint64_t now)
{
	if (all->ending) {
		/* Not all at once: that is more than a socket takes. */
		if (d->observing && all->farewells) {
			all->farewells--;
			send_deregister(all, d);
		}
	} else if (d->observing && now - d->last_ns > all->timeout_ns) {
		all->figures.silent++;
		complain(all, d, "hears nothing more", "");
		d->observing = false;
		send_register(all, d);
	} else if (!d->observing && !d->over && now >= d->next_ns) {
		send_register(all, d);
	}
}

/* Whatever is due. */
static inline void device_time(struct devices *all, struct device *d, uint64_t now)
{
	if (d->waiting)
		return;
	if (d->kind == DEV_OBSERVER) {
		observer_time(all, d, now);
		return;
	}
	if (now < d->next_ns || (all->ending && !d->transferring))
		return;
	if (d->kind == DEV_POSTER) {
		send_post(all, d);
		return;
	}
	if (!d->transferring) {
		d->transferring = true;
		d->offset = 0;
		all->figures.transfers++;
	}
	if (d->kind == DEV_GETTER)
		send_get_block(all, d);
	else
		send_put_block(all, d);
}

/* Nothing is open, under way or to be taken back. */
static inline bool devices_are_done(const struct devices *all)
{
	for (uint64_t i = 0; i < all->n; i++) {
		const struct device *d = &all->device[i];

		if (d->waiting || d->transferring || d->observing)
			return false;
	}
	return true;
}

#endif /* SL_TEST_COAPDEVICE_H */
