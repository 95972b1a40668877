#include "ds/nng_redial.h"

#include "ds/clock.h"
#include "ds/log.h"
#include "ds/nng_drain.h"

#include <string.h>

#define MICROSECONDS_PER_MS 1000
/* Patience with a dialer of TLS is 2^2 times that with another. Where the machine is too busy for
 * the handshakes that are under way, more of them would make it worse. */
#define TLS_STEPS 2

static int64_t now_ms(void)
{
    return ds_clock_monotonic_us(ds_clock_system()) / MICROSECONDS_PER_MS;
}

bool ds_nng_redial_begin(struct ds_nng_redial *redial)
{
    nng_dialer dialer;
    redial->dialed_ms = now_ms();
    if (nng_dialer_create(&dialer, redial->socket, redial->url) != 0) {
        return false;
    }
    const bool is_configured =
        redial->tls_config == NULL ||
        nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, redial->tls_config) == 0;
    if (!is_configured || nng_dialer_start(dialer, NNG_FLAG_NONBLOCK) != 0) {
        nng_dialer_close(dialer); /* Harmless: it has never dialed. */
        return false;
    }
    redial->dialers[redial->dialer_count++] = dialer;
    return true;
}

/*
 * Whether a dialer has failed in the way in which those fail that give up; nng counts a close of
 * its own among the "other" errors. A dialer that waits in a backlog since its first try has none.
 * Where nng can't tell, it has failed.
 */
static bool dialer_has_failed(nng_stat *all, nng_dialer dialer)
{
    nng_stat *scope = all != NULL ? nng_stat_find_dialer(all, dialer) : NULL;
    if (scope == NULL) {
        return true;
    }
    for (nng_stat *stat = nng_stat_child(scope); stat != NULL; stat = nng_stat_next(stat)) {
        if (strcmp(nng_stat_name(stat), "other") == 0) {
            return nng_stat_value(stat) > 0;
        }
    }
    return true;
}

/*
 * Makes room for new dialers where some have given up. The close of a dialer closes its connections
 * (ds/nng_drain.h); it had none just now, and on one that comes at this moment nothing is under
 * way: nng has given the only request back.
 */
static void close_failed_dialers(struct ds_nng_redial *redial)
{
    nng_stat *all = ds_nng_counts();
    int kept = 0;
    for (int i = 0; i < redial->dialer_count; i++) {
        if (dialer_has_failed(all, redial->dialers[i])) {
            nng_dialer_close(redial->dialers[i]);
        } else {
            redial->dialers[kept++] = redial->dialers[i];
        }
    }
    redial->dialer_count = kept;
    ds_nng_counts_free(all);
}

void ds_nng_redial_again(struct ds_nng_redial *redial)
{
    const int steps = (redial->dialer_count > 0 ? redial->dialer_count - 1 : 0) +
                      (redial->tls_config != NULL ? TLS_STEPS : 0);
    if (now_ms() - redial->dialed_ms < (int64_t)redial->check_ms << steps) {
        return;
    }
    if (redial->dialer_count == DS_NNG_DIALERS_MAX) {
        close_failed_dialers(redial);
    }
    if (redial->dialer_count == DS_NNG_DIALERS_MAX) {
        redial->dialed_ms = now_ms();
        return;
    }
    if (!ds_nng_redial_begin(redial)) {
        ds_log(DS_LOG_WARNING, "dial_failed", DS_LOG_TEXT("url", redial->url));
    }
}
