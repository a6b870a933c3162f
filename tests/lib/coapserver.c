// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A CoAP server with libcoap whose answers say which server gave them: observations with
 * CON notifications (RFC 7641), block-wise bodies both ways (RFC 7959), and requests
 * whose execution is written down once each. Servers share no state, so an exchange
 * that another one continues is seen by the device.
 */
#include "coapstack.h"

#define OBSERVATIONS_MAX 4 /* of one device */

static const char help[] =
	"coapserver --listen ADDR[:PORT] --name NAME [options]\n"
	"  --listen ADDR:PORT  (port 5683)\n"
	"  --name NAME         in each answer\n"
	"  --every S           between two notifications (default 1)\n"
	"  --size N            bytes of /big (default 32k)\n"
	"  --log FILE          each word that POST /count executed, one a line\n"
	"  --lose N            one of N answers to a POST is lost (default 0: none)\n"
	"Resources: /state observable, /big, /upload, /count. JSON on stdout at the end and at\n"
	"SIGUSR1: name, registrations, notifications, bodies, uploads, executed, repeated (a CON\n"
	"request that came again and was not executed again), lost.\n";

struct observation {
	uint8_t token[8];
	size_t token_len;
	uint64_t number, seq;
};

/* What we know of a device's endpoint; belongs to libcoap's session. */
struct peer {
	struct observation observation[OBSERVATIONS_MAX];
	unsigned int n; /* registrations ever: the oldest gives way */
	bool has_mid;
	coap_mid_t last_mid;
};

static struct server {
	struct tool_addr listen;
	const char *name;
	uint64_t every_ns, size, lose;
	FILE *log;
	uint8_t *body;
	uint64_t etag, next_number;
	uint64_t registrations, notifications, bodies, uploads, executed, repeated, lost;
} server = { .every_ns = NSEC, .size = 32000 };

static struct peer *peer_of(coap_session_t *session)
{
	struct peer *p = coap_session_get_app_data(session);

	if (!p) {
		p = tool_alloc(1, sizeof(*p));
		coap_session_set_app_data(session, p);
	}
	return p;
}

static int on_event(coap_session_t *session, const coap_event_t event)
{
	if (event == COAP_EVENT_SERVER_SESSION_DEL) {
		free(coap_session_get_app_data(session));
		coap_session_set_app_data(session, NULL);
	}
	return 0;
}

static void __attribute__((format(printf, 2, 3))) say(coap_pdu_t *response, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len >= (int)sizeof(text))
		len = sizeof(text) - 1;
	coap_add_data(response, len, (const uint8_t *)text);
}

/* -- /state -- */

static struct observation *observation_of(struct peer *p, coap_bin_const_t token)
{
	struct observation *o;

	for (unsigned int i = 0; i < OBSERVATIONS_MAX; i++) {
		o = &p->observation[i];
		if (o->number && o->token_len == token.length &&
		    !memcmp(o->token, token.s, token.length))
			return o;
	}
	o = &p->observation[p->n++ % OBSERVATIONS_MAX];
	*o = (struct observation){ .token_len = token.length, .number = server.next_number++ };
	memcpy(o->token, token.s, token.length);
	server.registrations++;
	return o;
}

/* libcoap calls this for the registration and, with the same request, for each notification. */
static void get_state(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
		      const coap_string_t *query, coap_pdu_t *response)
{
	coap_opt_iterator_t it;
	coap_opt_t *observe = coap_check_option(request, COAP_OPTION_OBSERVE, &it);
	struct observation *o;

	(void)resource;
	(void)query;
	coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
	if (!observe || coap_decode_var_bytes(coap_opt_value(observe), coap_opt_length(observe))) {
		say(response, "%s 0 0", server.name);
		return;
	}
	o = observation_of(peer_of(session), coap_pdu_get_token(request));
	server.notifications += o->seq > 0;
	say(response, "%s %" PRIu64 " %" PRIu64, server.name, o->number, o->seq++);
}

/* -- bodies -- */

static void get_big(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
		    const coap_string_t *query, coap_pdu_t *response)
{
	server.bodies++;
	coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
	coap_add_data_large_response(resource, session, request, response, query,
				     COAP_MEDIATYPE_TEXT_PLAIN, -1, server.etag, server.size,
				     server.body, NULL, NULL);
}

/* Called with the whole body; with a part, if we have not seen what came before. */
static void put_upload(coap_resource_t *resource, coap_session_t *session,
		       const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	size_t len, offset, total;
	const uint8_t *data;

	(void)resource;
	(void)session;
	(void)query;
	if (!coap_get_data_large(request, &len, &data, &offset, &total) || offset || len != total) {
		coap_pdu_set_code(response, COAP_RESPONSE_CODE_INCOMPLETE);
		return;
	}
	server.uploads++;
	coap_pdu_set_code(response, COAP_RESPONSE_CODE_CHANGED);
	say(response, "%s %016" PRIx64 " %zu", server.name, stack_hash(data, len), len);
}

/* -- /count -- */

/* What is sent before libcoap's next turn gets lost: the answer at hand. */
static void answer_lose(void)
{
	server.lost++;
	coap_debug_set_packet_loss("100%");
}

/* libcoap 4.3.1 leaves duplicates to us (RFC 7252 section 4.5): a device has one request open, so
 * the last message id tells.
 */
static void post_count(coap_resource_t *resource, coap_session_t *session,
		       const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	struct peer *p = peer_of(session);
	coap_mid_t mid = coap_pdu_get_mid(request);
	const uint8_t *data;
	size_t len;

	(void)resource;
	(void)query;
	if (!coap_get_data(request, &len, &data) || len > 100) {
		coap_pdu_set_code(response, COAP_RESPONSE_CODE_BAD_REQUEST);
		return;
	}
	if (p->has_mid && p->last_mid == mid) {
		server.repeated++;
	} else {
		server.executed++;
		if (server.log)
			fprintf(server.log, "%.*s\n", (int)len, data);
		if (server.lose && server.executed % server.lose == 0)
			answer_lose();
	}
	p->has_mid = true;
	p->last_mid = mid;
	coap_pdu_set_code(response, COAP_RESPONSE_CODE_CHANGED);
	say(response, "%s %.*s", server.name, (int)len, data);
}

/* -- the server -- */

static coap_resource_t *resource_add(coap_context_t *ctx, const char *path, coap_request_t method,
				     coap_method_handler_t handler)
{
	coap_resource_t *r =
		coap_resource_init(coap_make_str_const(path), COAP_RESOURCE_FLAGS_NOTIFY_CON);

	if (!r)
		tool_die("coap_resource_init failed");
	coap_register_request_handler(r, method, handler);
	coap_add_resource(ctx, r);
	return r;
}

static void report(void)
{
	const struct server *s = &server;

	printf("{\"name\":\"%s\",\"registrations\":%" PRIu64 ",\"notifications\":%" PRIu64
	       ",\"bodies\":%" PRIu64 ",\"uploads\":%" PRIu64 ",\"executed\":%" PRIu64
	       ",\"repeated\":%" PRIu64 ",\"lost\":%" PRIu64 "}\n",
	       s->name, s->registrations, s->notifications, s->bodies, s->uploads, s->executed,
	       s->repeated, s->lost);
	fflush(stdout);
}

static void run(coap_context_t *ctx, coap_resource_t *state)
{
	uint64_t due = tool_now() + server.every_ns;

	while (!tool_stop) {
		uint64_t now = tool_now();

		if (now >= due) {
			due += server.every_ns;
			coap_resource_notify_observers(state, NULL);
		}
		now = due > now ? (due - now) / 1000000 + 1 : 1;
		if (coap_io_process(ctx, now < 50 ? now : 50) < 0)
			tool_die("coap_io_process failed");
		coap_debug_set_packet_loss("0%");
		if (tool_report) {
			tool_report = 0;
			report();
		}
	}
}

/* clang-format off */
static const struct option longopts[] = {
	{ "listen", 1, NULL, 'l' }, { "name", 1, NULL, 'n' }, { "every", 1, NULL, 'e' },
	{ "size", 1, NULL, 's' }, { "log", 1, NULL, 'g' }, { "lose", 1, NULL, 'L' },
	{ "help", 0, NULL, 'h' }, { 0 },
};

static void parse(int argc, char **argv)
{
	for (int c; (c = getopt_long(argc, argv, "", longopts, NULL)) != -1;) {
		switch (c) {
		case 'l': server.listen = tool_endpoint("listen", optarg, 5683); break;
		case 'n': server.name = optarg; break;
		case 'e': server.every_ns = tool_seconds("every", optarg); break;
		case 's': server.size = tool_number("size", optarg, 1, 10000000); break;
		case 'L': server.lose = tool_number("lose", optarg, 0, 1000000); break;
		case 'g': server.log = fopen(optarg, "ae");
			if (!server.log)
				tool_die("--log %s: %s", optarg, strerror(errno));
			setlinebuf(server.log);
			break;
		case 'h': fputs(help, stdout); exit(0);
		default: exit(2);
		}
	}
	if (!server.listen.len || !server.name || strlen(server.name) > 20)
		tool_die("want --listen and a --name of up to 20 letters; --help lists the options");
	if (server.every_ns < NSEC / 100)
		tool_die("--every: want at least 0.01");
}
/* clang-format on */

int main(int argc, char **argv)
{
	coap_address_t at;
	coap_context_t *ctx;
	coap_resource_t *state;

	parse(argc, argv);
	server.body = tool_alloc(server.size, 1);
	stack_body(server.name, 0, server.size, server.body);
	server.etag = stack_hash(server.body, server.size) | 1;
	tool_raise_nofile();
	tool_signals();
	ctx = stack_start(COAP_BLOCK_USE_LIBCOAP | COAP_BLOCK_SINGLE_BODY);
	/* No registration of a server before a restart has the same number. */
	coap_prng(&server.next_number, 4);
	server.next_number = server.next_number % 1000000 * 10000 + 1;
	coap_register_event_handler(ctx, on_event);
	state = resource_add(ctx, STACK_STATE, COAP_REQUEST_GET, get_state);
	coap_resource_set_get_observable(state, 1);
	resource_add(ctx, STACK_BIG, COAP_REQUEST_GET, get_big);
	resource_add(ctx, STACK_UPLOAD, COAP_REQUEST_PUT, put_upload);
	resource_add(ctx, STACK_COUNT, COAP_REQUEST_POST, post_count);
	at = stack_address(&server.listen);
	if (!coap_new_endpoint(ctx, &at, COAP_PROTO_UDP))
		tool_die("--listen: cannot listen there");
	tool_ready();
	run(ctx, state);
	report();
	coap_free_context(ctx);
	coap_cleanup();
	return 0;
}
