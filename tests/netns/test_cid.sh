#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Devices that change address and port within a DTLS 1.2 session of a real stack, by its connection
# id (RFC 9146): before, during and after a transition they stay at their instance, without a
# handshake, also while it drains. Without the ids' layout, they do not.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/stacks.sh
. "$(dirname "$0")/stacks.sh"

SESSIONS=100
KEEP=10
WHOLE='.failed + .again + .lost + .moved + .rehandshakes + .broken == 0'

# devices_start WHAT [OPTION...]: sessions that have another address after each second answer.
devices_start() {
	local what=$1

	shift
	lab_start "$what" acme "$T/dtlsclient" --to "$VIP4" --from "$ACME4" --sessions $SESSIONS \
		--interval 0.25 --rebind-every 2 "$@"
	WAIT=20 wait_for ready "$what"
}

# rebound WHEN: each session's device has changed its address some times from now on, and nothing else.
rebound() {
	local was now

	was=$(figures_now devices | jq .rebound)
	wait_for has devices ".rebound >= $was + 3 * $SESSIONS"
	now=$(figures_now devices)
	want "$1" "$now" "$WHOLE and .open == $SESSIONS and .with_cid == $SESSIONS and .handshakes == $SESSIONS"
	say "$1: $(jq ".rebound - $was" <<<"$now") addresses changed, 0 handshakes, 0 moved, 0 asked again"
}

topology_add 2 1
config_write 2
stacks_config 2 "${KEEP}s"
config_edit '.services |= map(select(.name == "sessions"))'
for n in 1 2 3; do
	dtls_start m$n m$n "$(machine_addr m$n 4)" $((512 + n))
done
daemon_start
devices_start devices
AT=$(figures_now devices | jq -c .by_instance)
want "devices at both" "$AT" '(keys == ["m1", "m2"]) and add == $n' --argjson n $SESSIONS

rebound "before a transition"

instance_add sessions 3
wait_for in_transition sessions
rebound "in a transition"
wait_for in_transition sessions # it was one all the while
WAIT=$((KEEP + 10)) wait_for settled sessions
rebound "after a transition"

ctl instance drain sessions m1 >/dev/null
rebound "while it drains"
WAIT=$((KEEP + 10)) wait_for settled sessions
rebound "while it drains, after the transition"
want "who is where" "$(figures_now devices)" '.by_instance == $at' --argjson at "$AT"
want "a drain of what goes by ids" "$(instance sessions m1)" '.state == "draining" and (.drained | not)'

devices_end devices
WAIT=$((2 * KEEP + 10)) wait_for instance_is sessions m1 .drained
DEVICES=$(figures_of devices)
want "devices" "$DEVICES" "$WHOLE and .answered == .asked and .handshakes == $SESSIONS"
REBINDS=0
for m in m1 m2 m3; do
	lab_stop "dtls-$m"
	REBINDS=$((REBINDS + $(figures_of "dtls-$m" | jq .rebinds)))
	want "server $m" "$(figures_of "dtls-$m")" '.errors == 0 and .unknown == 0'
done
[ $REBINDS -ge "$(jq .rebound <<<"$DEVICES")" ] || fail "servers saw $REBINDS changes, devices made $DEVICES"
[ "$(reason internal)" = 0 ] || fail "reason internal"
say "$(jq .rebound <<<"$DEVICES") changes of address in $SESSIONS sessions"
