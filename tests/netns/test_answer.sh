#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A real client (libcoap) over its quota is told so by the node: 4.29 with a Max-Age that holds, one
# packet a request. Without answers it repeats itself. IPv4 and IPv6.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

PERIOD=20 # seconds a request
ABOUT="request in ${PERIOD}s"

# ask VIP: what the client says; its log has each message with its options.
ask() { in_ns acme coap-client-notls -v 8 -B "${B:-4}" -m get "coap://$1/whoami" 2>&1 || true; }

excess() {
	config_edit --arg x "$1" --arg m "$((3600 / PERIOD))/h" '(.tenants[] | select(.name == "acme")) |=
		(.on_excess = $x | .device_quota = {messages: $m, burst: "10ms"} | del(.quota))'
}

# max_age TEXT: the option in the client's words.
max_age() { sed -nE 's/.*4\.29.*Max-Age:([0-9]+).*/\1/p' <<<"$1" | head -1; }
packets() { echo $(($(reason answered_device) + $(reason device_messages))); }

lab_new 1
excess answer
daemon_start

for vip in "$VIP4" "[$VIP6]"; do
	got=$(ask "$vip")
	[[ $got == *m1* ]] || fail "the first $ABOUT: $got"
	before=$(packets) begun=$EPOCHREALTIME
	got=$(ask "$vip")
	age=$(max_age "$got")
	[[ $got == *4.29* ]] || fail "no 4.29: $got"
	[ -n "$age" ] || fail "no Max-Age: $got"
	# it is less than a period, rounded up and a quarter longer
	((age >= PERIOD * 3 / 4 && age <= PERIOD * 5 / 4 + 1)) || fail "Max-Age $age of $PERIOD s"
	[ $(($(packets) - before)) = 1 ] || fail "$(($(packets) - before)) packets for one refused request"
	AGES+=" $age"
done
[ "$(reason answered_device)" = 2 ] || fail "answered_device: $(reason answered_device)"

# A device that obeys gets what it asks for. It was told a moment after $begun.
left=$(awk -v a="$age" -v b="$begun" -v n="$EPOCHREALTIME" 'BEGIN { print a - (n - b) + 0.1 }')
sleep "$left" # the client's own patience, not ours: nothing tells that it is over
got=$(ask "[$VIP6]")
[[ $got == *m1* ]] || fail "after its Max-Age: $got"

# A method that the tenant may not use: 4.05, by the node and not by the server; and one that it may.
config_edit '(.tenants[] | select(.name == "acme")) |= (.allow.coap_methods = ["GET"] | del(.device_quota))'
ctl reload >/dev/null
for vip in "$VIP4" "[$VIP6]"; do
	got=$(in_ns acme coap-client-notls -B 4 -m delete "coap://$vip/whoami" 2>&1 || true)
	[[ $got == *4.05* ]] || fail "no 4.05: $got"
	got=$(ask "$vip")
	[[ $got == *m1* ]] || fail "GET, which is allowed: $got"
done
[ "$(reason answered_method)" = 2 ] || fail "answered_method: $(reason answered_method)"
config_edit 'del(.tenants[].allow)'

# Without answers: how often the client repeats itself in the time that it is given.
excess drop
ctl reload >/dev/null
B=${QUICK:+12}
B=${B:-46}
before=$(packets)
got=$(B=$B ask "[$VIP6]")
REPEATED=$(($(packets) - before))
[[ $got != *4.29* ]] || fail "answered without the word: $got"
[ $REPEATED -ge 2 ] || fail "the client was not refused, or did not repeat itself: $got"
echo "4.29 with Max-Age$AGES of $PERIOD s; 1 packet a refused request, without answers $REPEATED in $B s"
echo PASS
