#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# sluicectl explain: what leaves is byte for byte what a plain reference builds, in every format and
# behind every link's header; quotas go by the capture's clock; next hops are never the host's; bad
# input is told; nothing is left behind.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/explain.sh
. "$(dirname "$0")/explain.sh"

cd "$LAB_DIR"

# -- what leaves --

leaving_config >leaving.json
"$T/capmake" leaving 6000 7 leaving.pcap
explain leaving.json leaving.pcap --write left.pcap >leaving.jsonl
counts=$("$T/capleaves" leaving.json leaving.pcap leaving.jsonl left.pcap) || fail "$counts"
want "frames of every sort" "$counts" '.steered > 2000 and .returned > 1000 and .reset > 300 and
	.hop_limit > 50 and .truncated > 50 and .fragment > 10 and .vlan > 50 and .unknown_tenant > 50 and
	.not_ip > 50 and .not_ours > 50'
say "leave as the reference makes them: $counts"

# -- formats and links --

# told FILE: the lines without what differs by format.
told() { explain leaving.json "$1" --write "${1#-}.left"; }
"$T/capmake" link eth leaving.pcap eth.pcap
told eth.pcap >eth.jsonl
for link in eth raw sll sll2; do
	[ $link = eth ] || "$T/capmake" link $link leaving.pcap $link.pcap
	editcap -F pcapng $link.pcap $link.pcapng
	for file in $link.pcap $link.pcapng; do
		told "$file" >told.jsonl
		cmp -s eth.jsonl told.jsonl ||
			fail "$file: not as Ethernet: $(diff eth.jsonl told.jsonl | head -4)"
		cmp -s eth.pcap.left "$file.left" || fail "$file: other frames leave"
	done
done
editcap -F nsecpcap eth.pcapng eth.nsec
told eth.nsec | cmp -s - eth.jsonl || fail "nanoseconds: not the same"
told - <eth.pcap | cmp -s - eth.jsonl || fail "standard input: not the same"

# A capture that was cut: the same verdicts, and no more is written than there was. Whole headers
# are 94 bytes at most here.
editcap -s 96 eth.pcap cut.pcap
told cut.pcap >cut.jsonl
lines "cut" cut.jsonl 'any(.cut) and (all(.cut) | not)'
diff <(jq -c 'del(.cut)' eth.jsonl) <(jq -c 'del(.cut)' cut.jsonl) >/dev/null || fail "cut: other verdicts"
editcap -s 96 eth.pcap.left cut.want
[ "$(tshark -r cut.pcap.left -T fields -e frame.cap_len 2>/dev/null | sort -n | tail -1)" = 96 ] || fail "written: not cut"
diff <(tshark -r cut.want -x 2>/dev/null) <(tshark -r cut.pcap.left -x 2>/dev/null) >/dev/null ||
	fail "written of a cut capture: other bytes"

# -- JSON --

[ "$(wc -l <eth.jsonl)" = "$(jq -s length eth.jsonl)" ] || fail "not one object a line"
lines "members" eth.jsonl 'all(
	keys_unsorted == ["n","ts","length","cut","device","flow","service","tenant","account","protocol","kind",
			  "verdict","reason","instance","pins","notes"]
	and (.ts | type) == "number" and (.verdict | IN("pass", "drop", "tx", "redirect"))
	and (.reason != "steered" or (.verdict == "redirect" and .kind != null and (.device | length) == 16
		and .tenant == "acme" and .account == "acme/\(.service)" and .instance == "m1"))
	and (.reason != "returned" or (.verdict == "redirect" and .kind != null and .instance == "m1"
		and .device == null and .account == null and .tenant == null)))
	and [.[].n] == [range(1; length + 1)]'
head -n 1 eth.jsonl | grep -q '"ts":1700000000\.[0-9]\{9\},' || fail "ts: not the capture's, in nanoseconds"
"$SLUICECTL" explain leaving.pcap --config leaving.json >text
[ "$(wc -l <text)" = 6001 ] || fail "text: want a head and a line a frame"
grep -qE '^ +n .* service .* tenant .* account .* device .* kind .* verdict .* reason .* instance .* pins' text ||
	fail "text: $(head -n 1 text)"

# -- the capture's clock --

# conforming QUOTA BURST DEVICES: 10/s for 3 s, each device every millisecond; of each, how many pass
# and when.
conforming() {
	explain_config '.services = [service("c"; "coap"; 5683)] |
		.tenants[0][$quota] = {messages: "10/s", burst: $burst}' \
		--arg quota "$1" --arg burst "$2" >paced.json
	"$T/capmake" paced 3000 1 "$3" paced.pcap
	explain paced.json paced.pcap >paced.jsonl
	jq -r 'select(.reason == "steered") | "\(.device) \(.n)"' paced.jsonl |
		awk -v d="$3" '{ n[$1]++; at[$1] = at[$1] " " int(($2 - 1) / d) } END { for (x in n) print n[x] at[x] }'
}
# expect QUOTA BURST DEVICES WANT
expect() {
	local got

	got=$(conforming "$1" "$2" "$3")
	[ "$got" = "$4" ] || fail "10/s, $1, burst $2: $got"
}
expect quota 100ms 1 "30 $(seq -s ' ' 0 100 2900)"
# A device's bucket rounds what a message costs up, by less than 2 us.
each=$(seq -s ' ' 101 100 2901)
expect device_quota 100ms 2 "$(printf '30 0 %s\n' "$each" "$each")"
# A second's worth at once, less a tick of the node's clock; then one every 100 ms.
got=$(conforming quota 1s 1)
[ "$(cut -d' ' -f1-10 <<<"$got")" = "39 0 1 2 3 4 5 6 7 8" ] || fail "10/s, burst 1s: $got"
# It does not matter when that was, nor how fast it is read.
editcap -t -1500000000.25 paced.pcap earlier.pcap
diff <(jq .reason paced.jsonl) <(explain paced.json earlier.pcap | jq .reason) >/dev/null || fail "in 1976: other verdicts"

# -- edges --

"$T/capmake" edges edges.pcap
explain leaving.json edges.pcap >edges.jsonl 2>edges.err || fail "edges: $(cat edges.err)"
[ "$(jq -r '"\(.n) \(.reason)"' edges.jsonl | paste -sd,)" = "4 truncated,5 truncated,6 truncated,7 truncated,8 \
truncated,9 truncated,10 truncated,11 too_big,13 truncated,14 steered,15 steered" ] ||
	fail "edges: $(jq -r '"\(.n) \(.reason)"' edges.jsonl | paste -sd,)"
[ "$(grep -c 'left out$' edges.err)" = 4 ] || fail "edges: $(cat edges.err)"

# -- the network: made up, or a file's; never the host's --

for routes in "" "route add blackhole 10.77.0.0/16" "route add unreachable default metric 5"; do
	ns=n$((${ns_n:=0} + 1)) ns_n=$((ns_n + 1))
	ns_add $ns
	[ -z "$routes" ] || ip_in $ns <<<"$routes"
	in_ns $ns "$SLUICECTL" --json explain --config leaving.json eth.pcap --write host.pcap | cmp -s - eth.jsonl ||
		fail "host with '$routes': other verdicts"
	cmp -s host.pcap eth.pcap.left || fail "host with '$routes': other frames"
	[ "$(in_ns $ns ip -o link show | wc -l)" = 1 ] || fail "a link was left in the host"
done

cat >fib <<-END
	link add up0 address 02:00:00:00:0a:00 mtu 1400 type veth peer name up1
	link set up0 up
	link set up1 up
	addr add 10.77.1.1/24 dev up0
	neigh add 10.77.1.2 lladdr 02:00:00:00:0a:02 dev up0 nud permanent
	route add 198.51.100.0/24 via 10.77.1.254
	neigh add 10.77.1.254 lladdr 02:00:00:00:0a:fe dev up0 nud permanent
	route add unreachable 2001:db8:a::/48
END
explain leaving.json eth.pcap --fib fib --write fib.pcap >fib.jsonl
macs() { tshark -r fib.pcap -Y "$1" -T fields -e eth.dst -e eth.src 2>/dev/null | sort -u; }
[ "$(macs 'ip.dst == 10.77.1.2')" = $'02:00:00:00:0a:02\t02:00:00:00:0a:00' ] || fail "to the instance: $(macs ip.dst==10.77.1.2)"
[ "$(macs 'ip.src == 203.0.113.10 and ip.ttl == 63')" = $'02:00:00:00:0a:fe\t02:00:00:00:0a:00' ] || fail "to the device: $(macs ip)"
lines "MTU of the file" fib.jsonl 'any(.reason == "too_big") and
	all(.[] | select(.reason == "too_big"); .length > 1414)'
lines "no way back over IPv6" fib.jsonl 'any(.reason == "return_unroutable") and
	any(.reason == "steered_stack")'

# -- the instance is the one that the daemon's own data plane would choose --

lab_new_bare 3
config_edit 'del(.tenants[].quota) | .services |= map(.health = {probe: "none"}
	| .instances |= (.[0].weight = 300 | .[1].weight = 77))'
daemon_start
disown "$lab_pid"
for ((i = 1; i <= 250; i++)); do echo "udp 198.51.100.$i 40000 $VIP4 5683"; done |
	in_ns node "$T/frameprobe" "$LAB_PINS/abi-3" acme | awk '{ sub(/:.*/, "", $2); print $2 }' >live
"$T/capmake" paced 1 1 250 flows.pcap
explain config.json flows.pcap --write steered.pcap >flows.jsonl
tshark -r steered.pcap -T fields -e ip.dst 2>/dev/null >chosen
[ "$(sort -u live | wc -l) $(wc -l <live)" = "3 250" ] || fail "live: $(sort live | uniq -c)"
diff live chosen >/dev/null || fail "other instances than the daemon's: $(diff live chosen | head -4)"
lines "named, too" flows.jsonl 'map(.instance) == ($to | split("\n") | map(select(. != "") |
	{"10.77.1.2": "m1", "10.77.2.2": "m2", "10.77.3.2": "m3"}[.]))' --arg to "$(cat live)"
lab_stop sluiced

# -- bad input --

x=("$SLUICECTL" explain --config leaving.json)
refused "no file" "none.pcap: No such file" "${x[@]}" none.pcap
refused "no capture" "unknown file format" "${x[@]}" leaving.json
refused "no configuration" "none.json" "$SLUICECTL" explain --config none.json eth.pcap
refused "no --config" "--config: want" "$SLUICECTL" explain eth.pcap
refused "nowhere to write" "none/x: No such file" "${x[@]}" eth.pcap --write none/x
refused "to standard output" "--write: want a file" "${x[@]}" eth.pcap --write -
refused "full disk" "/dev/full: not all" "${x[@]}" eth.pcap --write /dev/full
refused "full disk" "standard output" bash -c '"$@" >/dev/full' sh "${x[@]}" eth.pcap
refused "no file of routes" "none: No such file" "${x[@]}" eth.pcap --fib none
echo "route add nonsense" >nonsense
refused "routes" "nonsense" "${x[@]}" eth.pcap --fib nonsense
refused "no ip" "package iproute2" env PATH=/nonexistent "${x[@]}" eth.pcap
head -c 20001 eth.pcapng >cut.pcapng
refused "cut in a frame" "cut.pcapng: frame " "${x[@]}" cut.pcapng
sum=$(sha256sum <eth.pcap)
ln -s eth.pcap link.pcap
refused "onto itself" "is read, too" "${x[@]}" eth.pcap --write link.pcap
[ "$sum" = "$(sha256sum <eth.pcap)" ] || fail "the capture was written over"
sum=$(sha256sum <left.pcap)
if command -v setpriv >/dev/null; then
	chmod 755 . && chmod 644 leaving.json eth.pcap && chmod 666 left.pcap
	install -m 755 "$SLUICECTL" ctl
	refused "no root" "it needs root" setpriv --reuid 65534 --clear-groups ./ctl explain --config leaving.json \
		eth.pcap --write left.pcap
	[ "$sum" = "$(sha256sum <left.pcap)" ] || fail "written to, without root"
fi

# -- the documentation's examples, as they are written --

# block N: the document's N-th block of code; block_kind N: what stands behind its fence.
block() { awk -v n="$1" '/^```/ { if (inside = !inside) k++; next } inside && k == n' "$ROOT/docs/explain.md"; }
block_kind() { awk -v n="$1" '/^```/ && (inside = !inside) && ++k == n { print substr($0, 4) }' "$ROOT/docs/explain.md"; }
mkdir bin doc
ln -s "$SLUICECTL" bin/sluicectl
ln -s "$ROOT/tests" doc/tests
examples=0
for ((i = 1; $(block "$i" | wc -l); i++)); do
	case $(block_kind $i) in
	json) block $i >doc/explain.json ;;
	fib) block $i >doc/routes ;;
	sh)
		examples=$((examples + 1))
		(cd doc && PATH=$LAB_DIR/bin:$PATH bash -eo pipefail <(block $i | sed 's/^sudo //')) |
			sed 's/ *$//' >doc/told || fail "docs/explain.md, example $examples failed"
		diff <(block $((i + 1))) doc/told || fail "docs/explain.md, example $examples: other output"
		;;
	esac
done
[ $examples -ge 5 ] || fail "docs/explain.md: $examples examples"

# -- Ctrl-C in the middle: what was explained is there, nothing else --

left() { find /sys/fs/bpf/sluice 2>/dev/null || true; ip -o link show way0 2>/dev/null || true; }
before=$(left)
mkfifo pipe
"${x[@]}" - --write stopped.pcap <pipe >stopped & pid=$!
exec 9>pipe
head -c 100000 eth.pcap >&9
wait_for grep -q ' 100 ' stopped
[ "$(left)" = "$before" ] || fail "seen from outside: $(left)"
kill -INT $pid
rc=0
wait $pid || rc=$?
exec 9>&-
[ $rc = 130 ] || fail "Ctrl-C: exit code $rc"
n=$(tshark -r stopped.pcap 2>stopped.err | wc -l)
[ "$n" -gt 50 ] || fail "Ctrl-C: the capture has $n frames: $(cat stopped.err)"
! grep -q 'cut short' stopped.err || fail "Ctrl-C: $(cat stopped.err)"
[ "$(left)" = "$before" ] || fail "left behind: $(left)"
echo PASS
