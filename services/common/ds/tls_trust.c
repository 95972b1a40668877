#include "ds/host_port.h"
#include "ds/tls_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (8 * 1024 * 1024)
#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"

/* The system's bundle has a certificate now and then that mbedTLS can't read. So they are taken one
 * by one. */
static size_t take_authorities(struct ds_tls_trust *trust, char *text, size_t *ret_bad_count)
{
    size_t count = 0;
    char *begin = strstr(text, BEGIN);
    *ret_bad_count = 0;
    while (begin != NULL) {
        char *end = strstr(begin, END);
        if (end == NULL) {
            ++*ret_bad_count;
            break;
        }
        end += strlen(END);
        const char behind = *end;
        *end = '\0';
        const int outcome = mbedtls_x509_crt_parse(
            &trust->authorities, (const unsigned char *)begin, (size_t)(end - begin) + 1);
        *end = behind;
        if (outcome == 0) {
            count++;
        } else {
            ++*ret_bad_count;
        }
        begin = strstr(end, BEGIN);
    }
    return count;
}

static ds_code read_authorities(struct ds_tls_trust *trust, const char *ca_file,
                                struct ds_tls_refusal *ret_refusal)
{
    const bool is_named = ca_file != NULL && ca_file[0] != '\0';
    const char *path = is_named ? ca_file : DS_TLS_SYSTEM_CA_FILE;
    size_t bad_count = 0;
    char *text = ds_tls_file_read(path, FILE_BYTES_MAX);
    if (text == NULL) {
        return ds_tls_refuse(ret_refusal, DS_NOT_FOUND, "tls-ca",
                             "%s can't be read: %s; name the file of the authority's certificate "
                             "in PEM",
                             path, strerror(errno));
    }
    const size_t count = take_authorities(trust, text, &bad_count);
    free(text);
    if (count == 0 || (is_named && bad_count > 0)) {
        return ds_tls_refuse(ret_refusal, DS_INVALID_ARGUMENT, "tls-ca",
                             count == 0 ? "%s has no certificate in PEM"
                                        : "%s has a certificate that can't be read",
                             path);
    }
    return DS_OK;
}

static bool split_address(const char *address, struct ds_tls_trust *trust)
{
    const char *port;
    if (!ds_host_port_split(address, trust->host, sizeof trust->host, NULL, &port)) {
        return false;
    }
    const size_t port_bytes = strlen(port);
    if (port_bytes == 0 || port_bytes >= sizeof trust->port ||
        strspn(port, "0123456789") != port_bytes) {
        return false;
    }
    memcpy(trust->port, port, port_bytes + 1);
    return true;
}

static ds_code fill(struct ds_tls_trust *trust, const struct ds_tls_options *options,
                    const char *url, struct ds_tls_refusal *ret_refusal)
{
    const char *name = options != NULL ? options->server_name : NULL;
    if (!ds_url_is_tls(url) || !split_address(url + strlen(DS_TLS_SCHEME), trust)) {
        return ds_tls_refuse(ret_refusal, DS_INVALID_ARGUMENT, "connect",
                             "%s is not of the form tls+tcp://host:port", url);
    }
    if (name == NULL || name[0] == '\0') {
        name = trust->host;
    }
    if (strlen(name) >= sizeof trust->server_name) {
        return ds_tls_refuse(ret_refusal, DS_INVALID_ARGUMENT, "tls-server-name",
                             "a host's name has at most 255 bytes");
    }
    strcpy(trust->server_name, name);
    return read_authorities(trust, options != NULL ? options->ca_file : NULL, ret_refusal);
}

ds_code ds_tls_trust_load(const struct ds_tls_options *options, const char *url,
                          struct ds_tls_trust **ret_trust, struct ds_tls_refusal *ret_refusal)
{
    struct ds_tls_trust *trust = calloc(1, sizeof *trust);
    if (trust == NULL) {
        abort();
    }
    mbedtls_x509_crt_init(&trust->authorities);
    const ds_code code = fill(trust, options, url, ret_refusal);
    if (code != DS_OK) {
        ds_tls_trust_destroy(trust);
        return code;
    }
    *ret_trust = trust;
    return DS_OK;
}

void ds_tls_trust_destroy(struct ds_tls_trust *trust)
{
    if (trust != NULL) {
        mbedtls_x509_crt_free(&trust->authorities);
        free(trust);
    }
}
