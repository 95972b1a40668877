/* The field Server-Timing (W3C): where the time of a call went. */
#ifndef GATEWAY_SERVER_TIMING_H
#define GATEWAY_SERVER_TIMING_H

#include "ds/buffer.h"

/* Appends the field: how long the call waited in the service, and how long it ran there. */
void server_timing_write(struct ds_buffer *head, uint32_t queue_us, uint32_t execution_us);

#endif
