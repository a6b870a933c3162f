#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Tenants of one virtual address and port, told apart by bits of the connection ids that DTLS servers of a
# real stack give their devices: here the server's own number, as it is in an id of QUIC-LB's layout. Devices
# change address and port, and stay their tenant's; a quota holds one tenant's, and nobody else.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/stacks.sh
. "$(dirname "$0")/stacks.sh"

SESSIONS=20

figure() { ctl --json tenant show "$1" | jq "$2"; }
admitted() { figure "$1" .admitted.messages; }
refused() { figure "$1" '[.refused[]?] | add // 0'; }
grown() { [ "$(admitted "$1")" -gt "$2" ]; }
is_refused() { [ "$(refused "$1")" -gt 0 ]; }

topology_add 2 0
config_write 2
stacks_config 2 20s
config_edit '
	.services |= map(select(.name == "sessions") | .default_tenant = "guests" | .cid.tenant = {at: 8, bits: 16}) |
	.tenants = [{name: "acme", match: [{dtls_cid: 513}]}, {name: "globex", match: [{dtls_cid: 514}]}, {name: "guests"}]'
for n in 1 2; do
	dtls_start m$n m$n "$(machine_addr m$n 4)" $((512 + n))
done
daemon_start
tool_start devices acme "$T/dtlsclient" --to "$VIP4" --from "$ACME4" --sessions $SESSIONS \
	--interval 0.25 --rebind-every 4
FIRST=$(figures_now devices)
want "devices at both" "$FIRST" '(.by_instance | keys) == ["m1", "m2"]'
wait_for has devices ".rebound >= $SESSIONS and .asked >= 10 * $SESSIONS"

# What is neither's is the handshakes, which have no id.
HANDSHAKES=$(admitted guests)
WAS_ACME=$(admitted acme) WAS_GLOBEX=$(admitted globex)
[ "$HANDSHAKES" -ge $SESSIONS ] || fail "handshakes are not the guests': $HANDSHAKES"
wait_for grown acme $((WAS_ACME + 20))
wait_for grown globex $((WAS_GLOBEX + 20))
[ "$(admitted guests)" = "$HANDSHAKES" ] || fail "$(($(admitted guests) - HANDSHAKES)) messages of sessions are the guests'"

# A quota is one tenant's, whatever addresses the devices have.
ctl tenant quota globex messages=1/s >/dev/null
wait_for is_refused globex
wait_for grown acme $(($(admitted acme) + 20))
[ "$(refused acme)" = 0 ] || fail "globex's quota holds acme"
ctl tenant quota globex messages=1k/s >/dev/null
devices_end devices
LAST=$(figures_of devices)
want "sessions" "$LAST" ".handshakes == $SESSIONS and .moved + .rehandshakes + .broken == 0"

# Each question is one record with an id, so are what was asked again and the alert at the end.
SPENT=$(($(admitted acme) + $(admitted globex) + $(refused globex)))
want "each is charged to one" "$LAST" "$SPENT >= .asked and $SPENT <= .asked + .again + 2 * $SESSIONS"
[ "$(ctl --json tenant show acme | jq '.refused | length')" = 0 ] || fail "acme: $(ctl --json tenant show acme)"
[ "$(reason internal)" = 0 ] || fail "reason internal"
say "acme $(admitted acme), globex $(admitted globex) and $(refused globex) refused, guests $(admitted guests)"
