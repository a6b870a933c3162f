#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A tenant's responses, told by the node to a real client (libcoap): with ETag and without payload for who
# has it; what is anything else the server answers. From the file, by the API and the tool; over a kill -9, a
# restart, an upgrade, a reload. IPv4 and IPv6.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/upgrade.sh
. "$(dirname "$0")/upgrade.sh"

# ask VIP PATH [OPTION...]: what the client says; options are coap-client's.
ask() {
	local vip=$1 path=$2

	shift 2
	in_ns acme coap-client-notls -v 8 -B "${PATIENCE:-5}" "$@" -m "${M:-get}" "coap://$vip$path" 2>&1 || true
}

# by WHO TEXT VIP PATH [OPTION...]: node or server says it.
by() {
	local who=$1 text=$2 got before n=0

	shift 2
	[ "$who" = server ] || n=1
	before=$(reason answered_static)
	got=$(ask "$@")
	[[ $got == *"$text"* ]] || fail "$*: want $text: $got"
	[ "$(($(reason answered_static) - before))" = $n ] || fail "$*: not by the $who: $got"
}

# refused TEXT COMMAND...: the tool says no, and why.
refused() {
	local text=$1 got

	shift
	! got=$(ctl "$@" 2>&1) || fail "$*: not refused"
	[[ $got == *"$text"* ]] || fail "$*: want $text: $got"
}

lab_new 1
config_edit '(.tenants[] | select(.name == "acme")).responses = [
	{path: "/.well-known/core", content_format: 40, max_age: "1h", payload: "</node>;rt=\"t\""},
	{path: "/whoami", service: "telemetry6", payload: "the node"}]'
daemon_start

for vip in "$VIP4" "[$VIP6]"; do
	by node '</node>;rt="t"' "$vip" /.well-known/core
	by node 'Max-Age:3600' "$vip" /.well-known/core -A 40
	by server '' "$vip" /.well-known/core -N
	by server '' "$vip" /.well-known/core -A 50
	by server '' "$vip" '/.well-known/core?rt=x'
	by server '' "$vip" /.well-known/core -s 1
	by server '' "$vip" /.well-known
	M=put by server '' "$vip" /.well-known/core -e x
	# Who has it is told so.
	etag=$(ask "$vip" /.well-known/core | sed -nE 's/.*ETag:0x([0-9a-f]{16}).*/\1/p' | head -1)
	[ -n "$etag" ] || fail "no ETag: $(ask "$vip" /.well-known/core)"
	by node '2.03' "$vip" /.well-known/core -O "4,0x$etag"
	by node '2.05' "$vip" /.well-known/core -O "4,0x${etag%?}"
	ETAGS+=" $etag"
done
read -r a b <<<"$ETAGS"
[ "$a" = "$b" ] || fail "two ETags of one thing: $a $b"
by server m1 "$VIP4" /whoami
by node 'the node' "[$VIP6]" /whoami

# By the tool: new, changed, of one service, gone; and by the API.
ctl response set acme /time "12:00" --max-age=1s >/dev/null
for vip in "$VIP4" "[$VIP6]"; do by node 12:00 "$vip" /time; done
# To say something else is no new configuration; it is said in both banks, and who has the old is told the new.
generation() { ctl --json status | jq .generation; }
before=$(generation)
etag=$(ask "$VIP4" /time | sed -nE 's/.*ETag:0x([0-9a-f]{16}).*/\1/p' | head -1)
printf '12:01' | ctl response set acme /time - >/dev/null
[ "$(generation)" = "$before" ] || fail "a new configuration, for what is said alone"
for ((i = 0; i < 2; i++)); do
	for vip in "$VIP4" "[$VIP6]"; do by node 12:01 "$vip" /time; done
	by node 2.05 "$VIP4" /time -O "4,0x$etag"
	ctl tenant quota acme messages=4900$i/s >/dev/null
done
ctl response set acme /time "of IPv4" --service=telemetry --format=0 >/dev/null
by node 'of IPv4' "$VIP4" /time
by node 12:01 "[$VIP6]" /time
# As a URL has it: "/" of a segment's own is %2F in a path, and the path "/" is %2F in a URL.
url() { curl -sS --unix-socket "$LAB_DIR/control.sock" -o /dev/null -w '%{http_code}\n' "$@"; }
at=http://localhost/v1/tenants/acme/responses
got=$(url -X PUT -d '{"payload": "one"}' "$at/a/b")$(url -X PUT -d '{"payload": "two"}' "$at/a%252Fb")
got+=$(url -X PUT -d '{"payload": "top"}' "$at/%2F")$(url -X PUT -d '{"payload": "one"}' "$at/%2Fa/b")
[ "$got" = 201201201200 ] || fail "statuses: $got"
by node one "$VIP4" /a/b
by node two "[$VIP6]" /a%2Fb
by node top "$VIP4" '' -O 3,acme.example
got=$(url -X DELETE "$at/a/b")$(url -X DELETE "$at/a%252Fb")$(url -X DELETE "$at/%2F")$(url -X DELETE "$at/%2F")
got+=$(url "$at")$(url -X PUT -d '{"payload": "a", "path": "/b"}' "$at/a")$(url -X PUT -d '[]' "$at/a")
got+=$(url -X PUT -d '{' "$at/a")$(url -X POST -d '{}' "$at/a")
[ "$got" = 200200200404200422400400405 ] || fail "statuses: $got"
want "list" "$(ctl --json response list acme)" '[.responses[] | [.path, .service, .content_format, .max_age, .payload]] == [
	["/.well-known/core", null, 40, "1h", "</node>;rt=\"t\""], ["/whoami", "telemetry6", null, "1m", "the node"],
	["/time", null, null, "1m", "12:01"], ["/time", "telemetry", 0, "1m", "of IPv4"]]'
[[ $(ctl response list acme) == *"/time "*telemetry* ]] || fail "table: $(ctl response list acme)"
refused "tenants[0].responses[4].payload: want text of 1 to 512 bytes" response set acme /x ""
refused "want text of 1 to 512 bytes" response set acme /x "$(printf '%0600d' 1)"
refused "want a service of protocol coap" response set acme /x y --service=broker
refused "want no empty segment" response set acme //x y
refused 'no tenant "nobody"' response set nobody /x y
refused "has no response to /x" response remove acme /x
refused "has no response to /time of service telemetry6" response remove acme /time --service=telemetry6
refused "want a path" response set acme x y

# They outlive the daemon, and another build.
lab_stop sluiced KILL
got=$(ask "$VIP4" /time)
[[ $got == *"of IPv4"* ]] || fail "without a daemon: $got"
daemon_again
by node 'of IPv4' "$VIP4" /time
by node 12:01 "[$VIP6]" /time
if next_build; then
	lab_stop sluiced KILL
	daemon_again "$B/next/sluiced"
	by node 'of IPv4' "$VIP4" /time
	by node 'the node' "[$VIP6]" /whoami
fi
ctl response remove acme /time --service=telemetry >/dev/null
for vip in "$VIP4" "[$VIP6]"; do by node 12:01 "$vip" /time; done

# A reload goes back to the file.
ctl reload >/dev/null
by server Max-Age:1 "$VIP4" /time # it has one of its own
by node '</node>;rt="t"' "$VIP4" /.well-known/core

# Longer than three times the request: only for who has proven himself; and then to the longest.
long=$(printf '%0512d' 7)
config_edit --arg l "$long" '(.tenants[] | select(.name == "acme")).responses = [{path: "/long", payload: $l}]'
ctl reload >/dev/null
by server 4.04 "$VIP4" /long
config_edit '(.services[] | select(.protocol == "coap")).echo = true'
ctl reload >/dev/null
for vip in "$VIP4" "[$VIP6]"; do
	got=$(ask "$vip" /long)
	# Where there is no room in the frame the server says that it knows nothing of it.
	[[ $got == *"$long"* || $got == *4.04* ]] || fail "long: $got"
	LONG+=" $([[ $got == *"$long"* ]] && echo node || echo server)"
done
[ "$(reason internal)" = 0 ] || fail "internal: $(reason internal)"
echo "512 bytes:$LONG"
echo PASS
