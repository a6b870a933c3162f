# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What Wireshark says of a frame, in the words of include/sluice/kind.h; and where explain says
# something else, why. Input: {e: a line of explain, w: a line of wireshark(), explain.sh}.

# The first of several values, a number; null if there is none.
def first_of: (split(",")[0] // "") | if . == "" then null
	elif startswith("0x") then (ltrimstr("0x") | explode | map(if . > 96 then . - 87 elif . > 64 then . - 55 else . - 48 end)
		| reduce .[] as $d (0; . * 16 + $d))
	else tonumber end;
def byte($i): .payload[2 * $i:2 * $i + 2] | if length < 2 then null else "0x" + . | first_of end;
def bytes: (.payload | length) / 2;
def be16($i): byte($i) as $high | byte($i + 1) as $low | if $low == null then null else $high * 256 + $low end;

def broken: .malformed != "";
def fell_over: .malformed | test("Malformed Packet");

# -- what Wireshark says --

def coap_kind:
	(.type | first_of) as $type | (.code | first_of) as $code |
	if broken or $code == null then "malformed"
	elif $code == 0 then ["ping", "none", "ack", "reset"][$type]
	elif $code >= 32 then "response"
	else ["get", "post", "put", "delete", "fetch", "patch", "ipatch"][$code - 1] // "other_request" end;

def mqtt_kind:
	(.mqtt | first_of) as $type |
	if $type == null or fell_over then "continued"
	else ["reserved", "connect", "connack", "publish", "puback", "pubrec", "pubrel", "pubcomp", "subscribe", "suback",
	      "unsubscribe", "unsuback", "pingreq", "pingresp", "disconnect", "auth"][$type] end;

def dtls_kind:
	(if byte(0) == 25 then .special else .content end | first_of) as $type |
	if $type == null then "malformed"
	else {"20": "change_cipher_spec", "21": "alert", "22": "handshake", "23": "data", "24": "heartbeat", "25": "cid",
	      "26": "ack"}["\($type)"] // "malformed" end;

def mqttsn_kind:
	(.sn | first_of) as $type |
	if $type == null or (.malformed | test("MQTT-SN")) then "malformed"
	elif $type <= 2 then "search"
	elif $type >= 6 and $type <= 9 or $type >= 26 and $type <= 29 then "will"
	elif $type == 254 then "forward"
	else {"4": "connect", "5": "connack", "10": "register", "11": "regack", "12": "publish", "13": "puback",
	      "14": "pubcomp", "15": "pubrec", "16": "pubrel", "18": "subscribe", "19": "suback", "20": "unsubscribe",
	      "21": "unsuback", "22": "pingreq", "23": "pingresp", "24": "disconnect"}["\($type)"] // "other" end;

def has_layer($name): .protocols | split(":") | index($name) != null;

# "coap.get"; null for what is no UDP or TCP.
def wireshark_kind($protocol):
	if has_layer("udp") then
		if $protocol == "coap" then "coap." + coap_kind
		elif $protocol == "coaps" then "dtls." + dtls_kind
		elif $protocol == "mqttsn" then "mqttsn." + mqttsn_kind
		else "udp" end
	elif has_layer("tcp") then
		(.flags | first_of) as $flags | ($flags % 4 / 2 | floor) as $syn |
		if $syn == 1 and ($flags / 16 | floor) % 2 == 0 then "tcp.open"
		elif .tcp_len == "0" or $syn == 1 or ($flags / 4 | floor) % 2 == 1 then "tcp.control"
		elif $protocol == "mqtt" then "mqtt." + mqtt_kind
		else "tcp.data" end
	else null end;

# -- why explain says something else --

# CoAP's rules for what follows the token are in one walk over the options: null, or why the format is wrong.
def coap_options($at; $number):
	(if $at < bytes then byte($at) else null end) as $first |
	if $first == null then null
	elif $first == 255 then (if $at + 1 == bytes then "coap: a marker without payload" else null end)
	else
		($first / 16 | floor) as $d | ($first % 16) as $l |
		(if $d == 13 then 1 elif $d == 14 then 2 else 0 end) as $dn |
		(if $l == 13 then 1 elif $l == 14 then 2 else 0 end) as $ln |
		if $d == 15 or $l == 15 then "coap: a reserved nibble"
		elif $at + 1 + $dn + $ln > bytes then "coap: an option past the end"
		else
			(if $dn == 1 then byte($at + 1) + 13 elif $dn == 2 then be16($at + 1) + 269 else $d end) as $delta |
			(if $ln == 1 then byte($at + 1 + $dn) + 13 elif $ln == 2 then be16($at + 1 + $dn) + 269 else $l end) as $len |
			($at + 1 + $dn + $ln + $len) as $next |
			if $next > bytes then "coap: an option past the end"
			elif $number + $delta > 65535 then "coap: an option number over 65535"
			else coap_options($next; $number + $delta) end
		end
	end;

def coap_error:
	(byte(0) / 64 | floor) as $version | (byte(0) / 16 | floor % 4) as $type | (byte(0) % 16) as $token |
	byte(1) as $code | ($code / 32 | floor) as $class |
	if bytes < 4 then "coap: short"
	elif $version != 1 then "coap: another version"
	elif $token > 8 then "coap: a token length of 9 to 15"
	elif $class == 1 or $class >= 6 then "coap: a reserved class of codes"
	elif $code == 0 and $type == 1 then "coap: a type that cannot bear the code"
	elif $code == 0 and (bytes > 4 or $token > 0) then "coap: empty, with something behind"
	elif $code == 0 then null
	elif $type == 3 or ($type == 2 and $class == 0) then "coap: a type that cannot bear the code"
	elif 4 + $token > bytes then "coap: a token past the end"
	else coap_options(4 + $token; 0) end;

# MQTT: the remaining length; null if it has a fifth byte or is cut.
def mqtt_remaining:
	[range(1; 5) as $i | byte($i)] as $b |
	([$b[] | . != null and . >= 128] | index(false)) as $n |
	if $n == null or $b[$n] == null then null
	else {header: ($n + 2), length: (reduce range($n; -1; -1) as $i (0; . * 128 + $b[$i] % 128))} end;

# Least bytes behind the fixed header of each type, in any version. A topic filter has a character.
def mqtt_least: [0, 12, 2, 2, 2, 2, 2, 2, 6, 3, 5, 2, 0, 0, 0, 0];

def mqtt_error:
	(byte(0) / 16 | floor) as $type | (byte(0) % 16) as $flags | mqtt_remaining as $r |
	($flags / 2 | floor % 4) as $qos |
	if $type == 0 then "mqtt: the reserved type"
	elif $type == 3 and $qos == 3 then "mqtt: QoS 3"
	elif $type != 3 and $flags != (if $type == 6 or $type == 8 or $type == 10 then 2 else 0 end) then "mqtt: reserved flags"
	elif $r == null or $r.header > bytes then "mqtt: no whole fixed header"
	elif $r.length < mqtt_least[$type] + (if $type == 3 and $qos > 0 then 2 else 0 end)
		or ($type == 12 or $type == 13) and $r.length != 0 then "mqtt: a length that the type cannot have"
	elif $type == 3 and be16($r.header) != null
		and be16($r.header) + 2 + (if $qos > 0 then 2 else 0 end) > $r.length then "mqtt: a topic past the message's end"
	elif $type == 1 and (.payload[2 * $r.header:]
		| test("^00044d515454(04|05|84|85)|^00064d5149736470(03|83)") | not) then "mqtt: CONNECT of another protocol"
	else null end;

# DTLS: the first record's length field. With a connection id it is behind that.
def dtls_length: if byte(0) == 25 then {at: 19, n: be16(19)} else {at: 11, n: be16(11)} end;
def dtls_error:
	dtls_length as $l |
	if byte(0) == null then "dtls: short"
	elif byte(0) >= 32 and byte(0) < 64 then
		(if byte(0) / 16 % 2 >= 1 then 8 else 0 end) as $cid |
		(1 + $cid + (if byte(0) / 8 % 2 >= 1 then 2 else 1 end)) as $at |
		if byte(0) / 4 % 2 < 1 then (if bytes < $at + 16 then "dtls: short" else null end)
		elif be16($at) == null or bytes < $at + 2 + 16 then "dtls: short"
		elif be16($at) > bytes - $at - 2 then "dtls: a record past the end"
		elif be16($at) < 16 then "dtls: short" else null end
	elif byte(0) < 20 or byte(0) > 26 or byte(1) != 254 then "dtls: no record of DTLS"
	elif $l.n == null then "dtls: short"
	elif $l.n > bytes - $l.at - 2 then "dtls: a record past the end"
	else null end;

def mqttsn_length:
	(if byte(0) == 1 then {n: be16(1), head: 4, type: byte(3)} else {n: byte(0), head: 2, type: byte(1)} end);
def mqttsn_error:
	mqttsn_length as $l |
	if $l.n == null or $l.type == null then "mqttsn: short"
	elif $l.type == 254 then (if $l.n > $l.head and $l.n + 2 <= bytes then null
				  else "mqttsn: a length that is not the datagram's" end)
	elif $l.n != bytes then "mqttsn: a length that is not the datagram's"
	else null end;

# Where the format is right, and Wireshark does not think so.
def wireshark_error($protocol):
	if $protocol == "coap" and (.expert | test("Invalid Option|Unsupported format|Trailing stray")) then
		"coap: an option that Wireshark does not know, or of another length"
	elif $protocol == "coap" and broken then "coap: a value that Wireshark cannot read"
	elif $protocol == "coaps" and byte(0) >= 32 then "dtls: 1.3's records, unknown to Wireshark 4.0"
	elif $protocol == "coaps" and byte(0) == 26 then "dtls: 1.3's records, unknown to Wireshark 4.0"
	elif $protocol == "coaps" and (byte(2) | IN(253, 255) | not) then "dtls: another minor version"
	elif $protocol == "mqttsn" and fell_over then "mqttsn: a body that is too short for the type"
	elif $protocol == "mqtt" and fell_over then "mqtt: a body that Wireshark cannot read"
	else null end;

# Why the two differ: null if no rule says so. By the bytes alone; explain's word is only looked at for
# whether it is what the rule wants.
def cause:
	.e.protocol as $protocol | .e.kind as $kind |
	(.w | if $protocol == "coap" then coap_error elif $protocol == "mqtt" then mqtt_error
	      elif $protocol == "coaps" then dtls_error elif $protocol == "mqttsn" then mqttsn_error else null end) as $error |
	if $error != null and (.e.notes | index("unexamined")) then "coap: more options than are looked at"
	elif $error != null then (if $kind | test("malformed|continued") then $error else null end)
	elif $kind | test("malformed|continued") then null
	else .w | wireshark_error($protocol) end;

# Wireshark's name of what a service speaks is among the frame's. Bare TCP bears no message, nor for
# Wireshark what goes on with one that began earlier.
def same_protocol:
	.e.protocol as $protocol | .said == "mqtt.continued" or (.w | bytes == 0 or (.protocols | test("udp|tcp") | not)
	or has_layer({coap: "coap", coaps: "dtls", mqtt: "mqtt", mqttsn: "mqttsn", mqtts: "tls"}[$protocol]));

# {frames, kinds, causes: {cause: frames}, unexplained: [..]} of all frames of a service.
def compare($e; $w):
	[range($e | length) as $i | {e: $e[$i], w: $w[$i]} | select(.e.service != null and .e.kind != null)
	 | .e.protocol as $protocol | . + {said: (.w | wireshark_kind($protocol))}
	 | .same = (same_protocol and .e.kind == .said)] |
	{frames: length, kinds: (map(.e.kind) | unique | length), agree: (map(select(.same)) | length)}
	+ (map(select(.same | not) | . + {cause: cause}) | {
		causes: (map(.cause | select(.)) | group_by(.) | map({key: .[0], value: length}) | from_entries),
		unexplained: map(select(.cause == null)
			| {n: .e.n, explain: .e.kind, wireshark: .said, protocols: .w.protocols, expert: .w.expert, payload: .w.payload[:80]})});
