/*
 * The hub under whatever order of things: a journal that forgets and starts anew, a source that
 * loses, tells twice and goes silent, a service that is asked and does not answer, clients that
 * come, come back, take now and then and go. What must hold: every event of a client's keys is told
 * or within a gap, in the order of the numbers, once.
 */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "support/live_fixture.h"

#define SEEDS 300
#define STEPS 400
#define CLIENTS 6
#define EVENTS_MAX 8192
#define KEYS "ABC"

struct reader {
    struct client client;
    char keys[4]; /* "": all */
    bool has_started;
    uint64_t epoch;
    uint64_t place; /* what is told, or in a gap */
};

struct world {
    struct scene *scene;
    uint64_t random;
    uint64_t epoch;
    uint64_t newest;
    uint64_t oldest;
    char key[EVENTS_MAX + 1]; /* by number */
    uint64_t source_epoch;    /* what the source has told of */
    uint64_t source_newest;
    struct reader readers[CLIENTS];
};

static uint64_t draw(struct world *world, uint64_t below)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return world->random % below;
}

static bool is_wanted(const struct world *world, const struct reader *reader, uint64_t sequence)
{
    return reader->keys[0] == '\0' || strchr(reader->keys, world->key[sequence]) != NULL;
}

/* Nothing of its keys lies between what it was told and `next`. */
static void check_reach(const struct world *world, const struct reader *reader, uint64_t next)
{
    assert_true(next > reader->place);
    if (reader->epoch != world->epoch) {
        return; /* The journal of that epoch is gone; the gap that comes says so. */
    }
    for (uint64_t sequence = reader->place + 1; sequence < next; sequence++) {
        assert_false(is_wanted(world, reader, sequence));
    }
}

static void check_notice(struct world *world, struct reader *reader,
                         const struct live_notice *notice)
{
    if (notice->type == LIVE_STARTED) {
        assert_true(!reader->has_started ||
                    (notice->epoch == reader->epoch && notice->sequence == reader->place));
        reader->has_started = true;
        reader->epoch = notice->epoch;
        reader->place = notice->sequence;
    } else if (notice->type == LIVE_EVENT) {
        assert_int_equal(notice->epoch, reader->epoch);
        check_reach(world, reader, notice->sequence);
        assert_true(reader->keys[0] == '\0' ||
                    strchr(reader->keys, notice->event->key.data[0]) != NULL);
        reader->place = notice->sequence;
    } else if (notice->type == LIVE_GAP && notice->is_new_epoch) {
        assert_int_equal(notice->from, 1);
        reader->epoch = notice->epoch;
        reader->place = notice->to;
    } else if (notice->type == LIVE_GAP) {
        assert_int_equal(notice->epoch, reader->epoch);
        assert_true(notice->from <= notice->to);
        check_reach(world, reader, notice->from);
        reader->place = notice->to;
    }
}

static void take(struct world *world, struct reader *reader, uint64_t count)
{
    struct live_notice notice;
    uint64_t epoch = 0;
    uint64_t sequence = 0;
    while (count-- > 0 && live_take(reader->client.subscription, &notice)) {
        check_notice(world, reader, &notice);
    }
    if (live_position(reader->client.subscription, &epoch, &sequence)) {
        assert_int_equal(epoch, reader->epoch);
        assert_true(sequence >= reader->place);
        if (sequence > reader->place) {
            check_reach(world, reader, sequence + 1);
        }
    }
}

static void come(struct world *world, struct reader *reader)
{
    static const char *const choices[] = {"", "A", "B", "AB", "ABC"};
    char list[8] = "";
    const bool comes_back = reader->has_started && draw(world, 2) == 0;
    if (!comes_back) {
        strcpy(reader->keys, choices[draw(world, 5)]);
        reader->has_started = false;
    }
    for (size_t i = 0; reader->keys[i] != '\0'; i++) {
        list[2 * i] = reader->keys[i];
        list[2 * i + 1] = reader->keys[i + 1] != '\0' ? ',' : '\0';
    }
    const uint64_t epoch = reader->epoch;
    const uint64_t place = reader->place;
    reader->client.is_slow = true;
    reader->has_started = false;
    assert_int_equal(subscribe_to(&reader->client, world->scene, LIVE_TICKS,
                                  list[0] != '\0' ? list : NULL, comes_back ? epoch : 0, place),
                     DS_OK);
    if (comes_back) {
        /* It may be told of another epoch, but of this one not what lies behind its place. */
        reader->epoch = epoch;
        reader->place = place;
    }
}

static void publish(struct world *world, uint64_t count)
{
    while (count-- > 0 && world->newest < EVENTS_MAX) {
        world->key[++world->newest] = KEYS[draw(world, 3)];
    }
    if (world->newest - world->oldest > 3000) {
        world->oldest = world->newest - 3000;
    }
}

static void tell(struct world *world, uint64_t sequence)
{
    const char topic[] = {'t', 'i', 'c', 'k', 's', '/', world->key[sequence], '\0'};
    say_of(world->scene, world->epoch, topic, sequence);
}

/* The source tells what has been published, or that it has lost it. */
static void speak(struct world *world)
{
    if (world->source_epoch != world->epoch) {
        world->source_newest = draw(world, world->newest + 1);
        if (world->source_epoch == 0) {
            assert_true(live_inbox_put_start(&world->scene->live->inbox, LIVE_TICKS, world->epoch,
                                             world->source_newest));
            wake(world->scene);
        } else if (live_inbox_put_gap(&world->scene->live->inbox, LIVE_TICKS,
                                      &(struct live_gap){.epoch = world->epoch,
                                                         .from = 1,
                                                         .to = world->source_newest,
                                                         .is_new_epoch = true})) {
            wake(world->scene);
        }
        world->source_epoch = world->epoch;
    }
    while (world->source_newest < world->newest) {
        const uint64_t what = draw(world, 200);
        if (what == 0) {
            world->source_newest += 1 + draw(world, world->newest - world->source_newest);
            if (live_inbox_put_gap(&world->scene->live->inbox, LIVE_TICKS,
                                   &(struct live_gap){.epoch = world->epoch,
                                                      .from = world->source_newest,
                                                      .to = world->source_newest})) {
                wake(world->scene);
            }
        } else if (what == 1) {
            return; /* It is behind. */
        } else {
            tell(world, ++world->source_newest);
            if (what == 2) {
                tell(world, world->source_newest);
            }
        }
    }
}

/* A call is answered as the service would, or not. */
static void serve(struct world *world)
{
    struct scene *scene = world->scene;
    if (scene->listing_count == 0 || scene->answer_count == ANSWERS_MAX) {
        return;
    }
    const struct asked ask = asked(scene);
    const uint64_t after = ask.after;
    if (draw(world, 8) == 0) {
        finish(scene, 0, DS_UNAVAILABLE);
    } else if (ask.epoch != world->epoch || after > world->newest || after < world->oldest) {
        finish(scene, 0, DS_OUT_OF_RANGE);
    } else {
        struct ds_buffer *bytes = new_answer(scene);
        uint64_t through = after;
        const uint64_t most = 1 + draw(world, 700);
        while (through < world->newest && through - after < most) {
            const char topic[] = {'t', 'i', 'c', 'k', 's', '/', world->key[++through], '\0'};
            if (strncmp(topic, ask.prefix, strlen(ask.prefix)) == 0) {
                uint8_t row[9];
                const struct ds_event_header header = {.topic = ds_bytes_of_text(topic),
                                                       .epoch = world->epoch,
                                                       .sequence = through,
                                                       .published_at_us = 1};
                ds_event_list_write_event(bytes, &header, tick_row(through, row));
            }
        }
        ds_event_list_write_end(bytes, &(struct ds_event_list){.epoch = world->epoch,
                                                               .newest_sequence = world->newest,
                                                               .through_sequence = through});
        scene->listings[0]->call.response = ds_buffer_bytes(bytes);
        finish(scene, 0, DS_OK);
    }
}

static void begin_anew(struct world *world)
{
    world->epoch++;
    world->newest = 0;
    world->oldest = 0;
}

static void step(struct world *world)
{
    struct reader *reader = &world->readers[draw(world, CLIENTS)];
    switch (draw(world, 16)) {
    case 0:
        live_unsubscribe(reader->client.subscription);
        come(world, reader);
        break;
    case 1:
        publish(world, draw(world, 60) == 0 ? 1500 : 0);
        break;
    case 2:
        if (draw(world, 40) == 0) {
            begin_anew(world);
        }
        break;
    case 3:
        say_stale(world->scene, draw(world, 2) == 0);
        break;
    case 4:
        live_retry(world->scene->live);
        break;
    case 5:
    case 6:
    case 7:
        publish(world, draw(world, 12));
        speak(world);
        break;
    case 8:
    case 9:
    case 10:
        serve(world);
        break;
    case 11:
        live_turn(world->scene->live);
        break;
    default:
        take(world, reader, 1 + draw(world, 30));
        break;
    }
}

/* All is told, answered and taken. */
static bool settle(struct world *world)
{
    bool is_busy = true;
    while (is_busy) {
        speak(world);
        live_retry(world->scene->live);
        turn(world->scene);
        is_busy = world->source_newest < world->newest || world->scene->listing_count > 0;
        serve(world);
        for (size_t i = 0; i < CLIENTS; i++) {
            take(world, &world->readers[i], UINT64_MAX);
        }
        is_busy = is_busy || world->scene->is_woken;
        if (world->scene->answer_count == ANSWERS_MAX) {
            return false; /* The answers of this seed are used up. */
        }
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        struct reader *reader = &world->readers[i];
        assert_int_equal(reader->epoch, world->epoch);
        if (reader->place < world->newest) {
            check_reach(world, reader, world->newest + 1);
        }
    }
    return true;
}

/* What all seeds have seen together: that there was something to be wrong about. */
struct sum {
    uint64_t delivered;
    uint64_t source_gaps;
    uint64_t client_gaps;
    uint64_t resume_gaps;
    uint64_t answers;
    uint64_t settled;
};

static void add(struct sum *sum, const struct world *world, bool is_settled)
{
    const struct live_counts *counts = &world->scene->live->counts;
    sum->delivered += atomic_load(&counts->delivered);
    sum->source_gaps += atomic_load(&counts->source_gaps);
    sum->client_gaps += atomic_load(&counts->client_gaps);
    sum->resume_gaps += atomic_load(&counts->resume_gaps);
    sum->answers += world->scene->answer_count;
    sum->settled += is_settled ? 1 : 0;
}

static void run_seed(uint64_t seed, struct sum *sum)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->random = seed * 0x9E3779B97F4A7C15U | 1;
    world->epoch = EPOCH;
    world->scene = scene_open_limited(CLIENTS, 1 + (uint32_t)draw(world, 40));
    for (size_t i = 0; i < CLIENTS; i++) {
        come(world, &world->readers[i]);
    }
    for (size_t i = 0; i < STEPS; i++) {
        step(world);
    }
    add(sum, world, settle(world));
    for (size_t i = 0; i < CLIENTS; i++) {
        leave(&world->readers[i].client);
    }
    scene_close(world->scene);
    free(world);
}

static void whatever_happens_nothing_is_lost_unsaid_or_told_twice(void **state)
{
    (void)state;
    struct sum sum = {.delivered = 0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run_seed(seed, &sum);
    }
    assert_true(sum.delivered > 1000 && sum.source_gaps > 100 && sum.client_gaps > 100);
    assert_true(sum.resume_gaps > 50 && sum.answers > 100 && sum.settled > SEEDS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_nothing_is_lost_unsaid_or_told_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
