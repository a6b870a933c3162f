/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keys and values shared by the BPF programs and the daemon. No pointers, no
 * implicit padding, fixed-width types only. SL_ABI_VERSION rises whenever a
 * layout here, or a number in reason.h or kind.h, changes its meaning; it is
 * part of the pin path.
 *
 * Two sorts of state:
 *   banked	configuration: services, addresses, accounts, prefix roots. Every
 *		key carries the bank; a packet reads sl_control.bank once. The
 *		daemon writes the idle bank, stores the bank, waits until no
 *		packet can hold the old one, and repeats the change there.
 *   lasting	instances, returns, slots, pins, buckets, counters, names. An
 *		instance's id is taken before anything names it and freed only
 *		when no slot and no pin does, so it needs no bank.
 */
#ifndef SL_ABI_H
#define SL_ABI_H

#include <sluice/base.h>
#include <sluice/kind.h>
#include <sluice/limits.h>
#include <sluice/reason.h>

/* It also covers what one program leaves to the next in the scratch (bpf/stage/told.h,
 * replying.h) and in sl_content: a new build's sl_xdp_tell or sl_xdp_reply may for a moment
 * follow an older one's.
 */
#define SL_ABI_VERSION 3

/* IPv6 address, or an IPv4 one mapped to ::ffff:a.b.c.d (RFC 4291 2.5.5.2). */
struct sl_addr {
	__be32 w[4];
};

/* The one word that decides which configuration is in force, and the secret
 * keys of all hashes. Keys are derived from the configuration's secret, so
 * that every node with the same secret gives a flow the same slot.
 */
#define SL_HASH_WORDS 8
struct sl_control {
	__u16 bank;	  /* 0 or 1 */
	__u16 top_turn;	  /* lowest bit: the window of sl_top that packets count in */
	__u32 event_mask; /* a power of two less 1: one event a reason and CPU each that many; or
			   * SL_EVERY_PACKET, while somebody traces */
	__u32 event_max;  /* a second and CPU; 0: any number */
	__u32 traced_s;	  /* up to this second of CLOCK_MONOTONIC sl_tracing is in force; 0: not */
	__u64 flow_key[SL_HASH_WORDS];
	__u64 device_key[SL_HASH_WORDS];
	__u64 echo_key[2]; /* of SipHash, see bpf/lib/echo.h */
	__u64 wall_s;	   /* what to add to CLOCK_MONOTONIC to have the time of day, in seconds */
};

/* -- banked configuration -- */

struct sl_addr_key {
	struct sl_addr addr;
	__u32 bank;
};
_Static_assert(sizeof(struct sl_addr_key) == 20, "no hidden padding");

struct sl_service_key {
	struct sl_addr addr;
	__be16 port;
	__u8 proto; /* IPPROTO_UDP or IPPROTO_TCP */
	__u8 bank;
};
_Static_assert(sizeof(struct sl_service_key) == 20, "no hidden padding");

enum sl_protocol {
	SL_P_UDP,
	SL_P_TCP,
	SL_P_COAP,
	SL_P_MQTT,
	SL_P_MQTTS, /* TLS inside: opened and steered like tcp */
	SL_P_COAPS, /* DTLS inside */
	SL_P_MQTTSN,
	SL_P__MAX
};

enum sl_service_flag {
	SL_SVC_DROP_MALFORMED = 1 << 0,
	SL_SVC_BY_SOURCE = 1 << 1, /* look the source up among the tenants' prefixes */
	SL_SVC_AFFINITY = 1 << 2,  /* has pins; without it flows always follow cur */
	SL_SVC_OUTLIERS = 1 << 3,  /* count what instances are asked and what they answer */
	SL_SVC_CONTENT = 1 << 4,   /* look into its messages, by @program */
	SL_SVC_IDENTIFY = 1 << 5,  /* with SL_SVC_CONTENT: for the tenant, as none is fixed */
	SL_SVC_LATENCY = 1 << 6,   /* time how long answers take */
	SL_SVC_ROUTES = 1 << 7,	   /* with SL_SVC_CONTENT: some requests are pools' */
};

/* What a device is, for its quota. */
enum sl_device_key {
	SL_DK_ADDRESS,	/* source address; IPv6 by /64 */
	SL_DK_ENDPOINT, /* source address and port */
	SL_DK_CID,	/* DTLS connection id; of a record without one, the address */
};

/* Where a DTLS connection id says which instance made it. */
enum sl_cid_layout {
	SL_CID_NONE,
	SL_CID_FIRST_BYTE, /* its first byte is the server id, as in Californium's cluster */
	SL_CID_QUIC_LB,	   /* 3 bits of rotation, 5 of anything, then the server id in clear */
};

/* A pool has no address of its own: routes of another service, its front, lead to it. Its
 * record lies under its id, and no packet has such a key.
 */
#define SL_POOL_KEY(id)              \
	{                            \
		.addr = { { (id) } } \
	}

struct sl_service {
	__u16 id;
	__u8 protocol;	  /* enum sl_protocol */
	__u8 flags;	  /* enum sl_service_flag */
	__u32 tenant;	  /* of what no prefix claims: the fixed or the default one; 0: refuse */
	__u32 ring_first; /* the ring's first slot in sl_slots */
	__u32 ring_size;  /* a power of two; 0: no instance was ever there */
	__u32 keep_s;
	__u32 half_open_max; /* half-open pins, and as many exchanges */
	__u8 cid_layout;     /* enum sl_cid_layout */
	union {
		__u8 cid_len;	/* of every connection id, 1 to SL_CID_MAX */
		__u8 delimiter; /* of a tracked service: what ends the part of a name that counts */
	};
	__u8 device_key;     /* enum sl_device_key */
	__u8 program;	     /* enum sl_program, with SL_SVC_CONTENT */
	__u32 cid_rotations; /* SL_CID_QUIC_LB: 4 bits a rotation id, length of its server id or 0 */
	__u64 reply_cost;    /* of one reply in place, in 1/16 ns */
	__u32 echo_s; /* a source is asked to prove itself, and then believed for so long; 0: not */
	__u8 responses; /* not 0: a tenant that may use it has responses of its own */
	/* With SL_SVC_IDENTIFY, of connection ids: the first bit of those that say whose one is, bit
	 * 0 being the highest of its first byte, and how many there are, 1 to 32; 0: none.
	 */
	__u8 cid_tenant_at, cid_tenant_bits;
	__u8 pad;
};
_Static_assert(sizeof(struct sl_service) == 48, "no hidden padding");

struct sl_account_key {
	__u32 tenant;
	__u16 service;
	__u16 bank;
};
_Static_assert(sizeof(struct sl_account_key) == 8, "no hidden padding");

enum sl_quota {
	SL_Q_PACKETS,
	SL_Q_BYTES,
	SL_Q_MESSAGES,
	SL_Q_CONNECTIONS,
	SL_Q__MAX
};

#define SL_TAT_PER_NS	   16 /* tenant buckets count in 1/16 ns */
#define SL_BYTE_COST_SHIFT 8  /* tenant cost a byte is in 1/256 of that */
#define SL_DEV_NS_SHIFT	   10 /* device buckets count in 1,024 ns */
#define SL_DEV_BYTE_SHIFT  12 /* device cost a byte is in 1/4,096 of that */

/* What becomes of what is over a quota. */
enum sl_excess {
	SL_X_DROP,
	SL_X_MARK,   /* counted as refused, and forwarded */
	SL_X_ANSWER, /* dropped, but for a CoAP CON: answered */
};

/* In sl_account.denied, of CoAP: a bit for each method, 0.01 lowest, and one for all that
 * have no name.
 */
#define SL_METHODS	7
#define SL_METHOD_OTHER (1 << SL_METHODS)

/* In sl_account.mqtt_denied. */
enum sl_mqtt_version {
	SL_MV_3_1,
	SL_MV_3_1_1,
	SL_MV_5,
	SL_MV_OTHER, /* and what cannot be read */
	SL_MV__MAX
};

/* In sl_account.device_mask: from this bit on, which table of sl_top its devices are counted
 * in, 1 to SL_TOP_TENANTS; 0: in none.
 */
#define SL_TOP_SHIFT 4
_Static_assert(SL_Q__MAX <= SL_TOP_SHIFT && SL_TOP_TENANTS << SL_TOP_SHIFT <= 0xff, "both fit");

/* In sl_account.quota_mask, above the bits of enum sl_quota. */
#define SL_ACCOUNT_CLASSES   (1 << 4) /* sl_class_sets has its tenant */
#define SL_ACCOUNT_RESET_SYN (1 << 5) /* a SYN over a quota is answered by a RST */
_Static_assert(SL_Q__MAX <= 4, "quotas have the bits below");

/* What one tenant may do with one service: everything the packet path needs to
 * know of both, so that it looks up once. A tenant's accounts repeat its quota.
 */
struct sl_account {
	__u32 id;
	__u32 tenant;
	__u8 quota_mask;       /* 1 << enum sl_quota: limited for the tenant as a whole; more */
	__u8 device_mask;      /* the same for a device; above, SL_TOP_SHIFT */
	__u8 excess;	       /* enum sl_excess */
	__u8 denied;	       /* CoAP methods that the tenant may not use */
	__u32 device_limit;    /* burst of a device, in 1,024 ns */
	__u64 limit;	       /* burst less one tick of the coarse clock, in 1/16 ns */
	__u64 cost[SL_Q__MAX]; /* in 1/16 ns; of a byte in 1/4,096 ns */
	__u32 device_cost[SL_Q__MAX]; /* in 1,024 ns; of a byte in 1/4 ns */
	__u32 open_max;	  /* connections open at once, all of the tenant's; 0: any number */
	__u8 mqtt_denied; /* 1 << enum sl_mqtt_version that the tenant may not use */
	__u8 pad[3];
};
_Static_assert(sizeof(struct sl_account) == 80, "no hidden padding");

/* (tenant) -> quotas of its classes. Only tenants that have some, see SL_ACCOUNT_CLASSES. */
struct sl_class_key {
	__u32 tenant;
	__u32 bank;
};
_Static_assert(sizeof(struct sl_class_key) == 8, "no hidden padding");

struct sl_class_quota {
	__u64 limit; /* as in sl_account */
	__u64 cost;  /* of a message, in 1/16 ns */
};

#define SL_CLASS_SLOTS 128
struct sl_class_set {
	__u8 slot[SL_CLASS_SLOTS]; /* by enum sl_class: place in @quota, plus 1; 0: no quota */
	struct sl_class_quota quota[SL_TENANT_CLASSES];
};
_Static_assert((int)SL_K__MAX <= (int)SL_C__KINDS + 1 && SL_C__MAX <= SL_CLASS_SLOTS,
	       "a number for each");

/* Source prefix -> tenant, by longest match. The prefixes of a family are cut
 * into disjoint ranges of 64-bit words; a root spreads 2^16 index entries over
 * the span in use, so that a search ends among a few neighbouring ranges:
 *
 *	root 0	first word of an IPv4 address, which is the address << 32
 *	root 1	first word of an IPv6 address
 *
 * A range's value is a tenant, or, with SL_PREFIX_ROOT set, a further root:
 * for the second word (prefixes longer than /64), or for a crowded part of the
 * span. Index, ranges and roots are banked by their position: bank b's first
 * root is at b * SL_PREFIX_ROOTS_PER_BANK.
 */
#define SL_PREFIX_ROOT 0x80000000u

struct sl_prefix_root {
	__u64 lo, hi;  /* inclusive; outside: @outside */
	__u32 index;   /* of entry 0 in sl_prefix_idx */
	__u32 outside; /* value outside of [lo, hi]: an enclosing prefix's, or 0 */
	__u8 shift;    /* entry = (word - lo) >> shift */
	__u8 second;   /* search the address's second word */
	__u8 pad[6];
};
_Static_assert(sizeof(struct sl_prefix_root) == 32, "no hidden padding");

/* The last range that starts at or before the entry's first word is @first;
 * up to @more further ranges start within the entry.
 */
struct sl_prefix_index {
	__u32 first;
	__u32 more; /* at most SL_PREFIX_CHUNK */
};

struct sl_prefix_range {
	__u64 start;
	__u32 value;
	__u32 pad;
};

/* What messages say of themselves, as a trie: CoAP's Uri-Host, the segments of its Uri-Path,
 * oneM2M's originator, MQTT's user name and client id, TLS's server name, bits of a DTLS connection
 * id. A string is cut into chunks, a step each, that are compared byte by byte, all of them; a
 * path is its segments one after the other. A step is banked.
 *
 * Roots are the numbers of enum sl_trie_root; other nodes are hashes of the way there,
 * made by the daemon alone: packets find them as children.
 */
enum sl_trie_root {
	SL_T_COAP_HOST = 1, /* lower case; -> tenant */
	SL_T_COAP_PATH,	    /* -> tenant, by the longest that begins the path */
	SL_T_ORIGINATOR,    /* -> tenant */
	SL_T_ALLOW,    /* first the tenant's id, four bytes; paths -> 1: and all that begins so */
	SL_T_RESPONSE, /* first the ids of tenant and service, 0: of any, four bytes each;
			     * -> number of the tenant's response to just this path */
	SL_T_ROUTE,    /* first the service's id, four bytes */
	SL_T_MQTT_USERNAME,  /* whole, or up to the service's delimiter and with it; -> tenant */
	SL_T_MQTT_CLIENT_ID, /* likewise */
	SL_T_TLS_SNI,	     /* lower case; -> tenant */
	SL_T_DTLS_CID, /* the number in a connection id, four bytes, highest first; -> tenant */
	SL_T__MAX
};

#define SL_TRIE_CHUNK 22

struct sl_trie_key {
	__u64 parent; /* a root, or sl_trie_node.child; the top bit is the bank */
	__u8 len;     /* of what is left of the string, chunk included */
	__u8 pad;
	char text[SL_TRIE_CHUNK]; /* zero-padded */
};
_Static_assert(sizeof(struct sl_trie_key) == 32, "no hidden padding");
#define SL_TRIE_BANK (1ull << 63)

/* oneM2M's operations (TS-0004 6.3.4.2.5), and what is none. */
enum sl_operation {
	SL_OP_CREATE,
	SL_OP_RETRIEVE,
	SL_OP_UPDATE,
	SL_OP_DELETE,
	SL_OP_NOTIFY,
	SL_OP_OTHER,
	SL_OP__MAX
};

/* Of a tenant some of whose requests are not allowed. */
enum sl_allow {
	/* 1 << enum sl_operation: this one is not */
	SL_ALLOW_OPERATIONS = (1 << SL_OP__MAX) - 1,
	/* Some resource types are: a step below each, whose key has the length SL_TRIE_RULE and
	 * the type for its text. */
	SL_ALLOW_TYPES = 1 << 8,
	SL_ALLOW_ANY_PATH = 1 << 9, /* paths are not asked for */
};

/* Where a route's path ends there are its rules: a step below it whose key has this length,
 * which no string has, and a struct sl_route_rule for its text; -> the pool's service id. Of
 * the longest path that has a rule for a request, the rule of the highest sort is taken.
 */
#define SL_TRIE_RULE 0xff

enum sl_route_sort { /* what a rule asks for: a set */
	SL_ROUTE_TYPE = 1 << 0,
	SL_ROUTE_METHOD = 1 << 1,
	SL_ROUTE_TENANT = 1 << 2,
	SL_ROUTE__SORTS = 1 << 3
};

struct sl_route_rule {
	__u8 sort;   /* enum sl_route_sort; what it does not name is 0: */
	__u8 method; /* CoAP's code */
	__u8 type;   /* oneM2M's resource type, of what is to be made */
	__u8 pad;
	__u32 tenant;
};
_Static_assert(sizeof(struct sl_route_rule) == 8, "no hidden padding");
#define SL_TYPES 64 /* oneM2M's resource types that can be told apart; TS-0004 has fewer */

struct sl_trie_node {
	__u64 child; /* parent of the next step, without bank; 0: there is none */
	__u32 value; /* of what ends here; 0: nothing does */
	__u32 more;  /* of a route: a bit for each sort of rules that are here; of a tenant's first
		      * step: enum sl_allow */
};

/* What the node itself says to a GET of one path. Options are those behind the token
 * (RFC 7252 3.1), sums those of them and the payload as 16-bit words in memory, folded.
 */
struct sl_response_key {
	__u32 tenant;
	__u16 number; /* 1 to SL_RESPONSES */
	__u16 bank;
};
_Static_assert(sizeof(struct sl_response_key) == 8, "no hidden padding");

#define SL_RESPONSE_OPTIONS 20 /* ETag, Content-Format, Max-Age, the payload's marker: 18 */
#define SL_FORMAT_NONE	    0xffffffffu
struct sl_response {
	__u16 len, sum; /* of @body */
	__u16 valid_len, valid_sum;
	__u32 format; /* Content-Format (RFC 7252 12.3), or SL_FORMAT_NONE */
	__u32 pad;
	__u8 etag[8];
	__u8 valid[16]; /* of 2.03: ETag, Max-Age */
	__u8 body[SL_RESPONSE_BYTES + SL_RESPONSE_OPTIONS];
	__u32 pad1;
};
_Static_assert(sizeof(struct sl_response) == SL_RESPONSE_BYTES + SL_RESPONSE_OPTIONS + 44, "");

/* -- lasting state -- */

enum sl_instance_flag {
	/* By evidence or an administrator: its pins, and prev of a slot, are not followed.
	 * The daemon takes it out of cur itself.
	 */
	SL_I_DOWN = 1 << 0,
	/* While it is down, TCP devices whose flows it had are sent a RST. */
	SL_I_RESET = 1 << 1,
};

/* A ready link-layer header. @ifindex 0: not known, or no redirect target;
 * then the kernel forwards.
 */
struct sl_hop {
	__u8 dmac[6], smac[6];
	__u32 ifindex;
	__u32 mtu; /* of IP packets */
};
_Static_assert(sizeof(struct sl_hop) == 20, "no hidden padding");

/* One server. Address and service of an id never change while it is in use.
 * A new hop is written to the idle half, then @hop is switched.
 */
struct sl_instance {
	struct sl_addr addr;
	__be16 port;
	__u16 service;
	__u16 generation;
	__u8 flags; /* enum sl_instance_flag */
	__u8 hop;   /* 0 or 1 */
	/* What to add, in ones' complement, to a checksum over the virtual address
	 * (and port, for L4) to make it the instance's; the way back subtracts.
	 */
	__u16 l3_delta, l4_delta;
	__u32 server_id; /* of its connection ids, if sl_cids says so */
	struct sl_hop hops[2];
};
_Static_assert(sizeof(struct sl_instance) == 72, "no hidden padding");

/* (instance address, port, protocol) -> what the device believes it talks to. */
struct sl_return_key {
	struct sl_addr addr;
	__be16 port;
	__u8 proto;
	__u8 pad;
};
_Static_assert(sizeof(struct sl_return_key) == 20, "no hidden padding");

struct sl_return {
	struct sl_addr vip;
	__be16 port;
	__u16 instance;
	__u16 service;
	__u16 l3_delta, l4_delta; /* as in sl_instance */
	__u16 front;		  /* of a pool's instance: the service that leads to it; else 0 */
};
_Static_assert(sizeof(struct sl_return) == 28, "no hidden padding");

/* A ring's slot: one word, written by the daemon alone. */
struct sl_slot {
	__u16 cur;
	__u16 prev;
	__u32 deadline; /* seconds of CLOCK_MONOTONIC; 0: quiescent */
};
_Static_assert(sizeof(struct sl_slot) == 8, "one word");

/* A CoAP device's block-wise transfer has a pin of its own: its observations may be at
 * another instance.
 */
struct sl_pin_key {
	struct sl_addr addr; /* of the device */
	__be16 port;
	__u16 service : 15;
	__u16 transfer : 1;
};
_Static_assert(sizeof(struct sl_pin_key) == 20, "no hidden padding");
_Static_assert(SL_MAX_SERVICES <= 1 << 15, "a service has 15 bits");

enum sl_pin_flag {
	SL_PIN_CLOSING = 1 << 0, /* saw FIN or RST: idles out soon, and gives way to an opener */
	SL_PIN_KEEP = 1 << 1, /* half-open only for want of room: lives like an established one */
};

struct sl_pin {
	__u16 instance;
	__u16 generation;
	__u32 seen; /* seconds of CLOCK_MONOTONIC */
	__u8 flags; /* enum sl_pin_flag */
	__u8 pad[3];
};
_Static_assert(sizeof(struct sl_pin) == 12, "no hidden padding");

/* A CoAP exchange of a slot in transition, by its Message-ID (RFC 7252 4.2): a
 * repeated request, and the ACK or RST to a server's own message, go where the
 * first went, or came from.
 */
/* A service with routes has those of its pools, too, whatever their slots are: what answers a
 * server names no path.
 */
enum sl_exchange_side {
	SL_SIDE_DEVICE, /* the Message-ID is a request's */
	SL_SIDE_SERVER, /* it is the server's */
	SL_SIDE_ASKED, /* none: who has asked the device last. What it answers may have an id of its own */
};

struct sl_exchange_key {
	struct sl_addr addr; /* of the device */
	__be16 port;
	__u16 service;
	__be16 mid;
	__u16 by_server; /* enum sl_exchange_side */
};
_Static_assert(sizeof(struct sl_exchange_key) == 24, "no hidden padding");

struct sl_exchange {
	__u16 instance;
	__u16 generation;
	__u32 seen; /* seconds of CLOCK_MONOTONIC */
};
_Static_assert(sizeof(struct sl_exchange) == 8, "no hidden padding");

/* A connection of a tracked service: the device's end, and the service. */
struct sl_flow_key {
	struct sl_addr addr;
	__be16 port;
	__u16 service;
};
_Static_assert(sizeof(struct sl_flow_key) == 20, "no hidden padding");

/* What has become of a connection, in sl_flow.who. It is open unless it is over; who it is
 * is settled once the instance has answered what came first.
 */
enum sl_flow_flag {
	SL_FLOW_NAMED = 1 << 0,	       /* has said who it is, or has not: its tenant stays */
	SL_FLOW_SETTLED = 1 << 1,      /* the instance has taken the first bytes */
	SL_FLOW_DEVICE_FIN = 1 << 2,   /* the device has sent FIN, or some RST */
	SL_FLOW_INSTANCE_FIN = 1 << 3, /* the instance has sent FIN */
	SL_FLOW_OVER = 1 << 4,	/* both have, or one of them a RST: no longer counted as open */
	SL_FLOW_AGAIN = 1 << 5, /* a SYN came: sl_flow_opens may have what replaces it */
	SL_FLOW_DEVICE_RST = 1 << 6, /* it is over by the device's RST; data begins it again */
	SL_FLOW_LAPSED = 1 << 7,     /* over for the daemon: silent behind a FIN; likewise */
};

/* One word, so that whoever changes it knows what it was. */
#define SL_FLOW_TENANT_SHIFT 24
#define SL_FLOW_FLAGS_SHIFT  48
#define SL_FLOW_ID_MASK	     0xffffffu
#define SL_FLOW_FLAG(flag)   ((__u64)(flag) << SL_FLOW_FLAGS_SHIFT)
#define SL_FLOW_WHO(tenant, account, flags) \
	((__u64)(account) | (__u64)(tenant) << SL_FLOW_TENANT_SHIFT | SL_FLOW_FLAG(flags))
_Static_assert(SL_MAX_ACCOUNTS <= SL_FLOW_ID_MASK && SL_MAX_TENANTS <= SL_FLOW_ID_MASK, "both fit");

struct sl_flow {
	__u64 who;   /* account: 24, tenant: 24, enum sl_flow_flag: 16 */
	__u32 first; /* sequence number of the device's first byte */
	__u32 seen;  /* seconds of CLOCK_MONOTONIC */
	__u32 acked; /* what the instance is known to have taken: the number of the next byte */
	__u32 next;  /* likewise of what the device has sent in order */
};
_Static_assert(sizeof(struct sl_flow) == 24, "no hidden padding");

/* A connection that the device has not yet proven to be its own: it knows the sequence number
 * of the instance's SYN-ACK. Half-open ones are budgeted like pins.
 */
enum sl_open_flag {
	SL_OPEN_ANSWERED = 1 << 0, /* @proof is known */
	SL_OPEN_SPOKEN = 1 << 1,   /* the SYN had data: what came first was not looked at */
};

struct sl_flow_open {
	__u32 first; /* as in sl_flow */
	__u32 proof; /* the number that the device's first ACK has */
	__u32 seen;
	__u32 flags; /* enum sl_open_flag */
};
_Static_assert(sizeof(struct sl_flow_open) == 16, "no hidden padding");

/* Connections, of an account or of a tenant as a whole: both only grow, and their difference
 * is what is open. Read and set right as one word.
 */
struct sl_open_count {
	__u32 opened;
	__u32 ended;
};
_Static_assert(sizeof(struct sl_open_count) == 8, "one word");

/* (service, server id) -> instance. */
struct sl_cid_key {
	__u32 server_id;
	__u16 service;
	__u16 pad;
};
_Static_assert(sizeof(struct sl_cid_key) == 8, "no hidden padding");

/* What is looked at in a service's answers. */
enum sl_watch {
	SL_W_OUTLIERS = 1 << 0, /* they are counted */
	/* How long they took: 1 << (SL_W_LATENCY_SHIFT + enum sl_latency_sort). */
	SL_W_LATENCY_SHIFT = 1,
	/* Segments that begin, end or carry something are sl_xdp_stream's. */
	SL_W_TRACK = 1 << 7,
};

/* Why what instances send is learnt from. */
enum sl_unsettled {
	/* Some slot is not quiescent. Written before the first slot is in transition and after the
	 * last has settled.
	 */
	SL_U_SLOTS = 1 << 0,
	SL_U_POOL = 1 << 1, /* it is a pool: what its instances ask is answered without a path */
};

/* Per service, shared by packets and daemon. */
struct sl_service_state {
	__u32 half_open;    /* pins in sl_half_open; added by packets, taken off by both */
	__u32 pin_failures; /* established pins that found no room, since load */
	__u32 exchanges;    /* in sl_exchanges; likewise */
	__u32 unsettled;    /* enum sl_unsettled; written by the daemon */
	__u32 watch;	    /* enum sl_watch; written by the daemon */
	__u32 flow_opens;   /* in sl_flow_opens; added by packets, taken off by both */
	__u64 reply_tat;    /* bucket of replies in place, in 1/16 ns */
	__u32 flows;	    /* in sl_flows, likewise */
	__u32 pad0;
	__u64 pad[3];
};
_Static_assert(sizeof(struct sl_service_state) == 64, "one cache line");

/* Of one tenant: theoretical arrival times by enum sl_quota, one cache line.
 * See bpf/lib/gcra.h. Written by packets; the daemon caps them when a quota
 * changes.
 */
struct sl_bucket {
	__u64 tat[8];
};

/* (tenant, class) -> its bucket, as of sl_bucket, and what came of its messages: shared by
 * CPUs, as the bucket's line is anyway.
 */
struct sl_class_state_key {
	__u32 tenant;
	__u32 cls; /* enum sl_class */
};
_Static_assert(sizeof(struct sl_class_state_key) == 8, "no hidden padding");

struct sl_class_state {
	__u64 tat;
	__u64 admitted; /* messages that no quota of them refused */
	__u64 refused;	/* over the quota of the class */
	__u64 marked;	/* the same, and sent on: on_excess is mark */
};

/* Device buckets of one hash: words of {tag:16, time:48}; the time is in units
 * of 1,024 ns. A word whose time has passed is free.
 */
struct sl_device_line {
	__u64 word[8];
};

/* Endpoints that have proven themselves to a service, by an Echo option (RFC 9175). A word is
 * {tag:32, until:32}, the time in seconds of CLOCK_MONOTONIC; when that has passed it is free.
 */
#define SL_PROVEN_WORDS 8
struct sl_proven_line {
	__u64 word[SL_PROVEN_WORDS];
};

/* -- figures: written by packets, one writer a CPU, read through mmap -- */

/* Index: cpu * accounts + account. Of what was admitted. */
struct sl_hot {
	__u64 packets;
	__u64 bytes; /* of IP packets, headers included */
	__u64 messages;
	__u64 connections; /* new ones */
};
_Static_assert(sizeof(struct sl_hot) == 32, "half a cache line");

/* Index: cpu. */
struct sl_cpu_counters {
	__u64 reason[128]; /* packets, by enum sl_reason */
	__u64 note[32];	   /* by enum sl_note */
	__u64 row[32];	   /* packets in transition, by enum affinity_row */
	__u32 event_s;	   /* the second of @events; written by packets */
	__u32 events;	   /* sampled in it */
};
_Static_assert(SL_R__MAX <= 128 && SL_N__MAX <= 32, "counters fit");

/* Index: cpu * instances + instance. What an instance of a service with
 * SL_SVC_OUTLIERS was asked (SYNs, CoAP requests of type CON but for later blocks and
 * the end of an observation, ClientHellos, MQTT-SN CONNECTs), and how often it has
 * answered (SYN-ACKs; any datagram).
 */
struct sl_answers {
	__u32 asked;
	__u32 answered;
};

/* From request to answer, of services with SL_SVC_LATENCY: CoAP's by token, TCP's from SYN
 * to SYN-ACK, MQTT's from CONNECT to CONNACK. One of SL_LATENCY_ONE_IN is timed, by hash.
 */
#define SL_LATENCY_SORTS(X) \
	X(COAP, "coap")     \
	X(TCP, "tcp")       \
	X(MQTT, "mqtt")

enum sl_latency_sort {
#define X(name, label) SL_L_##name,
	SL_LATENCY_SORTS(X)
#undef X
	SL_L__MAX
};

_Static_assert(SL_W_TRACK >> SL_W_LATENCY_SHIFT >> SL_L__MAX, "a bit of its own");

#define SL_LATENCY_ONE_IN 64

/* Requests whose answers are waited for, two of one hash; one word each of two. The time is
 * in units of 64 ns and may run over.
 */
#define SL_LATENCY_WAYS	    2
#define SL_LATENCY_NS_SHIFT 6
#define SL_LATENCY_TIME	    ((1ull << 48) - 1)
#define SL_LATENCY_LINES    8192
struct sl_latency_line {
	struct {
		__u64 who;  /* upper half of its hash: 32, account: 32 */
		__u64 when; /* CoAP's Message-ID or TCP's sequence number: 16, time: 48; 0: free */
	} way[SL_LATENCY_WAYS];
};
_Static_assert(sizeof(struct sl_latency_line) == 32, "half a cache line");

/* Buckets: below 2^MIN ns, SL_LATENCY_SUBS an octave, from 2^MAX ns on. See bpf/lib/latency.h. */
#define SL_LATENCY_MIN_LOG2  10
#define SL_LATENCY_MAX_LOG2  36
#define SL_LATENCY_SUBS_LOG2 4
#define SL_LATENCY_SUBS	     (1 << SL_LATENCY_SUBS_LOG2)
#define SL_LATENCY_BUCKETS   ((SL_LATENCY_MAX_LOG2 - SL_LATENCY_MIN_LOG2) * SL_LATENCY_SUBS + 2)

/* (account, sort) -> times. What finds no room is counted under account SL_TALLY_OTHER, whose
 * entries the daemon makes.
 */
struct sl_latency_key {
	__u32 account;
	__u32 sort; /* enum sl_latency_sort */
};
_Static_assert(sizeof(struct sl_latency_key) == 8, "no hidden padding");

struct sl_latency {
	__u64 sum_ns;
	__u64 bucket[SL_LATENCY_BUCKETS];
};

/* A heavy device of a tenant, in the second of a table's two windows or the first. */
struct sl_top_entry {
	__u64 device;  /* keyed hash; 0: free */
	__u32 offered; /* packets */
	__u32 refused; /* of them */
};

/* Index: ((cpu * SL_TOP_TENANTS + table - 1) * 2 + window) * SL_TOP_SETS + set, which is
 * the device's lowest bits. See bpf/lib/top.h.
 */
#define SL_TOP_WAYS 8
struct sl_top_set {
	struct sl_top_entry entry[SL_TOP_WAYS];
};
_Static_assert(sizeof(struct sl_top_set) == 128, "two cache lines");

/* Index: cpu * services + service. Packets by enum sl_kind, of
 * those that packet and byte quotas let through: others are not looked into.
 */
struct sl_kind_counters {
	__u64 kind[128];
};
_Static_assert(SL_K__MAX <= 128, "counters fit");

/* Packets of an account that were not admitted, by reason. What no longer fits
 * is counted under account SL_TALLY_OTHER, whose entries the daemon makes.
 */
#define SL_TALLY_OTHER 0xffffffffu
#define SL_TALLY_MARK  0x8000u /* in @reason: it was on_excess: mark */
struct sl_tally_key {
	__u32 account; /* 0: no account was found; then @service tells more */
	__u16 reason;
	__u16 cpu;
	__u32 service;
};
_Static_assert(sizeof(struct sl_tally_key) == 12, "no hidden padding");

/* A sampled packet: headers' facts only, never payload, never an address. */
struct sl_event {
	__u64 time_ns; /* CLOCK_MONOTONIC, coarse */
	__u64 device;  /* keyed hash of (tenant, source) */
	__u32 account;
	__u32 ifindex;
	__u32 len;
	__u16 service;
	__u16 instance;
	__u16 reason;
	__u16 kind;
	__be16 sport, dport;
	__u8 proto;
	__u8 family; /* 4, 6, or 0 where the packet is not IP */
	__u8 pad[6];
};
_Static_assert(sizeof(struct sl_event) == 48, "no hidden padding");

#define SL_EVERY_PACKET (1u << 31)

/* Index: cpu. What the one who traces wants, written by the daemon before
 * sl_control.traced_s; and what came of it, written by packets.
 */
#define SL_TRACE_ANY 0xffff
struct sl_tracing {
	__u32 event_mask;  /* sl_control's, when nobody traces */
	__u32 sample_mask; /* a power of two less 1: of what is asked for, one each that many */
	__u32 max;	   /* a second and CPU */
	__u32 tenant;	   /* 0: any */
	__u16 service;	   /* 0: any */
	__u16 reason;	   /* SL_TRACE_ANY: any */
	__u32 payload;	   /* not 0: SL_TRACE_BYTES of the frame, else its headers */
	__u32 second;	   /* of @told */
	__u32 told;
	__u64 matched; /* all that was asked for */
	__u64 capped;  /* of it over @max, */
	__u64 lost;    /* and of what found the ring full */
	__u64 pad;
};
_Static_assert(sizeof(struct sl_tracing) == 64, "one cache line");

/* A traced packet, in the same ring as events: @bytes are the frame's as it leaves, the
 * addresses those with which it came.
 */
#define SL_TRACE_BYTES 256
struct sl_trace {
	struct sl_event event;
	struct sl_addr src, dst;
	__u16 captured; /* of @bytes; the rest of them is nothing */
	__u16 l4;	/* offset of the transport header; 0: none was found */
	__u16 payload;	/* offset behind it */
	__u8 row;	/* enum affinity_row */
	__u8 redirected;
	__u8 bytes[SL_TRACE_BYTES];
};
_Static_assert(sizeof(struct sl_trace) == 88 + SL_TRACE_BYTES, "no hidden padding");

/* Programs that others go on in, by their place in sl_programs. */
enum sl_program {
	SL_PROG_CONTENT,  /* what messages say: of services with SL_SVC_CONTENT */
	SL_PROG_TELL,	  /* events, and what is traced */
	SL_PROG_CLASSES,  /* of TCP without track: classes, answers */
	SL_PROG_REPLY,	  /* CoAP replies that SL_PROG_CONTENT has decided on */
	SL_PROG_STREAM,	  /* connections of services with track, and who they say they are */
	SL_PROG_DATAGRAM, /* of UDP but CoAP: classes, answers, and who messages say they are */
	SL_PROG__MAX
};

/* Where a packet's stages put what is too much for the stack. */
struct sl_scratch {
	__u64 word[30];
	__u64 second_ns; /* a whole second of CLOCK_MONOTONIC, and which */
	__u32 second;
	__u32 pad;
};
_Static_assert(sizeof(struct sl_scratch) == 256, "four cache lines");

/* What was found in a CoAP message's options: where, from the frame's start. */
struct sl_text {
	__u16 at, len;
};

#define SL_TYPE_NONE (~0u)

/* Where the stages of services with SL_SVC_CONTENT put what they find. */
struct sl_content {
	__u8 option[SL_CONTENT_BYTES]; /* the first bytes of the options */
	struct sl_trie_key key;
	__u32 tenant; /* by the source, or by what the message says; 0: none */
	__u32 type;   /* oneM2M's, of what is to be made; SL_TYPE_NONE: it does not say */
	struct sl_trie_node node; /* where the last string led */
	__u32 off, len;		  /* of @option: read, and there */
	__u32 number;		  /* of the option before */
	__u32 base;		  /* of @option in the frame */
	__u32 segments;		  /* of the path; SL_PATH_DEPTH of them at most are kept */
	__u8 whole;		  /* all options that matter here were looked at */
	__u8 detour;		  /* the path says nothing: by a proxy, or with "." or ".." in it */
	__u8 oscore;		  /* has the option: the server takes the path from inside */
	__u8 request;		  /* is one; also what cannot be read may be one */
	__u8 lwm2m;  /* its path begins with an entry point of LwM2M's: enum class_entry */
	__u8 onem2m; /* has an option of oneM2M's */
	__u8 pad2[2];
	struct sl_text host, originator, segment[SL_PATH_DEPTH];
	struct sl_text echo, accept, etag[SL_ETAGS];
	__u32 etags;   /* how many there are; SL_ETAGS of them at most are kept */
	__u32 pool;    /* that the message is routed to; 0: it stays */
	__u64 options; /* which ones there are, see bpf/stage/content.h */
};
_Static_assert(sizeof(struct sl_content) == SL_CONTENT_BYTES + 168, "no hidden padding");

/* Names that outlive the daemon. The key's first byte is the sort of object. */
enum sl_name_kind {
	SL_NAME_SERVICE = 's',	/* "sNAME": @tag fingerprints (address, port, protocol) */
	SL_NAME_INSTANCE = 'i', /* "iSERVICE/NAME": @tag fingerprints (address, port) */
	SL_NAME_TENANT = 't',	/* "tNAME" */
	SL_NAME_ACCOUNT = 'a',	/* "aTENANT/SERVICE" */
};

struct sl_name_key {
	char text[SL_NAME_KEY]; /* zero-padded */
};

struct sl_name {
	__u32 id;
	__u32 generation; /* instances: how often the id was given away */
	__u64 tag;
	__u32 state; /* instances: what the daemon must not forget, see dataplane/names.h */
	__u32 since_s;
};
_Static_assert(sizeof(struct sl_name) == 24, "no hidden padding");

#endif /* SL_ABI_H */
