#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Drains: how many flows are left is told; one is taken back in the middle without moving a flow,
# also when it was to be removed; a weight goes over in small steps; "drain": "move" waits for
# nothing. All the while devices hold TCP connections, which only the last may break.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

CONNECTIONS=120
KEEP=10
STEP_MAX=5 # a sixteenth of the way from 100 to 20

instance() { ctl --json instance list broker | jq -c --arg i "$1" '.instances[] | select(.name == $i)'; }
instance_is() { instance "$1" | jq -e "$2"; }
# events TYPE INSTANCE: all of broker's, as an array.
events() {
	ctl --json events --limit=4000 |
		jq -c --arg t "$1" --arg i "$2" '[.. | objects | select(.type? == $t and .service == "broker" and .instance == $i)]'
}
event_n() { events "$1" "$2" | jq -e "length >= $3"; }
row() { ctl instance list broker | grep "^$1 "; }
accepts() { for m in m1 m2 m3; do grep -acF 'New connection from 198.51.100.' "$LAB_DIR/log/mosquitto-$m-1883" || true; done | xargs; }

# ask_hold: the figures of the connections.
ask_hold() {
	local was log=$LAB_DIR/log/hold

	was=$(wc -l <"$log")
	kill -USR1 "$(lab_pids_of hold | cut -d' ' -f1)"
	wait_for grew "$log" "$was"
	tail -n 1 "$log"
}
grew() { [ "$(wc -l <"$1")" -gt "$2" ]; }

# As long as nothing was given up.
want_unbroken() {
	want "connections, $1" "$(ask_hold)" '.open == $n and .broken == 0 and .failed == 0 and .late == 0' \
		--argjson n $CONNECTIONS
	[ "$(accepts)" = "$ACCEPTS" ] || fail "$1: brokers accepted $(accepts), before $ACCEPTS"
}

lab_new 3
config_edit --arg keep "${KEEP}s" '(.services[] | select(.name == "broker")).keep = $keep'
daemon_start
wait_for take_flows broker 3
lab_start hold acme "$T/tcphold" --to "$VIP4" --connections $CONNECTIONS --from "$ACME4"
WAIT=30 wait_for grep -q ready "$LAB_DIR/log/hold"
ACCEPTS=$(accepts)
SLOTS=$(instance m1 | jq .slots)

# -- progress --

ctl instance drain broker m1 >/dev/null
wait_for event_n drain_progress m1 1
wait_for instance_is m1 '.state == "draining" and .slots == 0 and .slots_in_transition > 0 and .pins > 0'
row m1 | grep -qE 'draining +[0-9]+ flows, [0-9]+ slots' || fail "no progress in: $(row m1)"
# After the transition its slots have changed to what pins alone hold: told again, 10 s later.
WAIT=30 wait_for event_n drain_progress m1 2
PROGRESS=$(events drain_progress m1)
want "progress" "$PROGRESS" 'all(.[]; .text | test("^[0-9]+ flows and [0-9]+ slots")) and .[0].text != .[1].text'
want "pace of progress" "$PROGRESS" \
	'[.[].time | sub("\\.[0-9]+Z$"; "Z") | fromdate] | [.[1:], .[:-1]] | transpose | all(.[]; .[0] - .[1] >= 9)'
want_unbroken "draining"

# -- taken back --

# A has become B in its slots; back to A is a transition, too, and moves nothing.
ctl instance up broker m1 >/dev/null
want "taken back" "$(instance m1)" '.state == "up" and .slots == $s and (has("draining_s") | not)' --argjson s "$SLOTS"
want "its slots in transition" "$(instance m2)" '.slots_in_transition > 0'
want_unbroken "taken back"
ctl instance remove broker m1 >/dev/null
want "leaving" "$(instance m1)" '.leaving and .state == "draining"'
ctl instance up broker m1 >/dev/null
want "taken back before it had left" "$(instance m1)" '(.leaving | not) and .state == "up" and .slots == $s' \
	--argjson s "$SLOTS"
ctl instance remove broker m1 >/dev/null
ctl instance add broker m1 "$(machine_addr m1 4)" 1883 >/dev/null || fail "one that leaves cannot be added again"
want "added again" "$(instance m1)" '(.leaving | not) and .state == "up"'
want_unbroken "after two removals taken back"

# -- weights in steps --

# weights INSTANCE TARGET: those it has on the way, one a line, until it is there.
weights() {
	local was="" now deadline=$((SECONDS + 20))

	until [ "$was" = "$2" ]; do
		[ $SECONDS -lt $deadline ] || fail "the weight of $1 stays at $was"
		now=$(instance "$1" | jq .weight)
		[ "$now" = "$was" ] || echo "$now"
		was=$now
	done
}

ctl instance weight broker m2 20 --over=8s | grep -q 'on its way to 20' || fail "no way to 20"
want "target" "$(instance m2)" '.weight_target == 20 and .weight > 20 and .weight_left_s <= 8'
row m2 | grep -qE '[0-9]+ -> 20' || fail "no target in: $(row m2)"
WEIGHTS=$(weights m2 20 | jq -cs .)
want "steps" "$WEIGHTS" '.[0] <= 100 and length >= 12 and ([.[:-1], .[1:]] | transpose | all(.[]; .[0] > .[1] and .[0] - .[1] <= $max))' \
	--argjson max $STEP_MAX
want "share" "$(instance m2)" '(has("weight_target") | not) and .slots < $s / 3' --argjson s "$SLOTS"

ctl instance weight broker m2 100 --over=300s >/dev/null
config_edit '.tenants[1].quota.messages = "2k/s"' # a reload does not end it
ctl reload >/dev/null
want "over a reload" "$(instance m2)" '.weight_target == 100 and .weight < 100'
ctl instance weight broker m2 50 >/dev/null # a second change takes its place
want "at once" "$(instance m2)" '(has("weight_target") | not) and .weight == 50'
ctl instance weight broker m2 100 --over=300s >/dev/null
lab_stop sluiced KILL
daemon_start
want "after kill -9" "$(instance m2)" '(has("weight_target") | not) and .weight == 100'
if ctl instance weight broker m2 50 --over=0s >/dev/null 2>&1; then fail "--over=0s was taken"; fi
want_unbroken "after changes of weight"

# -- move --

config_edit '(.services[] | select(.name == "broker")).drain = "move"'
ctl reload >/dev/null
WAIT=$((KEEP + 10)) wait_for instance_is m3 '.slots_in_transition == 0'
[ "$(instance m3 | jq .slots)" -gt 0 ] || fail "m3 has no slots: $(instance m3)"
BEGUN=$SECONDS
ctl instance drain broker m3 >/dev/null
wait_for instance_is m3 .drained
[ $((SECONDS - BEGUN)) -lt $KEEP ] || fail "it took as long as keep to drain"
event_n instance_given_up m3 1 >/dev/null || fail "no event instance_given_up"
M3=${ACCEPTS##* }
broken() { [ "$(ask_hold | jq .broken)" = "$M3" ]; }
wait_for broken # their next segments reach others, which reset them
ctl instance up broker m3 >/dev/null
want "back" "$(instance m3)" '.state == "up" and .slots > 0 and (.drained | not)'

say "told $(jq length <<<"$PROGRESS") times in a drain of $(jq -r '.[0].text' <<<"$PROGRESS"); taken back 3 times;" \
	"$(jq length <<<"$WEIGHTS") weights from 100 to 20; $CONNECTIONS connections unbroken until $M3 were given up"
