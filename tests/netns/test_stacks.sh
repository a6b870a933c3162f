#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Who watches the watchers: devices of real stacks directly at their servers, nothing of ours in
# between. All is whole, also for sessions that change address and port; and when another server
# takes the place of the first, each kind of device says so.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/stacks.sh
. "$(dirname "$0")/stacks.sh"

FROM=127.0.1.1,127.0.1.2,127.0.1.3,127.0.1.4
DTLS="--to 127.0.0.1 --from $FROM --interval 0.1 --retries 3"
COAP="--to 127.0.0.1 --from $FROM --interval 0.2 --timeout 1.5 --quiet 0.5 --observers 20 --getters 5
	--putters 5 --posters 10 --block 512 --upload-size 8k"

servers_start_as() {
	dtls_start "$1" host 127.0.0.1 "$2"
	coapstack_start "$1" host 127.0.0.1 --every 0.2 --size 16k
}
# servers_stop NAME [SIGNAL]
servers_stop() {
	lab_stop "dtls-$1" "${2:-TERM}"
	lab_stop "coapstack-$1" "${2:-TERM}"
}

# devices_start TAG RETRY COAP-OPTION...: RETRY is how long a DTLS session waits before it asks again.
devices_start() {
	local tag=$1 retry=$2

	shift 2
	# shellcheck disable=SC2086 # words
	{
		lab_start cid-$tag host "$T/dtlsclient" $DTLS --retry "$retry" --sessions 50 --rebind-every 4
		lab_start nocid-$tag host "$T/dtlsclient" $DTLS --retry "$retry" --sessions 10 --no-cid
		lab_start coap-$tag host "$T/coapdevices" $COAP "$@"
	}
	for what in cid nocid coap; do
		WAIT=15 wait_for ready "$what-$tag"
	done
}

devices_stop() { devices_end "cid-$1" "nocid-$1" "coap-$1"; }

ns_add host

# -- whole --

servers_start_as m1 513
devices_start whole 1 --pause 0.01
openssl_start openssl-1 host 127.0.0.1:5684 2
openssl_start openssl-2 host 127.0.0.1:5684 2
wait_for has cid-whole '.rebound >= 100'
wait_for has coap-whole '.transfers_done >= 10 and .notifications >= 40'
wait_for ended openssl-1
wait_for ended openssl-2
devices_stop whole
servers_stop m1
CID=$(figures_of cid-whole) NOCID=$(figures_of nocid-whole) DEV=$(figures_of coap-whole)
SERVER=$(figures_of dtls-m1)
want "DTLS, changing address" "$CID" '.with_cid == 50 and .handshakes == 50 and .answered == .asked and
	.rebound > 0 and .again + .failed + .lost + .moved + .rehandshakes + .broken == 0'
want "DTLS without ids" "$NOCID" '.with_cid == 0 and .handshakes == 10 and .answered == .asked and
	.again + .failed + .lost + .moved + .rehandshakes + .broken == 0'
want "DTLS server" "$SERVER" '.sessions == 62 and .handshakes == 62 and .cookies >= 62 and .errors == 0 and
	.rebinds >= $r' --argjson r "$(jq .rebound <<<"$CID")"
want "CoAP" "$DEV" '.registered == 20 and .deregistered == 20 and .transfers_done == .transfers and
	.posts_answered == .posts and .open + .failed + .resets + .errors + .moved + .stray + .gaps +
	.silent + .after_end + .transfers_failed + .posts_moved == 0'
[ "$(openssl_check openssl-1 2)$(openssl_check openssl-2 2)" = m1m1 ] || fail "openssl: not at m1"
[ "$(wc -l <"$LAB_DIR/executed-m1")" = "$(jq .posts <<<"$DEV")" ] || fail "posts and executions differ"
[ -z "$(executed_twice)" ] || fail "executed twice: $(executed_twice)"

# -- broken: another server in the middle of it --

servers_start_as m2 514
devices_start broken 0.3 --pause 0.1
disown -a # or the shell tells that they were killed
servers_stop m2 KILL # or libcoap would tell its observers
servers_start_as m3 515
wait_for has cid-broken '.lost > 0 and .moved > 0 and .rehandshakes > 0'
wait_for has nocid-broken '.lost > 0 and .moved > 0 and .rehandshakes > 0'
wait_for has coap-broken '.silent > 0 and .moved > 0 and .transfers_failed > 0 and .posts_moved > 0'
devices_stop broken
cat "$LAB_DIR/executed-m3" >"$LAB_DIR/executed-again"
[ -n "$(executed_twice)" ] || fail "what was executed twice is not seen"

say "$(jq .asked <<<"$CID") questions in 50 sessions, $(jq .rebinds <<<"$CID") changes of address, 50 handshakes;" \
	"$(jq '"\(.notifications) notifications, \(.transfers_done) transfers, \(.posts) posts"' -r <<<"$DEV")"
say "another server in the middle: DTLS $(figures_of cid-broken | jq -c '{lost, moved, rehandshakes}')," \
	"CoAP $(figures_of coap-broken | jq -c '{silent, moved, transfers_failed, posts_moved, resets, failed}')"
