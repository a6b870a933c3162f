/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One request from its first byte to its answer: routing, the body, errors. */
#ifndef SL_API_REQUEST_H
#define SL_API_REQUEST_H

#include "api.h"

/* What libmicrohttpd tells about a request each time it calls. */
struct api_call {
	struct api *api;
	struct MHD_Connection *conn;
	const struct api_route *routes; /* up to one without a method */
	const char *url, *method;
};

enum MHD_Result api_request_step(const struct api_call *call, const char *data, size_t *size,
				 void **state);
void api_request_free(struct api *a, struct api_request *r);

#endif /* SL_API_REQUEST_H */
