#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The heaviest devices of a tenant that asks for it: what each sent, and was refused, in order, by
# hashes that events show too; nobody else's; and what became of them when the window is turned.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

lab_new_bare 1
config_edit --arg v4 "$VIP4" --arg m4 "$(machine_addr m1 4)" '
	.services = [{name: "udp4", protocol: "udp", address: $v4, port: 9000, steering: "nat",
		health: {probe: "none"}, instances: [{name: "m1", address: $m4, port: 9000}]}]
	| .tenants[0].top_devices = true | .tenants[0].quota = {} | .tenants[1].quota = {}
	| .tenants[0].device_quota = {packets: "1200/s", burst: "100ms"}'
daemon_start

# send TENANT ADDRESS RATE: for a second; prints how many.
send() {
	in_ns "$1" "$T/udpflood" --to "$VIP4:9000" --from "$2" --rate "$3" --flows 3 --duration 1 |
		tail -n 1 | jq .sent
}
# counted WINDOW: what the devices of acme offered, the heaviest first, one line.
counted() { ctl --json devices acme | jq -c --arg w "$1" '[.[$w].devices[]?.offered_packets]'; }
has_counted() { [ "$(counted "$1")" = "$2" ]; }

[ "$(counted running)" = "[]" ] || fail "somebody was counted before he came"
IFS=, read -ra devices <<<"$ACME4"
light=$(send acme "${devices[0]}" 1000)
heavy=$(send acme "${devices[1]}" 3000)
middle=$(send acme "${devices[2]}" 2000)
send globex "${GLOBEX4%%,*}" 500 >/dev/null
wait_for has_counted running "[$heavy,$middle,$light]"

json=$(ctl --json devices acme)
want "figures" "$json" '.tenant == "acme" and .last == null
	and (.running | .until_ns > .since_ns and (.devices | length) == 3)
	and all(.running.devices[]; .device | test("^d-[0-9a-f]{16}$"))
	and .running.devices[0].refused_packets > .running.devices[1].refused_packets
	and .running.devices[1].refused_packets > 0 and .running.devices[2].refused_packets == 0'
refused=$(ctl --json tenant show acme | jq .refused_packets)
want "refused" "$json" '([.running.devices[].refused_packets] | add) == $n' --argjson n "$refused"

out=$(ctl devices acme --limit 2)
first=$(jq -r '.running.devices[0].device' <<<"$json")
grep -qE "^running window: [0-9.]+ s$" <<<"$out" || fail "no window told: $out"
grep -qE "^DEVICE +OFFERED +A SECOND +REFUSED *$" <<<"$out" || fail "no head: $out"
grep -qE "^$first +[0-9.]+k +[0-9.]+k? +[0-9.]+k? *$" <<<"$out" || fail "not the first: $out"
[ "$(grep -c '^d-' <<<"$out")" = 2 ] || fail "want two devices: $out"

out=$(ctl devices globex 2>&1) && fail "who did not ask is told of"
grep -q '"top_devices": true' <<<"$out" || fail "no advice: $out"

# Another tenant gets a table: the window is turned, and what it had is whole.
config_edit '.tenants[1].top_devices = true'
ctl reload >/dev/null
has_counted last "[$heavy,$middle,$light]" || fail "the last window is not what ran: $(counted last)"
[ "$(counted running)" = "[]" ] || fail "the new window is not empty"
want "the other tenant's" "$(ctl --json devices globex)" '.last == null and .running.devices == []'
sent=$(send globex "${GLOBEX4%%,*}" 500)
want "the other tenant's" "$(ctl --json devices globex)" \
	'[.running.devices[].offered_packets] == [$n]' --argjson n "$sent"
echo PASS
