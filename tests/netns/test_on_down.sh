#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Who is cut off when: probes with on_down and min_healthy, an administrator, evidence, which comes
# soon and outlives the daemon. And outliers by their counters, which stand in for packets here.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/maps.sh
. "$(dirname "$0")/maps.sh"

DOWN=1 RESET=3 # with down

instance() { ctl --json instance list "$1" | jq -c --arg i "$2" '.instances[] | select(.name == $i)'; }
instance_is() { instance "$1" "$2" | jq -e "$3"; }
# told TYPE SERVICE INSTANCE [N]: at least so many events.
told() {
	ctl --json events --limit=4000 | jq -e --arg t "$1" --arg s "$2" --arg i "$3" --argjson n "${4:-1}" \
		'[.. | objects | select(.type? == $t and .service == $s and .instance == $i)] | length >= $n'
}
signal() { while read -r pid _; do kill -"$1" "$pid"; done < <(lab_pids_of "$2"); }

lab_new 3
config_edit '(.services[] | select(.name == "broker")).health.on_down = "reset" |
	(.services[] | select(.name == "telemetry")).health |= (. + {interval: "4s", timeout: "400ms", fall: 3})'
daemon_start
disown "$lab_pid"
wait_for take_flows broker 3
wait_for take_flows telemetry 3

# -- on_down: reset, while min_healthy holds --

signal STOP mosquitto-m2-1883
wait_for instance_is broker m2 '.health == "down" and .moved and .slots == 0'
flags_are m2 1883 $RESET || fail "flags of m2: $(record m2 1883)"
told instance_moved broker m2 >/dev/null || fail "no event instance_moved"
signal STOP mosquitto-m3-1883
wait_for told instance_kept broker m3
want "one of three is healthy" "$(instance broker m3)" '.health == "down" and (.moved | not) and .slots > 0'
flags_are m3 1883 0 || fail "moved below min_healthy: $(record m3 1883)"
flags_are m2 1883 $RESET || fail "what has moved came back: $(record m2 1883)"
want "what has moved, below min_healthy" "$(instance broker m2)" '.slots == 0'
# m2 is healthy again: now enough are, and m3 is believed to be down.
signal CONT mosquitto-m2-1883
wait_for instance_is broker m3 .moved
flags_are m3 1883 $RESET || fail "flags of m3: $(record m3 1883)"
flags_are m2 1883 0 || fail "flags of m2, which is up: $(record m2 1883)"
signal CONT mosquitto-m3-1883
wait_for take_flows broker 3
flags_are m3 1883 0 || fail "flags of m3, which is up: $(record m3 1883)"

# By hand it is the same, and its devices are told with their next segments.
lab_start hold acme "$T/tcphold" --to "$VIP4" --connections 60 --from "$ACME4"
WAIT=30 wait_for grep -q ready "$LAB_DIR/log/hold"
ON_M1=$(grep -acF 'New connection from 198.51.100.' "$LAB_DIR/log/mosquitto-m1-1883") || fail "no connection on m1"
broken() {
	kill -USR1 "$(lab_pids_of hold | cut -d' ' -f1)"
	[ "$(tail -n 1 "$LAB_DIR/log/hold" | jq .broken)" = "$ON_M1" ]
}
ctl instance down broker m1 >/dev/null
flags_are m1 1883 $RESET || fail "flags after down: $(record m1 1883)"
wait_for broken
[ "$(reason reset)" -ge "$ON_M1" ] || fail "not reset by this node: $(ctl --json reasons)"
ctl instance up broker m1 >/dev/null
flags_are m1 1883 0 || fail "flags after up: $(record m1 1883)"

# -- evidence --

# Three refusals take one interval and two eighths, not three intervals.
BEGUN=$(date +%s%N)
lab_stop coap-m1-5683 KILL
wait_for told instance_gone telemetry m1
TOOK=$((($(date +%s%N) - BEGUN) / 1000000))
[ $TOOK -lt 7000 ] || fail "evidence took $TOOK ms"
want "gone" "$(instance telemetry m1)" '.gone and .slots == 0'
flags_are m1 5683 $DOWN || fail "flags of m1: $(record m1 5683)"
daemon_killed
want "gone, after kill -9" "$(instance telemetry m1)" '.gone and (.moved | not) and .slots == 0'
flags_are m1 5683 $DOWN || fail "flags of m1 after kill -9: $(record m1 5683)"
coap_start m1 5683
WAIT=20 wait_for instance_is telemetry m1 '.health == "up" and (.gone | not) and .slots > 0'
flags_are m1 5683 0 || fail "flags of m1, which is up: $(record m1 5683)"

# -- outliers --

config_edit '(.services[] | select(.name == "broker")).health.outlier =
	{requests: 20, interval: "1s", ejection: "4s", ejection_max: "60s"}'
ctl reload >/dev/null
wait_for take_flows broker 3

# answers MACHINE ASKED ANSWERED: its counters, as one CPU has them.
answers() { map_put sl_answers "$(le 4 "$(record "$1" 1883 | jq .key)")" "$(le 4 "$2")$(le 4 "$3")"; }

# asks MACHINE... : each is asked 100 times more, and answers nothing; is one ejected?
ASKED=0
asks() {
	local m

	ASKED=$((ASKED + 100))
	for m in "$@"; do answers "$m" $ASKED 0; done
	ejected | grep -q .
}
ejected() { ctl --json instance list broker | jq -r '.instances[] | select(.state == "ejected") | .name'; }
nobody_ejected() { [ -z "$(ejected)" ]; }

wait_for asks m1
want "ejected" "$(instance broker m1)" '.ejections == 1 and .ejected_s <= 4 and .slots == 0 and .health == "up"'
ctl instance list broker | grep -qE '^m1 .* ejected [0-9]+s ' || fail "no ejection in: $(ctl instance list broker)"
flags_are m1 1883 0 || fail "an outlier was cut off: $(record m1 1883)"
wait_for instance_is broker m1 '.state == "up" and .slots > 0'
told instance_outlier_over broker m1 >/dev/null || fail "no event instance_outlier_over"

wait_for asks m1
want "twice as long" "$(instance broker m1)" '.ejections == 2 and .ejected_s > 4 and .ejected_s <= 8'
wait_for nobody_ejected

# Two at once: without both, fewer than min_healthy would take flows.
wait_for asks m2 m3
wait_for told instance_outlier_kept broker m3
[ "$(ejected)" = m2 ] || fail "ejected: $(ejected)"
want "the other" "$(instance broker m3)" '.slots > 0'

# And by packets: a CoAP server hangs, nothing probes it.
config_edit '(.services[] | select(.name == "telemetry")).health =
	{probe: "none", outlier: {requests: 20, interval: "1s", ejection: "60s"}}'
ctl reload >/dev/null
lab_start load acme "$T/coapload" --to "$VIP4:5683" --from "$ACME4" --rate 200 --duration 60 --flows 50 --timeout 1
wait_for grep ready "$LAB_DIR/log/load"
signal STOP coap-m2-5683
wait_for instance_is telemetry m2 '.state == "ejected" and .slots == 0'
for m in m1 m3; do
	want "$m, which answers" "$(instance telemetry $m)" '.state == "up" and .slots > 0 and (has("ejections") | not)'
done
signal CONT coap-m2-5683

say "cut off and back by probes, by hand, by evidence (after $TOOK ms, and over kill -9); outliers ejected for 4 s and 8 s, and by packets"
