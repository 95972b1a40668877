/* Streams of live data over HTTP: Server-Sent Events and NDJSON. */
#ifndef GATEWAY_LIVE_STREAM_H
#define GATEWAY_LIVE_STREAM_H

#include "gateway/exchange.h"

/* Answers an exchange of /v1/stream/…: ends it, or makes its request a stream. */
void live_stream_serve(struct exchange *exchange);

#endif
