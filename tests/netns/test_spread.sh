#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Requests and sessions of real clients all succeed, over both families, and are spread
# over three real servers by their weights: equal ones, and then 100, 200 and 300.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

REQUESTS=10000 COAP_PERCENT=10
SESSIONS=1000 MQTT_PERCENT=25

vip() { if [ "$1" = 6 ]; then echo "[$VIP6]"; else echo "$VIP4"; fi; }
devices() { if [ "$1" = 6 ]; then echo "$ACME6"; else echo "$ACME4"; fi; }

# shares_fit WHAT JSON PERCENT: JSON has a number for each machine; WEIGHTS are theirs, in order.
shares_fit() {
	local what=$1 json=$2 percent=$3 worst

	worst=$(jq -n --argjson got "$json" --argjson weights "[${WEIGHTS// /,}]" '
		([$got[]] | add // 0) as $all | ($weights | add) as $w |
		[range($weights | length) | . as $i | ($all * $weights[$i] / $w) as $want |
		 ((($got["m\($i + 1)"] // 0) - $want) / $want * 100 | fabs)] |
		max * 100 | round / 100')
	[ "$(jq length <<<"$json")" = 3 ] || fail "$what: not three servers: $json"
	jq -e -n "$worst <= $percent" >/dev/null ||
		fail "$what: $worst % off the weights $WEIGHTS, over $percent %: $json"
	FIGURES+=" $what $(jq -r '[.m1, .m2, .m3] | join("/")' <<<"$json") ($worst %)"
}

# coap_spread FAMILY: each request from a source port of its own; /whoami names the server.
coap_spread() {
	local json from

	from=$(devices "$1")
	json=$(in_ns acme "$T/coapload" --to "$(vip "$1"):5683" --from "${from%%,*}" \
		--requests $REQUESTS --flows $REQUESTS --port-base 20000 --inflight 32 2>>"$LAB_DIR/log/coapload") ||
		fail "CoAP over IPv$1: $json"
	want "CoAP over IPv$1" "$json" '.answered == $n' --argjson n $REQUESTS
	shares_fit "coap$1" "$(jq -c .by_instance <<<"$json")" $COAP_PERCENT
}

# sessions_at MACHINE FAMILY: the devices' connections that its broker has accepted and holds.
sessions_at() {
	local from=198.51.100.

	[ "$2" = 4 ] || from=[2001:db8:a:
	in_ns "$1" ss -Htn state established "sport = :1883" | grep -cF "$from" || true
}

# mqtt_spread FAMILY: all sessions subscribe, publish, get it back and stay: counted at the brokers.
mqtt_spread() {
	local what="mqttload$1-${WEIGHTS// /-}" log json m counts=

	log=$LAB_DIR/log/$what
	lab_start "$what" acme "$T/mqttload" --to "$(vip "$1"):1883" --from "$(devices "$1")" \
		--sessions $SESSIONS --connect-rate 500 --hold
	WAIT=30 wait_for grep ready "$log"
	for m in m1 m2 m3; do
		counts+="\"$m\":$(sessions_at $m "$1"),"
	done
	lab_stop "$what"
	json=$(tail -n 1 "$log")
	want "MQTT over IPv$1" "$json" \
		'.connected == $n and .done == $n and .broken == 0 and .failed == 0' \
		--argjson n $SESSIONS
	shares_fit "mqtt$1" "{${counts%,}}" $MQTT_PERCENT
	want "MQTT over IPv$1: sessions at the brokers" "{${counts%,}}" '[.[]] | add == $n' \
		--argjson n $SESSIONS
}

# The packages' own clients, once each.
real_clients() {
	local sub=$LAB_DIR/log/sub$1 got host

	got=$(in_ns acme coap-client-notls -B 5 -m get "coap://$(vip "$1")/whoami" 2>&1)
	[[ $got == *m[123]* ]] || fail "coap-client over IPv$1: '$got'"
	host=$(vip "$1") && host=${host//[][]/}
	lab_start "sub$1" acme mosquitto_sub -h "$host" -t "real/$1" -C 1 -W 20
	# The brokers are joined at a hub: what is said at one of them is heard at all, once they know
	# of the subscription, so it is said until it is heard.
	wait_for said_and_heard "$1" "$host" "$sub"
}

said_and_heard() {
	in_ns acme mosquitto_pub -q 1 -h "$2" -t "real/$1" -m "hello over IPv$1" &&
		WAIT=1 wait_until 1 grep -a "^hello over IPv$1$" "$3"
}

spread() {
	FIGURES="weights $WEIGHTS:"
	coap_spread 4
	coap_spread 6
	mqtt_spread 4
	mqtt_spread 6
	say "$FIGURES"
}

settled() {
	ctl --json service list | jq -e 'all(.services[]; .slots_in_transition == 0)'
}

lab_new 3
config_edit '.services[].keep = "10s"'
daemon_start
real_clients 4
real_clients 6

WEIGHTS="100 100 100"
spread

# Flows that are under way stay where they are while slots are in transition, and new ones from
# known ports with them; the shares are the weights' once the change is through.
WEIGHTS="100 200 300"
for service in telemetry telemetry6 broker broker6; do
	for m in 2 3; do
		ctl instance weight $service m$m ${m}00 >/dev/null
	done
done
WAIT=40 wait_for settled
spread
[ "$(reason internal)" = 0 ] || fail "$(reason internal) packets left as internal"
echo PASS
