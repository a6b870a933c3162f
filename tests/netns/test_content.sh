#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Tenants of one virtual address and port, told apart by what a real client (libcoap) says alone: host,
# path, oneM2M originator, all from one address. Quotas, privileges and counters are each one's own, over a
# reload, a restart after kill -9, and an upgrade. IPv4 and IPv6.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/upgrade.sh
. "$(dirname "$0")/upgrade.sh"

FEW=3 # messages that globex may send in this hour

# ask VIP PATH [OPTION...]: what the client says; each option is a number and a text.
ask() {
	local vip=$1 path=$2 options=()

	shift 2
	for o in "$@"; do options+=(-O "$o"); done
	in_ns acme coap-client-notls -v 6 -B "${B:-4}" "${options[@]}" -m get "coap://$vip$path" 2>&1 || true
}

# admitted TENANT: its messages that went on, so far.
admitted() { ctl --json tenant show "$1" | jq .admitted.messages; }

# is TENANT TEXT VIP PATH [OPTION...]: the answer has the text, and the request was this tenant's.
is() {
	local tenant=$1 text=$2 got before

	shift 2
	before=$(admitted "$tenant")
	got=$(ask "$@")
	[[ $got == *$text* ]] || fail "$*: want $text: $got"
	[ "$(admitted "$tenant")" = $((before + 1)) ] || fail "$*: was not $tenant's"
}

# is_not CODE VIP PATH [OPTION...]: the node refuses it so.
is_not() {
	local code=$1 got

	shift
	got=$(ask "$@")
	[[ $got == *$code* ]] || fail "$*: want $code: $got"
}

# libcoap's server does not know oneM2M's option and says so (4.02): who was charged is what counts here.
originator() { B=1 is "$@"; }

everyone() {
	local vip

	for vip in "$VIP4" "[$VIP6]"; do
		is acme m1 "$vip" /whoami 3,acme.example
		is acme m1 "$vip" /whoami 3,ACME.example
		is acme "of acme" "$vip" /acme
		originator initech 279 "$vip" /whoami 3,acme.example 279,CInitech
		is guests m1 "$vip" /whoami
		is guests m1 "$vip" /whoami 3,nobody.example
	done
}

lab_new 1
for path in acme globex; do
	in_ns m1 coap-client-notls -B 3 -m put -e "of $path" "coap://127.0.0.1/$path" >/dev/null 2>&1
	in_ns m1 coap-client-notls -B 3 -m put -e "of $path" "coap://[::1]/$path" >/dev/null 2>&1
done
config_edit --arg few "$FEW/h" '
	(.services[] | select(.protocol == "coap")).default_tenant = "guests" |
	.tenants = [
		{name: "acme", match: [{coap_host: "acme.example"}, {coap_path: "/acme"}], on_excess: "answer",
		 quota: {messages: "50k/s", burst: "100ms"}, allow: {coap_paths: ["/acme", "/whoami"]}},
		{name: "globex", match: [{coap_host: "globex.example"}, {coap_path: "/globex"}], on_excess: "answer",
		 quota: {messages: $few, burst: "1h"}},
		{name: "initech", match: [{onem2m_originator: "CInitech"}]},
		{name: "guests"}]'
daemon_start

everyone

# What globex has used up is neither acme's nor the guests', whatever globex says besides; and the
# node says so in the server's stead.
for ((i = 0; i < FEW; i++)); do is globex "of globex" "$VIP4" /globex; done
is_not 5.03 "$VIP4" /globex
is_not 5.03 "[$VIP6]" /whoami 3,globex.example
is_not 5.03 "$VIP4" /acme 3,globex.example
everyone

# Paths: acme's are its own, others' are free.
for vip in "$VIP4" "[$VIP6]"; do
	is_not 4.03 "$vip" /globex 3,acme.example
	is_not 4.03 "$vip" /acme 3,acme.example 11,..
	is_not 4.03 "$vip" /acme 3,acme.example 39,coap
	originator initech 279 "$vip" /globex 279,CInitech
	originator acme 279 "$vip" /acme 279,CNobody
done
[ "$(reason answered_path)" = 6 ] || fail "answered_path: $(reason answered_path)"

# A reload moves a host and adds another; what was used up stays so.
config_edit '(.tenants[] | select(.name == "acme")).match += [{coap_host: "acme.test"}] |
	(.tenants[] | select(.name == "initech")).match += [{coap_host: "nobody.example"}]'
ctl reload >/dev/null
is acme m1 "$VIP4" /whoami 3,acme.test
is initech m1 "$VIP4" /whoami 3,nobody.example
is_not 5.03 "$VIP4" /globex
config_edit '(.tenants[] | select(.name == "initech")).match |= map(select(.coap_host == null))'
ctl reload >/dev/null
everyone

# The daemon is killed: packets go on; a restart, and a build by another compiler, take over.
lab_stop sluiced KILL
got=$(ask "$VIP4" /whoami 3,acme.example)
[[ $got == *m1* ]] || fail "without a daemon: $got"
daemon_again
everyone
is_not 5.03 "$VIP4" /globex
if next_build; then
	before=$(link_of acme)
	lab_stop sluiced KILL
	daemon_again "$B/next/sluiced"
	[ "$(jq .tag <<<"$before")" != "$(link_of acme | jq .tag)" ] || fail "the program is the one before"
	everyone
	is_not 5.03 "$VIP4" /globex
fi

# A source says more than a message.
config_edit '(.tenants[] | select(.name == "initech")).match += [{source: "198.51.100.0/24"}]'
ctl reload >/dev/null
is initech m1 "$VIP4" /whoami 3,acme.example
is acme m1 "[$VIP6]" /whoami 3,acme.example

[ "$(reason internal)" = 0 ] || fail "internal: $(reason internal)"
echo PASS
