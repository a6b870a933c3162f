#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Quotas of classes with real clients (libcoap, mosquitto): a class over its quota is refused and
# answered, others and other tenants are not; what is known of it outlives reload, kill -9 and
# restart. And a refused SYN: the client is told at once where the tenant asks for it.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

classes() { config_edit --argjson c "$1" '(.tenants[] | select(.name == "acme")) |= (.classes = $c | .on_excess = "answer")'; }
get() { in_ns "${2:-acme}" coap-client-notls -B 4 -m get "coap://$1/whoami" 2>&1 || true; }
# one CLASS FIGURE: of acme.
one() { ctl --json tenant show acme | jq --arg c "$1" --arg f "$2" '.classes[$c][$f]'; }
publish() { in_ns "$1" timeout 3 mosquitto_pub -h "$VIP4" -t t -m m -q "${2:-0}" 2>&1; }

lab_new 1
classes '{"coap.get": {"messages": "1/h", "burst": "10ms"}, "mqtt.connect": {"messages": "4/h", "burst": "40m"}}'
daemon_start

# One GET an hour, and whatever else comes; over both addresses it is one class.
[[ $(get "$VIP4") == *m1* ]] || fail "the first GET: $(get "$VIP4")"
got=$(get "$VIP4")
[[ $got == *5.03* ]] || fail "the second GET is not answered by 5.03: $got"
got=$(get "[$VIP6]")
[[ $got == *5.03* ]] || fail "a GET over IPv6: $got"
got=$(in_ns acme coap-client-notls -B 4 -m delete "coap://$VIP4/nothing" 2>&1 || true)
[[ $got != *5.03* ]] || fail "a DELETE is refused: $got"
[[ $(get "$VIP4" globex) == *m1* ]] || fail "another tenant is refused"
[ "$(reason answered_class)" = 2 ] || fail "answered_class: $(reason answered_class)"
want "figures" "$(ctl --json tenant show acme)" '.classes["coap.get"] |
	.messages == "1/h" and .burst == "10ms" and .admitted == 1 and .refused == 2 and .marked == 0'

# Two connections at once, to brokers that are looked into by another program.
for n in 1 2; do
	publish acme || fail "CONNECT $n"
done
! publish acme || fail "a third CONNECT got through"
publish globex || fail "another tenant's CONNECT"
[ "$(reason class_messages)" -ge 1 ] || fail "class_messages: $(reason class_messages)"
[ "$(one mqtt.connect admitted)" = 2 ] || fail "mqtt.connect: $(one mqtt.connect admitted) admitted"

# They are shown where people look.
shown=$(ctl tenant show acme)
grep -qE '^coap.get +1/h +10ms +1 +2 +0' <<<"$shown" || fail "tenant show: $shown"
metrics=$(in_ns node curl -s http://127.0.0.1:9464/metrics)
grep -qF 'sluice_class_refused_messages_total{tenant="acme",class="coap.get"} 2' <<<"$metrics" ||
	fail "metrics: $(grep sluice_class <<<"$metrics")"
want "top" "$(ctl --json top --once)" '.rows[] | select(.tenant == "acme") | .classes["coap.get"].refused == 2'

# Neither a reload nor the daemon's end gives anything back.
before=$(one mqtt.connect refused)
ctl reload >/dev/null
lab_stop sluiced KILL
daemon_start
[[ $(get "$VIP4") == *5.03* ]] || fail "a new daemon has forgotten the bucket"
[ "$(one coap.get refused)" = 3 ] || fail "a new daemon has forgotten figures: $(one coap.get refused)"
[ "$(one mqtt.connect refused)" -ge "$before" ] || fail "figures went back"

# What is configured no longer holds no longer, and begins anew when it is again.
config_edit 'del(.tenants[].classes)'
ctl reload >/dev/null
[[ $(get "$VIP4") == *m1* && $(get "$VIP4") == *m1* ]] || fail "a class that is gone refuses"
[ "$(ctl --json tenant show acme | jq '.classes | length')" = 0 ] || fail "it is still shown"
classes '{"coap.get": {"messages": "1/h", "burst": "10ms"}}'
ctl reload >/dev/null
[[ $(get "$VIP4") == *m1* && $(get "$VIP4") == *5.03* ]] || fail "a class that is back"

# A SYN over a quota: without the word nothing, with it the client's connect fails at once.
connect() { in_ns acme timeout "${1:-5}" bash -c ": </dev/tcp/$VIP4/1883" 2>&1; }
config_edit '(.tenants[] | select(.name == "acme")) |=
	(.device_quota = {new_connections: "1/h", burst: "10ms"} | del(.classes) | .refused_syn = "reset")'
ctl reload >/dev/null
connect || fail "the first connection"
got=$(connect) && fail "a second connection"
[[ $got == *refused* ]] || fail "the client was not told: $got"
[ "$(reason answered_device)" -ge 1 ] || fail "answered_device: $(reason answered_device)"
config_edit '(.tenants[] | select(.name == "acme")) |= del(.refused_syn)'
ctl reload >/dev/null
got=$(connect 1) && fail "a third connection"
[[ $got != *refused* ]] || fail "told without the word: $got"

# MQTT-SN: the first CONNECT is the gateway's, which is not there; the next ones are answered by
# the node, whatever form their length has.
sn() { # sn VIP BYTES: what comes back, in hex
	in_ns acme timeout 2 bash -c "exec 3<>/dev/udp/$1/10000 && printf '$2' >&3 && head -c 3 <&3" 2>/dev/null |
		od -An -tx1 | tr -d ' '
}
short='\x07\x04\x04\x01\x00\x3ca' long='\x01\x00\x09\x04\x04\x01\x00\x3ca'
config_edit --arg v4 "$VIP4" --arg v6 "$VIP6" --arg m4 "$(machine_addr m1 4)" --arg m6 "$(machine_addr m1 6)" '.services += [
	{name: "sn", address: $v4, port: 10000, protocol: "mqttsn", health: {probe: "none"},
	 instances: [{name: "m1", address: $m4, port: 10000}]},
	{name: "sn6", address: $v6, port: 10000, protocol: "mqttsn", health: {probe: "none"},
	 instances: [{name: "m1", address: $m6, port: 10000}]}] |
	(.tenants[] | select(.name == "acme")) |=
		(del(.device_quota) | .classes = {"mqttsn.connect": {"messages": "1/h", "burst": "10ms"}})'
ctl reload >/dev/null
before=$(reason answered_class)
[ -z "$(sn "$VIP4" "$short")" ] || fail "the first CONNECT is answered by nobody"
for vip in "$VIP4" "$VIP6"; do
	for bytes in "$short" "$long"; do
		got=$(sn "$vip" "$bytes")
		[ "$got" = 030501 ] || fail "no CONNACK 'rejected: congestion' from $vip: $got"
	done
done
[ $(($(reason answered_class) - before)) = 4 ] || fail "answered_class: $(reason answered_class)"
[ "$(reason internal)" = 0 ] || fail "internal: $(reason internal)"
echo PASS
