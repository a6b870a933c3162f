// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The command table and what is derived from it: dispatch, help, completion. */
#include <stdlib.h>
#include <string.h>
#include "ctl.h"
#include "output.h"

#define USAGE_WIDTH  38
#define USAGE_INDENT "                                        "

/* clang-format off */
const struct cmd cmds[] = {
	{ "status", "", "", "what runs, since when, and how much", 0, 0, cmd_status },
	{ "service list", "", "", "services, one a line", 0, 0, cmd_service_list },
	{ "service show", "SERVICE", "", "one service: instances, scaling, kinds of messages", 1, 1, cmd_service_show },
	{ "instance list", "[SERVICE]", "", "instances of one service or of all", 0, 1, cmd_instance_list },
	{ "instance add", "SERVICE NAME ADDRESS PORT [weight=N]", "--server-id=N", "add a server to a service", 4, 5, cmd_instance_add },
	{ "instance remove", "SERVICE INSTANCE", "--now --wait --timeout=SECONDS", "drain and remove; --now gives its flows up", 2, 2, cmd_instance_remove },
	{ "instance drain", "SERVICE INSTANCE", "--wait --timeout=SECONDS", "no new flows; those it has stay until they end", 2, 2, cmd_instance_drain },
	{ "instance up", "SERVICE INSTANCE", "", "take new flows again; takes back one that drains or leaves", 2, 2, cmd_instance_up },
	{ "instance down", "SERVICE INSTANCE", "", "out of service at once: its flows move", 2, 2, cmd_instance_down },
	{ "instance weight", "SERVICE INSTANCE N", "--over=TIME", "its share of new flows, 1 to 1000; --over: in small steps", 3, 3, cmd_instance_weight },
	{ "tenant list", "", "--limit=N --after=TENANT", "tenants, their quotas and figures", 0, 0, cmd_tenant_list },
	{ "tenant show", "TENANT", "", "one tenant: quota, and figures by service and reason", 1, 1, cmd_tenant_show },
	{ "tenant quota", "TENANT KEY=RATE...", "", "change limits: messages=5k/s burst=100ms device.messages=none", 2, 16, cmd_tenant_quota },
	{ "response list", "TENANT", "", "what the node says to a tenant's CoAP GETs", 1, 1, cmd_response_list },
	{ "response set", "TENANT PATH PAYLOAD", "--service=SERVICE --format=N --max-age=TIME", "say this to a GET of the path; \"-\": what is on standard input", 3, 3, cmd_response_set },
	{ "response remove", "TENANT PATH", "--service=SERVICE", "have instances say it again", 2, 2, cmd_response_remove },
	{ "devices", "TENANT", "--limit=N", "the heaviest devices of a tenant: what each offers and is refused", 1, 1, cmd_devices },
	{ "top", "", "--once --interval=TIME --limit=N --sort=KEY", "live: what tenants offer, what is admitted, refused and why", 0, 0, cmd_top },
	{ "reasons", "", "--all", "packets by the reason under which they left", 0, 0, cmd_reasons },
	{ "events", "", "--follow --packets --after=N --limit=N", "what changed and why", 0, 0, cmd_events },
	{ "trace", "", "--tenant=TENANT --service=SERVICE --reason=REASON --count=N --seconds=S --rate=N --sample=N --write=FILE --addresses --payload", "live: headers of packets, and what became of them and why", 0, 0, cmd_trace },
	{ "reload", "", "", "read the configuration file again", 0, 0, cmd_reload },
	{ "check", "FILE", "", "validate a configuration; changes nothing", 1, 1, cmd_check },
	{ "config show", "", "", "the configuration in force, without its secret", 0, 0, cmd_config_show },
	{ "detach", "[IF]", "--all", "take the program off an interface", 0, 1, cmd_detach },
	{ "doctor", "", "", "what is wrong or slow on this node, and what to do", 0, 0, cmd_doctor },
	{ "explain", "CAPTURE", "--config=FILE --write=FILE --fib=FILE", "what the program would do with each frame of a capture, and why", 1, 1, cmd_explain },
	{ "help", "[COMMAND...]", "", "this, or one command's usage", 0, 3, cmd_help },
	{ "complete", "[WORD...]", "", "candidates for the last word, one a line (for shells)", 0, 32, cmd_complete },
	{}
};

static const char global_options[] = "--socket=PATH --json --color=auto|always|never --no-color --version --help";
/* clang-format on */

/* How many words of @argv start @path; 0 if they do not all match. */
static int match(const char *path, int argc, char **argv)
{
	int words = 0;

	while (*path) {
		size_t len = strcspn(path, " ");

		if (words == argc || strlen(argv[words]) != len || strncmp(argv[words], path, len))
			return 0;
		words++;
		path += len + (path[len] == ' ');
	}
	return words;
}

/* "service" alone means "service list". */
static bool is_group(const struct cmd *cmd, int argc, char **argv)
{
	size_t len = argc == 1 ? strlen(argv[0]) : 0;

	return len && !strncmp(cmd->path, argv[0], len) && !strcmp(cmd->path + len, " list");
}

const struct cmd *cmd_find(int argc, char **argv, int *ret_words)
{
	for (const struct cmd *cmd = cmds; cmd->path; cmd++) {
		int words = is_group(cmd, argc, argv) ? 1 : match(cmd->path, argc, argv);

		if (words) {
			*ret_words = words;
			return cmd;
		}
	}
	return NULL;
}

static bool is_of_group(const struct cmd *cmd, const char *word)
{
	size_t len = strlen(word);

	return !strncmp(cmd->path, word, len) && cmd->path[len] == ' ';
}

bool cmd_is_group(const char *word)
{
	for (const struct cmd *cmd = cmds; cmd->path; cmd++)
		if (is_of_group(cmd, word))
			return true;
	return false;
}

/* -- help -- */

/* What a usage line cannot teach. */
static const struct {
	const char *path, *text;
} lessons[] = {
	{ "trace",
	  "A line a packet, as it leaves, in the words of explain, until 1000 (--count) or 60 s\n"
	  "(--seconds), Ctrl-C, or the end of this process. Nothing is traced without a reader.\n"
	  "--tenant, --service, --reason leave out others where packets pass, before the cap:\n"
	  "--rate N, 100 a second and CPU; --sample N takes one in N (a power of two) before it.\n"
	  "What was left out is counted, and told at the end. Headers only, and pseudonyms for\n"
	  "addresses (240.0.0.0/4, 100::/64) that are no service's or instance's; root may ask "
	  "for\n"
	  "--addresses and for --payload. --write FILE.pcapng is for Wireshark.\n\n"
	  "  sluicectl trace --tenant acme --reason device_messages\n"
	  "  sluicectl trace --service broker --seconds 10 --write broker.pcapng\n"
	  "  sluicectl --json trace --count 50 | jq .kind\n" },
};

static void print_lesson(const struct cmd *cmd)
{
	for (size_t i = 0; i < sizeof(lessons) / sizeof(lessons[0]); i++)
		if (!strcmp(lessons[i].path, cmd->path))
			printf("\n%s", lessons[i].text);
}

void cmd_print_usage(const struct cmd *cmd, FILE *to)
{
	const char *at = cmd->options;

	fprintf(to, "usage: sluicectl %s%s%s", cmd->path, *cmd->args ? " " : "", cmd->args);
	while (*at) {
		size_t len = strcspn(at, " ");

		fprintf(to, " [%.*s]", (int)len, at);
		at += len + (at[len] == ' ');
	}
	fputc('\n', to);
}

static void help_all(void)
{
	printf("usage: sluicectl [OPTION...] COMMAND\n\n");
	for (const struct cmd *cmd = cmds; cmd->path; cmd++) {
		char usage[2 * USAGE_WIDTH];

		snprintf(usage, sizeof(usage), "%s %s", cmd->path, cmd->args);
		printf("  %-*s%s%s\n", USAGE_WIDTH, usage,
		       strlen(usage) < USAGE_WIDTH ? "" : "\n" USAGE_INDENT, cmd->help);
	}
	printf("\nOptions: %s\n"
	       "Exit codes: 0 done, 1 failed, 2 usage, 3 the daemon is not reachable.\n"
	       "sluicectl help COMMAND tells a command's own options; see also sluicectl(8).\n",
	       global_options);
}

enum ctl_result cmd_help(struct ctl *c)
{
	const struct cmd *cmd;
	int words = 0, shown = 0;

	if (!c->argc) {
		help_all();
		return CTL_OK;
	}
	cmd = c->argc == 1 && cmd_is_group(c->argv[0]) ? NULL : cmd_find(c->argc, c->argv, &words);
	if (cmd) {
		cmd_print_usage(cmd, stdout);
		printf("\n%s\n", cmd->help);
		print_lesson(cmd);
		return CTL_OK;
	}
	for (cmd = cmds; cmd->path; cmd++) {
		if (!is_of_group(cmd, c->argv[0]))
			continue;
		cmd_print_usage(cmd, stdout);
		printf("       %s\n", cmd->help);
		shown++;
	}
	return shown ? CTL_OK : ctl_usage(c, "no command \"%s\"", c->argv[0]);
}

/* -- completion -- */

static void offer(const char *candidate, size_t len, const char *typed)
{
	if (!strncmp(candidate, typed, strlen(typed)) && strlen(typed) <= len)
		printf("%.*s\n", (int)len, candidate);
}

static void offer_options(const char *options, const char *typed)
{
	while (*options) {
		size_t len = strcspn(options, " "), name = strcspn(options, " =");

		offer(options, options[name] == '=' ? name + 1 : name, typed);
		options += len + (options[len] == ' ');
	}
}

/* Names of what is alive; silent where the daemon is not there. */
static void offer_live(const struct ctl *c, const char *path, const char *list, const char *typed)
{
	struct client_reply r = {};
	const cJSON *item;
	cJSON *json;

	if (client_call(c, "GET", path, NULL, &r))
		return;
	json = cJSON_Parse(r.text ? r.text : "");
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, list)) {
		const char *name = json_text(item, "name");

		offer(name, strlen(name), typed);
	}
	cJSON_Delete(json);
	free(r.text);
}

/* Of a hundred thousand names ask for those that come after what was typed, less
 * its last letter: "after" leaves out the name itself.
 */
static void offer_tenants(const struct ctl *c, const char *typed)
{
	char path[CTL_PATH_LEN], after[CTL_PATH_LEN / 4];
	size_t len = strlen(typed);

	if (len >= sizeof(after))
		return;
	snprintf(after, sizeof(after), "%.*s", (int)(len ? len - 1 : 0), typed);
	if (ctl_path(c, path, "/v1/tenants?limit=1000&after=%s", after))
		offer_live(c, path, "tenants", typed);
}

static void offer_quota_keys(const char *typed)
{
	static const char *const key[] = { "packets=",	       "bytes=", "messages=",
					   "new_connections=", "burst=", NULL };
	char device[64];

	for (size_t i = 0; key[i]; i++) {
		offer(key[i], strlen(key[i]), typed);
		snprintf(device, sizeof(device), "device.%s", key[i]);
		offer(device, strlen(device), typed);
	}
	offer("open_connections=", strlen("open_connections="), typed);
}

/* The @n-th word of @args, the last one for all that come after. */
static size_t nth_arg(const char *args, int n, const char **ret)
{
	size_t len = strcspn(args, " ");

	while (n-- && args[len]) {
		args += len + 1;
		len = strcspn(args, " ");
	}
	*ret = args;
	return len;
}

static void offer_argument(const struct ctl *c, const struct cmd *cmd, int n, char **before,
			   const char *typed)
{
	char path[CTL_PATH_LEN];
	const char *arg;
	size_t len = nth_arg(cmd->args, n, &arg);

	if (len >= 7 && !strncmp(arg + (*arg == '['), "SERVICE", 7))
		offer_live(c, "/v1/services", "services", typed);
	else if (len == 8 && !strncmp(arg, "INSTANCE", 8) && n &&
		 ctl_path(c, path, "/v1/services/%s/instances", before[n - 1]))
		offer_live(c, path, "instances", typed);
	else if (len == 6 && !strncmp(arg, "TENANT", 6))
		offer_tenants(c, typed);
	else if (len == 4 && !strncmp(arg, "[IF]", 4))
		offer_live(c, "/v1/status", "interfaces", typed);
	else if (!strncmp(arg, "KEY=", 4))
		offer_quota_keys(typed);
	else if (len > 10 && !strncmp(arg, "[weight=N]", 10))
		offer("weight=", 7, typed);
}

static void offer_commands(int argc, char **argv, const char *typed)
{
	const char *last = "";
	size_t last_len = 0;

	for (const struct cmd *cmd = cmds; cmd->path; cmd++) {
		const char *word = cmd->path;
		size_t len;
		int i;

		for (i = 0; i < argc; i++) {
			len = strcspn(word, " ");
			if (strlen(argv[i]) != len || strncmp(argv[i], word, len) || !word[len])
				break;
			word += len + 1;
		}
		len = strcspn(word, " ");
		if (i < argc || (len == last_len && !strncmp(word, last, len)))
			continue;
		offer(word, len, typed);
		last = word;
		last_len = len;
	}
}

enum ctl_result cmd_complete(struct ctl *c)
{
	char *word[32];
	const struct cmd *cmd;
	const char *typed;
	int n = 0, words = 0;

	if (!c->argc)
		return CTL_OK;
	typed = c->argv[c->argc - 1];
	for (int i = 0; i + 1 < c->argc && n < 32; i++) {
		if (!strcmp(c->argv[i], "--socket") || !strcmp(c->argv[i], "--color"))
			i++; /* its value */
		else if (*c->argv[i] != '-')
			word[n++] = c->argv[i];
	}
	cmd = cmd_find(n, word, &words);
	/* A group alone is a command, too, but what follows is its second word. */
	if (cmd && words == 1 && strchr(cmd->path, ' '))
		cmd = NULL;
	if (*typed == '-') {
		if (cmd)
			offer_options(cmd->options, typed);
		offer_options(global_options, typed);
	} else if (cmd) {
		offer_argument(c, cmd, n - words, word + words, typed);
	} else {
		offer_commands(n, word, typed);
	}
	return CTL_OK;
}
