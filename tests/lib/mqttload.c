// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* MQTT sessions of a real client (libmosquitto): connect, subscribe to a topic of
 * their own, publish to it and wait for what comes back; then hold or leave. One
 * loop drives all of them. A session that ends unasked is broken; it connects anew
 * only if it is told to, as devices do.
 */
#include "tool.h"
#include <mosquitto.h>
#include <sys/epoll.h>

#define EVENTS 256

static const char help[] =
	"mqttload --to ADDR:PORT [options]: MQTT sessions of a real client\n"
	"  --to ADDR:PORT   broker (port 1883)\n"
	"  --sessions N     (default 10)\n"
	"  --connect-rate N new sessions a second (default 200)\n"
	"  --from A[,B...]  source addresses, used in turn\n"
	"  --topic T        prefix; session K uses T/K (default load/PID)\n"
	"  --qos N          of publications and subscriptions, 0 to 2 (default 1)\n"
	"  --publish N      messages of each session, one after the other (default 1)\n"
	"  --rate N         publications a second of each session (default: no pause)\n"
	"  --no-subscribe   publish only\n"
	"  --version V      3.1, 3.1.1 or 5 (default 3.1.1)\n"
	"  --keepalive S    (default 60)\n"
	"  --timeout S      a step that takes longer failed (default 5)\n"
	"  --hold           stay connected until SIGTERM or --duration\n"
	"  --reconnect S    who breaks or fails connects anew after S/2 to 3S/2, as often as it "
	"takes\n"
	"  --duration S     end after this time\n"
	"\"ready\" on stderr when every session did its work or failed. JSON on stdout at the end "
	"and\n"
	"at SIGUSR1: wanted, connected, refused (CONNACK), failed (never connected), subscribed,\n"
	"published, acked, received, open, broken, late, done (sessions whose work is complete);\n"
	"reconnected, and seconds since 1970 of the first_break_at and the last_reconnect_at.\n"
	"Exit code 1 unless all sessions did their work and none broke.\n";

enum state {
	S_NEW,
	S_CONNECTING,
	S_SUBSCRIBING,
	S_WORKING,
	S_DONE,
	S_GONE,
	S_AWAY /* connects anew at next_ns */
};

struct session {
	struct mosquitto *mosq;
	struct load *load;
	enum state state;
	int fd;
	bool polled_out, counted_open, waiting, settled, again;
	uint64_t step_ns; /* since when the step in hand runs */
	uint64_t next_ns; /* when to publish or connect again */
	uint64_t published, acked, received;
};

struct load {
	struct tool_addr to;
	struct tool_sources from;
	char host[INET6_ADDRSTRLEN];
	uint64_t n, connect_rate, publish, rate, timeout_ns, duration_ns, reconnect_ns;
	int qos, version, keepalive, epoll;
	bool subscribe, hold;
	const char *topic;
	struct session *sessions;
	uint64_t started, settled;
	uint64_t connected, refused, failed, subscribed, published, acked, received, open, broken,
		late, done, reconnected;
	double first_break_at, last_reconnect_at;
};

static void topic_of(const struct session *s, char *buf, size_t size)
{
	snprintf(buf, size, "%s/%td", s->load->topic, s - s->load->sessions);
}

static void settle(struct session *s)
{
	s->load->settled += !s->settled;
	s->settled = true;
}

/* A session ends: by our wish after its work, or with the failure counted. */
static void end_session(struct session *s, uint64_t *failure, const char *why)
{
	struct load *l = s->load;

	if (s->state >= S_GONE)
		return;
	if (failure && (*failure)++ < 5)
		fprintf(stderr, "mqttload: session %td: %s\n", s - l->sessions, why);
	if (failure == &l->broken && !l->first_break_at)
		l->first_break_at = tool_epoch();
	settle(s);
	l->open -= s->counted_open;
	s->counted_open = false;
	s->state = failure && l->reconnect_ns ? S_AWAY : S_GONE;
	/* Not all at once, which servers' backlogs have no room for. */
	s->next_ns = tool_now() + l->reconnect_ns / 2 + l->reconnect_ns * (s - l->sessions) / l->n;
	if (s->fd >= 0)
		epoll_ctl(l->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	s->fd = -1;
}

static void work_done(struct session *s)
{
	struct load *l = s->load;

	s->state = S_DONE;
	l->done++;
	settle(s);
	if (!l->hold) {
		mosquitto_disconnect(s->mosq);
		end_session(s, NULL, NULL);
	}
}

static void check_work(struct session *s, uint64_t now)
{
	const struct load *l = s->load;

	if (s->state != S_WORKING || s->acked < s->published ||
	    (l->subscribe && s->received < s->published))
		return;
	s->waiting = false;
	s->step_ns = now;
	if (s->published == l->publish)
		work_done(s);
}

static void publish(struct session *s, uint64_t now)
{
	struct load *l = s->load;
	char topic[256], text[64];
	int err;

	topic_of(s, topic, sizeof(topic));
	snprintf(text, sizeof(text), "%" PRIu64, s->published);
	s->step_ns = now;
	s->waiting = true;
	s->next_ns = l->rate ? now + NSEC / l->rate : now;
	s->published++; /* before the call: the answer may come within it */
	err = mosquitto_publish(s->mosq, NULL, topic, strlen(text), text, l->qos, false);
	if (err)
		end_session(s, &l->broken, mosquitto_strerror(err));
	else
		l->published++;
}

static void on_connect(struct mosquitto *mosq, void *arg, int code)
{
	struct session *s = arg;
	struct load *l = s->load;
	char topic[256];

	if (code) {
		end_session(s, &l->refused, mosquitto_connack_string(code));
		return;
	}
	if (s->again) {
		l->reconnected++;
		l->last_reconnect_at = tool_epoch();
	}
	l->connected++;
	l->open++;
	s->counted_open = true;
	s->step_ns = tool_now();
	s->state = l->subscribe ? S_SUBSCRIBING : S_WORKING;
	topic_of(s, topic, sizeof(topic));
	if (l->subscribe && mosquitto_subscribe(mosq, NULL, topic, l->qos))
		end_session(s, &l->broken, "cannot subscribe");
}

static void on_subscribe(struct mosquitto *mosq, void *arg, int mid, int n, const int *granted)
{
	struct session *s = arg;

	(void)mosq, (void)mid, (void)n;
	if (granted[0] >= 128) {
		end_session(s, &s->load->broken, "subscription refused");
		return;
	}
	s->load->subscribed++;
	s->state = S_WORKING;
	s->step_ns = tool_now();
}

static void on_publish(struct mosquitto *mosq, void *arg, int mid)
{
	struct session *s = arg;

	(void)mosq, (void)mid;
	s->acked++;
	s->load->acked++;
}

static void on_message(struct mosquitto *mosq, void *arg, const struct mosquitto_message *m)
{
	struct session *s = arg;

	(void)mosq, (void)m;
	s->received++;
	s->load->received++;
}

static void start(struct load *l, struct session *s, uint64_t now)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT, .data.u32 = s - l->sessions };
	char id[64], from[INET6_ADDRSTRLEN] = "";
	int err;

	snprintf(id, sizeof(id), "load-%d-%td", getpid(), s - l->sessions);
	s->load = l;
	s->step_ns = now;
	s->state = S_CONNECTING;
	s->mosq = mosquitto_new(id, true, s);
	if (!s->mosq)
		tool_die("out of memory");
	mosquitto_int_option(s->mosq, MOSQ_OPT_PROTOCOL_VERSION, l->version);
	mosquitto_int_option(s->mosq, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_connect_callback_set(s->mosq, on_connect);
	mosquitto_subscribe_callback_set(s->mosq, on_subscribe);
	mosquitto_publish_callback_set(s->mosq, on_publish);
	mosquitto_message_callback_set(s->mosq, on_message);
	if (l->from.n) {
		const struct sockaddr_storage *ss = &l->from.addr[(s - l->sessions) % l->from.n].ss;

		getnameinfo((const void *)ss, sizeof(*ss), from, sizeof(from), NULL, 0,
			    NI_NUMERICHOST);
	}
	err = mosquitto_connect_bind_async(s->mosq, l->host, tool_port(&l->to), l->keepalive,
					   *from ? from : NULL);
	s->fd = mosquitto_socket(s->mosq);
	s->polled_out = true;
	if (err || s->fd < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, s->fd, &ev) < 0)
		end_session(s, &l->failed,
			    err == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(err));
}

/* After anything that may have queued or sent packets. */
static void poll_output(struct session *s)
{
	bool want = s->fd >= 0 && mosquitto_want_write(s->mosq);
	struct epoll_event ev = { .events = EPOLLIN | (want ? EPOLLOUT : 0),
				  .data.u32 = s - s->load->sessions };

	if (s->fd < 0 || want == s->polled_out)
		return;
	s->polled_out = want;
	epoll_ctl(s->load->epoll, EPOLL_CTL_MOD, s->fd, &ev);
}

static void on_event(struct session *s, uint32_t events, uint64_t now)
{
	struct load *l = s->load;
	int err = 0;

	if (s->fd < 0)
		return;
	if (events & EPOLLOUT)
		err = mosquitto_loop_write(s->mosq, 1);
	if (!err && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		err = mosquitto_loop_read(s->mosq, 1);
	if (s->state >= S_GONE)
		return;
	if (err) {
		end_session(s, s->state == S_CONNECTING ? &l->failed : &l->broken,
			    err == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(err));
		return;
	}
	check_work(s, now);
	poll_output(s);
}

/* What was not acknowledged is lost. */
static void start_again(struct session *s, uint64_t now)
{
	mosquitto_destroy(s->mosq);
	s->acked = s->received = s->published;
	s->waiting = false;
	s->again = true;
	start(s->load, s, now);
}

static void on_time(struct session *s, uint64_t now, bool misc)
{
	struct load *l = s->load;

	if (s->state == S_AWAY && now >= s->next_ns)
		start_again(s, now);
	if (s->state >= S_GONE)
		return;
	if (misc && mosquitto_loop_misc(s->mosq)) {
		end_session(s, &l->broken, "keep-alive failed");
		return;
	}
	if (s->state == S_WORKING && !s->waiting && s->published < l->publish && now >= s->next_ns)
		publish(s, now);
	else if (s->state == S_WORKING && l->publish == 0)
		work_done(s);
	else if ((s->state < S_WORKING || s->waiting) && now > s->step_ns + l->timeout_ns)
		end_session(s, s->state == S_CONNECTING ? &l->failed : &l->late, "no answer");
	if (s->state < S_GONE)
		poll_output(s);
}

static void report(const struct load *l)
{
	printf("{\"wanted\":%" PRIu64 ",\"connected\":%" PRIu64 ",\"refused\":%" PRIu64
	       ",\"failed\":%" PRIu64 ",\"subscribed\":%" PRIu64 ",\"published\":%" PRIu64
	       ",\"acked\":%" PRIu64 ",\"received\":%" PRIu64 ",\"open\":%" PRIu64
	       ",\"broken\":%" PRIu64 ",\"late\":%" PRIu64 ",\"done\":%" PRIu64
	       ",\"reconnected\":%" PRIu64 ",\"first_break_at\":%.3f,\"last_reconnect_at\":%.3f}\n",
	       l->n, l->connected, l->refused, l->failed, l->subscribed, l->published, l->acked,
	       l->received, l->open, l->broken, l->late, l->done, l->reconnected, l->first_break_at,
	       l->last_reconnect_at);
	fflush(stdout);
}

static void run(struct load *l)
{
	uint64_t begin = tool_now(), misc_ns = begin;
	bool announced = false;

	while (!tool_stop && (!l->duration_ns || tool_now() - begin < l->duration_ns)) {
		struct epoll_event ev[EVENTS];
		int n = epoll_wait(l->epoll, ev, EVENTS, 2);
		uint64_t now = tool_now();
		bool misc = now - misc_ns > NSEC / 2;

		if (l->started < l->n && l->started * NSEC / l->connect_rate <= now - begin)
			start(l, &l->sessions[l->started++], now);
		for (int i = 0; i < n; i++)
			on_event(&l->sessions[ev[i].data.u32], ev[i].events, now);
		misc_ns = misc ? now : misc_ns;
		for (uint64_t i = 0; i < l->started; i++)
			on_time(&l->sessions[i], now, misc);
		if (!announced && l->settled == l->n) {
			announced = true;
			tool_ready();
			if (!l->hold)
				return;
		}
		if (tool_report) {
			tool_report = 0;
			report(l);
		}
	}
}

/* clang-format off */
static const struct option longopts[] = {
	{ "to", 1, NULL, 't' }, { "sessions", 1, NULL, 'n' }, { "connect-rate", 1, NULL, 'C' },
	{ "from", 1, NULL, 'f' }, { "topic", 1, NULL, 'T' }, { "qos", 1, NULL, 'q' },
	{ "publish", 1, NULL, 'p' }, { "rate", 1, NULL, 'r' }, { "no-subscribe", 0, NULL, 'S' },
	{ "version", 1, NULL, 'v' }, { "keepalive", 1, NULL, 'k' }, { "timeout", 1, NULL, 'o' },
	{ "hold", 0, NULL, 'H' }, { "reconnect", 1, NULL, 'R' },
	 { "duration", 1, NULL, 'd' }, { "help", 0, NULL, 'h' }, { 0 },
};

static int parse_version(const char *text)
{
	if (!strcmp(text, "3.1"))
		return MQTT_PROTOCOL_V31;
	if (!strcmp(text, "3.1.1"))
		return MQTT_PROTOCOL_V311;
	if (!strcmp(text, "5"))
		return MQTT_PROTOCOL_V5;
	tool_die("--version %s: want 3.1, 3.1.1 or 5", text);
}

static void parse(struct load *l, int argc, char **argv)
{
	for (int c; (c = getopt_long(argc, argv, "", longopts, NULL)) != -1;) {
		switch (c) {
		case 't': l->to = tool_endpoint("to", optarg, 1883); break;
		case 'n': l->n = tool_number("sessions", optarg, 1, 100000); break;
		case 'C': l->connect_rate = tool_number("connect-rate", optarg, 1, 1000000); break;
		case 'f': tool_add_sources(&l->from, optarg); break;
		case 'T': l->topic = optarg; break;
		case 'q': l->qos = tool_number("qos", optarg, 0, 2); break;
		case 'p': l->publish = tool_number("publish", optarg, 0, 1000000000); break;
		case 'r': l->rate = tool_number("rate", optarg, 1, 1000000); break;
		case 'S': l->subscribe = false; break;
		case 'v': l->version = parse_version(optarg); break;
		case 'k': l->keepalive = tool_number("keepalive", optarg, 5, 65535); break;
		case 'o': l->timeout_ns = tool_seconds("timeout", optarg); break;
		case 'H': l->hold = true; break;
		case 'R': l->reconnect_ns = tool_seconds("reconnect", optarg); break;
		case 'd': l->duration_ns = tool_seconds("duration", optarg); break;
		case 'h': fputs(help, stdout); exit(0);
		default: exit(2);
		}
	}
	if (!l->to.len)
		tool_die("want --to; --help lists the options");
	if (l->topic && (!*l->topic || strlen(l->topic) > 200))
		tool_die("--topic: want 1 to 200 bytes");
	tool_check_sources(&l->from, &l->to, l->n);
}
/* clang-format on */

int main(int argc, char **argv)
{
	struct load l = { .n = 10,
			  .connect_rate = 200,
			  .qos = 1,
			  .publish = 1,
			  .subscribe = true,
			  .version = MQTT_PROTOCOL_V311,
			  .keepalive = 60,
			  .timeout_ns = 5 * NSEC };
	char topic[64];

	parse(&l, argc, argv);
	snprintf(topic, sizeof(topic), "load/%d", getpid());
	l.topic = l.topic ? l.topic : topic;
	getnameinfo((const void *)&l.to.ss, l.to.len, l.host, sizeof(l.host), NULL, 0,
		    NI_NUMERICHOST);
	tool_raise_nofile();
	tool_signals();
	mosquitto_lib_init();
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	l.sessions = tool_alloc(l.n, sizeof(*l.sessions));
	run(&l);
	report(&l);
	for (uint64_t i = 0; i < l.started; i++) {
		if (l.sessions[i].fd >= 0)
			mosquitto_disconnect(l.sessions[i].mosq);
		mosquitto_destroy(l.sessions[i].mosq);
	}
	mosquitto_lib_cleanup();
	return l.done < l.n || l.broken || l.late;
}
