#include "ds/tls_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CERTIFICATE "tls-cert"
#define KEY "tls-key"
#define FILE_BYTES_MAX (256 * 1024)

/* With forward secrecy and authenticated encryption only. */
static const int cipher_suites[] = {
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    0,
};

static ds_code read_certificates(const char *path, mbedtls_x509_crt *certificates,
                                 struct ds_tls_refusal *ret_refusal)
{
    char *text = ds_tls_file_read(path, FILE_BYTES_MAX);
    if (text == NULL) {
        return ds_tls_refuse(ret_refusal, DS_NOT_FOUND, CERTIFICATE,
                             "%s can't be read: %s; name the file of a certificate in PEM", path,
                             strerror(errno));
    }
    const int failed_count =
        mbedtls_x509_crt_parse(certificates, (const unsigned char *)text, strlen(text) + 1);
    free(text);
    if (failed_count != 0) {
        return ds_tls_refuse(ret_refusal, DS_INVALID_ARGUMENT, CERTIFICATE,
                             "%s has something else than certificates in PEM: the server's own "
                             "first, then those that lead to the authority",
                             path);
    }
    return DS_OK;
}

static ds_code check_dates(const char *path, const mbedtls_x509_crt *certificate,
                           struct ds_tls_refusal *ret_refusal)
{
    if (mbedtls_x509_time_is_past(&certificate->valid_to)) {
        return ds_tls_refuse(ret_refusal, DS_FAILED_PRECONDITION, CERTIFICATE,
                             "the certificate in %s expired on %04d-%02d-%02d; have it renewed",
                             path, certificate->valid_to.year, certificate->valid_to.mon,
                             certificate->valid_to.day);
    }
    if (mbedtls_x509_time_is_future(&certificate->valid_from)) {
        return ds_tls_refuse(ret_refusal, DS_FAILED_PRECONDITION, CERTIFICATE,
                             "the certificate in %s is valid from %04d-%02d-%02d on; is this "
                             "machine's clock right?",
                             path, certificate->valid_from.year, certificate->valid_from.mon,
                             certificate->valid_from.day);
    }
    return DS_OK;
}

/* root may let a group read: so Debian keeps keys for its services. */
static bool is_private(const struct stat *status)
{
    const mode_t forbidden = status->st_uid == 0 ? S_IRWXO | S_IWGRP | S_IXGRP : S_IRWXO | S_IRWXG;
    return (status->st_mode & forbidden) == 0;
}

static ds_code read_key(const char *path, mbedtls_pk_context *key,
                        struct ds_tls_refusal *ret_refusal)
{
    struct stat status;
    if (stat(path, &status) == 0 && !is_private(&status)) {
        return ds_tls_refuse(ret_refusal, DS_PERMISSION_DENIED, KEY,
                             "others may read %s (mode %04o); close it with: chmod 600 %s", path,
                             (unsigned int)(status.st_mode & 07777), path);
    }
    char *text = ds_tls_file_read(path, FILE_BYTES_MAX);
    if (text == NULL) {
        return ds_tls_refuse(ret_refusal, DS_NOT_FOUND, KEY,
                             "%s can't be read: %s; name the file of the certificate's key in PEM",
                             path, strerror(errno));
    }
    const size_t size = strlen(text);
    const bool is_locked = strstr(text, "ENCRYPTED") != NULL;
    const int outcome = mbedtls_pk_parse_key(key, (const unsigned char *)text, size + 1, NULL, 0);
    explicit_bzero(text, size);
    free(text);
    if (is_locked) {
        return ds_tls_refuse(ret_refusal, DS_INVALID_ARGUMENT, KEY,
                             "%s has a passphrase, which nobody could type at a start; take it "
                             "off with: openssl pkey",
                             path);
    }
    if (outcome != 0) {
        return ds_tls_refuse(ret_refusal, DS_INVALID_ARGUMENT, KEY,
                             "%s has no private key in PEM that can be used", path);
    }
    return DS_OK;
}

static ds_code configure(struct ds_tls_identity *identity)
{
    mbedtls_ssl_config *config = &identity->config;
    if (mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0 ||
        mbedtls_ssl_conf_own_cert(config, &identity->certificates, &identity->key) != 0) {
        return DS_INTERNAL;
    }
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_ciphersuites(config, cipher_suites);
    mbedtls_ssl_conf_rng(config, ds_tls_random, NULL);
    return DS_OK;
}

static ds_code fill(struct ds_tls_identity *identity, const struct ds_tls_identity_files *files,
                    struct ds_tls_refusal *ret_refusal)
{
    if (files->certificate[0] == '\0') {
        return ds_tls_refuse(ret_refusal, DS_INVALID_ARGUMENT, CERTIFICATE,
                             "a tls+tcp address needs the file of a certificate in PEM");
    }
    if (files->key[0] == '\0') {
        return ds_tls_refuse(ret_refusal, DS_INVALID_ARGUMENT, KEY,
                             "a tls+tcp address needs the file of the certificate's key in PEM");
    }
    DS_TRY(read_certificates(files->certificate, &identity->certificates, ret_refusal));
    DS_TRY(check_dates(files->certificate, &identity->certificates, ret_refusal));
    DS_TRY(read_key(files->key, &identity->key, ret_refusal));
    if (mbedtls_pk_check_pair(&identity->certificates.pk, &identity->key) != 0) {
        return ds_tls_refuse(ret_refusal, DS_INVALID_ARGUMENT, KEY,
                             "%s is not the key of the first certificate in %s", files->key,
                             files->certificate);
    }
    if (configure(identity) != DS_OK) {
        return ds_tls_refuse(ret_refusal, DS_INVALID_ARGUMENT, CERTIFICATE,
                             "%s can't be used for TLS", files->certificate);
    }
    return DS_OK;
}

ds_code ds_tls_identity_load(const struct ds_tls_identity_files *files,
                             struct ds_tls_identity **ret_identity,
                             struct ds_tls_refusal *ret_refusal)
{
    struct ds_tls_identity *identity = calloc(1, sizeof *identity);
    if (identity == NULL) {
        abort();
    }
    atomic_init(&identity->reference_count, 1);
    mbedtls_x509_crt_init(&identity->certificates);
    mbedtls_pk_init(&identity->key);
    mbedtls_ssl_config_init(&identity->config);
    pthread_mutex_init(&identity->mutex, NULL);
    const ds_code code = fill(identity, files, ret_refusal);
    if (code != DS_OK) {
        ds_tls_identity_release(identity);
        return code;
    }
    *ret_identity = identity;
    return DS_OK;
}

struct ds_tls_identity *ds_tls_identity_hold(struct ds_tls_identity *identity)
{
    atomic_fetch_add(&identity->reference_count, 1);
    return identity;
}

void ds_tls_identity_release(struct ds_tls_identity *identity)
{
    if (identity == NULL || atomic_fetch_sub(&identity->reference_count, 1) > 1) {
        return;
    }
    mbedtls_ssl_config_free(&identity->config);
    mbedtls_x509_crt_free(&identity->certificates);
    mbedtls_pk_free(&identity->key);
    pthread_mutex_destroy(&identity->mutex);
    free(identity);
}
