#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# An instance dies with 300 MQTT clients on it: with on_down: reset all of them are connected again
# within two probe intervals, whether its server was killed, hangs with its machine, or has lost its
# link. With keep, where only the probes fail, nobody is disconnected.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/stacks.sh
. "$(dirname "$0")/stacks.sh"

CLIENTS=300
RECONNECT_S=0.1 # a client waits so long before it connects anew, half of it more or less

# Service, port, interval, timeout, fall, on_down. A refusal is known after 5/4 of an interval. Silence is
# after interval * fall + timeout, so to be answered within two intervals it has to be believed at once;
# and a device that waits for an ACK hears of it when its kernel sends again, 0.2, 0.7, 1.6, 3.4 s after.
SERVICES="filtered 1883 1s 500ms 2 keep
killed 1884 1s 500ms 2 reset
hung 1885 2500ms 250ms 1 reset
unplugged 1886 2500ms 250ms 1 reset"

# A broker that is joined to no other.
broker_start() {
	local what=broker-$1-$2

	printf 'listener %s\nallow_anonymous true\nuser root\nset_tcp_nodelay true\n' "$2" >"$LAB_DIR/$what.conf"
	lab_start "$what" "$1" mosquitto -c "$LAB_DIR/$what.conf"
	disown "$lab_pid" # or the shell tells that it was killed
	wait_for server_listens "$1" t "$2"
}

# services_write: m1 alone has them at first, so that all clients are there.
services_write() {
	local name port interval timeout fall on_down

	config_edit '.services = []'
	while read -r name port interval timeout fall on_down; do
		config_edit --arg name "$name" --argjson port "$port" --arg interval "$interval" --arg timeout "$timeout" \
			--argjson fall "$fall" --arg down "$on_down" --arg v4 "$VIP4" \
			--argjson instances "$(instances_of 1 "$port" 4)" '
			.services += [{$name, address: $v4, $port, protocol: "mqtt", keep: "30s", $instances,
				health: {$interval, $timeout, $fall, rise: 2, on_down: $down}}]'
	done <<<"$SERVICES"
}

instance_is() { ctl --json instance list "$1" | jq -e --arg i "$2" '.instances[] | select(.name == $i) | '"$3"; }
clients_are() { figures_now "$1" | jq -e "$2"; }

# clients_start SERVICE PORT: all on m1, each publishes four times a second; then m2 and m3 take flows, too.
clients_start() {
	lab_start "$1" acme "$T/mqttload" --to "$VIP4:$2" --from "$ACME4" --sessions $CLIENTS --hold --no-subscribe \
		--publish 1000000 --rate 4 --reconnect $RECONNECT_S
	wait_for all_on m1 "$2" # before that a signal might come before its handler
	wait_for clients_are "$1" ".open == $CLIENTS"
	for m in m2 m3; do
		ctl instance add "$1" $m "$(machine_addr $m 4)" "$2" >/dev/null
	done
	wait_for take_flows "$1" 3
}

all_on() { [ "$(established "$1" "$2")" -ge $CLIENTS ]; }
# verdicts SERVICE: on m1.
verdicts() { sed -nE "s/^<.>(instance_(gone|down|moved)) $1\/m1: ([^:]*).*/\1, \3/p" "$LAB_DIR/log/sluiced" | paste -sd';'; }
clients_stop() { lab_stop "$1"; }

# dies SERVICE PORT INTERVAL CMD...: what kills it; from then on until the last has its CONNACK.
dies() {
	local service=$1 port=$2 interval=$3 begun json

	shift 3
	clients_start "$service" "$port"
	begun=$EPOCHREALTIME
	"$@"
	WAIT=30 wait_for clients_are "$service" ".reconnected == $CLIENTS and .open == $CLIENTS"
	json=$(figures_now "$service" | jq -c --argjson t "$begun" '. + {first_s: (.first_break_at - $t), last_s: (.last_reconnect_at - $t)}')
	say "$service: $(verdicts "$service"): $(jq -r '"the first client told after \(.first_s * 1000 | round) ms, " +
		"the last of \(.reconnected) connected again after \(.last_s * 1000 | round) ms"' <<<"$json")"
	want "$service: within two intervals" "$json" '.last_s < 2 * $i' --argjson i "$interval"
	want "$service: each once" "$json" ".broken == $CLIENTS and .late == 0"
	[ $(($(established m2 "$port") + $(established m3 "$port"))) -ge $CLIENTS ] || fail "$service: not all on m2 and m3"
	clients_stop "$service"
}

# mute NS WHAT...: that machine sends no TCP any more where it says WHAT; it still answers for its
# address, so that its silence alone tells. What was sent before is sent again when it may.
mute() {
	local ns=$1

	shift
	in_ns "$ns" ip rule add ipproto tcp "$@" blackhole
}
unmute() {
	local ns=$1

	shift
	in_ns "$ns" ip rule del ipproto tcp "$@" blackhole
}

lab_new_bare 3
services_write
while read -r _ port _; do
	for m in m1 m2 m3; do
		broker_start $m "$port"
	done
done <<<"$SERVICES"
daemon_start

# -- only the probes fail --

clients_start filtered 1883
mute m1 to 10.77.1.1 sport 1883
wait_for instance_is filtered m1 '.health == "down" and (.gone | not) and .slots == 0'
PUBLISHED=$(figures_now filtered | jq .acked)
wait_for clients_are filtered ".acked > $PUBLISHED + 12 * $CLIENTS"
want "keep" "$(figures_now filtered)" ".open == $CLIENTS and .connected == $CLIENTS and .broken + .late + .failed + .reconnected == 0"
all_on m1 1883 || fail "keep: clients have left m1"
unmute m1 to 10.77.1.1 sport 1883
wait_for take_flows filtered 3
want "keep, up again" "$(figures_now filtered)" ".open == $CLIENTS and .broken + .late + .failed == 0"
say "filtered: $(figures_now filtered | jq -r '"\(.open) clients, \(.acked) publications acknowledged, \(.broken) disconnected"')"
clients_stop filtered

# -- it dies --

dies killed 1884 1 lab_stop broker-m1-1884 KILL
dies hung 1885 2.5 mute m1 sport 1885
unmute m1 sport 1885
dies unplugged 1886 2.5 in_ns m1 ip link set eth0 down
echo PASS
