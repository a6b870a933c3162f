#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A server is killed: nobody listens, its machine says so, and within a few probes its flows
# are others'. A server that only hangs keeps the flows it has.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

LIMIT_S=5 # probes every 500 ms, fall 2; the rest is this machine's

state_of() { ctl --json instance list telemetry | jq -r --arg i "$1" '.. | objects | select(.name? == $i) | .health'; }
health_is() { [ "$(state_of "$1")" = "$2" ]; }
told() { ctl --json events --limit=4000 | grep -q "\"$1\""; }

# load SECONDS: 200 requests a second over 50 flows, in the background, into log/load.
load() {
	lab_start load acme "$T/coapload" --to "$VIP4:5683" --from "$ACME4" --rate 200 \
		--duration "$1" --flows 50 --timeout 1
	wait_for grep ready "$LAB_DIR/log/load"
}

load_result() {
	WAIT=40 wait_for grep started_at "$LAB_DIR/log/load"
	tail -1 "$LAB_DIR/log/load"
}

lab_new 3
daemon_start
wait_for take_flows telemetry 3

load 16
wait_for jq -e '. > 100' <<<"$(reason steered)" || true
killed=$(date +%s.%N)
lab_stop coap-m1-5683 KILL
wait_for health_is m1 down
told instance_gone || fail "no event instance_gone"
json=$(load_result)
after=$(jq -n --argjson j "$json" --argjson k "$killed" '[$j.last_failure_at - $k, 0] | max * 100 | round / 100')
jq -e -n "$after < $LIMIT_S" >/dev/null || fail "requests failed for $after s after the kill: $json"
want "answers after the kill" "$json" '.answered > 2500 and .failed < 700'

coap_start m1 5683
wait_for health_is m1 up

# A server that hangs: probes fail, but there is no evidence; m2 keeps its flows.
while read -r pid _; do kill -STOP "$pid"; done < <(lab_pids_of coap-m2-5683)
wait_for health_is m2 down
[ "$(ctl --json events --limit=4000 | jq -r '.. | objects | select(.type? == "instance_gone") | .instance' | sort -u)" = m1 ] ||
	fail "a server that only hangs was given up"
while read -r pid _; do kill -CONT "$pid"; done < <(lab_pids_of coap-m2-5683)
wait_for health_is m2 up

# A machine that is gone without a word: its neighbour entry fails, and that is evidence too.
# When all of them go at once, it is a switch's fault: the last ones are not given up.
# It neither asks nor answers any more, and the node forgets its address: it would else believe
# in it for up to a minute.
silence() {
	in_ns "$1" ip link set eth0 arp off
	in_ns node ip neigh flush dev "$1" >/dev/null 2>&1 || true # sluiced asks again at once: it is never empty
}
gone_of() { ctl --json events --limit=4000 | jq -r --arg s "$1" '[.. | objects | select(.type? == "instance_gone" and .service == $s) | .instance] | unique | join(" ")'; }
gave_up_m3() { [[ " $(gone_of telemetry) " == *" m3 "* ]]; }
silence m3
WAIT=30 wait_for gave_up_m3
in_ns m3 ip link set eth0 arp on
WAIT=30 wait_for health_is m3 up
LAST=$(ctl --json events --limit=4000 | jq '[.. | objects | .seq? // empty] | max')
for m in m1 m2 m3; do silence $m; done
# Its neighbour entry has failed since event $2: the kernel asks again now and then, so it comes and goes.
silent() { ctl --json events --after="$2" --limit=4000 | jq -e --arg i "$1" 'any(.. | objects; .type? == "next_hop" and .service == "telemetry" and .instance == $i and (.text | test("answer")))'; }
for m in m1 m2 m3; do
	WAIT=30 wait_for health_is $m down
	WAIT=30 wait_for silent $m "$LAST"
done
slots=$(ctl --json instance list telemetry | jq '[.. | objects | select(has("slots")) | .slots] | add')
[ "${slots:-0}" -gt 0 ] || fail "no instance takes flows: $(ctl --json instance list telemetry)"
echo "PASS: last failed request $after s after the kill, of $(jq .failed <<<"$json") in $(jq .sent <<<"$json")"
