// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sluice/names.h>
#include "options.h"

static const struct option longs[] = { { "config", required_argument, NULL, 'c' },
				       { "socket", required_argument, NULL, 's' },
				       { "state", required_argument, NULL, 'S' },
				       { "pin-path", required_argument, NULL, 'p' },
				       { "log-level", required_argument, NULL, 'l' },
				       { "check", no_argument, NULL, 'C' },
				       { "remove", no_argument, NULL, 'R' },
				       { "detach", required_argument, NULL, 'd' },
				       { "version", no_argument, NULL, 'V' },
				       { "help", no_argument, NULL, 'h' },
				       {} };

static void help(void)
{
	puts("sluiced - XDP data plane for multi-tenant IoT: the daemon\n"
	     "\n"
	     "  sluiced [--config FILE]           run in the foreground until SIGTERM\n"
	     "  sluiced --check [--config FILE]   say whether the configuration is good\n"
	     "  sluiced --detach INTERFACE        detach there while no daemon runs\n"
	     "  sluiced --remove                  detach everywhere and remove all pins\n"
	     "\n"
	     "  -c, --config FILE      the configuration          " SL_CONFIG "\n"
	     "  -s, --socket PATH      the control socket         " SL_SOCKET "\n"
	     "  -S, --state FILE       run-time changes kept over restarts\n"
	     "                                                    " OPTIONS_STATE "\n"
	     "  -p, --pin-path DIR     below a bpffs              " SL_PIN_ROOT "\n"
	     "  -l, --log-level LEVEL  error, warning, info or debug        info\n"
	     "  -C, --check            validate the configuration, change nothing\n"
	     "  -d, --detach INTERFACE what sluicectl detach does where no daemon runs\n"
	     "  -R, --remove           the end of the data plane: flows are cut\n"
	     "  -V, --version\n"
	     "  -h, --help\n"
	     "\n"
	     "SIGHUP reads the configuration again; a bad one is refused, and the old one\n"
	     "stays in force. SIGTERM ends the daemon: the program stays attached and goes on\n"
	     "steering packets; the next sluiced takes over without losing one. To stop that,\n"
	     "run \"sluicectl detach INTERFACE\".\n"
	     "\n"
	     "Exit code: 0 ended as asked, 1 could not run, 2 bad configuration or usage.\n"
	     "See sluiced(8), sluice.json(5), and \"sluicectl --help\" for the tool that talks\n"
	     "to it.");
}

static int level_parse(const char *text, enum log_level *ret)
{
	static const char *const names[] = { [LOG_ERR] = "error",
					     [LOG_WARN] = "warning",
					     [LOG_INFO] = "info",
					     [LOG_DEBUG] = "debug" };

	for (int i = LOG_ERR; i <= LOG_DEBUG; i++) {
		if (!strcmp(text, names[i])) {
			*ret = i;
			return -1;
		}
	}
	fprintf(stderr, "sluiced: --log-level %s: want error, warning, info or debug\n", text);
	return 2;
}

/* One option; as options_parse(). */
static int option_take(int c, const char *arg, struct options *o)
{
	switch (c) {
	case 'c':
		o->config = arg;
		return -1;
	case 's':
		o->socket = arg;
		return -1;
	case 'S':
		o->state = arg;
		return -1;
	case 'p':
		o->pin_path = arg;
		return -1;
	case 'l':
		return level_parse(arg, &o->level);
	case 'C':
		o->check = true;
		return -1;
	case 'R':
		o->remove = true;
		return -1;
	case 'd':
		o->detach = arg;
		return -1;
	case 'V':
		puts("sluiced " SL_VERSION);
		return 0;
	case 'h':
		help();
		return 0;
	default: /* getopt has told the mistake */
		fputs("sluiced: see \"sluiced --help\"\n", stderr);
		return 2;
	}
}

int options_parse(int argc, char **argv, struct options *ret)
{
	int c, code = -1;

	*ret = (struct options){
		.config = SL_CONFIG,
		.socket = SL_SOCKET,
		.state = OPTIONS_STATE,
		.pin_path = SL_PIN_ROOT,
		.level = LOG_INFO,
	};
	while (code < 0 && (c = getopt_long(argc, argv, "c:s:S:p:l:d:CRVh", longs, NULL)) != -1)
		code = option_take(c, optarg, ret);
	if (code < 0 && optind < argc) {
		fprintf(stderr,
			"sluiced: what is \"%s\"? Options begin with --, see \"sluiced "
			"--help\"\n",
			argv[optind]);
		return 2;
	}
	return code;
}
