#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What a service says of affinity outlives a change and a restart: a server that is added with its
# server id keeps it, ids that do not fit are refused by name, and the rate of events and the room
# for exchanges are what the document says.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

command -v bpftool >/dev/null || skip "needs bpftool: scripts/install-deps build"

SERVICE='{ "name": "dtls", "address": "203.0.113.10", "port": 5684, "protocol": "coaps",
	"default_tenant": "acme", "device_key": "cid", "drain": "move", "reply_budget": "200/s",
	"cid": { "length": 8, "layout": "quic-lb", "rotations": [{ "id": 2, "server_id_length": 2 }] },
	"health": { "on_down": "move", "outlier": { "requests": 50 } } }'

event_max() { bpftool -j map dump pinned "$LAB_PINS/abi-3/maps/sl_control" | jq '.[0].formatted.value.event_max // empty'; }

# dtls_is FILTER: of the service in the configuration in force.
dtls_is() {
	want "$1" "$(ctl --json config show | jq '.services[] | select(.name == "dtls")')" "$1"
}

# not_added WHAT ID TEXT
not_added() {
	local out

	out=$(ctl instance add dtls "$1" 10.77.1.9 5684 --server-id="$2" 2>&1) &&
		fail "server id $2 is taken"
	[[ $out == *"$3"* ]] || fail "server id $2: want '$3', got: $out"
}

lab_new 1
config_edit ".services += [$SERVICE] | .events = { max_rate: \"250/s\" } | .capacity.exchanges = 2048"
daemon_start
dtls_is '.cid.rotations[0].server_id_length == 2 and .device_key == "cid"'

ctl instance add dtls d1 10.77.1.2 5684 --server-id=65535 >/dev/null || fail "d1 is not added"
ctl instance add dtls d0 10.77.1.3 5684 weight=50 --server-id >/dev/null 2>&1 &&
	fail "an option without its value was taken"
ctl instance add dtls d0 10.77.1.3 5684 weight=50 --server-id 0 >/dev/null || fail "d0 is not added"
ctl instance add dtls plain 10.77.1.4 5684 >/dev/null || fail "one without a server id is not added"
not_added d2 65536 "instances[3].server_id: 65536 needs more than 2 bytes; want at most 65535"
not_added d2 65535 "instances[3].server_id: 65535 is"
not_added d2 4294967296 "want an integer from 0 to 4294967295"

KEPT='[.instances[] | [.name, .server_id]] == [["d1", 65535], ["d0", 0], ["plain", null]]'
dtls_is "$KEPT"
lab_stop sluiced
daemon_start
dtls_is "$KEPT"
ctl reload >/dev/null || fail "reload"
dtls_is "$KEPT"

want "doctor" "$(ctl --json doctor)" \
	'.checks[] | select(.check == "capacity exchanges") | .text == "0 of 2048 in use"'
[ "$(event_max)" = 250 ] || fail "events: $(event_max) a second instead of 250"
config_edit '.events.max_rate = "unlimited"'
ctl reload >/dev/null || fail "reload"
[ "$(event_max)" = 0 ] || fail "events: $(event_max) a second instead of any number"
say "server ids kept over a restart and a reload; events and exchanges as the document says"
