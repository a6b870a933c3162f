/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Compile-time maxima, and the default capacity of each map. A configuration's
 * "capacity" object may choose other sizes at first load, up to the maxima.
 */
#ifndef SL_LIMITS_H
#define SL_LIMITS_H

/* Ids are dense and start at 1; 0 means "none" everywhere. */
#define SL_MAX_SERVICES		   4096
#define SL_MAX_INSTANCES	   65536
#define SL_MAX_TENANTS		   1048576
#define SL_MAX_ACCOUNTS		   4194304
#define SL_MAX_PREFIXES		   1048576
#define SL_MAX_SLOTS		   SL_RING_MAX_SLOTS
#define SL_MAX_PINS		   16777216
#define SL_MAX_HALF_OPEN	   4194304
#define SL_MAX_EXCHANGES	   4194304
#define SL_MAX_DEVICE_LINES	   4194304
#define SL_MAX_TALLIES		   4194304
#define SL_MAX_TRIE		   4194304
#define SL_MAX_FLOWS		   16777216

#define SL_DEF_SERVICES		   1024
#define SL_DEF_INSTANCES	   4096
#define SL_DEF_TENANTS		   16384
#define SL_DEF_ACCOUNTS		   32768
#define SL_DEF_PREFIXES		   16384
#define SL_DEF_SLOTS		   1048576 /* of all rings; 8 bytes each */
#define SL_DEF_PINS		   262144  /* established */
#define SL_DEF_HALF_OPEN	   65536
#define SL_DEF_EXCHANGES	   131072
#define SL_DEF_DEVICE_LINES	   65536 /* of 8 device buckets each; a power of two */
#define SL_DEF_TALLIES		   65536
#define SL_DEF_TRIE		   16384  /* steps of identities and paths */
#define SL_DEF_FLOWS		   262144 /* tracked connections; they take memory as they come */
#define SL_DEF_LATENCIES	   4096	  /* histograms; 3.4 kB each once in use */

#define SL_RING_SLOTS_PER_INSTANCE 128
#define SL_RING_MIN_SLOTS	   1024
#define SL_RING_MAX_SLOTS	   (1u << 23)

#define SL_FILTER_BITS		   (1u << 18) /* a power of two */

/* Prefix tables, see abi.h. */
#define SL_PREFIX_ROOTS_PER_BANK 4096
#define SL_PREFIX_INDEX_BITS	 16
#define SL_PREFIX_CHUNK		 32 /* ranges searched below one index entry */
#define SL_PREFIX_DEPTH		 6  /* roots visited at most */

#define SL_CID_MAX		 20 /* bytes of a DTLS connection id */
#define SL_CID_TENANT_BITS	 32 /* of one, that say whose it is */
#define SL_CID_ROTATIONS	 8
#define SL_SERVER_ID_MAX	 4 /* bytes */

#define SL_MAX_RESPONSES	 4096 /* of all tenants */
#define SL_PROVEN_LINES		 8192 /* of 8 endpoints each; a power of two */

#define SL_MAX_CPUS		 1024
#define SL_NAME_LEN		 64 /* of one object, with the terminating NUL */
#define SL_NAME_KEY		 128

/* Of each CPU: tables of heavy devices, each of two windows. */
#define SL_TOP_TENANTS	  15
#define SL_TOP_SETS	  256 /* of eight devices; a power of two */

#define SL_VLAN_DEPTH	  2
#define SL_IPV6_EXT_DEPTH 6
#define SL_COAP_OPTIONS	  24  /* options walked; more are passed unexamined */
#define SL_IDENTITY_MAX	  88  /* bytes of a host, a segment or an originator that can match */
#define SL_CONTENT_BYTES  256 /* of a message's options looked at for its tenant; a power of two */
#define SL_PATH_DEPTH	  8   /* segments of a path that can match */
#define SL_ETAGS	  4   /* of a request that are compared */
#define SL_RESPONSES	  16  /* of a tenant's own */
#define SL_RESPONSE_BYTES 512 /* of such a response's payload */
#define SL_MQTT_MESSAGES  8   /* counted in one segment */
#define SL_TLS_EXTENSIONS 48  /* of a ClientHello, looked at for its server name */
#define SL_TENANT_CLASSES 16  /* with a quota, of one tenant */
#define SL_MEAN_CLASSES	  4   /* of all tenants that there is room for, on average */

#endif /* SL_LIMITS_H */
