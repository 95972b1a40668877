#include "clients/c/client.h"

#include <assert.h>
#include <limits.h>

#define TIMEOUT_MS 5000

static ds_code certificate_look_at(const struct deltastream_client *client, uint32_t timeout_ms,
                                   int32_t *ret_days, const char **ret_why,
                                   struct ds_tls_refusal *refusal)
{
    struct ds_tls_trust *trust = NULL;
    struct ds_tls_finding finding;
    if (client->url_count > 1 || !ds_url_is_tls(client->url)) {
        *ret_why = "a certificate is that of one server with an address of tls+tcp";
        return DS_INVALID_ARGUMENT;
    }
    /* The files may have changed since the client was opened. */
    if (ds_tls_trust_load(&client->tls, client->url, &trust, refusal) != DS_OK) {
        *ret_why = refusal->reason;
        return DS_FAILED_PRECONDITION;
    }
    ds_tls_probe(trust, timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms, &finding);
    ds_tls_trust_destroy(trust);
    switch (finding.verdict) {
    case DS_TLS_TRUSTED:
        *ret_days = finding.days_left;
        return DS_OK;
    case DS_TLS_REFUSED:
        *ret_why = finding.reason;
        return DS_FAILED_PRECONDITION;
    default:
        *ret_why = ds_client_failure_text(DS_UNAVAILABLE);
        return DS_UNAVAILABLE;
    }
}

enum deltastream_code deltastream_client_certificate_days(struct deltastream_client *client,
                                                          uint32_t timeout_ms, int32_t *ret_days,
                                                          char *ret_message, size_t message_bytes)
{
    assert(client != NULL && ret_days != NULL && !thread_is_in_callback());
    struct ds_tls_refusal refusal;
    const char *why = "";
    const ds_code code = certificate_look_at(client, timeout_ms != 0 ? timeout_ms : TIMEOUT_MS,
                                             ret_days, &why, &refusal);
    if (code != DS_OK) {
        message_write(ret_message, message_bytes, "%s", why);
    }
    return (enum deltastream_code)code;
}
