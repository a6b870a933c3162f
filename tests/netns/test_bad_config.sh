#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Every malformed configuration of tests/unit/configs/bad is refused by the running daemon: by
# check, every third one in the file's place by reload, and some by SIGHUP; always with the place of
# its one mistake and what would be right. What is in force stays in force.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

FIXTURES=$ROOT/tests/unit/configs
LEAST=60 # as many must be refused by check, and by reload

# The fixtures' base is what runs, so that each document has no mistake but its own: only the
# interface and the instances' network are the lab's.
adapt_all() {
	cp -r "$FIXTURES/bad" "$LAB_DIR/bad"
	cp "$FIXTURES/base.json" "$LAB_DIR/base.json"
	LC_ALL=C sed -i 's/"eth0"/"acme"/g; s/10\.0\.1\./10.77.1./g' \
		"$LAB_DIR/base.json" "$LAB_DIR"/bad/*
}

# Hundreds of calls: without entering the namespace for each, a Unix socket has no need of it.
tool() { "$SLUICECTL" --socket "$LAB_DIR/control.sock" "$@"; }

# What the program in force says of these frames tells whose configuration it obeys.
answers() {
	in_ns node "$T/frameprobe" "$LAB_PINS/abi-3" acme <<-END | sed 's/^steered_stack/steered/'
		tcp 198.51.100.10 20000 203.0.113.10 1883
		tcp 198.51.100.11 20001 203.0.113.10 1883
		tcp 198.51.100.12 20002 203.0.113.10 1883
		tcp 203.0.113.99 20000 203.0.113.10 1883
		udp 198.51.100.10 20000 203.0.113.10 5683
		udp 192.0.2.10 20000 203.0.113.10 5683
		udp 192.0.2.10 20000 203.0.113.10 5684
		udp 192.0.2.10 20000 203.0.113.11 5683
	END
}

generation() { tool --json status | jq .generation; }

# in_force_stays WHERE
in_force_stays() {
	local now

	now=$(generation)
	[ "$now" = "$GENERATION" ] || fail "$1: generation $now is in force, not $GENERATION"
	now=$(answers)
	[ "$now" = "$ANSWERS" ] || fail "$1: the packet path changed:
$(diff <(echo "$ANSWERS") <(echo "$now"))"
}

# refused WAY NAME CMD...: the command fails, and says where and what would be right.
refused() {
	local way=$1 name=$2 out rc=0

	shift 2
	out=$("$@" 2>&1) || rc=$?
	[ "$rc" != 0 ] || fail "$way of $name: not refused: $out"
	[[ $out == *"$PLACE: "*"$WANTED"* ]] || fail "$way of $name: want '$PLACE: ...$WANTED', got: $out"
}

# Of a SIGHUP the log is the only answer.
hup() {
	local was

	was=$(wc -l <"$LAB_DIR/log/sluiced")
	kill -HUP "$DAEMON"
	WAIT=10 wait_for hup_told "$was"
}
hup_told() { tail -n +$(($1 + 1)) "$LAB_DIR/log/sluiced" | grep -aqF -- "refused, the old configuration stays in force: $PLACE: "; }

try() {
	local bad=$LAB_DIR/bad/$1.json

	{ read -r PLACE && read -r WANTED; } <"$LAB_DIR/bad/$1.want"
	refused check "$1" tool check "$bad"
	checks=$((checks + 1))
	cp "$bad" "$LAB_DIR/config.json"
	if [ $((checks % 3)) = 0 ]; then
		refused reload "$1" tool reload
		reloads=$((reloads + 1))
	fi
	if [ $((checks % 15)) = 1 ]; then
		hup
		hups=$((hups + 1))
	fi
}

lab_new 1
ip_in m1 <<-END
	addr add 10.77.1.11/24 dev eth0
	addr add 10.77.1.12/24 dev eth0
	addr add 10.77.1.21/24 dev eth0
END
adapt_all
cp "$LAB_DIR/base.json" "$LAB_DIR/config.json"
daemon_start
DAEMON=$(lab_pids_of sluiced | cut -d' ' -f1)
GENERATION=$(generation) ANSWERS=$(answers)
for word in '^steered 10.77.1.1[12]:1883' '^unknown_tenant' '^not_allowed' '^not_ours'; do
	grep -q "$word" <<<"$ANSWERS" || fail "the base's packet path has no $word: $ANSWERS"
done

checks=0 reloads=0 hups=0
for f in "$LAB_DIR"/bad/*.json; do
	f=${f##*/}
	try "${f%.json}"
	[ $((checks % 50)) != 0 ] || in_force_stays "after $f"
done
in_force_stays "in the end"
[ $reloads -ge $LEAST ] || fail "only $checks malformed configurations in $FIXTURES/bad"

# They were refused for their mistakes: without one, the document is taken, and another too.
cp "$LAB_DIR/base.json" "$LAB_DIR/config.json"
tool check "$LAB_DIR/config.json" >/dev/null || fail "check: the base is refused"
config_edit '.services[1].port = 5684'
tool reload >/dev/null || fail "reload: a good document is refused"
[ "$(answers)" != "$ANSWERS" ] || fail "a good document was not put in force"
say "$checks malformed configurations refused by check, $reloads of them by reload, $hups by" \
	"SIGHUP; generation $GENERATION stayed in force, the packet path's answers too"
