#include "clients/cli/doctor_checks.h"

#define DELTASTREAM_UNTYPED
#include "clients/c/deltastream.h"
#include "clients/common/reply.h"
#include "deltastream/rpc/v1/control.pb-c.h"
#include "deltastream/storage/v1/admin.pb-c.h"
#include "deltastream/storage/v1/queries.pb-c.h"
#include "ds/clock.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HELLO "deltastream.rpc.v1.Control/Hello"
#define STORAGE "deltastream.storage.v1.Storage/"
#define DOCTOR_ARENA_BYTES_MAX (32 * 1024 * 1024)
#define DOCTOR_TIMEOUT_MS 5000
/* Less room than this is soon full. */
#define DISK_FREE_BYTES_MIN (1024LL * 1024 * 1024)
/* Clocks that are kept by NTP differ less. */
#define CLOCK_AHEAD_MS_MAX 2000
#define LATEST_PRODUCTS_MAX 1000
/* What renews certificates by itself does so earlier. */
#define CERTIFICATE_DAYS_MIN 14

const char *const finding_state_names[] = {"OK", "WARN", "FAIL"};

struct doctor {
    struct connection connection;
    struct ds_arena *arena;
    finding_fn take;
    void *context;
    bool has_failed;
};

static void report(struct doctor *doctor, const char *check, enum finding_state state,
                   const char *message, const char *advice)
{
    const struct finding finding = {
        .check = check, .state = state, .message = message, .advice = advice};
    doctor->has_failed = doctor->has_failed || state == FINDING_FAIL;
    doctor->take(doctor->context, &finding);
}

/* The reply unpacked into the arena; NULL where there is none, and why in ret_why. */
static const void *ask(struct doctor *doctor, const char *method_name,
                       const ProtobufCMessage *request, const char **ret_why)
{
    const struct ds_method *method = ds_method_find(method_name, strlen(method_name));
    const size_t bytes = protobuf_c_message_get_packed_size(request);
    uint8_t *payload = ds_arena_alloc(doctor->arena, bytes + 1);
    if (payload == NULL) {
        *ret_why = ds_code_name(DS_RESOURCE_EXHAUSTED);
        return NULL;
    }
    protobuf_c_message_pack(request, payload);
    struct answer answer;
    const ProtobufCMessage *reply = NULL;
    ds_code code =
        connection_ask(&doctor->connection, method, ds_bytes_of(payload, bytes), &answer);
    if (code == DS_OK) {
        code = reply_unpack(&answer, doctor->arena, &reply);
    }
    if (code != DS_OK) {
        *ret_why = ds_arena_printf(doctor->arena, "%s%s%s", ds_code_name(code),
                                   answer.message[0] == '\0' ? "" : ": ", answer.message);
    }
    answer_release(&answer);
    return reply;
}

static void check_version(struct doctor *doctor, const char *server)
{
    const char *slash = strrchr(server, '/');
    const char *version = slash == NULL ? "" : slash + 1;
    if (strcmp(version, DS_VERSION) == 0) {
        report(doctor, "version", FINDING_OK,
               ds_arena_printf(doctor->arena, "%s here and there", DS_VERSION), NULL);
        return;
    }
    report(doctor, "version", FINDING_WARN,
           ds_arena_printf(doctor->arena, "%s here, %s there", DS_VERSION,
                           version[0] == '\0' ? "an unknown one" : version),
           "use the same release on both sides; flags of one may be unknown to the other");
}

static bool check_answer(struct doctor *doctor)
{
    const Rpc__HelloRequest request = {PROTOBUF_C_MESSAGE_INIT(&rpc__hello_request__descriptor),
                                       .client = "deltastream/" DS_VERSION};
    const char *why = "";
    const int64_t begun_us = ds_clock_monotonic_us(ds_clock_system());
    const Rpc__HelloResponse *hello = ask(doctor, HELLO, &request.base, &why);
    if (hello == NULL) {
        report(
            doctor, "connection", FINDING_FAIL,
            ds_arena_printf(doctor->arena, "%s does not answer: %s", doctor->connection.url, why),
            "see whether the service runs there and what its log says");
        return false;
    }
    report(doctor, "connection", FINDING_OK,
           ds_arena_printf(doctor->arena,
                           "%s at %s answers in %.1f ms; this run of it is %016" PRIx64,
                           hello->server, doctor->connection.url,
                           (double)(ds_clock_monotonic_us(ds_clock_system()) - begun_us) / 1000.0,
                           hello->server_epoch),
           NULL);
    check_version(doctor, hello->server);
    return true;
}

static void check_days_left(struct doctor *doctor, int days_left)
{
    const bool is_short = days_left < CERTIFICATE_DAYS_MIN;
    report(doctor, "certificate", is_short ? FINDING_WARN : FINDING_OK,
           ds_arena_printf(doctor->arena, "the server's is valid for %d more day%s", days_left,
                           days_left == 1 ? "" : "s"),
           is_short ? "have it renewed there; the service takes it at a SIGHUP" : NULL);
}

/* Whether the service can be reached at all is the connection's finding. */
static void check_certificate(struct doctor *doctor)
{
    int32_t days = 0;
    char why[DELTASTREAM_MESSAGE_BYTES_MAX];
    switch (deltastream_client_certificate_days(doctor->connection.client, DOCTOR_TIMEOUT_MS, &days,
                                                why, sizeof why)) {
    case DELTASTREAM_OK:
        check_days_left(doctor, days);
        break;
    case DELTASTREAM_FAILED_PRECONDITION:
        report(doctor, "certificate", FINDING_FAIL, why, NULL);
        break;
    default:
        break;
    }
}

static void check_writes(struct doctor *doctor, const Storage__GetStatsResponse *stats)
{
    if (strcmp(stats->writes, "stopped") == 0) {
        report(doctor, "writes", FINDING_FAIL, "stopped: the disk failed to keep what was written",
               "see the service's log, mend the disk, then start the service again");
    } else if (strcmp(stats->writes, "full") == 0) {
        report(doctor, "writes", FINDING_FAIL, "refused: there is no room",
               "free some; writes go on by themselves");
    } else {
        report(doctor, "writes", FINDING_OK, stats->writes, NULL);
    }
}

static void check_disk(struct doctor *doctor, const Storage__GetStatsResponse *stats)
{
    if (stats->file_bytes == 0) {
        report(doctor, "disk", FINDING_OK, "the store keeps no file", NULL);
        return;
    }
    const bool is_low = stats->disk_free_bytes < DISK_FREE_BYTES_MIN;
    report(doctor, "disk", is_low ? FINDING_WARN : FINDING_OK,
           ds_arena_printf(doctor->arena, "%" PRId64 " MiB free; the store has %" PRId64 " MiB",
                           stats->disk_free_bytes >> 20, stats->file_bytes >> 20),
           is_low ? "free some, or let old rows go: deltastream storage retention" : NULL);
}

static void check_store(struct doctor *doctor)
{
    const Storage__GetStatsRequest request = {
        PROTOBUF_C_MESSAGE_INIT(&storage__get_stats_request__descriptor)};
    const char *why = "";
    const Storage__GetStatsResponse *stats = ask(doctor, STORAGE "GetStats", &request.base, &why);
    if (stats == NULL) {
        report(doctor, "store", FINDING_WARN,
               ds_arena_printf(doctor->arena, "it tells nothing about the store: %s", why),
               "ask on its machine, in its data folder, where nobody needs a permission");
        return;
    }
    report(doctor, "store", FINDING_OK,
           ds_arena_printf(doctor->arena, "%s, format %d, %" PRId64 " rows%s%s", stats->engine,
                           stats->format_version, stats->row_count,
                           stats->store_id[0] == '\0' ? "" : ", store ", stats->store_id),
           NULL);
    check_writes(doctor, stats);
    check_disk(doctor, stats);
}

/* The newest time at which the service says it took a tick in; 0 where it says none. */
static int64_t newest_us(const Storage__LatestTicksResponse *latest)
{
    int64_t newest = 0;
    for (size_t i = 0; latest != NULL && i < latest->n_ticks; i++) {
        const Google__Protobuf__Timestamp *time = latest->ticks[i]->processed_at;
        if (time != NULL) {
            const int64_t time_us = time->seconds * 1000000 + time->nanos / 1000;
            newest = time_us > newest ? time_us : newest;
        }
    }
    return newest;
}

static int64_t ask_newest_us(struct doctor *doctor)
{
    const Storage__ListProductsRequest list = {
        PROTOBUF_C_MESSAGE_INIT(&storage__list_products_request__descriptor)};
    const char *why = "";
    const Storage__ListProductsResponse *products =
        ask(doctor, STORAGE "ListProducts", &list.base, &why);
    if (products == NULL || products->n_products == 0) {
        return 0;
    }
    const size_t count =
        products->n_products < LATEST_PRODUCTS_MAX ? products->n_products : LATEST_PRODUCTS_MAX;
    const Storage__LatestTicksRequest request = {
        PROTOBUF_C_MESSAGE_INIT(&storage__latest_ticks_request__descriptor), .n_products = count,
        .products = products->products};
    return newest_us(ask(doctor, STORAGE "LatestTicks", &request.base, &why));
}

/* The service tells no time; what it wrote last is the nearest thing, and tells only of a clock
 * that is ahead of this one. */
static void check_clock(struct doctor *doctor)
{
    if (doctor->connection.is_local) {
        report(doctor, "clock", FINDING_OK, "the service is on this machine and has its clock",
               NULL);
        return;
    }
    const int64_t newest = ask_newest_us(doctor);
    if (newest == 0) {
        report(doctor, "clock", FINDING_WARN,
               "can't be compared: the service tells no time and has no data that would", NULL);
        return;
    }
    const int64_t ahead_ms = (newest - ds_clock_wall_us(ds_clock_system())) / 1000;
    if (ahead_ms > CLOCK_AHEAD_MS_MAX) {
        report(doctor, "clock", FINDING_FAIL,
               ds_arena_printf(doctor->arena,
                               "its newest data was written %.1f s in the future of this clock",
                               (double)ahead_ms / 1000.0),
               "one of the two clocks is wrong: keep both by NTP");
        return;
    }
    report(doctor, "clock", FINDING_OK,
           ds_arena_printf(doctor->arena,
                           "its newest data was written %.1f s ago by this clock; a clock of its "
                           "own that is behind would not be seen",
                           (double)-ahead_ms / 1000.0),
           NULL);
}

static void check_folder_owner(struct doctor *doctor, const char *folder, const struct stat *status)
{
    const unsigned mode = status->st_mode & 07777U;
    if ((mode & (S_IWGRP | S_IWOTH)) != 0) {
        report(
            doctor, "data folder", FINDING_FAIL,
            ds_arena_printf(doctor->arena, "%s (mode %04o) can be written by others", folder, mode),
            ds_arena_printf(doctor->arena, "chmod 700 '%s'", folder));
    } else if ((mode & (S_IRWXG | S_IRWXO)) != 0) {
        report(
            doctor, "data folder", FINDING_WARN,
            ds_arena_printf(doctor->arena, "%s (mode %04o) can be entered by others", folder, mode),
            ds_arena_printf(doctor->arena, "chmod 700 '%s'", folder));
    } else if (status->st_uid != geteuid()) {
        report(doctor, "data folder", FINDING_WARN,
               ds_arena_printf(doctor->arena, "%s belongs to user %u, not to you", folder,
                               status->st_uid),
               "run the command line as that user");
    } else {
        report(doctor, "data folder", FINDING_OK,
               ds_arena_printf(doctor->arena, "%s is yours alone", folder), NULL);
    }
}

static void check_folder(struct doctor *doctor, const char *folder)
{
    struct stat status;
    if (stat(folder, &status) == 0) {
        check_folder_owner(doctor, folder, &status);
    }
}

static bool connect_quietly(struct doctor *doctor, struct ds_config *config,
                            struct connection_options *options)
{
    struct connection_failure failure = {0};
    if (options->timeout_ms == 0) {
        options->timeout_ms = DOCTOR_TIMEOUT_MS;
    }
    if (connection_try(config, options, &doctor->connection, &failure)) {
        return true;
    }
    report(doctor, "connection", FINDING_FAIL, failure.reason, failure.advice);
    return false;
}

bool doctor_check(struct ds_config *config, struct connection_options *options, finding_fn take,
                  void *context)
{
    struct doctor doctor = {
        .arena = ds_arena_create(DOCTOR_ARENA_BYTES_MAX), .take = take, .context = context};
    connection_complete(config, options);
    if (connect_quietly(&doctor, config, options)) {
        check_certificate(&doctor);
        if (check_answer(&doctor)) {
            check_store(&doctor);
            check_clock(&doctor);
        }
        connection_close(&doctor.connection);
    }
    if (options->is_by_folder) {
        check_folder(&doctor, ds_absolute_path(doctor.arena, options->data_dir));
    }
    ds_arena_destroy(doctor.arena);
    return !doctor.has_failed;
}
