#include "image_check.h"

#include "ds/paths.h"
#include "image_folder.h"
#include "image_store.h"
#include "storage/restore.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A damaged store may lead its reader round in circles. */
#define LOOK_SECONDS_MAX 60

const char *const image_verdict_names[IMAGE_VERDICT_COUNT] = {
    [IMAGE_GOOD] = "good",       [IMAGE_MADE_ANEW] = "made anew", [IMAGE_REFUSED] = "refused",
    [IMAGE_UNSOUND] = "unsound", [IMAGE_OLD] = "rows missing",    [IMAGE_WRONG] = "wrong rows",
    [IMAGE_STUCK] = "stuck",     [IMAGE_CRASHED] = "crashed",
};

#ifdef __SANITIZE_ADDRESS__
const char *__asan_default_options(void);

/* Freed memory that is kept makes each fork slower. */
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=8";
}
#endif

/* One look, in the child. */
struct look {
    const struct recording *recording;
    size_t done_count;  /* changes acknowledged before the cut */
    size_t begun_count; /* and begun */
    char data_dir[IMAGE_PATH_BYTES_MAX];
    char folder[IMAGE_PATH_BYTES_MAX];
    struct image_report *report;
    bool was_refused;
};

/* Returns false, for the caller to return. */
static bool judge(struct look *look, enum image_verdict verdict, const char *text)
{
    look->report->verdict = verdict;
    snprintf(look->report->text, sizeof(look->report->text), "%s", text);
    return false;
}

/* Starts on the image as a service does. */
static ds_code image_open(struct look *look, struct market_store **ret_store, char *ret_reason)
{
    DS_TRY(ds_data_dir_prepare(look->data_dir, ret_reason, STORAGE_RESTORE_REASON_BYTES_MAX));
    return image_store_open(look->folder, ret_store, ret_reason, STORAGE_RESTORE_REASON_BYTES_MAX);
}

/* Whether the folder was being made, and nobody relied on it. */
static bool nothing_was_promised(const struct look *look)
{
    return look->done_count == 0 && look->recording->kind != RECORDING_MIGRATED;
}

static bool open_or_make_anew(struct look *look, struct market_store **ret_store)
{
    char reason[STORAGE_RESTORE_REASON_BYTES_MAX] = "";
    if (image_open(look, ret_store, reason) == DS_OK) {
        return true;
    }
    if (!nothing_was_promised(look) || reason[0] == '\0') {
        return judge(look, IMAGE_REFUSED, reason);
    }
    look->was_refused = true;
    snprintf(look->report->text, sizeof(look->report->text), "%s", reason);
    image_folder_remove(look->data_dir);
    if (image_open(look, ret_store, reason) != DS_OK) {
        return judge(look, IMAGE_REFUSED, reason);
    }
    return true;
}

/* A restore that was cut off can be done again. */
static bool restore_again(struct look *look)
{
    char reason[STORAGE_RESTORE_REASON_BYTES_MAX] = "";
    const struct recording *recording = look->recording;
    if (recording->kind != RECORDING_RESTORED || look->done_count > 0 ||
        access(look->folder, F_OK) == 0) {
        return true;
    }
    if (recording_restore(recording, look->data_dir, reason) != DS_OK) {
        look->was_refused = true;
        snprintf(look->report->text, sizeof(look->report->text), "%s", reason);
        image_folder_remove(look->data_dir);
        if (reason[0] == '\0' || recording_restore(recording, look->data_dir, reason) != DS_OK) {
            return judge(look, IMAGE_REFUSED, reason);
        }
    }
    look->done_count = 1;
    look->begun_count = 1;
    return true;
}

static void take_fault(void *context, const char *text)
{
    struct look *look = context;
    if (look->report->verdict != IMAGE_UNSOUND) {
        judge(look, IMAGE_UNSOUND, text);
    }
}

static bool verify(struct look *look, struct market_store *store)
{
    struct market_verify order = {.fault = take_fault, .context = look};
    const ds_code code = store->ops->verify(store, &order);
    if (code != DS_OK && look->report->verdict != IMAGE_UNSOUND) {
        judge(look, IMAGE_UNSOUND, "it can't be verified");
    }
    return look->report->verdict != IMAGE_UNSOUND;
}

/* The store must be in one of the states between what was acknowledged and what had begun. */
static bool state_check(struct look *look, struct market_store *store, uint64_t *ret_digest)
{
    const struct image_workload *workload = &look->recording->workload;
    char text[PROBLEM_BYTES_MAX];
    if (image_store_digest(store, ret_digest) != DS_OK) {
        return judge(look, IMAGE_UNSOUND, "it can't be read");
    }
    for (size_t state = look->done_count; state <= look->begun_count; state++) {
        if (workload->digests[state] == *ret_digest) {
            return true;
        }
    }
    for (size_t state = look->done_count; state > 0; state--) {
        if (workload->digests[state - 1] == *ret_digest) {
            snprintf(text, sizeof(text), "%zu changes were acknowledged, and %zu are there",
                     look->done_count, state - 1);
            return judge(look, IMAGE_OLD, text);
        }
    }
    snprintf(text, sizeof(text), "of %zu acknowledged changes and %zu begun: no such state",
             look->done_count, look->begun_count);
    return judge(look, IMAGE_WRONG, text);
}

/* A new row is taken, and it and the others are there after a restart. */
static bool goes_on(struct look *look, struct market_store *store, uint64_t digest)
{
    char reason[STORAGE_RESTORE_REASON_BYTES_MAX] = "";
    uint64_t later_digest = 0;
    const bool is_put = image_later_row_put(store) == DS_OK;
    store->ops->close(store);
    if (!is_put) {
        return judge(look, IMAGE_STUCK, "it takes no new row");
    }
    if (image_open(look, &store, reason) != DS_OK) {
        return judge(look, IMAGE_STUCK, reason);
    }
    const bool is_same = image_later_row_is_there(store) &&
                         image_store_digest(store, &later_digest) == DS_OK &&
                         later_digest == digest;
    const bool is_sound = verify(look, store);
    store->ops->close(store);
    return is_same && is_sound ? true
           : !is_sound         ? false
                               : judge(look, IMAGE_STUCK, "a new row changed others, or is lost");
}

static bool image_look(struct look *look)
{
    struct market_store *store;
    uint64_t digest;
    if (!restore_again(look) || !open_or_make_anew(look, &store)) {
        return false;
    }
    if (!verify(look, store) || !state_check(look, store, &digest)) {
        store->ops->close(store);
        return false;
    }
    return goes_on(look, store, digest);
}

/* cmocka's handlers would go on with the next test, here. */
static void signals_reset(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        signal(signals[i], SIG_DFL);
    }
}

static void child_run(struct look *look)
{
    signals_reset();
    /* What damage does to the process is the report's to say. */
    const int silence = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(silence, STDERR_FILENO);
    alarm(LOOK_SECONDS_MAX);
    if (image_look(look)) {
        look->report->verdict = look->was_refused ? IMAGE_MADE_ANEW : IMAGE_GOOD;
    }
    _exit(EXIT_SUCCESS);
}

static void changes_count(struct look *look, const struct disk_cut *cut)
{
    for (size_t i = 0; i < cut->at; i++) {
        look->done_count += cut->log->events[i].kind == RECORD_DONE;
        look->begun_count += cut->log->events[i].kind == RECORD_BEGIN;
    }
}

/* Memory that the child's report survives in. */
static struct image_report *report_share(void)
{
    void *memory = mmap(NULL, sizeof(struct image_report), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        abort();
    }
    return memory;
}

struct image_report image_check(const struct recording *recording, const struct disk_cut *cut)
{
    char top[IMAGE_PATH_BYTES_MAX];
    struct look look = {.recording = recording, .report = report_share()};
    changes_count(&look, cut);
    image_folder_make(top);
    disk_image_write(cut, top);
    snprintf(look.data_dir, sizeof(look.data_dir), "%.100s/%s", top, IMAGE_DATA_DIR);
    snprintf(look.folder, sizeof(look.folder), "%.100s/%s", top, IMAGE_STORE_FOLDER);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        child_run(&look);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        abort();
    }
    struct image_report report = *look.report;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS) {
        report = (struct image_report){.verdict = IMAGE_CRASHED, .text = "the process ended"};
    }
    munmap(look.report, sizeof(*look.report));
    image_folder_remove(top);
    return report;
}
