#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A real client (libcoap) is asked to prove where it is and does, by itself; then it is believed. A flood
# that takes its address, and never answers, leaves it all of its quota. IPv4 and IPv6, over a reload,
# a kill -9, and an upgrade.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/upgrade.sh
. "$(dirname "$0")/upgrade.sh"

FEW=8 # messages that each device may send in this hour
LIFETIME=30

# ask VIP PORT [OPTION...]: what the client says, from this source port.
ask() {
	local vip=$1 port=$2

	shift 2
	in_ns acme coap-client-notls -v 8 -B "${PATIENCE:-5}" -p "$port" "$@" -m get "coap://$vip/whoami" 2>&1 || true
}

# asked N VIP PORT [OPTION...]: it gets its answer, after so many questions.
asked() {
	local want=$1 got before

	shift
	before=$(reason challenged)
	got=$(ask "$@")
	[[ $got == *m1* ]] || fail "$*: no answer: $got"
	[ "$(($(reason challenged) - before))" = "$want" ] || fail "$*: not asked $want times: $got"
}

lab_new 1
config_edit --arg few "$FEW/h" --arg l "${LIFETIME}s" '
	(.services[] | select(.protocol == "coap")) |= (.echo = {lifetime: $l}) |
	(.tenants[] | select(.name == "acme")) |= (.device_quota = {messages: $few, burst: "1h"} | del(.quota))'
daemon_start

for vip in "$VIP4" "[$VIP6]"; do
	asked 1 "$vip" 40001
	asked 0 "$vip" 40001
	asked 1 "$vip" 40002
	asked 1 "$vip" 40003 -N
	asked 0 "$vip" 40003 -N
	asked 1 "$vip" 40005 -s 1 # an observation
done

# explain sees the same in a capture: its question, and that the value is good, at the capture's time of day.
if command -v tcpdump >/dev/null; then
	lab_start dump acme tcpdump -i eth0 -Z root --immediate-mode -U -s 0 -w "$LAB_DIR/echo.pcap" udp dst port 5683
	wait_for grep -q listening "$LAB_DIR/log/dump"
	asked 1 "$VIP4" 40004
	asked 1 "[$VIP6]" 40004
	captured() { [ "$(tcpdump -r "$LAB_DIR/echo.pcap" 2>/dev/null | wc -l)" -ge 4 ]; }
	wait_for captured
	lab_stop dump
	got=$("$SLUICECTL" explain --json --config "$LAB_DIR/config.json" "$LAB_DIR/echo.pcap" | jq -r .reason | xargs)
	[ "$got" = "challenged steered challenged steered" ] || fail "explain: $got"
fi

# Nobody answers for a flood from the same device: it is not charged for it, and gets what is left.
n=$(ctl --json tenant show acme | jq .admitted.messages)
before=$(reason challenged)
for to in "$VIP4" "[$VIP6]"; do
	from=198.51.100.10
	[[ $to == *:* ]] && from=2001:db8:a:10::1
	in_ns acme "$T/udpflood" --to "$to:5683" --rate 5k --duration 1 --from $from --flows 64 --coap get --path /whoami \
		>/dev/null
done
settled() { [ $(($(reason challenged) + $(reason unproven) - before)) -ge 10000 ]; }
wait_for settled
[ "$(reason unproven)" -gt 0 ] || fail "the flood was within the reply budget"
json=$(ctl --json tenant show acme)
want "the flood was charged" "$json" '.admitted.messages == $n' --argjson n "$n"
# Questions are longer than these requests, and a veth's frames have no room to grow behind them.
want "the flood was not asked" "$json" '.accounts | length == 2 and all(.refused.challenged > 200)'
for vip in "$VIP4" "[$VIP6]"; do
	for ((i = n / 2; i < FEW; i++)); do asked 0 "$vip" 40001; done
	got=$(PATIENCE=2 ask "$vip" 40001)
	[[ $got != *m1* ]] || fail "more than the quota: $got"
done
[ "$(reason device_messages)" -gt 0 ] || fail "device_messages: $(reason device_messages)"

# Who is believed stays so when the daemon is killed, is there again, and is another build.
config_edit 'del(.tenants[].device_quota)'
ctl reload >/dev/null
asked 1 "$VIP4" 40010
lab_stop sluiced KILL
got=$(ask "$VIP4" 40010)
[[ $got == *m1* ]] || fail "without a daemon: $got"
got=$(ask "$VIP4" 40011)
[[ $got == *m1* ]] || fail "asked without a daemon: $got"
daemon_again
asked 0 "$VIP4" 40010
asked 0 "$VIP4" 40011
if next_build; then
	lab_stop sluiced KILL
	daemon_again "$B/next/sluiced"
	asked 0 "$VIP4" 40011
	asked 1 "$VIP4" 40012
fi

# Switched off, nobody is asked.
config_edit 'del(.services[].echo)'
ctl reload >/dev/null
asked 0 "$VIP4" 40020
asked 0 "[$VIP6]" 40020
[ "$(reason internal)" = 0 ] || fail "internal: $(reason internal)"
echo PASS
