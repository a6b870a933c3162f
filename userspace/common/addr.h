/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* struct sl_addr (IPv6, or IPv4 mapped into it) <-> text and sockets. */
#ifndef SL_ADDR_H
#define SL_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sluice/abi.h>

#define ADDR_TEXT	   48 /* an address or a prefix, with the NUL */
#define ADDR_ENDPOINT_TEXT 56 /* "[address]:port" */
#define ADDR_V4_BITS	   96 /* an IPv4 prefix /n has the length 96 + n */

bool addr_is_v4(const struct sl_addr *a);
bool addr_equal(const struct sl_addr *a, const struct sl_addr *b);

/* "192.0.2.1" or "2001:db8::1". -EINVAL: neither; -EAFNOSUPPORT: an IPv4-mapped
 * IPv6 address, for which the IPv4 address itself is to be written. *@ret is
 * untouched then.
 */
int addr_parse(const char *text, struct sl_addr *ret);

/* "192.0.2.0/24" or "2001:db8::/32"; the length is required. *@ret_len counts
 * from the mapped address's first bit. Host bits are left as they are. Errors
 * as above.
 */
int addr_prefix_parse(const char *text, struct sl_addr *ret, uint8_t *ret_len);

/* "192.0.2.1:80" or "[2001:db8::1]:80"; the port is 1 to 65535. */
int addr_endpoint_parse(const char *text, struct sl_addr *ret, uint16_t *ret_port);

/* Clear all bits after the first @len. */
void addr_mask(struct sl_addr *a, uint8_t len);

/* All return @ret. */
const char *addr_text(const struct sl_addr *a, char ret[ADDR_TEXT]);
const char *addr_prefix_text(const struct sl_addr *a, uint8_t len, char ret[ADDR_TEXT]);
const char *addr_endpoint_text(const struct sl_addr *a, uint16_t port,
			       char ret[ADDR_ENDPOINT_TEXT]);

/* What an address is not fit for: a service's or a server's own address. */
enum addr_scope {
	ADDR_UNICAST,
	ADDR_UNSPECIFIED, /* 0.0.0.0/8, :: */
	ADDR_LOOPBACK,	  /* 127.0.0.0/8, ::1 */
	ADDR_LINK_LOCAL,  /* fe80::/10, which means nothing without an interface */
	ADDR_MULTICAST,	  /* and IPv4's broadcast address */
};
enum addr_scope addr_scope(const struct sl_addr *a);

/* For socket(), bind() and connect(): AF_INET where @a is IPv4. */
socklen_t addr_sockaddr(const struct sl_addr *a, uint16_t port, struct sockaddr_storage *ret);
int addr_from_sockaddr(const struct sockaddr *sa, struct sl_addr *ret, uint16_t *ret_port);

#endif /* SL_ADDR_H */
