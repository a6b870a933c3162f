#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Hosts, paths and originators of tenants are in both banks of the map after a start, a reload and
# a restart; a reload leaves what stays as it is; what is refused changes nothing; and the API and
# the tool tell what a tenant is told by and may do.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/maps.sh
. "$(dirname "$0")/maps.sh"

command -v bpftool >/dev/null || skip "needs bpftool: scripts/install-deps build"

# steps BANK: of that bank, sorted, with keys as if of bank 0. Numbers are text: jq would round them.
steps() {
	bpftool -j map dump pinned "$MAPS/sl_trie" |
		jq -c --argjson bank "$1" '[.[] | {key: .key, value: .value, bank: (.key[7] | ltrimstr("0x") | test("^[89a-f]"))}
			| select(.bank == ($bank == 1)) | [(.key[:7] | join("")), .key[8:], .value]] | sort'
}
count() { steps "$1" | jq length; }
steps_are() {
	[ "$(count 0) $(count 1)" = "$1 $1" ] || fail "$2: $(count 0) and $(count 1) steps, want $1 in each bank"
}
# asks SERVICE FLAGS: SL_SVC_CONTENT is 16, SL_SVC_IDENTIFY 32.
asks() {
	local flags

	flags=$(map_dump sl_services | jq -c --argjson p "$1" '[.[] | select(.key.port == ($p % 256 * 256 + ($p / 256 | floor))) | .value.flags / 16 | floor] | unique')
	[ "$flags" = "[$(($2 / 16))]" ] || fail "flags of port $1: $flags"
}

lab_new_bare 1
config_edit '.services |= map(.instances = []) | (.services[] | select(.protocol == "coap")).default_tenant = "globex"'
daemon_start
steps_are 0 "nobody is told by messages"
asks 5683 0

# acme: 1 + 3 of hosts, 2 of paths, 1 originator, allowed 1 + 1. globex: 1, and one of the paths is shared.
config_edit '.tenants[0].match += [{coap_host: "A.example"}, {coap_path: "/acme/s%2f1"},
		{coap_host: "a-host-with-a-name-of-66-bytes-in-several-parts.acme.example.comx1"}, {onem2m_originator: "CAdmin"}] |
	.tenants[0].allow = {coap_methods: ["GET", "POST"], coap_paths: ["/acme", "/"]} |
	.tenants[1].match += [{coap_path: "/acme"}, {coap_path: "/b"}]'
ctl reload >/dev/null || fail "reload"
steps_are 10 "after a reload"
asks 5683 48
asks 1883 0
[ "$(steps 0)" = "$(steps 1)" ] || fail "the banks differ"
before=$(steps 0)

show=$(ctl --json tenant show acme)
want "match" "$show" '.match == [{source: "198.51.100.0/24"}, {source: "2001:db8:a::/48"}, {coap_host: "a.example"},
	{coap_path: "/acme/s%2F1"}, {coap_host: "a-host-with-a-name-of-66-bytes-in-several-parts.acme.example.comx1"},
	{onem2m_originator: "CAdmin"}] and (.sources | length) == 2'
want "allow" "$show" '.allow == {coap_methods: ["GET", "POST"], coap_paths: ["/acme", "/"]}'
want "allow in the list" "$(ctl --json tenant list)" '[.tenants[] | .allow | keys | length] == [2, 0]'
text=$(ctl tenant show acme)
for line in 'match +source 198.51.100.0/24' 'match +coap_path /acme/s%2F1' 'match +onem2m_originator CAdmin' \
	'allow +coap_methods GET, POST' 'allow +coap_paths /acme' 'allow +coap_paths /'; do
	grep -qE "^$line$" <<<"$text" || fail "tenant show has no '$line': $text"
done
grep -qE '^allow +everything$' <<<"$(ctl tenant show globex)" || fail "what globex may do"
want "doctor" "$(ctl --json doctor)" '.checks[] | select(.check == "capacity trie") | .text == "10 of 16384 in use"'

# What is refused changes nothing.
cp "$LAB_DIR/config.json" "$LAB_DIR/config.good"
config_edit '.tenants[1].match += [{coap_host: "a.EXAMPLE"}]'
why=$(ctl reload 2>&1) && fail "a host of two tenants was taken"
[[ $why == *'tenants[1].match[4].coap_host: "a.example" is tenants[0].match[2] too; want each host once'* ]] || fail "why: $why"
cp "$LAB_DIR/config.good" "$LAB_DIR/config.json"
config_edit '.capacity.trie = 20'
why=$(ctl reload 2>&1) && fail "another size was taken while loaded"
[[ $why == *"capacity.trie: want 16384, as it is loaded"* ]] || fail "why: $why"
cp "$LAB_DIR/config.good" "$LAB_DIR/config.json"
[ "$(steps 0)$(steps 1)" = "$before$before" ] || fail "changed by what was refused"

# Restarted, killed, and with one more: what was there is there.
lab_stop sluiced
daemon_start
[ "$(steps 0)$(steps 1)" = "$before$before" ] || fail "other steps after a restart"
daemon_killed
[ "$(steps 0)$(steps 1)" = "$before$before" ] || fail "other steps after a kill"
config_edit '.tenants[1].match += [{onem2m_originator: "Cglobex"}]'
ctl reload >/dev/null || fail "reload"
steps_are 11 "with one more"
jq -ne --argjson a "$before" --argjson b "$(steps 1)" '$a - $b == []' >/dev/null || fail "a reload changed what stays"

config_edit '.tenants |= map(del(.allow) | .match |= map(select(.source)))'
ctl reload >/dev/null || fail "reload"
steps_are 0 "nobody any more"
asks 5683 0
say "hosts, paths and originators kept over reloads and restarts, and told"
