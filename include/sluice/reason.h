/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a packet left. One list feeds the enum, the action table, the metric
 * labels, the documentation and the command line, so none of them can drift.
 * The numbers are ABI: append, never reorder.
 *
 * Group: what the reason means for a tenant's figures.
 *   foreign   not ours; the node's stack has it, untouched
 *   admitted  sent on to an instance
 *   returned  an instance's answer, sent on to the device
 *   answered  not sent on: the node has answered in an instance's stead
 *   refused   a quota or a privilege said no
 *   malformed a header or a message is not what its standard says
 *   failed    ours, wanted, and yet not deliverable
 */
#ifndef SL_REASON_H
#define SL_REASON_H

/* clang-format off */
/*   name                  action    group      label                    operator's explanation */
#define SL_REASONS(X)                                                                                                       \
	X(NONE,                PASS,     FOREIGN,   "none",                  "no reason to stop: next stage")                   \
	X(NOT_OURS,            PASS,     FOREIGN,   "not_ours",              "neither end is a service or an instance")         \
	X(NOT_IP,              PASS,     FOREIGN,   "not_ip",                "neither IPv4 nor IPv6, ARP for example")          \
	X(ICMP,                PASS,     FOREIGN,   "icmp",                  "ICMP to a virtual address: the node answers")     \
	X(OTHER_PROTOCOL,      PASS,     FOREIGN,   "other_protocol",        "neither UDP nor TCP, to a virtual address")       \
	X(LOCAL,               PASS,     FOREIGN,   "local",                 "an instance's answer to the node itself")         \
	X(STEERED,             REDIRECT, ADMITTED,  "steered",               "sent to an instance")                             \
	X(STEERED_STACK,       PASS,     ADMITTED,  "steered_stack",         "rewritten for an instance; the kernel forwards it") \
	X(RETURNED,            REDIRECT, RETURNED,  "returned",              "an instance's answer, sent to the device")        \
	X(RETURNED_STACK,      PASS,     RETURNED,  "returned_stack",        "an answer, rewritten; the kernel forwards it")    \
	X(RETURN_UNROUTABLE,   PASS,     FAILED,    "return_unroutable",     "an answer with no way to the device")             \
	X(RETURN_TOO_BIG,      PASS,     FAILED,    "return_too_big",        "an answer over the MTU of the way back: the kernel tells the instance") \
	X(TRUNCATED,           DROP,     MALFORMED, "truncated",             "a header or length runs past the frame")          \
	X(BAD_HEADER,          DROP,     MALFORMED, "bad_header",            "an IP, UDP or TCP header field is malformed")     \
	X(FRAGMENT,            DROP,     FAILED,    "fragment",              "a fragment to a virtual address")                 \
	X(VLAN,                DROP,     FAILED,    "vlan",                  "a VLAN tag in front of a virtual address")        \
	X(HOP_LIMIT,           DROP,     FAILED,    "hop_limit",             "no hop left to reach the instance or the device") \
	X(TOO_BIG,             DROP,     FAILED,    "too_big",               "larger than the MTU towards the instance")        \
	X(UNKNOWN_TENANT,      DROP,     REFUSED,   "unknown_tenant",        "no tenant matches and the service has no default") \
	X(NOT_ALLOWED,         DROP,     REFUSED,   "not_allowed",           "the tenant may not use this service")             \
	X(DEVICE_PACKETS,      DROP,     REFUSED,   "device_packets",        "over the device quota of packets")                \
	X(DEVICE_BYTES,        DROP,     REFUSED,   "device_bytes",          "over the device quota of bytes")                  \
	X(DEVICE_MESSAGES,     DROP,     REFUSED,   "device_messages",       "over the device quota of messages")               \
	X(DEVICE_CONNECTIONS,  DROP,     REFUSED,   "device_connections",    "over the device quota of new connections")        \
	X(TENANT_PACKETS,      DROP,     REFUSED,   "tenant_packets",        "over the tenant's quota of packets")              \
	X(TENANT_BYTES,        DROP,     REFUSED,   "tenant_bytes",          "over the tenant's quota of bytes")                \
	X(TENANT_MESSAGES,     DROP,     REFUSED,   "tenant_messages",       "over the tenant's quota of messages")             \
	X(TENANT_CONNECTIONS,  DROP,     REFUSED,   "tenant_connections",    "over the tenant's quota of new connections")      \
	X(NO_INSTANCE,         DROP,     FAILED,    "no_instance",           "the service has no instance to send to")          \
	X(COAP_SHORT,          DROP,     MALFORMED, "coap_short",            "shorter than CoAP's header")                      \
	X(COAP_VERSION,        DROP,     MALFORMED, "coap_version",          "CoAP version other than 1")                       \
	X(COAP_TOKEN_LENGTH,   DROP,     MALFORMED, "coap_token_length",     "token length 9 to 15")                            \
	X(COAP_TOKEN,          DROP,     MALFORMED, "coap_token",            "the token runs past the datagram")                \
	X(COAP_CODE,           DROP,     MALFORMED, "coap_code",             "code of a reserved class")                        \
	X(COAP_TYPE,           DROP,     MALFORMED, "coap_type",             "a code that this message type may not carry")     \
	X(COAP_EMPTY,          DROP,     MALFORMED, "coap_empty",            "an empty message with bytes after its Message-ID") \
	X(COAP_OPTION_DELTA,   DROP,     MALFORMED, "coap_option_delta",     "option delta 15, which is reserved")              \
	X(COAP_OPTION_LENGTH,  DROP,     MALFORMED, "coap_option_length",    "option length 15, which is reserved")             \
	X(COAP_OPTION_NUMBER,  DROP,     MALFORMED, "coap_option_number",    "option number over 65535")                        \
	X(COAP_OPTION_SHORT,   DROP,     MALFORMED, "coap_option_short",     "an option runs past the datagram")                \
	X(COAP_NO_PAYLOAD,     DROP,     MALFORMED, "coap_no_payload",       "a payload marker with nothing after it")          \
	X(INTERNAL,            DROP,     FAILED,    "internal",              "a lookup that cannot fail failed: a bug, tell us") \
	X(HIDDEN_PORTS,        DROP,     FAILED,    "hidden_ports",          "extension headers that hide the ports, to a virtual address") \
	X(RESET,              TX,       ANSWERED,  "reset",                 "its instance is gone: the device is told by a TCP RST") \
	X(RESET_BUDGET,       DROP,     FAILED,    "reset_budget",          "its instance is gone, and no more RSTs are within the reply budget") \
	X(INSTANCE_GONE,      DROP,     FAILED,    "instance_gone",         "its instance is gone, and a RST cannot tell so") \
	X(DTLS_SHORT,         DROP,     MALFORMED, "dtls_short",            "shorter than a DTLS record's header")             \
	X(DTLS_TYPE,          DROP,     MALFORMED, "dtls_type",             "no content type of DTLS")                         \
	X(DTLS_LENGTH,        DROP,     MALFORMED, "dtls_length",           "the DTLS record runs past the datagram")          \
	X(MQTTSN_LENGTH,      DROP,     MALFORMED, "mqttsn_length",         "MQTT-SN's length is not that of the datagram") \
	X(ANSWERED_DEVICE,    TX,       ANSWERED,  "answered_device",       "over a device quota: the device is told (CoAP 4.29, MQTT-SN CONNACK, TCP RST)") \
	X(ANSWERED_TENANT,    TX,       ANSWERED,  "answered_tenant",       "over the tenant's quota: the device is told (CoAP 5.03, MQTT-SN CONNACK, TCP RST)") \
	X(METHOD_NOT_ALLOWED, DROP,     REFUSED,   "method_not_allowed",    "the tenant may not use this CoAP method")         \
	X(ANSWERED_METHOD,    TX,       ANSWERED,  "answered_method",       "a CoAP method that the tenant may not use: the device is told by 4.05") \
	X(PATH_NOT_ALLOWED,   DROP,     REFUSED,   "path_not_allowed",      "the tenant may not use this CoAP path")           \
	X(ANSWERED_PATH,      TX,       ANSWERED,  "answered_path",         "a CoAP path, oneM2M operation or resource type that the tenant may not use: the device is told by 4.03") \
	X(CLASS_MESSAGES,     DROP,     REFUSED,   "class_messages",        "over the tenant's quota of messages of this class") \
	X(ANSWERED_CLASS,     TX,       ANSWERED,  "answered_class",        "over the quota of a class: the device is told (CoAP 5.03, MQTT-SN CONNACK)") \
	X(CHALLENGED,         TX,       ANSWERED,  "challenged",            "the source has not proven itself: it is asked to, by CoAP 4.01 with Echo") \
	X(UNPROVEN,           DROP,     REFUSED,   "unproven",              "the source has not proven itself, and could not be asked to") \
	X(ANSWERED_STATIC,    TX,       ANSWERED,  "answered_static",       "a CoAP GET of what the tenant has a response for") \
	X(OPERATION_NOT_ALLOWED, DROP,  REFUSED,   "operation_not_allowed", "the tenant may not use this oneM2M operation")    \
	X(TYPE_NOT_ALLOWED,   DROP,     REFUSED,   "type_not_allowed",      "the tenant may not create this oneM2M resource type") \
	X(OPEN_CONNECTIONS,   DROP,     REFUSED,   "open_connections",      "over the tenant's quota of open connections")     \
	X(MQTT_NOT_ALLOWED,   DROP,     REFUSED,   "mqtt_not_allowed",      "the tenant may not use this version of MQTT")     \
	X(IDENTITY_CHANGED,   DROP,     REFUSED,   "identity_changed",      "the first bytes of a connection came again and name somebody else")
/* clang-format on */

enum sl_reason {
#define X(name, action, group, label, text) SL_R_##name,
	SL_REASONS(X)
#undef X
	SL_R__MAX
};
_Static_assert(SL_R_NONE == 0, "stages are chained with if (!why)");

enum sl_reason_group {
	SL_G_FOREIGN,
	SL_G_ADMITTED,
	SL_G_RETURNED,
	SL_G_REFUSED,
	SL_G_MALFORMED,
	SL_G_FAILED,
	SL_G_ANSWERED,
	SL_G__MAX
};

/* Counted beside the reasons: things that happened to a packet on its way,
 * without being the way it left. Numbers are ABI as above.
 */
/* clang-format off */
/*   name              label                 operator's explanation */
#define SL_NOTES(X)                                                                                              \
	X(DEVICE_BYPASSED, "device_bypassed",    "device quota not tested: all buckets of the line were in use")     \
	X(PIN_FAILED,      "pin_failed",         "an established pin could not be made")                             \
	X(HALF_OPEN_FULL,  "half_open_full",     "an opener in transition went to the old instance: no pin budget")  \
	X(CONTENDED,       "contended",          "a bucket was lost to other CPUs at every try; the packet is refused") \
	X(MARKED,          "marked",             "would have been refused, but on_excess is mark")                   \
	X(UNEXAMINED,      "unexamined",         "a message with more options than are looked at")                   \
	X(REDIRECT_FAILED, "redirect_failed",    "the driver refused a redirected frame")                            \
	X(EVENT_LOST,      "event_lost",         "a sampled event found the ring full")                               \
	X(EVENT_CAPPED,    "event_capped",       "a sampled event was over events.max_rate")                          \
	X(EXCHANGE_FULL,   "exchange_full",      "a CoAP request in transition went to the old instance: no pin budget") \
	X(CID_UNKNOWN,     "cid_unknown",        "a DTLS connection id of no instance: went by its address") \
	X(ANSWER_BUDGET,   "answer_budget",      "refused and not answered: no more answers are within the reply budget") \
	X(IDENTITY_MISSED,  "identity_missed",   "a message named no tenant that is known: the service's default tenant has it") \
	X(IDENTITY_UNKNOWN, "identity_unknown",  "who a message names could not be read: the service's default tenant has it") \
	X(LATENCY_LOST,    "latency_lost",       "a timed request gave way to a newer one before its answer came") \
	X(PROVEN_FULL,     "proven_full",        "a source that has proven itself found no room to be remembered") \
	X(SENDER_FULL,     "sender_full",        "what a pool's instance has sent was not remembered, and what answers it goes to the front: no pin budget") \
	X(FLOW_UNTRACKED,  "flow_untracked",     "a segment of a connection that is not in the flow table: the service's default tenant has it") \
	X(FLOW_FULL,       "flow_full",          "a connection found no room in the flow table, or no budget for half-open ones")
/* clang-format on */

enum sl_note {
#define X(name, label, text) SL_N_##name,
	SL_NOTES(X)
#undef X
	SL_N__MAX
};

#endif /* SL_REASON_H */
