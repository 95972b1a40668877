/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/rpc_client.h"
#include "ds/tls_internal.h"
#include "integration/rpc_fixture.h"
#include "integration/rpc_hostile.h"
#include "integration/rpc_raw.h"
#include "schema.gen.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLOOD_COUNT 64

static struct rpc_fixture fixture;

static int open_fixture(void **state)
{
    (void)state;
    rpc_fixture_open(&fixture, FIXTURE_TLS, NULL);
    return 0;
}

/* The firing of these limits is what is waited for. */
static int open_strict_fixture(void **state)
{
    (void)state;
    const struct ds_rpc_server_options options = {.limits = {.first_request_ms = 300}};
    rpc_fixture_open(&fixture, FIXTURE_TLS, &options);
    return 0;
}

/* None of its time limits fires. */
static int open_narrow_fixture(void **state)
{
    (void)state;
    const struct ds_rpc_server_options options = {
        .limits = {.connections_per_address_max = FLOOD_COUNT}};
    rpc_fixture_open(&fixture, FIXTURE_TLS, &options);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    rpc_fixture_close(&fixture);
    return 0;
}

static ds_code check_health(struct ds_channel *channel, char ret_message[256])
{
    struct ds_client_call call = {.method = ds_method_health_check,
                                  .timeout_ms = RPC_FIXTURE_TIMEOUT_MS};
    const ds_code code = ds_channel_call_wait(channel, &call);
    snprintf(ret_message, 256, "%s", call.message != NULL ? call.message : "");
    ds_client_call_release(&call);
    return code;
}

static ds_code call_at(const char *url, const char *ca, const char *server_name,
                       char ret_message[256])
{
    char ca_file[CERTIFICATES_PATH_BYTES_MAX];
    const struct ds_tls_options tls = {
        .ca_file = ca != NULL ? certificates_path(&fixture.certificates, ca, ca_file) : NULL,
        .server_name = server_name,
    };
    struct ds_channel *channel = NULL;
    assert_int_equal(
        ds_channel_open(&(struct ds_channel_options){.url = url, .tls = &tls}, &channel), DS_OK);
    const ds_code code = check_health(channel, ret_message);
    ds_channel_close(channel);
    return code;
}

static ds_code load(const char *certificate, const char *key, struct ds_tls_identity **ret_identity,
                    struct ds_tls_refusal *ret_refusal)
{
    char certificate_path[CERTIFICATES_PATH_BYTES_MAX];
    char key_path[CERTIFICATES_PATH_BYTES_MAX];
    const struct ds_tls_identity_files files = {
        .certificate = certificates_path(&fixture.certificates, certificate, certificate_path),
        .key = certificates_path(&fixture.certificates, key, key_path),
    };
    return ds_tls_identity_load(&files, ret_identity, ret_refusal);
}

static void expect_refusal(const char *certificate, const char *key, const char *setting,
                           const char *words)
{
    struct ds_tls_identity *identity = NULL;
    struct ds_tls_refusal refusal = {.setting = ""};
    assert_int_not_equal(load(certificate, key, &identity, &refusal), DS_OK);
    assert_string_equal(refusal.setting, setting);
    assert_non_null(strstr(refusal.reason, words));
}

static void a_good_client_goes_on(void)
{
    char message[256];
    assert_int_equal(call_at(fixture.url, "ca.pem", NULL, message), DS_OK);
}

/* ---- the client's checks ---- */

static void a_server_of_an_untrusted_authority_is_not_talked_to(void **state)
{
    (void)state;
    char message[256];
    assert_int_equal(call_at(fixture.url, "foreign-ca.pem", NULL, message), DS_UNAVAILABLE);
    assert_non_null(strstr(message, "no authority that is trusted here"));
}

static void without_a_named_authority_the_systems_count(void **state)
{
    (void)state;
    char message[256];
    assert_int_equal(call_at(fixture.url, NULL, NULL, message), DS_UNAVAILABLE);
    assert_non_null(strstr(message, "no authority that is trusted here"));
}

static void a_certificate_for_another_host_is_not_taken(void **state)
{
    (void)state;
    char message[256];
    assert_int_equal(call_at(fixture.url, "ca.pem", "other.test", message), DS_UNAVAILABLE);
    assert_non_null(strstr(message, "is for another host"));
    assert_int_equal(call_at(fixture.url, "ca.pem", "storage.test", message), DS_OK);
}

/* mbedTLS 2.28 looks at DNS names alone; an address has to be given its name. */
static void an_address_needs_the_servers_name(void **state)
{
    (void)state;
    char url[64];
    char message[256];
    snprintf(url, sizeof url, "tls+tcp://127.0.0.1:%s", strrchr(fixture.url, ':') + 1);
    assert_int_equal(call_at(url, "ca.pem", NULL, message), DS_UNAVAILABLE);
    assert_non_null(strstr(message, "tls-server-name"));
    assert_int_equal(call_at(url, "ca.pem", "localhost", message), DS_OK);
}

/* A certificate ends while its server runs. */
static void an_expired_certificate_is_not_taken(void **state)
{
    (void)state;
    char path[CERTIFICATES_PATH_BYTES_MAX];
    char message[256];
    struct ds_tls_identity *identity = NULL;
    struct ds_tls_refusal refusal;
    assert_int_equal(load("server.pem", "server.key", &identity, &refusal), DS_OK);
    mbedtls_x509_crt_free(&identity->certificates);
    certificates_path(&fixture.certificates, "expired.pem", path);
    assert_int_equal(mbedtls_x509_crt_parse_file(&identity->certificates, path), 0);
    ds_rpc_server_set_tls_identity(fixture.server, identity);
    ds_tls_identity_release(identity);
    assert_int_equal(call_at(fixture.url, "ca.pem", NULL, message), DS_UNAVAILABLE);
    assert_non_null(strstr(message, "has expired"));
}

static void a_plain_server_is_not_talked_to(void **state)
{
    (void)state;
    char plain[128];
    char url[160];
    char message[256];
    assert_int_equal(ds_rpc_server_listen(fixture.server, "tcp://127.0.0.1:0", plain, sizeof plain),
                     DS_OK);
    snprintf(url, sizeof url, "tls+tcp://localhost:%s", strrchr(plain, ':') + 1);
    assert_int_equal(call_at(url, "ca.pem", NULL, message), DS_UNAVAILABLE);
    assert_non_null(strstr(message, "does not speak TLS"));
    a_good_client_goes_on();
}

static void nobody_at_the_address_is_unavailable(void **state)
{
    (void)state;
    char message[256];
    assert_int_equal(call_at("tls+tcp://localhost:1", "ca.pem", NULL, message), DS_UNAVAILABLE);
    assert_string_equal(message, "the service can't be reached");
}

static void authorities_that_can_not_be_read_are_refused(void **state)
{
    (void)state;
    struct ds_tls_trust *trust = NULL;
    struct ds_tls_refusal refusal;
    const struct ds_tls_options missing = {.ca_file = "/nonexistent/ca.pem"};
    assert_int_equal(ds_tls_trust_load(&missing, fixture.url, &trust, &refusal), DS_NOT_FOUND);
    assert_string_equal(refusal.setting, "tls-ca");
    char path[CERTIFICATES_PATH_BYTES_MAX];
    const struct ds_tls_options key = {
        .ca_file = certificates_path(&fixture.certificates, "server.key", path)};
    assert_int_equal(ds_tls_trust_load(&key, fixture.url, &trust, &refusal), DS_INVALID_ARGUMENT);
    assert_non_null(strstr(refusal.reason, "has no certificate"));
}

/* ---- a server that ends the handshake ---- */

#define ALERT_BYTES 7
#define ALERT_LEVEL_FATAL 2

/* Answers whoever connects with a fatal alert, byte by byte, with so much time before each. */
struct alerter {
    struct rpc_hostile hostile;
    pthread_t thread;
    uint8_t alert;
    int pause_ms;
    atomic_int answered; /* connections so far */
};

static void *alerter_main(void *argument)
{
    struct alerter *alerter = argument;
    const uint8_t bytes[ALERT_BYTES] = {21, 3, 3, 0, 2, ALERT_LEVEL_FATAL, alerter->alert};
    uint8_t hello[1024];
    int peer = accept(alerter->hostile.listener, NULL, NULL);
    while (peer >= 0) {
        (void)recv(peer, hello, sizeof hello, 0);
        for (size_t i = 0; i < sizeof bytes; i++) {
            usleep((useconds_t)alerter->pause_ms * 1000);
            (void)send(peer, &bytes[i], 1, MSG_NOSIGNAL);
        }
        (void)recv(peer, hello, sizeof hello, 0);
        close(peer);
        atomic_fetch_add(&alerter->answered, 1);
        peer = accept(alerter->hostile.listener, NULL, NULL);
    }
    return NULL;
}

static void alerter_start(struct alerter *alerter, uint8_t alert, int pause_ms, char ret_url[64])
{
    *alerter = (struct alerter){.alert = alert, .pause_ms = pause_ms};
    rpc_hostile_open(&alerter->hostile);
    snprintf(ret_url, 64, "tls+tcp://localhost%s", strrchr(alerter->hostile.url, ':'));
    assert_int_equal(pthread_create(&alerter->thread, NULL, alerter_main, alerter), 0);
}

static void alerter_stop(struct alerter *alerter)
{
    shutdown(alerter->hostile.listener, SHUT_RDWR);
    pthread_join(alerter->thread, NULL);
    rpc_hostile_close(&alerter->hostile);
}

static void the_servers_alert_is_the_reason(void **state)
{
    (void)state;
    static const struct {
        uint8_t alert;
        const char *words;
    } rows[] = {
        {MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE, "(handshake_failure)"},
        {MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION, "does not speak TLS 1.2 (protocol_version)"},
        {MBEDTLS_SSL_ALERT_MSG_UNRECOGNIZED_NAME, "(unrecognized_name)"},
        {MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED, "wants a certificate of the client"},
        {MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR, "(internal_error)"},
        {MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR, "refuses the handshake by a fatal alert"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct alerter alerter;
        char url[64];
        char message[256];
        alerter_start(&alerter, rows[i].alert, 0, url);
        assert_int_equal(call_at(url, "ca.pem", NULL, message), DS_UNAVAILABLE);
        assert_non_null(strstr(message, rows[i].words));
        alerter_stop(&alerter);
    }
}

/* Sooner or later a call ends without another try, and is told the reason all the same. */
static void a_refused_handshake_is_tried_less_and_less(void **state)
{
    (void)state;
    enum { TRIES = 9, CALLS_MAX = 10 };
    struct alerter alerter;
    struct ds_channel *channel = NULL;
    char ca_file[CERTIFICATES_PATH_BYTES_MAX];
    char url[64];
    char message[256];
    bool was_spared = false;
    const struct ds_tls_options tls = {
        .ca_file = certificates_path(&fixture.certificates, "ca.pem", ca_file)};
    alerter_start(&alerter, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR, 0, url);
    assert_int_equal(
        ds_channel_open(&(struct ds_channel_options){.url = url, .tls = &tls}, &channel), DS_OK);
    while (atomic_load(&alerter.answered) < TRIES) {
        usleep(1000);
    }
    for (int i = 0; i < CALLS_MAX && !was_spared; i++) {
        const int before = atomic_load(&alerter.answered);
        assert_int_equal(check_health(channel, message), DS_UNAVAILABLE);
        was_spared = atomic_load(&alerter.answered) == before;
    }
    assert_true(was_spared);
    assert_non_null(strstr(message, "(internal_error)"));
    ds_channel_close(channel);
    alerter_stop(&alerter);
}

/* Each byte comes within the time, all of them don't. */
static void a_look_at_a_certificate_ends_however_slowly_bytes_drip(void **state)
{
    (void)state;
    enum { TIMEOUT_MS = 200, PAUSE_MS = 60 };
    struct alerter alerter;
    char ca_file[CERTIFICATES_PATH_BYTES_MAX];
    char url[64];
    struct ds_tls_trust *trust = NULL;
    struct ds_tls_refusal refusal;
    struct ds_tls_finding finding;
    const struct ds_tls_options tls = {
        .ca_file = certificates_path(&fixture.certificates, "ca.pem", ca_file)};
    alerter_start(&alerter, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR, PAUSE_MS, url);
    assert_int_equal(ds_tls_trust_load(&tls, url, &trust, &refusal), DS_OK);
    ds_tls_probe(trust, TIMEOUT_MS, &finding);
    assert_int_equal(finding.verdict, DS_TLS_UNREACHED);
    ds_tls_trust_destroy(trust);
    alerter_stop(&alerter);
}

/* ---- the server's certificate ---- */

static void a_certificate_that_no_client_could_take_is_refused(void **state)
{
    (void)state;
    expect_refusal("expired.pem", "server.key", "tls-cert", "expired on ");
    expect_refusal("server.pem", "other.key", "tls-key", "is not the key of");
    expect_refusal("server.pem", "locked.key", "tls-key", "passphrase");
    expect_refusal("server.key", "server.key", "tls-cert", "something else than certificates");
    char path[CERTIFICATES_PATH_BYTES_MAX];
    assert_int_equal(chmod(certificates_path(&fixture.certificates, "rsa.pem", path), 0600), 0);
    expect_refusal("server.pem", "rsa.pem", "tls-key", "no private key");
    expect_refusal("missing.pem", "server.key", "tls-cert", "No such file");
    expect_refusal("server.pem", "missing.key", "tls-key", "No such file");
}

static void a_key_that_others_may_read_is_refused(void **state)
{
    (void)state;
    char path[CERTIFICATES_PATH_BYTES_MAX];
    certificates_path(&fixture.certificates, "server.key", path);
    assert_int_equal(chmod(path, 0604), 0);
    expect_refusal("server.pem", "server.key", "tls-key", "chmod 600");
}

static void an_rsa_certificate_serves(void **state)
{
    (void)state;
    char message[256];
    struct ds_tls_identity *identity = NULL;
    struct ds_tls_refusal refusal;
    assert_int_equal(load("rsa.pem", "rsa.key", &identity, &refusal), DS_OK);
    ds_rpc_server_set_tls_identity(fixture.server, identity);
    ds_tls_identity_release(identity);
    assert_int_equal(call_at(fixture.url, "ca.pem", NULL, message), DS_OK);
}

static void a_new_certificate_leaves_old_connections_alone(void **state)
{
    (void)state;
    char message[256];
    struct ds_tls_identity *identity = NULL;
    struct ds_tls_refusal refusal;
    assert_int_equal(check_health(fixture.channel, message), DS_OK);
    const size_t connections = ds_rpc_server_connection_count(fixture.server);
    assert_int_equal(load("renewed.pem", "server.key", &identity, &refusal), DS_OK);
    ds_rpc_server_set_tls_identity(fixture.server, identity);
    ds_tls_identity_release(identity);
    assert_int_equal(ds_rpc_server_connection_count(fixture.server), connections);
    assert_int_equal(check_health(fixture.channel, message), DS_OK);
    a_good_client_goes_on();
}

static void tls_without_a_certificate_is_refused(void **state)
{
    (void)state;
    struct ds_rpc_server *server =
        ds_rpc_server_create(&(struct ds_rpc_server_options){.name = "bare/1"});
    assert_int_equal(ds_rpc_server_listen(server, "tls+tcp://localhost:0", NULL, 0),
                     DS_INVALID_ARGUMENT);
    ds_rpc_server_destroy(server);
}

/* ---- strangers ---- */

static void hang_up_hard(int peer)
{
    const struct linger now = {.l_onoff = 1};
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(peer);
}

/* The beginning of a handshake that promises more than it brings. */
static void begin_handshake(int peer)
{
    static const uint8_t head[] = {22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3};
    rpc_raw_send(peer, head, sizeof head);
}

/* nng 1.5.2's own listener for tls+tcp went deaf for good when a client did this at the right
 * moment, within 300 of them. */
static void clients_that_hang_up_in_the_handshake_do_no_harm(void **state)
{
    (void)state;
    for (int i = 0; i < FLOOD_COUNT; i++) {
        const int peer = rpc_raw_connect(fixture.url, "127.0.0.1");
        if (i % 2 == 0) {
            begin_handshake(peer);
        }
        hang_up_hard(peer);
    }
    a_good_client_goes_on();
}

static void a_client_without_tls_is_hung_up_on(void **state)
{
    (void)state;
    static const uint8_t greeting[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    const int peer = rpc_raw_connect(fixture.url, "127.0.0.1");
    rpc_raw_send(peer, greeting, sizeof greeting);
    assert_true(rpc_raw_is_hung_up(peer));
    close(peer);
    a_good_client_goes_on();
}

static void who_does_not_end_its_handshake_is_hung_up_on(void **state)
{
    (void)state;
    const int silent = rpc_raw_connect(fixture.url, "127.0.0.1");
    const int slow = rpc_raw_connect(fixture.url, "127.0.0.1");
    begin_handshake(slow);
    assert_true(rpc_raw_is_hung_up(silent));
    assert_true(rpc_raw_is_hung_up(slow));
    close(silent);
    close(slow);
}

/* However steadily: its record would take a minute. */
static void who_drips_its_handshake_is_hung_up_on(void **state)
{
    (void)state;
    enum { RECORD_BYTES = 16000 };
    static const uint8_t head[] = {22, 3, 1, 0x3e, 0x80, 1, 0, 0x3e, 0x7c, 3, 3};
    struct pollfd end = {.events = POLLRDHUP};
    int dripped = 0;
    end.fd = rpc_raw_connect(fixture.url, "127.0.0.1");
    rpc_raw_send(end.fd, head, sizeof head);
    while (poll(&end, 1, 4) == 0) {
        (void)send(end.fd, "", 1, MSG_NOSIGNAL);
        dripped++;
        assert_true(dripped < RECORD_BYTES - (int)sizeof head);
    }
    close(end.fd);
}

/* From another address, whose cap is its own. */
static void handshakes_under_way_are_counted(void **state)
{
    (void)state;
    int peers[FLOOD_COUNT];
    for (int i = 0; i < FLOOD_COUNT; i++) {
        peers[i] = rpc_raw_connect(fixture.url, "127.0.0.9");
    }
    const int one_too_many = rpc_raw_connect(fixture.url, "127.0.0.9");
    assert_true(rpc_raw_is_hung_up(one_too_many));
    a_good_client_goes_on();
    close(one_too_many);
    for (int i = 0; i < FLOOD_COUNT; i++) {
        close(peers[i]);
    }
}

/* ---- records without an end ---- */

#define FLOODERS 8
#define ALERTS_PER_SEND 512

/* A client that says nothing but warnings from some moment on, as fast as the server reads. */
struct flooder {
    bool has_shaken_hands;
    int fd;
    pthread_t thread;
    mbedtls_ssl_config config;
    mbedtls_ssl_context tls;
};

static atomic_bool flood_is_over;

static int flooder_send(void *context, const unsigned char *bytes, size_t size)
{
    const struct flooder *flooder = context;
    const ssize_t sent = send(flooder->fd, bytes, size, MSG_NOSIGNAL);
    return sent >= 0 ? (int)sent : MBEDTLS_ERR_SSL_CONN_EOF;
}

/* Before the handshake is to be done, only the first flight goes out. */
static int flooder_receive(void *context, unsigned char *target, size_t size)
{
    const struct flooder *flooder = context;
    if (!flooder->has_shaken_hands) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    const ssize_t got = recv(flooder->fd, target, size, 0);
    return got > 0 ? (int)got : MBEDTLS_ERR_SSL_CONN_EOF;
}

/* What goes out in the middle of the handshake is not encrypted. */
static bool send_plain_alerts(struct flooder *flooder)
{
    uint8_t alerts[ALERTS_PER_SEND * ALERT_BYTES];
    for (size_t i = 0; i < ALERTS_PER_SEND; i++) {
        memcpy(alerts + i * ALERT_BYTES, "\x15\x03\x03\x00\x02\x01\x5a", ALERT_BYTES);
    }
    return flooder_send(flooder, alerts, sizeof alerts) > 0;
}

static bool send_sealed_alert(struct flooder *flooder)
{
    return mbedtls_ssl_send_alert_message(&flooder->tls, MBEDTLS_SSL_ALERT_LEVEL_WARNING,
                                          MBEDTLS_SSL_ALERT_MSG_USER_CANCELED) == 0;
}

static void *flooder_main(void *argument)
{
    struct flooder *flooder = argument;
    bool goes_on = true;
    while (goes_on && !atomic_load(&flood_is_over)) {
        goes_on =
            flooder->has_shaken_hands ? send_sealed_alert(flooder) : send_plain_alerts(flooder);
    }
    return NULL;
}

static void flooder_begin(struct flooder *flooder, bool has_shaken_hands)
{
    *flooder = (struct flooder){.has_shaken_hands = has_shaken_hands,
                                .fd = rpc_raw_connect(fixture.url, "127.0.0.1")};
    mbedtls_ssl_config_init(&flooder->config);
    mbedtls_ssl_init(&flooder->tls);
    assert_int_equal(mbedtls_ssl_config_defaults(&flooder->config, MBEDTLS_SSL_IS_CLIENT,
                                                 MBEDTLS_SSL_TRANSPORT_STREAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    mbedtls_ssl_conf_authmode(&flooder->config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_rng(&flooder->config, ds_tls_random, NULL);
    assert_int_equal(mbedtls_ssl_setup(&flooder->tls, &flooder->config), 0);
    mbedtls_ssl_set_bio(&flooder->tls, flooder, flooder_send, flooder_receive, NULL);
    assert_int_equal(mbedtls_ssl_handshake(&flooder->tls),
                     has_shaken_hands ? 0 : MBEDTLS_ERR_SSL_WANT_READ);
    assert_int_equal(pthread_create(&flooder->thread, NULL, flooder_main, flooder), 0);
}

static void flooder_end(struct flooder *flooder)
{
    shutdown(flooder->fd, SHUT_RDWR);
    pthread_join(flooder->thread, NULL);
    mbedtls_ssl_free(&flooder->tls);
    mbedtls_ssl_config_free(&flooder->config);
    close(flooder->fd);
}

/* mbedTLS reads on by itself over a record that says nothing. On each of the listener's threads. */
static void who_sends_warnings_without_an_end_holds_nobody_up(void **state)
{
    (void)state;
    for (int has_shaken_hands = 0; has_shaken_hands < 2; has_shaken_hands++) {
        struct flooder flooders[FLOODERS];
        atomic_store(&flood_is_over, false);
        for (size_t i = 0; i < FLOODERS; i++) {
            flooder_begin(&flooders[i], has_shaken_hands == 1);
        }
        for (int i = 0; i < FLOODERS; i++) {
            a_good_client_goes_on();
        }
        atomic_store(&flood_is_over, true);
        for (size_t i = 0; i < FLOODERS; i++) {
            flooder_end(&flooders[i]);
        }
    }
}

#define WITH(test, open) cmocka_unit_test_setup_teardown(test, open, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(a_server_of_an_untrusted_authority_is_not_talked_to, open_fixture),
        WITH(without_a_named_authority_the_systems_count, open_fixture),
        WITH(a_certificate_for_another_host_is_not_taken, open_fixture),
        WITH(an_address_needs_the_servers_name, open_fixture),
        WITH(an_expired_certificate_is_not_taken, open_fixture),
        WITH(a_plain_server_is_not_talked_to, open_fixture),
        WITH(nobody_at_the_address_is_unavailable, open_fixture),
        WITH(authorities_that_can_not_be_read_are_refused, open_fixture),
        WITH(a_certificate_that_no_client_could_take_is_refused, open_fixture),
        WITH(a_key_that_others_may_read_is_refused, open_fixture),
        WITH(an_rsa_certificate_serves, open_fixture),
        WITH(a_new_certificate_leaves_old_connections_alone, open_fixture),
        WITH(tls_without_a_certificate_is_refused, open_fixture),
        WITH(clients_that_hang_up_in_the_handshake_do_no_harm, open_fixture),
        WITH(a_client_without_tls_is_hung_up_on, open_fixture),
        WITH(who_does_not_end_its_handshake_is_hung_up_on, open_strict_fixture),
        WITH(who_drips_its_handshake_is_hung_up_on, open_strict_fixture),
        WITH(the_servers_alert_is_the_reason, open_fixture),
        WITH(a_refused_handshake_is_tried_less_and_less, open_fixture),
        WITH(a_look_at_a_certificate_ends_however_slowly_bytes_drip, open_fixture),
        WITH(handshakes_under_way_are_counted, open_narrow_fixture),
        WITH(who_sends_warnings_without_an_end_holds_nobody_up, open_fixture),
    };
    return cmocka_run_group_tests_name("tls+tcp", tests, NULL, NULL);
}
