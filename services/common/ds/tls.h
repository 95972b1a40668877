/*
 * TLS of tls+tcp addresses: the certificate that a server shows, and what a client believes. TLS
 * 1.2, by mbedTLS 2.28, which is what Debian's nng speaks too.
 */
#ifndef DS_TLS_H
#define DS_TLS_H

#include "ds/code.h"

#include <stdbool.h>
#include <stdint.h>

#define DS_TLS_SCHEME "tls+tcp://"
#define DS_TLS_REASON_BYTES_MAX 512
/* What clients trust that name nothing else; Debian's package ca-certificates. */
#define DS_TLS_SYSTEM_CA_FILE "/etc/ssl/certs/ca-certificates.crt"

bool ds_url_is_tls(const char *url);

/* Why a setting can't be used. */
struct ds_tls_refusal {
    const char *setting; /* its name: "tls-cert", "tls-key", "tls-ca", "tls-server-name" */
    char reason[DS_TLS_REASON_BYTES_MAX];
};

struct ds_tls_identity_files {
    const char *certificate; /* PEM, the server's own first, then those that lead to an authority */
    const char *key;         /* PEM, without a passphrase */
};

/* A certificate with its key. Counted references; any thread. */
struct ds_tls_identity;

/*
 * Refuses what no client could take: a key that others may read or that belongs to another
 * certificate, a certificate that is not valid today.
 */
DS_MUST_USE ds_code ds_tls_identity_load(const struct ds_tls_identity_files *files,
                                         struct ds_tls_identity **ret_identity,
                                         struct ds_tls_refusal *ret_refusal);
struct ds_tls_identity *ds_tls_identity_hold(struct ds_tls_identity *identity);
/* Takes NULL. */
void ds_tls_identity_release(struct ds_tls_identity *identity);

/* Of a client. A server is always checked; NULL and "" stand for the defaults. */
struct ds_tls_options {
    const char *ca_file;     /* PEM; the system's */
    const char *server_name; /* that the certificate has to be for; the URL's host */
};

/* What a client believes. */
struct ds_tls_trust;

DS_MUST_USE ds_code ds_tls_trust_load(const struct ds_tls_options *options, const char *url,
                                      struct ds_tls_trust **ret_trust,
                                      struct ds_tls_refusal *ret_refusal);
/* Takes NULL. */
void ds_tls_trust_destroy(struct ds_tls_trust *trust);

enum ds_tls_verdict {
    DS_TLS_UNREACHED, /* nobody answered in time, or hung up */
    DS_TLS_TRUSTED,
    DS_TLS_REFUSED, /* `reason` says why */
};

struct ds_tls_finding {
    enum ds_tls_verdict verdict;
    const char *reason; /* static; NULL unless DS_TLS_REFUSED */
    bool has_certificate;
    int days_left; /* of the certificate; negative: it has expired */
};

/* Shakes hands as a client would, looks at the certificate and hangs up; nothing of the caller's is
 * sent. Each step takes at most timeout_ms. */
void ds_tls_probe(const struct ds_tls_trust *trust, int timeout_ms,
                  struct ds_tls_finding *ret_finding);

#endif
