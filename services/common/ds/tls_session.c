#include "ds/tls_session.h"

#include "ds/clock.h"
#include "ds/log.h"
#include "ds/tls_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define DAY_S 86400
#define US_PER_MS 1000
#define US_PER_S 1000000
/*
 * What one call reads at most. mbedTLS goes on by itself over records that say nothing, such as
 * warnings, so that who sends them without an end would hold the thread, and the identity's lock.
 * The rest is still there for the next call. A look, which waits for each piece, has one call.
 */
#define RECEIVES_PER_CALL_MAX 32
#define LOOK_RECEIVES_MAX 64

struct ds_tls_session {
    int fd;
    bool wants_write;
    bool is_open; /* the handshake is done */
    int failure;  /* of mbedTLS, of the handshake */
    bool is_reading;
    int receives_max; /* of a call */
    int receives_left;
    int64_t until_us;                 /* the end of a look; 0: it is none */
    size_t write_size;                /* of a write that waits */
    struct ds_tls_identity *identity; /* NULL: a client */
    mbedtls_ssl_config config;        /* of a client */
    mbedtls_ssl_context tls;
};

static int session_send(void *context, const unsigned char *bytes, size_t size)
{
    const struct ds_tls_session *session = context;
    if (session->is_reading) {
        /* The peer wants to renegotiate; a refusal would get among what is just being written. */
        return MBEDTLS_ERR_SSL_CONN_EOF;
    }
    const ssize_t sent = send(session->fd, bytes, size, MSG_NOSIGNAL);
    if (sent >= 0) {
        return (int)sent;
    }
    return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE
                                             : MBEDTLS_ERR_SSL_CONN_EOF;
}

/* Of a look, which waits for each piece: all of them together have the time. False where it is
 * over. */
static bool limit_wait(const struct ds_tls_session *session)
{
    const int64_t left_us = session->until_us - ds_clock_monotonic_us(ds_clock_system());
    const struct timeval left = {.tv_sec = left_us / US_PER_S, .tv_usec = left_us % US_PER_S};
    return left_us > 0 && setsockopt(session->fd, SOL_SOCKET, SO_RCVTIMEO, &left, sizeof left) == 0;
}

static int session_receive(void *context, unsigned char *target, size_t size)
{
    struct ds_tls_session *session = context;
    if (session->receives_left == 0) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    session->receives_left--;
    if (session->until_us > 0 && !limit_wait(session)) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    const ssize_t got = recv(session->fd, target, size, 0);
    if (got >= 0) {
        return (int)got;
    }
    return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_READ : MBEDTLS_ERR_SSL_CONN_EOF;
}

static struct ds_tls_session *session_create(int fd)
{
    struct ds_tls_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        abort();
    }
    session->fd = fd;
    session->receives_max = RECEIVES_PER_CALL_MAX;
    mbedtls_ssl_config_init(&session->config);
    mbedtls_ssl_init(&session->tls);
    return session;
}

static void session_set_up(struct ds_tls_session *session, const mbedtls_ssl_config *config)
{
    if (mbedtls_ssl_setup(&session->tls, config) != 0) {
        abort(); /* Only for want of memory. */
    }
    mbedtls_ssl_set_bio(&session->tls, session, session_send, session_receive, NULL);
}

struct ds_tls_session *ds_tls_session_accept(struct ds_tls_identity *identity, int fd)
{
    struct ds_tls_session *session = session_create(fd);
    session->identity = ds_tls_identity_hold(identity);
    session_set_up(session, &identity->config);
    return session;
}

static struct ds_tls_session *session_connect(const struct ds_tls_trust *trust, int fd,
                                              int authmode)
{
    struct ds_tls_session *session = session_create(fd);
    mbedtls_ssl_config *config = &session->config;
    if (mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0) {
        abort(); /* Only for want of memory. */
    }
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_authmode(config, authmode);
    mbedtls_ssl_conf_ca_chain(config, (mbedtls_x509_crt *)(uintptr_t)&trust->authorities, NULL);
    mbedtls_ssl_conf_rng(config, ds_tls_random, NULL);
    session_set_up(session, config);
    /* Without a name mbedTLS would take a certificate for any host. */
    if (mbedtls_ssl_set_hostname(&session->tls, trust->server_name) != 0) {
        abort(); /* Only for want of memory: ds_tls_trust_load() has looked at its length. */
    }
    return session;
}

struct ds_tls_session *ds_tls_session_connect(const struct ds_tls_trust *trust, int fd)
{
    return session_connect(trust, fd, MBEDTLS_SSL_VERIFY_REQUIRED);
}

struct ds_tls_session *ds_tls_session_look(const struct ds_tls_trust *trust, int fd, int timeout_ms)
{
    struct ds_tls_session *session = session_connect(trust, fd, MBEDTLS_SSL_VERIFY_OPTIONAL);
    session->receives_max = LOOK_RECEIVES_MAX;
    session->until_us = ds_clock_monotonic_us(ds_clock_system()) + (int64_t)timeout_ms * US_PER_MS;
    return session;
}

void ds_tls_session_destroy(struct ds_tls_session *session)
{
    if (session == NULL) {
        return;
    }
    if (session->is_open) {
        mbedtls_ssl_close_notify(&session->tls);
    }
    mbedtls_ssl_free(&session->tls);
    mbedtls_ssl_config_free(&session->config);
    ds_tls_identity_release(session->identity);
    free(session);
}

/* True where mbedTLS waits for the network. */
static bool waits(struct ds_tls_session *session, int outcome)
{
    session->wants_write = outcome == MBEDTLS_ERR_SSL_WANT_WRITE;
    return outcome == MBEDTLS_ERR_SSL_WANT_READ || outcome == MBEDTLS_ERR_SSL_WANT_WRITE;
}

/* mbedTLS keeps what it has computed of a key in the key itself. */
static int shake_hands(struct ds_tls_session *session)
{
    struct ds_tls_identity *identity = session->identity;
    session->receives_left = session->receives_max;
    if (identity == NULL) {
        return mbedtls_ssl_handshake(&session->tls);
    }
    pthread_mutex_lock(&identity->mutex);
    const int outcome = mbedtls_ssl_handshake(&session->tls);
    pthread_mutex_unlock(&identity->mutex);
    return outcome;
}

enum ds_tls_step ds_tls_session_shake_hands(struct ds_tls_session *session)
{
    const int outcome = shake_hands(session);
    if (waits(session, outcome)) {
        return DS_TLS_STEP_WAITS;
    }
    session->is_open = outcome == 0;
    session->failure = outcome;
    if (outcome != 0) {
        ds_log(DS_LOG_DEBUG, "tls_handshake_failed", DS_LOG_INT("mbedtls", outcome));
        return DS_TLS_STEP_FAILED;
    }
    return DS_TLS_STEP_DONE;
}

bool ds_tls_session_wants_write(const struct ds_tls_session *session)
{
    return session->wants_write;
}

ssize_t ds_tls_session_read(struct ds_tls_session *session, void *target, size_t size)
{
    session->receives_left = session->receives_max;
    session->is_reading = true;
    const int got = mbedtls_ssl_read(&session->tls, target, size);
    session->is_reading = false;
    if (got > 0) {
        return got;
    }
    if (waits(session, got)) {
        errno = EAGAIN;
        return -1;
    }
    return 0;
}

ssize_t ds_tls_session_write(struct ds_tls_session *session, const void *bytes, size_t size)
{
    /* mbedTLS takes the size of the second try for what the first one has sealed. */
    const size_t offered = session->write_size > 0 ? session->write_size : size;
    const int sent = mbedtls_ssl_write(&session->tls, bytes, offered);
    if (sent > 0) {
        session->write_size = 0;
        session->wants_write = false;
        return sent;
    }
    if (waits(session, sent)) {
        session->write_size = offered;
        errno = EAGAIN;
        return -1;
    }
    errno = EPIPE;
    return -1;
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

/* What the server said when it ended the handshake; the names are those of RFC 5246. */
static const char *reason_of_alert(unsigned char alert)
{
    switch (alert) {
    case MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE:
    case MBEDTLS_SSL_ALERT_MSG_INSUFFICIENT_SECURITY:
        return "the server there takes no cipher that is spoken here (handshake_failure); its "
               "certificate needs an ECDSA or an RSA key";
    case MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION:
        return "the server there does not speak TLS 1.2 (protocol_version)";
    case MBEDTLS_SSL_ALERT_MSG_UNRECOGNIZED_NAME:
        return "the server there knows no host of that name (unrecognized_name); say which one is "
               "meant (tls-server-name)";
    case MBEDTLS_SSL_ALERT_MSG_NO_CERT:
    case MBEDTLS_SSL_ALERT_MSG_BAD_CERT:
    case MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT:
    case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA:
    case MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED:
        return "the server there wants a certificate of the client, which it can't have; is that "
               "the right port?";
    case MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR:
        return "the server there has a fault of its own (internal_error); its log says which";
    default:
        return "the server there refuses the handshake by a fatal alert; its log says why";
    }
}

/* Whether the peer has just gone. */
static bool is_hang_up(int outcome)
{
    return outcome == MBEDTLS_ERR_SSL_CONN_EOF || outcome == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY;
}

void ds_tls_session_judge(const struct ds_tls_session *session, struct ds_tls_finding *ret_finding)
{
    const mbedtls_ssl_context *tls = &session->tls;
    const int outcome = session->failure;
    const mbedtls_x509_crt *certificate = mbedtls_ssl_get_peer_cert(tls);
    const uint32_t flags = mbedtls_ssl_get_verify_result(tls);
    *ret_finding = (struct ds_tls_finding){.verdict = DS_TLS_UNREACHED};
    if (certificate != NULL) {
        ret_finding->has_certificate = true;
        ret_finding->days_left = days_left(&certificate->valid_to);
    }
    if (session->is_open && flags == 0) {
        ret_finding->verdict = DS_TLS_TRUSTED;
    } else if (session->is_open || outcome == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
        ret_finding->verdict = DS_TLS_REFUSED;
        ret_finding->reason = reason_of(flags);
    } else if (outcome == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        ret_finding->verdict = DS_TLS_REFUSED;
        ret_finding->reason = reason_of_alert(tls->in_msg[1]);
    } else if (outcome != 0 && !is_hang_up(outcome)) {
        ret_finding->verdict = DS_TLS_REFUSED;
        ret_finding->reason = "the server there does not speak TLS 1.2";
    }
}
