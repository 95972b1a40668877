#include "ds/tls_internal.h"
#include "ds/tls_prober.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define DAY_S 86400
/* Pieces that a handshake may come in; a server that drips would hold the probe for ever. */
#define RECEIVES_MAX 64

struct probe {
    int fd;
    int receives_left;
};

static int probe_send(void *context, const unsigned char *bytes, size_t size)
{
    const struct probe *probe = context;
    const ssize_t sent = send(probe->fd, bytes, size, MSG_NOSIGNAL);
    return sent >= 0 ? (int)sent : MBEDTLS_ERR_SSL_CONN_EOF;
}

static int probe_receive(void *context, unsigned char *target, size_t size)
{
    struct probe *probe = context;
    if (probe->receives_left-- == 0) {
        return MBEDTLS_ERR_SSL_TIMEOUT;
    }
    const ssize_t got = recv(probe->fd, target, size, 0);
    return got >= 0 ? (int)got : MBEDTLS_ERR_SSL_CONN_EOF;
}

static int connect_to(const struct addrinfo *address, int timeout_ms)
{
    const struct timeval timeout = {.tv_sec = timeout_ms / 1000,
                                    .tv_usec = timeout_ms % 1000 * 1000};
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int reach(const struct ds_tls_trust *trust, int timeout_ms)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int fd = -1;
    if (getaddrinfo(trust->host, trust->port, &hints, &found) != 0) {
        return -1;
    }
    for (const struct addrinfo *one = found; one != NULL && fd < 0; one = one->ai_next) {
        fd = connect_to(one, timeout_ms);
    }
    freeaddrinfo(found);
    return fd;
}

static const char *reason_of(uint32_t flags)
{
    if ((flags & MBEDTLS_X509_BADCERT_EXPIRED) != 0) {
        return "the server's certificate has expired; have it renewed there";
    }
    if ((flags & MBEDTLS_X509_BADCERT_FUTURE) != 0) {
        return "the server's certificate is not valid yet; are the clocks of both machines right?";
    }
    if ((flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0) {
        return "the server's certificate comes from no authority that is trusted here; name its "
               "authority's certificate (tls-ca)";
    }
    if ((flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0) {
        return "the server's certificate is for another host; ask for it by a DNS name that is in "
               "it, or say which one is meant (tls-server-name)";
    }
    return "the server's certificate can't be used: its key or its signature is too weak, or it "
           "is not for servers";
}

static int days_left(const mbedtls_x509_time *end)
{
    struct tm when = {.tm_year = end->year - 1900,
                      .tm_mon = end->mon - 1,
                      .tm_mday = end->day,
                      .tm_hour = end->hour,
                      .tm_min = end->min,
                      .tm_sec = end->sec};
    const int64_t left_s = (int64_t)timegm(&when) - (int64_t)time(NULL);
    return (int)(left_s >= 0 ? left_s / DAY_S : -(-left_s + DAY_S - 1) / DAY_S);
}

static void judge(const mbedtls_ssl_context *tls, int outcome, struct ds_tls_finding *ret_finding)
{
    const mbedtls_x509_crt *certificate = mbedtls_ssl_get_peer_cert(tls);
    const uint32_t flags = mbedtls_ssl_get_verify_result(tls);
    if (certificate != NULL) {
        ret_finding->has_certificate = true;
        ret_finding->days_left = days_left(&certificate->valid_to);
    }
    if (outcome == 0 && flags == 0) {
        ret_finding->verdict = DS_TLS_TRUSTED;
    } else if (outcome == 0) {
        ret_finding->verdict = DS_TLS_REFUSED;
        ret_finding->reason = reason_of(flags);
    } else if (outcome != MBEDTLS_ERR_SSL_CONN_EOF && outcome != MBEDTLS_ERR_SSL_TIMEOUT) {
        ret_finding->verdict = DS_TLS_REFUSED;
        ret_finding->reason = "the server there does not speak TLS 1.2";
    }
}

/* The handshake goes on past a certificate that is no good, so that all of its faults are seen; the
 * connection is never used for anything. */
static void shake_hands(const struct ds_tls_trust *trust, struct probe *probe,
                        struct ds_tls_finding *ret_finding)
{
    mbedtls_ssl_config config;
    mbedtls_ssl_context tls;
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_init(&tls);
    if (mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) == 0) {
        mbedtls_ssl_conf_min_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3,
                                     MBEDTLS_SSL_MINOR_VERSION_3);
        mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_OPTIONAL);
        mbedtls_ssl_conf_ca_chain(&config, (mbedtls_x509_crt *)(uintptr_t)&trust->authorities,
                                  NULL);
        mbedtls_ssl_conf_rng(&config, ds_tls_random, NULL);
        if (mbedtls_ssl_setup(&tls, &config) == 0 &&
            mbedtls_ssl_set_hostname(&tls, trust->server_name) == 0) {
            mbedtls_ssl_set_bio(&tls, probe, probe_send, probe_receive, NULL);
            const int outcome = mbedtls_ssl_handshake(&tls);
            judge(&tls, outcome, ret_finding);
            mbedtls_ssl_close_notify(&tls);
        }
    }
    mbedtls_ssl_free(&tls);
    mbedtls_ssl_config_free(&config);
}

void ds_tls_probe(const struct ds_tls_trust *trust, int timeout_ms,
                  struct ds_tls_finding *ret_finding)
{
    struct probe probe = {.fd = reach(trust, timeout_ms), .receives_left = RECEIVES_MAX};
    *ret_finding = (struct ds_tls_finding){.verdict = DS_TLS_UNREACHED};
    if (probe.fd >= 0) {
        shake_hands(trust, &probe, ret_finding);
        close(probe.fd);
    }
}
