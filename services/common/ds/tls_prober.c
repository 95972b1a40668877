#include "ds/tls_prober.h"

#include <pthread.h>
#include <stdlib.h>

#define PROBE_TIMEOUT_MS 3000

struct ds_tls_prober {
    struct ds_tls_trust *trust;
    pthread_mutex_t mutex; /* guards all that follows */
    bool is_probing;
    bool is_abandoned; /* the thread frees the prober */
    uint64_t finding_count;
    struct ds_tls_finding finding; /* the newest */
};

static void prober_free(struct ds_tls_prober *prober)
{
    ds_tls_trust_destroy(prober->trust);
    pthread_mutex_destroy(&prober->mutex);
    free(prober);
}

struct ds_tls_prober *ds_tls_prober_create(struct ds_tls_trust *trust)
{
    struct ds_tls_prober *prober = calloc(1, sizeof *prober);
    if (prober == NULL) {
        abort();
    }
    prober->trust = trust;
    pthread_mutex_init(&prober->mutex, NULL);
    return prober;
}

void ds_tls_prober_destroy(struct ds_tls_prober *prober)
{
    if (prober == NULL) {
        return;
    }
    pthread_mutex_lock(&prober->mutex);
    prober->is_abandoned = true;
    const bool is_probing = prober->is_probing;
    pthread_mutex_unlock(&prober->mutex);
    if (!is_probing) {
        prober_free(prober);
    }
}

static void *probe(void *argument)
{
    struct ds_tls_prober *prober = argument;
    struct ds_tls_finding finding;
    ds_tls_probe(prober->trust, PROBE_TIMEOUT_MS, &finding);
    pthread_mutex_lock(&prober->mutex);
    prober->is_probing = false;
    prober->finding_count++;
    prober->finding = finding;
    const bool is_abandoned = prober->is_abandoned;
    pthread_mutex_unlock(&prober->mutex);
    if (is_abandoned) {
        prober_free(prober);
    }
    return NULL;
}

static void start_locked(struct ds_tls_prober *prober)
{
    pthread_t thread;
    if (!prober->is_probing) {
        prober->is_probing = true;
        if (pthread_create(&thread, NULL, probe, prober) != 0) {
            abort();
        }
        pthread_detach(thread);
    }
}

bool ds_tls_prober_ask(struct ds_tls_prober *prober, uint64_t *ticket,
                       struct ds_tls_finding *ret_finding)
{
    pthread_mutex_lock(&prober->mutex);
    if (*ticket == 0) {
        *ticket = prober->finding_count + 1;
    }
    const bool is_known = prober->finding_count >= *ticket;
    if (is_known) {
        *ret_finding = prober->finding;
    } else {
        start_locked(prober);
    }
    pthread_mutex_unlock(&prober->mutex);
    return is_known;
}
