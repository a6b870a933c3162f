#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Makes tests/data/explain.pcap anew: what real clients and servers say through a node, as their
# machines see it. CoAP with libcoap, MQTT with mosquitto's clients, DTLS and TLS with openssl and
# mbedtls, with connection ids, too; and, if DIR has them installed, npm's coap and mqtt.
#
#	tests/netns/capture_explain.sh OUT.pcap [DIR]
#
# No test runs it: the tests read the file. For MQTT-SN there is no client; see capmake.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/stacks.sh
. "$(dirname "$0")/stacks.sh"
# shellcheck source=tests/netns/explain.sh
. "$(dirname "$0")/explain.sh"

OUT=${1:?want a file to write} NPM=${2:-}

# sniff WHAT NS FILTER
sniff() {
	lab_start "$1" "$2" tcpdump -i eth0 -Z root --immediate-mode -U -s 0 -w "$LAB_DIR/$1.pcap" "$3"
	wait_for grep -q listening "$LAB_DIR/log/$1"
}

coap_devices() {
	local at=coap://$VIP4 m

	for m in get post put delete fetch patch ipatch; do
		in_ns acme coap-client-notls -B 3 -m $m -e "{\"t\":21.5}" "$at/lib-$m"
		in_ns acme coap-client-notls -B 3 -N -m $m "$at/lib-$m?non"
	done
	in_ns acme coap-client-notls -B 3 -m put -b 64 -e "$(printf 'x%.0s' {1..300})" "$at/example_data"
	in_ns acme coap-client-notls -B 3 -b 32 "$at/.well-known/core"
	in_ns acme coap-client-notls -B 6 "$at/async?2"
	in_ns acme coap-client-notls -B 5 -s 3 "$at/time"
	in_ns acme coap-client-notls -B 8 -K 1 -s 4 "$at/example_data"
	in_ns globex coap-client-notls -B 3 "coap://[$VIP6]/.well-known/core"
	in_ns globex coap-client-notls -B 3 -m put -e 6 "coap://[$VIP6]/six"
}

mqtt_devices() {
	local v

	for v in mqttv31 mqttv311 mqttv5; do
		in_ns acme timeout 9 mosquitto_sub -h "$VIP4" -V $v -i "sub-$v" -k 5 -q 2 -t 'lib/#' -t other -U gone -W 7 \
			--will-topic will --will-payload gone >"$LAB_DIR/sub" 2>&1 &
		wait_for established m1 1883
		for q in 0 1 2; do
			in_ns acme mosquitto_pub -h "$VIP4" -V $v -i "pub-$v" -q $q -t lib/t -m "21.5 $q"
		done
		head -c 4000 /dev/zero | in_ns acme mosquitto_pub -h "$VIP4" -V $v -q 1 -t lib/long -s
		wait $! || true
	done
	in_ns globex mosquitto_pub -h "$VIP6" -q 1 -r -t lib/t -m six
}

# Each line half a second later: records of their own.
slowly() { while read -r line; do sleep 0.3; echo "$line"; done; }

tls_devices() {
	printf 'one\ntwo\n' | slowly | in_ns acme timeout 5 openssl s_client -dtls1_2 -connect "$VIP4:5685" -psk "$PSK" \
		-psk_identity device -cipher PSK-AES128-GCM-SHA256 -quiet -no_ign_eof || true
	printf 'Q\n' | slowly | in_ns acme timeout 5 openssl s_client -dtls1_2 -connect "$VIP4:5685" -psk 00 || true
	printf 'one\ntwo\n' | slowly | in_ns acme timeout 5 openssl s_client -tls1_3 -connect "$VIP4:8883" -psk "$PSK" \
		-psk_identity device -quiet -no_ign_eof || true
	printf 'one\n' | slowly | in_ns acme timeout 5 openssl s_client -tls1_2 -connect "$VIP4:8883" -psk "$PSK" \
		-psk_identity device -cipher PSK-AES128-GCM-SHA256 -quiet -no_ign_eof || true
	in_ns acme "$T/tlsclient" "$VIP4:8883" 3
	in_ns acme "$T/dtlsclient" --to "$VIP4" --sessions 3 --from "$ACME4" --rebind-every 2 --interval 0.3 --duration 3
	in_ns acme "$T/dtlsclient" --to "$VIP4" --sessions 2 --no-cid --interval 0.3 --duration 2
}

topology_add 1 0
config_write 1
config_edit --argjson want "$(compared_config | jq .services)" '.services = $want | del(.tenants[].quota)'
core_start
mosquitto_start m1 1883
coap_start m1 5683
dtls_start m1 m1 10.77.1.2:5684 1
# shellcheck disable=SC2016 # expanded by the inner shell
lab_start dtls m1 bash -c 'while sleep 0.4; do echo of the server; done |
	exec openssl s_server -dtls1_2 -psk "$1" -nocert -accept 5685 -cipher PSK-AES128-GCM-SHA256' openssl "$PSK"
lab_start tls m1 openssl s_server -psk "$PSK" -nocert -accept 8883 -rev
daemon_start
sniff acme acme "dst host $VIP4"
sniff globex globex "dst host $VIP6"
sniff m1 m1 "(src host 10.77.1.2 or src host fd00:77:1::2) and (dst net 198.51.100.0/24 or dst net 2001:db8:b::/48)"
coap_devices
mqtt_devices
tls_devices
[ -z "$NPM" ] || in_ns acme node "$(dirname "$0")/capture_clients.cjs" "$VIP4" "$(realpath "$NPM")"
for what in acme globex m1; do lab_stop $what INT; done
mergecap -F pcap -w "$OUT" "$LAB_DIR"/{acme,globex,m1}.pcap
capinfos -c "$OUT"
