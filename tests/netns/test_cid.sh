#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Devices that change address and port within a DTLS 1.2 session of a real stack, by its connection
# id (RFC 9146): before, during and after a transition they stay at their instance, without a
# handshake, also while it drains. Without the ids' layout, they do not.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/stacks.sh
. "$(dirname "$0")/stacks.sh"

SESSIONS=90 FEW=10
KEEP=10
HELD=34 # seconds that the last sessions hold a draining instance
# A question that is late is asked again, after a second.
WHOLE='.answered + 100 > .asked and .again <= 2 + .asked / 200 and
	.failed + .lost + .moved + .rehandshakes + .broken == 0'

# devices_start WHAT SESSIONS N: they have another address after each N answers.
devices_start() {
	lab_start "$1" acme "$T/dtlsclient" --to "$VIP4" --from "$ACME4" --sessions "$2" \
		--interval 0.25 --rebind-every "$3"
	WAIT=20 wait_for ready "$1"
}

# rebound WHEN: each device has changed its address some times from now on, and nothing else.
rebound() {
	local was now

	was=$(figures_now devices | jq .rebound)
	wait_for has devices ".rebound >= $was + 3 * $SESSIONS"
	now=$(figures_now devices)
	want "$1" "$now" "$WHOLE and .open == $SESSIONS and .with_cid == $SESSIONS and .handshakes == $SESSIONS"
	say "$1: $(jq ".rebound - $was" <<<"$now") times another address, 0 handshakes, 0 moved, $(jq .again <<<"$now") asked again"
}

# ended_whole WHAT SESSIONS
ended_whole() {
	devices_end "$1"
	want "$1" "$(figures_of "$1")" "$WHOLE and .answered == .asked and .handshakes == $2"
}

topology_add 2 1
config_write 2
stacks_config 2 "${KEEP}s"
config_edit '.services |= map(select(.name == "sessions"))'
for n in 1 2 3; do
	dtls_start m$n m$n "$(machine_addr m$n 4)" $((512 + n))
done
daemon_start
devices_start devices $SESSIONS 2
devices_start few $FEW 8
AT=$(figures_now devices | jq -c .by_instance)
want "devices at both" "$AT" '(keys == ["m1", "m2"]) and add == $n' --argjson n $SESSIONS
want "few at m1" "$(figures_now few)" '.by_instance.m1 > 0'

rebound "before a transition"

instance_add sessions 3
wait_for in_transition sessions
rebound "in a transition"
wait_for in_transition sessions # it was one all the while
WAIT=$((KEEP + 10)) wait_for settled sessions
rebound "after a transition"

# Where their devices are now is in slots that were never m1's.
ctl instance remove sessions m1 >/dev/null
rebound "while it drains"
WAIT=$((KEEP + 10)) wait_for settled sessions
rebound "while it drains, after the transition"
want "who is where" "$(figures_now devices)" '.by_instance == $at' --argjson at "$AT"
ended_whole devices $SESSIONS
wait_until $HELD instance_is sessions m1 ".draining_s > $HELD" ||
	fail "m1 has gone, $(figures_now few | jq .by_instance.m1) sessions are its own: $(figures_now few)"
ended_whole few $FEW
WAIT=$((2 * KEEP + 10)) wait_for take_flows sessions 2

REBINDS=0
for m in m1 m2 m3; do
	lab_stop "dtls-$m"
	REBINDS=$((REBINDS + $(figures_of "dtls-$m" | jq .rebinds)))
	want "server $m" "$(figures_of "dtls-$m")" '.errors == 0 and .unknown == 0'
done
MADE=$(jq -n "$(figures_of devices).rebound + $(figures_of few).rebound")
[ $REBINDS -ge "$MADE" ] || fail "servers saw $REBINDS changes of address, devices made $MADE"
[ "$(reason internal)" = 0 ] || fail "reason internal"
say "$MADE changes of address in $((SESSIONS + FEW)) sessions; the last of them held a draining instance"
