#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Affinity holds under floods. While instances change, each kind of flood comes from millions of
# spoofed sources: 500 MQTT connections and 200 DTLS sessions stay whole, new ones succeed, and
# another tenant gets what its quota says. Prints what each flood did to each.
#
#	tests/netns/test_floods.sh                             # a million sources each; QUICK: of three kinds
#	FLOOD_PACKETS=12000000 tests/netns/test_floods.sh      # the table of docs/floods.md: some 15 minutes
#	FLOOD_KINDS="syn coap" FLOOD_THREADS=2 FLOOD_RATE=500k tests/netns/test_floods.sh
#
# From ten million packets on each kind has a transition of its own, which ends before the next.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/stacks.sh
. "$(dirname "$0")/stacks.sh"
# shellcheck source=tests/netns/storm.sh
. "$(dirname "$0")/storm.sh"
# shellcheck source=tests/netns/floods.sh
. "$(dirname "$0")/floods.sh"

PACKETS=${FLOOD_PACKETS:-1000000}
KINDS=${FLOOD_KINDS:-${QUICK:+syn ack dtlsdata}}
KINDS=${KINDS:-syn ack rst clienthello coap coap-post dtlsdata dtlscid}
KEEP=10 FULL=
[ "$PACKETS" -lt 10000000 ] || KEEP=25 FULL=1

# change_if_over KIND: there is a transition, if need be a new one.
change_if_over() { if [ -n "$FULL" ] || ! in_transition "$(service_of "$1")"; then change_next; fi; }

# What the kinds at full speed do not show: a quota; a flood for longer than a transition can be
# prolonged; and, where it is not the node that is slow, servers that answer it.
more_rows() {
	local kind

	change_next
	ctl tenant quota storm packets=10k/s >/dev/null
	flood_row "syn, held to 10k/s" syn "$PACKETS" 120
	ctl tenant quota storm packets=none >/dev/null
	transition_over

	config_edit '(.services[] | select(.name | IN("broker", "secure", "telemetry"))).keep = "10s"'
	ctl reload >/dev/null
	for kind in ack dtlsdata; do
		change_next
		flood_row "$kind, 50 s, keep 10 s" $kind 1000000000 50
		transition_over
		whole "after $kind for five times keep"
	done

	change_next
	storm_sunk m1 && storm_sunk m2 && storm_sunk m3
	flood_row "ack, servers answer" ack "$PACKETS" 120
	transition_over
}

lab_new 3
floods_config $KEEP
storm_add
storm_tenant storm
for m in m1 m2 m3; do
	dtls_start $m $m "$(machine_addr $m 4)" $((512 + ${m#m}))
done
daemon_start
storm_sink m1 m2 m3
devices_start

for kind in $KINDS; do
	change_if_over "$kind"
	flood_row "$kind" "$kind" "$PACKETS" 120
	[ -z "$FULL" ] || transition_over
	whole "after $kind"
done
no_event_past || fail "a transition was not prolonged: $(grep 'not prolonged' "$LAB_DIR/log/sluiced")"
[ -z "$FULL" ] || [ -n "${FLOOD_KINDS:-}" ] || more_rows
transition_over
whole "at the end"
devices_stop
want "internal" "$(ctl --json reasons)" 'all(.reasons[]; .reason != "internal" or .packets == 0)'
table_print
echo PASS
