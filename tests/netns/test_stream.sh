#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Tenants of one virtual address and port, told apart by what real clients say in a connection's first
# segment alone, all from one address: MQTT's user name and client id (mosquitto), TLS's server name (openssl).
# Quotas, privileges and counters are each one's own, over a reload, a restart after kill -9, and an upgrade.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/upgrade.sh
. "$(dirname "$0")/upgrade.sh"
command -v openssl >/dev/null || skip "needs openssl"

FEW=2 # connections that globex may have open

figure() { ctl --json tenant show "$1" | jq "$2"; }
admitted() { figure "$1" .admitted.messages; }
open_of() { figure "$1" .open_connections; }
refused() { figure "$1" ".refused.$2 // 0"; }

# pub USER VIP [OPTION...]: one message of this user (-: of none), until the broker has it.
pub() {
	local user=$1 vip=$2

	shift 2
	[ "$user" = - ] || set -- -u "$user" -P secret "$@"
	in_ns acme timeout "${LIMIT:-9}" mosquitto_pub -q 1 -h "$vip" -t t -m hello "$@" 2>&1
}

# is TENANT COMMAND...: it succeeds, and is charged to this tenant and to no other of the named ones.
is() {
	local tenant=$1 who got
	declare -A before

	shift
	for who in acme globex initech; do before[$who]=$(admitted $who); done
	got=$("$@") || fail "$*: $got"
	for who in acme globex initech; do
		if [ "$who" = "$tenant" ]; then
			[ "$(admitted $who)" -gt "${before[$who]}" ] || fail "$*: was not $who's"
		else
			[ "$(admitted $who)" = "${before[$who]}" ] || fail "$*: was $who's, too"
		fi
	done
}

# hello NAME VIP: the server's greeting over TLS.
hello() {
	local got

	got=$(in_ns acme timeout 9 openssl s_client -connect "$2:8883" -servername "$1" -quiet </dev/null 2>&1) || true
	[[ $got == *verify* ]] || { echo "$got"; return 1; }
}

everyone() {
	local vip

	for vip in "$VIP4" "$VIP6"; do
		is acme pub acme/d1 "$vip"
		is acme pub acme/d1 "$vip" -V mqttv5 -D connect user-property a b
		is globex pub globex/x "$vip" -V mqttv311
		is initech pub - "$vip" -i pump-7
		is initech pub nobody "$vip" -i pump-7
		is guests pub - "$vip"
		is guests pub acmes/d1 "$vip"
	done
	is acme hello acme.example "$VIP4"
	is acme hello ACME.example "$VIP4"
	is globex hello globex.example "$VIP4"
	is guests hello nobody.example "$VIP4"
}

# Subscribers stay connected, and say nothing by themselves: hold NAME USER, and let go of them.
hold() { lab_start "$1" acme mosquitto_sub -h "$VIP4" -u "$2" -P secret -t "of/$1" -k 600; }
opens() { [ "$(open_of "$1")" = "$2" ]; }

lab_new 1
in_ns m1 openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=lab -days 2 -keyout "$LAB_DIR/key" -out "$LAB_DIR/cert" 2>/dev/null
lab_start tls m1 openssl s_server -accept 8883 -key "$LAB_DIR/key" -cert "$LAB_DIR/cert" -quiet
wait_for server_listens m1 t 8883
config_edit --argjson few "$FEW" --arg v4 "$VIP4" --arg m1 "$(machine_addr m1 4)" '
	(.services[] | select(.protocol == "mqtt")) += {track: true, default_tenant: "guests"} |
	.services += [{name: "tls", address: $v4, port: 8883, protocol: "mqtts", track: true, default_tenant: "guests",
		idle_timeout: "10s", health: {interval: "500ms", timeout: "400ms"},
		instances: [{name: "m1", address: $m1, port: 8883}]}] |
	.tenants = [
		{name: "acme", match: [{mqtt_username: "acme/"}, {tls_sni: "acme.example"}], allow: {mqtt_versions: ["3.1.1", "5"]}},
		{name: "globex", match: [{mqtt_username: "globex/"}, {tls_sni: "globex.example"}],
		 quota: {open_connections: $few}, allow: {mqtt_versions: ["3.1.1"]}},
		{name: "initech", match: [{mqtt_client_id: "pump-7"}]},
		{name: "guests"}]'
daemon_start

everyone

# A privilege is one tenant's.
LIMIT=2 pub globex/x "$VIP4" -V mqttv5 >/dev/null && fail "globex may use MQTT 5"
[ "$(refused globex mqtt_not_allowed)" -gt 0 ] || fail "mqtt_not_allowed is not globex's"
[ "$(refused acme mqtt_not_allowed)" = 0 ] || fail "mqtt_not_allowed is acme's"

# So is a quota: what globex has open is neither acme's nor the guests', and no more goes in.
for ((i = 0; i < FEW; i++)); do hold g$i globex/$i; done
for ((i = 0; i < FEW + 2; i++)); do hold a$i acme/$i; done
wait_for opens globex "$FEW"
wait_for opens acme $((FEW + 2))
LIMIT=2 pub globex/more "$VIP4" -V mqttv311 >/dev/null && fail "globex has one connection more"
[ "$(refused globex open_connections)" -gt 0 ] || fail "open_connections is not globex's"
is acme pub acme/d1 "$VIP4"
is guests pub - "$VIP4"
ctl tenant quota globex open_connections=$((FEW + 1)) >/dev/null
is globex pub globex/more "$VIP4" -V mqttv311
ctl tenant quota globex open_connections=$FEW >/dev/null
wait_for opens globex "$FEW"
LIMIT=2 pub globex/more "$VIP4" -V mqttv311 >/dev/null && fail "globex has one connection more again"
lab_stop g0
wait_for opens globex $((FEW - 1))
is globex pub globex/more "$VIP4" -V mqttv311
hold g0 globex/0
wait_for opens globex "$FEW"
[ "$(ctl --json status | jq .flows)" -ge $((2 * FEW + 2)) ] || fail "flows: $(ctl --json status)"
ctl tenant show globex | grep "^open  *$FEW connections to broker" >/dev/null || fail "$(ctl tenant show globex)"
in_ns node curl -s http://127.0.0.1:9464/metrics | grep "^sluice_open_connections{tenant=\"globex\",service=\"broker\"} $FEW" >/dev/null ||
	fail "open connections are not in /metrics"

# Connections stay their tenant's and counted: over a reload that takes the name away from it, a kill, an upgrade.
stays() {
	local before

	opens globex "$FEW" || fail "$1: open: $(open_of globex)"
	opens acme $((FEW + 2)) || fail "$1: acme's open: $(open_of acme)"
	before=$(figure acme .admitted.packets)
	is guests pub - "$VIP4" -t of/a0
	more() { [ "$(figure acme .admitted.packets)" -gt "$before" ]; } # its subscriber acknowledges it
	wait_for more
}
stays "at first"
config_edit '(.tenants[] | select(.name == "acme")).match[0].mqtt_username = "other/"'
ctl reload >/dev/null
stays "after a reload"
is guests pub acme/d1 "$VIP4"
is acme pub other/d1 "$VIP4"
config_edit '(.tenants[] | select(.name == "acme")).match[0].mqtt_username = "acme/"'
ctl reload >/dev/null
lab_stop sluiced KILL
daemon_again
stays "after a kill"
if next_build; then
	lab_stop sluiced KILL
	daemon_again "$B/next/sluiced"
	stays "after an upgrade"
fi

# A count that a killed daemon left wrong is set right.
bytes() { printf '%d %d %d %d ' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }
skew() {
	local map id opened ended

	map=$(echo "$LAB_PINS"/abi-*/maps/sl_open)
	bpftool -j map dump pinned "$map" | jq -r '.[].formatted | select(.value.opened != .value.ended) |
		"\(.key) \(.value.opened + 5) \(.value.ended)"' |
		while read -r id opened ended; do
			# shellcheck disable=SC2046 # bytes are words
			bpftool map update pinned "$map" key $(bytes "$id") value $(bytes "$opened") $(bytes "$ended")
		done
}
skew
opens acme $((FEW + 7)) || fail "open connections were not skewed: $(open_of acme)"
WAIT=40 wait_for opens acme $((FEW + 2))
opens globex "$FEW" || fail "globex's are not set right: $(open_of globex)"

# explain has a table of its own, also of a capture in which only the devices speak.
lab_start sniff acme tcpdump -i eth0 -Z root --immediate-mode -U -s 0 -w "$LAB_DIR/two.pcap" "tcp dst port 1883"
wait_for grep -q listening "$LAB_DIR/log/sniff"
is acme pub acme/d1 "$VIP4"
is initech pub - "$VIP4" -i pump-7
told() {
	in_ns node "$SLUICECTL" --json explain --config "$LAB_DIR/config.json" "$LAB_DIR/two.pcap" |
		jq -rs '[.[] | select(.kind | startswith("mqtt.")) | "\(.tenant) \(.kind)"] | unique | join(",")' | grep -x "$1" >/dev/null
}
wait_for told "acme mqtt.connect,acme mqtt.disconnect,acme mqtt.publish,initech mqtt.connect,initech mqtt.disconnect,initech mqtt.publish"
lab_stop sniff

# What ends is no longer counted, and who is removed takes its connections along. Three are left that the broker never
# heard of: their CONNECT was refused, and their FIN without it means nothing to it.
for ((i = 0; i < FEW + 2; i++)); do lab_stop a$i; done
wait_for opens acme 0
config_edit '.tenants |= map(select(.name != "globex"))'
ctl reload >/dev/null
left() { [ "$(ctl --json service show broker | jq .flows)" -le 3 ]; }
WAIT=30 wait_for left

[ "$(reason internal)" = 0 ] || fail "internal: $(reason internal)"
echo PASS
