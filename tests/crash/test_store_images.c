/*
 * What a power cut leaves: the calls of a store that is made, filled, changed, emptied, backed up,
 * restored and brought from an older format are recorded, cut off anywhere, and what a disk may
 * then hold is opened again. DS_SEED repeats the choices of a run, DS_IMAGES sets its length. How
 * batches share transactions is the threads' to decide, so that a repeated run is much the same,
 * not the very same.
 */
#include "crash_random.h"
#include "ds/log.h"
#include "image_check.h"
#include "image_folder.h"
#include "support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define IMAGES_DEFAULT 240
#define IMAGES_PER_RECORDING 40
#define BEGINNING_EVENTS 80
#define IMAGES_OF_A_LIE 60
#define IMAGES_PER_LYING_RECORDING 15
/* For a person to look at. */
#define KEPT_MAX 5
/* Above every level: what damage makes the store say is no news here. */
#define NO_LOG ((enum ds_log_level)(DS_LOG_ERROR + 1))

static uint64_t random_state;

struct campaign {
    enum record_lie lie;
    size_t image_count;
    size_t recording_count;
    size_t change_count;
    size_t event_count;
    size_t counts[IMAGE_VERDICT_COUNT];
    size_t kept_count;
    char refusal[PROBLEM_BYTES_MAX]; /* a reason for IMAGE_MADE_ANEW */
};

static bool is_good(enum image_verdict verdict)
{
    return verdict == IMAGE_GOOD || verdict == IMAGE_MADE_ANEW;
}

/* Keeps the image, as it was before anybody looked, for a person. */
static void image_keep(const struct recording *recording, const struct disk_cut *cut,
                       const struct image_report *report)
{
    char folder[IMAGE_PATH_BYTES_MAX];
    image_folder_make(folder);
    disk_image_write(cut, folder);
    printf("%s: a folder that is %s, cut at event %zu of %zu, %s of what was not synced is there: "
           "%s\n  the image: %s\n",
           image_verdict_names[report->verdict], recording_kind_names[recording->kind], cut->at,
           cut->log->count, disk_luck_names[cut->luck], report->text, folder);
}

/* The place right behind an acknowledgement: the first one, or any. */
static size_t cut_behind_promise(const struct recording *recording)
{
    const struct record_log *log = recording->log;
    const bool is_first = random_below(&random_state, 2) == 0;
    size_t rest =
        is_first ? 0 : (size_t)random_below(&random_state, recording->workload.change_count);
    for (size_t i = recording->first_cut; i < log->count; i++) {
        if (log->events[i].kind == RECORD_DONE && rest-- == 0) {
            return i + 1;
        }
    }
    return log->count;
}

/* Half of the cuts come while the folder is made, brought up to date or restored. */
static size_t cut_pick(const struct recording *recording)
{
    const size_t all = recording->log->count - recording->first_cut + 1;
    const size_t beginning = all < BEGINNING_EVENTS ? all : BEGINNING_EVENTS;
    switch (random_below(&random_state, 4)) {
    case 0:
        return cut_behind_promise(recording);
    case 1:
        return recording->first_cut + (size_t)random_below(&random_state, all);
    default:
        return recording->first_cut + (size_t)random_below(&random_state, beginning);
    }
}

static void image_try(struct campaign *campaign, const struct recording *recording)
{
    const struct disk_cut cut = {
        .log = recording->log,
        .at = cut_pick(recording),
        .luck = (enum disk_luck)random_below(&random_state, DISK_LUCK_COUNT),
        .seed = random_next(&random_state) | 1,
    };
    const struct image_report report = image_check(recording, &cut);
    campaign->image_count++;
    campaign->counts[report.verdict]++;
    if (report.verdict == IMAGE_MADE_ANEW) {
        memcpy(campaign->refusal, report.text, sizeof(campaign->refusal));
    }
    if (campaign->lie == RECORD_TRUTH && !is_good(report.verdict) &&
        campaign->kept_count++ < KEPT_MAX) {
        image_keep(recording, &cut, &report);
    }
}

static void recording_try(struct campaign *campaign, enum recording_kind kind, size_t image_count)
{
    struct recording recording;
    recording_make(&recording, kind, random_next(&random_state) | 1, campaign->lie);
    if (recording.workload.problem[0] != '\0') {
        fail_msg("%s", recording.workload.problem);
    }
    campaign->recording_count++;
    campaign->change_count += recording.workload.change_count;
    campaign->event_count += recording.log->count;
    for (size_t i = 0; i < image_count; i++) {
        image_try(campaign, &recording);
    }
    recording_free(&recording);
}

static void campaign_run(struct campaign *campaign, size_t image_count)
{
    while (campaign->image_count < image_count) {
        const size_t rest = image_count - campaign->image_count;
        const size_t most =
            campaign->lie == RECORD_TRUTH ? IMAGES_PER_RECORDING : IMAGES_PER_LYING_RECORDING;
        const size_t share = rest < most ? rest : most;
        recording_try(campaign,
                      (enum recording_kind)(campaign->recording_count % RECORDING_KIND_COUNT),
                      share);
    }
    printf(
        "%zu images of %zu recordings (%zu changes, %zu calls and marks):", campaign->image_count,
        campaign->recording_count, campaign->change_count, campaign->event_count);
    for (size_t i = 0; i < IMAGE_VERDICT_COUNT; i++) {
        printf("%s %zu %s", i == 0 ? "" : ",", campaign->counts[i], image_verdict_names[i]);
    }
    printf("%s%s\n", campaign->refusal[0] != '\0' ? "\n  a refusal: " : "", campaign->refusal);
    fflush(stdout);
}

static size_t bad_count(const struct campaign *campaign)
{
    return campaign->image_count - campaign->counts[IMAGE_GOOD] - campaign->counts[IMAGE_MADE_ANEW];
}

static void every_image_holds_what_was_acknowledged(void **state)
{
    (void)state;
    struct campaign campaign = {.lie = RECORD_TRUTH};
    campaign_run(&campaign, (size_t)number_of_environment("DS_IMAGES", IMAGES_DEFAULT));
    assert_int_equal(bad_count(&campaign), 0);
    /* Refusals are for the first moments of a folder only. */
    assert_true(campaign.counts[IMAGE_GOOD] > campaign.image_count / 2);
}

static void a_store_without_syncs_is_found_out(void **state)
{
    (void)state;
    struct campaign campaign = {.lie = RECORD_NO_SYNC};
    campaign_run(&campaign, IMAGES_OF_A_LIE);
    assert_true(campaign.counts[IMAGE_OLD] > 0);
    assert_true(bad_count(&campaign) > campaign.image_count / 4);
}

/* The last transaction may be missing then, and nothing else may be wrong. */
static void a_store_that_does_not_sync_its_meta_page_is_found_out(void **state)
{
    (void)state;
    struct campaign campaign = {.lie = RECORD_NO_META_SYNC};
    campaign_run(&campaign, IMAGES_OF_A_LIE);
    assert_true(campaign.counts[IMAGE_OLD] > 0);
    assert_int_equal(campaign.counts[IMAGE_OLD], bad_count(&campaign));
}

int main(void)
{
    ds_log_set_level(NO_LOG);
    random_state = seed_of_environment();
    printf("DS_SEED=%" PRIu64 " DS_IMAGES=%" PRIu64 "\n", random_state,
           number_of_environment("DS_IMAGES", IMAGES_DEFAULT));
    fflush(stdout);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_image_holds_what_was_acknowledged),
        cmocka_unit_test(a_store_without_syncs_is_found_out),
        cmocka_unit_test(a_store_that_does_not_sync_its_meta_page_is_found_out),
    };
    return cmocka_run_group_tests_name("images", tests, NULL, NULL);
}
