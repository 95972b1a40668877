/* The gauges and counters of a storage service on its server's metrics. */
#ifndef STORAGE_HOST_METRICS_H
#define STORAGE_HOST_METRICS_H

#include "storage/host.h"

struct host_metrics;

/* Adds them to the server's registry; host.events, figures, store, storage and server outlive
 * them. */
struct host_metrics *host_metrics_create(const struct storage_host *host);

/* Nobody may write the registry any more. Takes NULL. */
void host_metrics_destroy(struct host_metrics *metrics);

#endif
