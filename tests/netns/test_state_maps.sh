#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What the daemon keeps in maps for the packet path besides rings: whether a service has slots in
# transition, CoAP exchanges that are over, and which instance made a DTLS connection id. Exchanges
# are put here by hand.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/maps.sh
. "$(dirname "$0")/maps.sh"

KEEP=10

instance() { ctl --json instance list "$1" | jq -c --arg i "$2" '.instances[] | select(.name == $i)'; }
instance_is() { instance "$1" "$2" | jq -e "$3"; }
instance_gone() { [ -z "$(instance "$1" "$2")" ]; }

# cids: {server id: machine} of the service dtls.
cids() {
	local ids

	ids=$(for m in m1 m2; do record $m 5684 | jq -c --arg m $m '{(.key | tostring): $m}'; done | jq -cs add)
	map_dump sl_cids | jq -c --argjson ids "$ids" 'map({(.key.server_id | tostring): $ids[.value | tostring]}) | add'
}
cids_are() { cids | jq -e --argjson w "$1" '. == $w' >/dev/null; }
dtls_edit() { config_edit "(.services[] | select(.name == \"dtls\")).instances |= ($1)"; }

# state SERVICE_ID MEMBER
state() { map_dump sl_svc_states | jq -c --argjson s "$1" --arg m "$2" '.[] | select(.key == $s) | .value[$m]'; }
state_is() { [ "$(state "$1" "$2")" = "$3" ]; }

lab_new 2
config_edit --arg keep "${KEEP}s" --arg v4 "$VIP4" --argjson dtls "$(instances_of 2 5684 4)" '
	(.services[] | select(.name == "telemetry")).keep = $keep |
	.services += [{name: "dtls", address: $v4, port: 5684, protocol: "coaps", steering: "nat", keep: $keep,
		health: {probe: "none"}, cid: {layout: "first-byte", length: 6},
		instances: ($dtls | .[0].server_id = 7 | .[1].server_id = 8)}]'
daemon_start
disown "$lab_pid"
wait_for take_flows telemetry 2

# -- transitions, and exchanges in them --

RECORD=$(record m1 5683)
ID=$(jq .key <<<"$RECORD") GENERATION=$(jq .value.generation <<<"$RECORD") SERVICE=$(jq .value.service <<<"$RECORD")
state_is "$SERVICE" unsettled 0 || fail "unsettled from the start"

# exchange MID AGE [SIDE]: one of m1's, and counted, as a packet would.
exchange() {
	local key now

	now=$(awk '{ print int($1) }' /proc/uptime)
	key="$(printf '0x00 %.0s' {1..10})0xff 0xff $(be 4 $((0xc633640a)))$(be 2 40000)$(le 2 "$SERVICE")$(be 2 "$1")$(le 2 "${3-0}")"
	map_put sl_exchanges "$key" "$(le 2 "$ID")$(le 2 "$GENERATION")$(le 4 $((now - $2)))"
}
# Packets write no other member here: 16 bytes of the state, with two exchanges.
two_exchanges() { map_put sl_svc_states "$(le 4 "$SERVICE")" "$(le 4 0)$(le 4 0)$(le 4 2)$(le 4 "$1")$(le 8 0)$(printf '0x00 %.0s' {1..40})"; }
exchanges_are() { [ "$(map_dump sl_exchanges | jq length)" = "$1" ]; }

ctl instance drain telemetry m1 >/dev/null
state_is "$SERVICE" unsettled 1 || fail "not told of the transition"
two_exchanges 1
exchange 1 0
exchange 2 61
wait_for exchanges_are 1
wait_for state_is "$SERVICE" exchanges 1
wait_for instance_is telemetry m1 '.pins == 1'
# keep is over; the exchange holds its slot, and the instance.
WAIT=$((KEEP + 10)) wait_for instance_is telemetry m1 '.slots_in_transition == 0'
want "held by an exchange" "$(instance telemetry m1)" '.pins == 1 and (.drained | not)'
state_is "$SERVICE" unsettled 1 || fail "settled with an exchange left"
daemon_killed
state_is "$SERVICE" unsettled 1 || fail "settled by a restart"
# Given up, it is over.
ctl instance down telemetry m1 >/dev/null
wait_for exchanges_are 0
wait_for state_is "$SERVICE" exchanges 0
wait_for state_is "$SERVICE" unsettled 0
ctl instance up telemetry m1 >/dev/null

# -- a front has another name: what its pool's instances have said is forgotten with its id --

config_edit '(.services[] | select(.name == "telemetry")) as $t | .services += [
	($t | .name = "gw" | .port = 5690 | .instances = []),
	{name: "pool", pool_of: "gw", health: {probe: "none"}, instances: [$t.instances[0] | .port = 5690]}]'
ctl reload >/dev/null
RECORD=$(record m1 5690)
ID=$(jq .key <<<"$RECORD") GENERATION=$(jq .value.generation <<<"$RECORD")
front() { map_dump sl_returns | jq -c --argjson i "$ID" '.[] | select(.value.instance == $i) | .value.front'; }
SERVICE=$(front)
exchange 1 0 1
exchange 2 0 2
two_exchanges 0
config_edit '(.services[] | select(.name == "gw")).name = "gate" | (.services[] | select(.pool_of)).pool_of = "gate"'
ctl reload >/dev/null
[ "$(front)" != "$SERVICE" ] || fail "the pool has its old front"
wait_for exchanges_are 0
wait_for state_is "$SERVICE" exchanges 0
[ "$(record m1 5690 | jq .key)" = "$ID" ] || fail "the pool's instance is another"

# -- no room --

# Each note of one CPU is 5 now: of openers and of requests, the daemon tells.
told() { ctl --json events --limit=4000 | jq -e --arg t "$1" '[.. | objects | select(.type? == $t) | .text] | any(test("^5 openers and 5 CoAP requests"))'; }
map_put sl_counters "$(le 4 0)" "$(printf '0x00 %.0s' {1..1024})$(for _ in {1..32}; do le 8 5; done)$(printf '0x00 %.0s' {1..264})"
wait_for told pin_budget

# -- server ids --

cids_are '{"7": "m1", "8": "m2"}' || fail "connection ids: $(cids)"
dtls_edit '.[0].server_id = 8 | .[1].server_id = 7'
ctl reload >/dev/null
cids_are '{"8": "m1", "7": "m2"}' || fail "connection ids, exchanged: $(cids)"

# m1 goes; another must not take its id, neither in its place nor while it drains.
dtls_edit '[.[1], {name: "m3", address: "10.77.1.2", port: 5685, server_id: 8}]'
WHY=$(ctl reload 2>&1) && fail "m3 took the server id of m1"
[[ $WHY == *"services[4].instances[1].server_id: 8 is still in use by m1, which would drain; want another"* ]] ||
	fail "why m3 is refused: $WHY"
dtls_edit '[.[0]]'
ctl reload >/dev/null
cids_are '{"8": "m1", "7": "m2"}' || fail "connection ids while m1 drains: $(cids)"
WHY=$(ctl instance add dtls m3 10.77.1.2 5685 --server-id=8 2>&1) && fail "m3 took the server id of m1, which drains"
[[ $WHY == *"is still in use by m1, which drains; want another"* ]] || fail "why m3 is refused: $WHY"
daemon_killed
want "known after a restart" "$(instance dtls m1)" '.server_id == 8 and .leaving'
WAIT=$((KEEP + 15)) wait_for instance_gone dtls m1
cids_are '{"7": "m2"}' || fail "connection ids without m1: $(cids)"
ctl instance add dtls m3 10.77.1.2 5685 --server-id=8 >/dev/null || fail "m3 does not get the free server id"
want "m3" "$(instance dtls m3)" '.server_id == 8'

say "transitions told, exchanges swept, server ids kept while an instance drains"
