# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# Sourced after lib.sh by tests of `sluicectl explain`: configurations for what tests/lib/capmake
# makes, and what the tests ask of the lines.

VIP4=203.0.113.10
VIP6=2001:db8:ffff::10

for cmd in tshark editcap mergecap tcpdump; do
	command -v $cmd >/dev/null || skip "needs $cmd: scripts/install-deps test"
done

# explain_config FILTER [JQ OPTIONS]: one tenant, no quota, no service; edited. On standard output.
explain_config() {
	local filter=$1

	shift
	jq -n --arg v4 "$VIP4" --arg v6 "$VIP6" "$@" '
		def service($name; $protocol; $port): {
			name: $name, protocol: $protocol, address: $v4, port: $port, health: {probe: "none"},
			instances: [{name: "m1", address: "10.77.1.2", port: $port}]};
		{secret: "5d41402abc4b2a76b9719d911017c592", interfaces: [{name: "eth0"}], services: [],
		 tenants: [{name: "acme", match: [{source: "198.51.100.0/24"}, {source: "2001:db8:a::/48"}]},
			   {name: "globex", match: [{source: "192.0.2.0/24"}, {source: "2001:db8:b::/48"}]}]}
		| '"$filter"
}

# What `capmake leaving` is for: both families, UDP and TCP, and a broker half of whose instances
# have just gone.
leaving_config() {
	explain_config '.services = [
		service("u4"; "udp"; 9000) | .instances[0].port = 19000,
		(service("u6"; "udp"; 9000) | .address = $v6 | .instances[0].address = "fd00:77:1::2"),
		(service("t4"; "tcp"; 9001) | .health.on_down = "reset"
		 | .instances += [{name: "m2", address: "10.77.2.2", port: 9001, admin: "down"}]),
		(service("t6"; "tcp"; 9001) | .address = $v6 | .health.on_down = "reset"
		 | .instances = [{name: "m1", address: "fd00:77:1::2", port: 19001},
				 {name: "m2", address: "fd00:77:2::2", port: 9001, admin: "down"}])]' "$@"
}

# explain CONFIG CAPTURE [OPTION...]: lines of JSON.
explain() { "$SLUICECTL" --json explain --config "$@"; }

# refused WHAT TEXT CMD...: it fails, and says TEXT.
refused() {
	local what=$1 text=$2 said

	shift 2
	if said=$("$@" 2>&1 >/dev/null); then fail "$what: not refused"; fi
	[[ $said == *"$text"* ]] || fail "$what: want '$text', not: $said"
}

# lines WHAT FILE FILTER [JQ OPTIONS]: the filter holds of the array of FILE's lines.
lines() { jq -e -s "${@:4}" "$3" "$2" >/dev/null || fail "$1: not '$3' in: $(head -n 3 "$2")"; }

# What real tools speak: capture_explain.sh and test_explain_tshark.sh.
compared_config() {
	explain_config '.services = [
		service("coap"; "coap"; 5683), service("mqtt"; "mqtt"; 1883), service("mqttsn"; "mqttsn"; 10000),
		((service("dtls-cid"; "coaps"; 5684), service("dtls"; "coaps"; 5685))
		 | .cid = {length: 8, layout: "quic-lb", rotations: [{id: 2, server_id_length: 2}]}),
		service("tls"; "mqtts"; 8883),
		(service("coap6"; "coap"; 5683), service("mqtt6"; "mqtt"; 1883)
		 | .address = $v6 | .instances[0].address = "fd00:77:1::2")] | '"${1:-.}"
}

# wireshark CAPTURE: what its dissectors say of each frame, a line of JSON each. Ports say the protocol;
# what a segment has is taken by itself, as a packet program must; a connection id has 8 bytes.
wireshark() {
	tshark -r "$1" -d udp.port==5683,coap -d udp.port==5684,dtls -d udp.port==5685,dtls -d udp.port==10000,mqttsn \
		-d tcp.port==1883,mqtt -o tcp.desegment_tcp_streams:FALSE -o dtls.client_cid_length:8 \
		-o dtls.server_cid_length:8 -T fields -E occurrence=a -E aggregator=, \
		-e frame.number -e frame.protocols -e _ws.malformed -e _ws.expert.message \
		-e udp.payload -e tcp.payload -e tcp.flags -e tcp.len \
		-e coap.version -e coap.type -e coap.token_len -e coap.code -e mqtt.msgtype -e mqtt.len \
		-e dtls.record.content_type -e dtls.record.special_type -e mqttsn.msg.type -e mqttsn.msg.len \
		2>/dev/null | jq -R -c 'split("\t") | {n: .[0] | tonumber, protocols: .[1], malformed: .[2], expert: .[3],
			payload: (.[4] + .[5]), flags: .[6], tcp_len: .[7],
			version: .[8], type: .[9], token: .[10], code: .[11], mqtt: .[12], mqtt_len: .[13],
			content: .[14], special: .[15], sn: .[16], sn_len: .[17]}'
}
