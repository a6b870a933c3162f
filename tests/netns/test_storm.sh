#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The floods are what they claim to be: as many sources as they say, each once before any again,
# and frames that a kernel's own stack finds nothing wrong with. No daemon takes part.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/storm.sh
. "$(dirname "$0")/storm.sh"

counted() { grep -q '"frames"' "$LAB_DIR/log/count-$1"; }

# sources_are WHAT N PREFIX TO [OPTIONS]: N frames are N sources.
sources_are() {
	local what=$1 n=$2 prefix=$3 to=$4 json

	shift 4
	lab_start "count-$what" node "$T/xdpcount" --dev storm --from "$prefix"
	wait_for grep ready "$LAB_DIR/log/count-$what"
	json=$(storm_run coap 30 "$to" --packets "$n" --sources "$n" "$@") || fail "$json"
	want "$what: all sent" "$json" ".sent == $n and .sources == $n and .failed == 0"
	lab_stop "count-$what"
	wait_for counted "$what"
	echo "$what: $json, the receiver's count: $(tail -1 "$LAB_DIR/log/count-$what")"
	# what the receiver had no room for was not counted, but nothing came twice
	want "$what: no source twice" "$(tail -1 "$LAB_DIR/log/count-$what")" \
		".sources == .frames and .frames > 0.9 * $n"
}

# counters NS NAME...: their sum.
counters() {
	local ns=$1

	shift
	in_ns "$ns" nstat -asz "$@" | awk '!/^#/ { n += $2 } END { print n + 0 }'
}

# stack_takes KIND TO N COUNTER: the receiving stack counts N packets there and no bad one.
stack_takes() {
	local kind=$1 to=$2 n=$3 counter=$4 before json

	before=$(counters node "$counter")
	json=$(storm_flood "$kind" 5 "$to" --packets "$n" --batch 32 --rate 20k 2>>"$LAB_DIR/log/storm") ||
		fail "$kind: $json"
	wait_for counter_is "$counter" $((before + n))
	[ "$(counters node "${BAD[@]}")" = 0 ] ||
		fail "$kind to $to: $(in_ns node nstat -as | grep -E 'Err|Unknown')"
}
counter_is() { [ "$(counters node "$1")" = "$2" ]; }
BAD=(IpInHdrErrors IpExtInCsumErrors TcpInCsumErrors UdpInCsumErrors Udp6InCsumErrors
	Ip6InHdrErrors IpExtInTruncatedPkts Ip6InTruncatedPkts)

# answered KIND TO: a real server answers 50, wherever they claim to come from; its last answers may
# come too late to be counted.
answered() {
	local json

	json=$(storm_flood "$1" 5 "$2" --packets 50 --rate 500 2>>"$LAB_DIR/log/storm") || fail "$1: $json"
	want "$1 is answered" "$json" '.replies >= 30'
}
listens() { in_ns node ss -Hlun "sport = :$1" | grep -q .; }

node_add
storm_add
sources_are four 10000000 "$STORM4" "$VIP4:5683"
sources_are four-by-two 1000000 "$STORM4" "$VIP4:5683" --threads 2
sources_are six 1000000 "$STORM6" "[$VIP6]:5683"

for kind in clienthello coap coap-post dtlsdata dtlscid mqttsn; do
	stack_takes "$kind" "$VIP4:5683" 1000 UdpNoPorts
	stack_takes "$kind" "[$VIP6]:5683" 1000 Udp6NoPorts
done
for kind in syn ack rst; do
	stack_takes "$kind" "$VIP4:1883" 1000 TcpInSegs
	stack_takes "$kind" "[$VIP6]:1883" 1000 TcpInSegs
done
for n in 1 2 3 7 8 15; do
	stack_takes dtlscid "$VIP4:5684" 100 UdpNoPorts
done

lab_start coap node coap-server-notls -A "$VIP4" -p 5683
wait_for listens 5683
answered coap "$VIP4:5683"
answered coap-post "$VIP4:5683"
# with -listen it answers a ClientHello by HelloVerifyRequest and keeps no state; stdin must stay open
mkfifo "$LAB_DIR/fifo"
lab_start dtls node sh -c "exec openssl s_server -dtls1_2 -listen -accept $VIP4:5684 -nocert -psk 0102 <>$LAB_DIR/fifo"
wait_for listens 5684
answered clienthello "$VIP4:5684"
echo PASS
