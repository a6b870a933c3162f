/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet's first message is. One list, like the reasons; the numbers
 * are ABI: append, never reorder. Labels are the names of quota classes too.
 */
#ifndef SL_KIND_H
#define SL_KIND_H

/* clang-format off */
#define SL_KINDS(X)                                \
	X(NONE,             "none")                    \
	X(UDP,              "udp")                     \
	X(TCP_OPEN,         "tcp.open")                \
	X(TCP_CONTROL,      "tcp.control")             \
	X(TCP_DATA,         "tcp.data")                \
	X(COAP_GET,         "coap.get")                \
	X(COAP_POST,        "coap.post")               \
	X(COAP_PUT,         "coap.put")                \
	X(COAP_DELETE,      "coap.delete")             \
	X(COAP_FETCH,       "coap.fetch")              \
	X(COAP_PATCH,       "coap.patch")              \
	X(COAP_IPATCH,      "coap.ipatch")             \
	X(COAP_OTHER,       "coap.other_request")      \
	X(COAP_RESPONSE,    "coap.response")           \
	X(COAP_PING,        "coap.ping")               \
	X(COAP_ACK,         "coap.ack")                \
	X(COAP_RESET,       "coap.reset")              \
	X(COAP_MALFORMED,   "coap.malformed")          \
	X(MQTT_CONNECT,     "mqtt.connect")            \
	X(MQTT_CONNACK,     "mqtt.connack")            \
	X(MQTT_PUBLISH,     "mqtt.publish")            \
	X(MQTT_PUBACK,      "mqtt.puback")             \
	X(MQTT_PUBREC,      "mqtt.pubrec")             \
	X(MQTT_PUBREL,      "mqtt.pubrel")             \
	X(MQTT_PUBCOMP,     "mqtt.pubcomp")            \
	X(MQTT_SUBSCRIBE,   "mqtt.subscribe")          \
	X(MQTT_SUBACK,      "mqtt.suback")             \
	X(MQTT_UNSUBSCRIBE, "mqtt.unsubscribe")        \
	X(MQTT_UNSUBACK,    "mqtt.unsuback")           \
	X(MQTT_PINGREQ,     "mqtt.pingreq")            \
	X(MQTT_PINGRESP,    "mqtt.pingresp")           \
	X(MQTT_DISCONNECT,  "mqtt.disconnect")         \
	X(MQTT_AUTH,        "mqtt.auth")               \
	X(MQTT_CONTINUED,   "mqtt.continued")          \
	X(DTLS_HANDSHAKE,   "dtls.handshake")          \
	X(DTLS_CIPHER,      "dtls.change_cipher_spec") \
	X(DTLS_ALERT,       "dtls.alert")              \
	X(DTLS_DATA,        "dtls.data")               \
	X(DTLS_HEARTBEAT,   "dtls.heartbeat")          \
	X(DTLS_CID,         "dtls.cid")                \
	X(DTLS_ACK,         "dtls.ack")                \
	X(DTLS_ENCRYPTED,   "dtls.encrypted")          \
	X(DTLS_MALFORMED,   "dtls.malformed")          \
	X(MQTTSN_CONNECT,   "mqttsn.connect")          \
	X(MQTTSN_CONNACK,   "mqttsn.connack")          \
	X(MQTTSN_REGISTER,  "mqttsn.register")         \
	X(MQTTSN_REGACK,    "mqttsn.regack")           \
	X(MQTTSN_PUBLISH,   "mqttsn.publish")          \
	X(MQTTSN_PUBACK,    "mqttsn.puback")           \
	X(MQTTSN_PUBCOMP,   "mqttsn.pubcomp")          \
	X(MQTTSN_PUBREC,    "mqttsn.pubrec")           \
	X(MQTTSN_PUBREL,    "mqttsn.pubrel")           \
	X(MQTTSN_SUBSCRIBE, "mqttsn.subscribe")        \
	X(MQTTSN_SUBACK,    "mqttsn.suback")           \
	X(MQTTSN_UNSUBSCRIBE, "mqttsn.unsubscribe")    \
	X(MQTTSN_UNSUBACK,  "mqttsn.unsuback")         \
	X(MQTTSN_PINGREQ,   "mqttsn.pingreq")          \
	X(MQTTSN_PINGRESP,  "mqttsn.pingresp")         \
	X(MQTTSN_DISCONNECT, "mqttsn.disconnect")      \
	X(MQTTSN_SEARCH,    "mqttsn.search")           \
	X(MQTTSN_WILL,      "mqttsn.will")             \
	X(MQTTSN_FORWARD,   "mqttsn.forward")          \
	X(MQTTSN_OTHER,     "mqttsn.other")            \
	X(MQTTSN_MALFORMED, "mqttsn.malformed")        \
	X(TLS_HANDSHAKE,    "tls.handshake")           \
	X(TLS_OTHER,        "tls.other")               \
	X(TLS_CONTINUED,    "tls.continued")
/* clang-format on */

enum sl_kind {
#define X(name, label) SL_K_##name,
	SL_KINDS(X)
#undef X
	SL_K__MAX
};

/* Quota classes: every kind, and these, which are kinds seen more closely. The same rules. A
 * message is of the first of its classes that its tenant has a quota for; these come before
 * its kind, in the order of bpf/lib/class.h.
 */
/* clang-format off */
#define SL_CLASSES(X)                              \
	X(COAP_OBSERVE,     "coap.observe")            \
	X(COAP_BLOCK,       "coap.block")              \
	X(LWM2M_REGISTER,   "lwm2m.register")          \
	X(LWM2M_UPDATE,     "lwm2m.update")            \
	X(LWM2M_DEREGISTER, "lwm2m.deregister")        \
	X(LWM2M_BOOTSTRAP,  "lwm2m.bootstrap")         \
	X(ONEM2M_CREATE,    "onem2m.create")           \
	X(ONEM2M_RETRIEVE,  "onem2m.retrieve")         \
	X(ONEM2M_UPDATE,    "onem2m.update")           \
	X(ONEM2M_DELETE,    "onem2m.delete")           \
	X(ONEM2M_NOTIFY,    "onem2m.notify")
/* clang-format on */

enum sl_class {
	SL_C__KINDS = 111, /* up to here enum sl_kind */
#define X(name, label) SL_C_##name,
	SL_CLASSES(X)
#undef X
	SL_C__MAX
};

#endif /* SL_KIND_H */
