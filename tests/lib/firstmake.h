/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* First messages of connections, made field by field: MQTT's CONNECT, TLS's ClientHello. */
#ifndef TEST_FIRSTMAKE_H
#define TEST_FIRSTMAKE_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

struct made {
	uint8_t bytes[1900];
	size_t len;
};

static inline void made_put(struct made *m, const void *bytes, size_t len)
{
	assert(m->len + len <= sizeof(m->bytes));
	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
}

/* @n bytes of a number. */
static inline void made_num(struct made *m, uint32_t value, int n)
{
	while (n--)
		made_put(m, &(uint8_t){ value >> 8 * n }, 1);
}

static inline void made_text(struct made *m, const char *text)
{
	made_num(m, strlen(text), 2);
	made_put(m, text, strlen(text));
}

/* -- MQTT -- */

struct mqttmake {
	uint8_t version;			 /* 3, 4 or 5; others: as a level of "MQTT" */
	const char *client_id, *username, *will; /* NULL: none; of client_id: "" */
	uint16_t properties;			 /* bytes of CONNECT's, 5.0 only */
};

static inline void made_length(struct made *m, uint32_t n)
{
	do {
		made_num(m, (n & 0x7f) | (n > 0x7f ? 0x80 : 0), 1);
		n >>= 7;
	} while (n);
}

static inline void made_properties(struct made *m, uint16_t n)
{
	static const uint8_t user_property = 38;

	made_length(m, n);
	for (uint16_t i = 0; i < n; i++)
		made_put(m, &user_property, 1); /* nobody looks into them */
}

static inline struct made mqtt_connect_make(const struct mqttmake *c)
{
	struct made body = {}, m = {};

	made_text(&body, c->version == 3 ? "MQIsdp" : "MQTT");
	made_num(&body, c->version, 1);
	made_num(&body, 2 | (c->will ? 4 : 0) | (c->username ? 0xc0 : 0), 1);
	made_num(&body, 60, 2);
	if (c->version == 5)
		made_properties(&body, c->properties);
	made_text(&body, c->client_id ? c->client_id : "");
	if (c->will && c->version == 5)
		made_properties(&body, 3);
	if (c->will) {
		made_text(&body, c->will);
		made_text(&body, "gone");
	}
	if (c->username) {
		made_text(&body, c->username);
		made_text(&body, "password");
	}
	made_num(&m, 0x10, 1);
	made_length(&m, body.len);
	made_put(&m, body.bytes, body.len);
	return m;
}

/* -- TLS -- */

struct tlsmake {
	const char *name;   /* NULL: no server_name */
	uint16_t before;    /* bytes of another extension in front of it */
	uint16_t after;	    /* and behind it */
	uint8_t session_id; /* its length */
};

static inline void made_filler(struct made *m, uint16_t type, uint16_t len)
{
	if (!len)
		return;
	made_num(m, type, 2);
	made_num(m, len, 2);
	for (uint16_t i = 0; i < len; i++)
		made_num(m, i, 1);
}

static inline struct made tls_hello_make(const struct tlsmake *t)
{
	struct made ext = {}, body = {}, m = {};

	made_filler(&ext, 51, t->before); /* key_share */
	if (t->name) {
		made_num(&ext, 0, 2);
		made_num(&ext, strlen(t->name) + 5, 2);
		made_num(&ext, strlen(t->name) + 3, 2);
		made_num(&ext, 0, 1);
		made_text(&ext, t->name);
	}
	made_filler(&ext, 21, t->after); /* padding */

	made_num(&body, 0x0303, 2);
	for (int i = 0; i < 32; i++)
		made_num(&body, 0xa0 + i, 1);
	made_num(&body, t->session_id, 1);
	for (int i = 0; i < t->session_id; i++)
		made_num(&body, i, 1);
	made_num(&body, 4, 2);
	made_num(&body, 0x13011302, 4);
	made_num(&body, 0x0100, 2);
	if (ext.len) {
		made_num(&body, ext.len, 2);
		made_put(&body, ext.bytes, ext.len);
	}
	made_num(&m, 0x160301, 3);
	made_num(&m, body.len + 4, 2);
	made_num(&m, 1, 1);
	made_num(&m, body.len, 3);
	made_put(&m, body.bytes, body.len);
	return m;
}

#endif /* TEST_FIRSTMAKE_H */
