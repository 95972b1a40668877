/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/events.h"

#include <stdio.h>

#define TICKS 0
#define QUOTES 1

static int64_t fixed_us(const struct ds_clock *clock)
{
    (void)clock;
    return 1234;
}

static const struct ds_clock fixed_clock = {.wall_us = fixed_us, .monotonic_us = fixed_us};

static void publish(struct ds_event_journal *journal, const char *topic, const char *body)
{
    const struct ds_event event = {.topic = ds_bytes_of_text(topic),
                                   .body = ds_bytes_of_text(body)};
    const struct ds_event_sink sink = ds_event_journal_sink(journal);
    sink.publish(sink.context, &event, 1);
}

static struct ds_event_journal *journal_of(size_t event_max, size_t bytes_max)
{
    static const char *const kinds[] = {"ticks", "quotes"};
    return ds_event_journal_create(&(struct ds_event_journal_options){
        .kinds = kinds,
        .kind_count = 2,
        .epoch = 7,
        .event_max = event_max,
        .bytes_max = bytes_max,
        .clock = &fixed_clock,
    });
}

struct lines {
    char text[256];
    size_t wanted; /* events that are still taken */
};

static struct lines lines_of(size_t wanted)
{
    return (struct lines){.wanted = wanted};
}

static bool write_down(void *context, const struct ds_event *event)
{
    struct lines *lines = context;
    char line[64];
    if (lines->wanted == 0) {
        return false;
    }
    lines->wanted--;
    assert_int_equal(event->published_at_us, 1234);
    snprintf(line, sizeof line, "%u:%.*s=%.*s ", (unsigned int)event->sequence,
             (int)event->topic.size, (const char *)event->topic.data, (int)event->body.size,
             (const char *)event->body.data);
    strcat(lines->text, line);
    return true;
}

/* What the journal gives of that kind, or the code of its refusal. */
static void assert_read(struct ds_event_journal *journal, size_t kind, uint64_t sequence,
                        size_t wanted, const char *expected)
{
    struct lines lines = lines_of(wanted);
    assert_int_equal(ds_event_journal_read(journal, kind, 7, sequence, write_down, &lines), DS_OK);
    assert_string_equal(lines.text, expected);
}

static void assert_gap(struct ds_event_journal *journal, size_t kind, uint64_t epoch,
                       uint64_t sequence)
{
    struct lines lines = lines_of(100);
    assert_int_equal(ds_event_journal_read(journal, kind, epoch, sequence, write_down, &lines),
                     DS_OUT_OF_RANGE);
    assert_string_equal(lines.text, "");
}

static void events_come_back_in_order_and_numbered_by_kind(void **state)
{
    (void)state;
    struct ds_event_journal *journal = journal_of(10, 1000);
    assert_int_equal(ds_event_journal_newest(journal, TICKS), 0);
    publish(journal, "ticks/A", "1");
    publish(journal, "quotes/A", "2");
    publish(journal, "ticks/B", "");
    publish(journal, "ticks/A", "4");
    assert_int_equal(ds_event_journal_newest(journal, TICKS), 3);
    assert_int_equal(ds_event_journal_newest(journal, QUOTES), 1);
    assert_int_equal(ds_event_journal_total(journal), 4);
    assert_read(journal, TICKS, 0, 100, "1:ticks/A=1 2:ticks/B= 3:ticks/A=4 ");
    assert_read(journal, TICKS, 1, 1, "2:ticks/B= ");
    assert_read(journal, TICKS, 3, 100, "");
    assert_read(journal, QUOTES, 0, 100, "1:quotes/A=2 ");
    ds_event_journal_destroy(journal);
}

static void what_is_forgotten_or_of_another_epoch_is_a_gap(void **state)
{
    (void)state;
    struct ds_event_journal *journal = journal_of(2, 1000);
    publish(journal, "ticks/t", "1");
    publish(journal, "ticks/t", "2");
    publish(journal, "ticks/t", "3");
    assert_gap(journal, TICKS, 7, 0);
    assert_gap(journal, TICKS, 8, 1);
    assert_gap(journal, TICKS, 7, 4);
    assert_read(journal, TICKS, 1, 9, "2:ticks/t=2 3:ticks/t=3 ");
    ds_event_journal_destroy(journal);
}

static void a_busy_kind_does_not_push_out_another(void **state)
{
    (void)state;
    struct ds_event_journal *journal = journal_of(2, 100);
    publish(journal, "quotes/q", "rare");
    for (int i = 0; i < 100; i++) {
        publish(journal, "ticks/t", "often");
    }
    assert_read(journal, QUOTES, 0, 9, "1:quotes/q=rare ");
    assert_read(journal, TICKS, 98, 9, "99:ticks/t=often 100:ticks/t=often ");
    ds_event_journal_destroy(journal);
}

static void bytes_bound_each_kind_too(void **state)
{
    (void)state;
    struct ds_event_journal *journal = journal_of(100, 22);
    publish(journal, "ticks/t", "1234");
    publish(journal, "ticks/t", "5678");
    assert_read(journal, TICKS, 0, 9, "1:ticks/t=1234 2:ticks/t=5678 ");
    publish(journal, "ticks/t", "9");
    assert_gap(journal, TICKS, 7, 0);
    assert_read(journal, TICKS, 1, 9, "2:ticks/t=5678 3:ticks/t=9 ");
    publish(journal, "ticks/t", "larger than all of it");
    assert_int_equal(ds_event_journal_newest(journal, TICKS), 4);
    assert_gap(journal, TICKS, 7, 3);
    assert_read(journal, TICKS, 4, 9, "");
    ds_event_journal_destroy(journal);
    ds_event_journal_destroy(NULL);
}

static void the_head_of_a_body_and_the_body_are_joined(void **state)
{
    (void)state;
    struct ds_event_journal *journal = journal_of(2, 100);
    const struct ds_event event = {.topic = ds_bytes_of_text("ticks/t"),
                                   .body_head = ds_bytes_of_text("head "),
                                   .body = ds_bytes_of_text("body")};
    const struct ds_event_sink sink = ds_event_journal_sink(journal);
    sink.publish(sink.context, &event, 1);
    assert_read(journal, TICKS, 0, 9, "1:ticks/t=head body ");
    ds_event_journal_destroy(journal);
}

static void kinds_are_found_by_their_names(void **state)
{
    (void)state;
    struct ds_event_journal *journal = journal_of(1, 10);
    size_t kind = 77;
    assert_int_equal(ds_event_journal_kind_count(journal), 2);
    assert_string_equal(ds_event_journal_kind_name(journal, QUOTES), "quotes");
    assert_true(ds_event_journal_find_kind(journal, "quotes", &kind));
    assert_int_equal(kind, QUOTES);
    assert_false(ds_event_journal_find_kind(journal, "quote", &kind));
    assert_int_equal(kind, QUOTES);
    ds_event_journal_destroy(journal);
}

static void count_up(void *context)
{
    (*(int *)context)++;
}

static void a_listener_hears_of_each_publish(void **state)
{
    (void)state;
    struct ds_event_journal *journal = journal_of(1, 10);
    int heard = 0;
    ds_event_journal_set_listener(journal, count_up, &heard);
    publish(journal, "ticks/t", "1");
    publish(journal, "ticks/t", "2");
    assert_int_equal(heard, 2);
    ds_event_journal_set_listener(journal, NULL, NULL);
    publish(journal, "ticks/t", "3");
    assert_int_equal(heard, 2);
    ds_event_journal_destroy(journal);
}

static void two_journals_draw_different_epochs(void **state)
{
    (void)state;
    static const char *const kinds[] = {"ticks"};
    const struct ds_event_journal_options options = {.kinds = kinds, .kind_count = 1};
    struct ds_event_journal *first = ds_event_journal_create(&options);
    struct ds_event_journal *second = ds_event_journal_create(&options);
    assert_true(ds_event_journal_epoch(first) != 0);
    assert_true(ds_event_journal_epoch(first) != ds_event_journal_epoch(second));
    ds_event_journal_destroy(first);
    ds_event_journal_destroy(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_back_in_order_and_numbered_by_kind),
        cmocka_unit_test(what_is_forgotten_or_of_another_epoch_is_a_gap),
        cmocka_unit_test(a_busy_kind_does_not_push_out_another),
        cmocka_unit_test(bytes_bound_each_kind_too),
        cmocka_unit_test(the_head_of_a_body_and_the_body_are_joined),
        cmocka_unit_test(kinds_are_found_by_their_names),
        cmocka_unit_test(a_listener_hears_of_each_publish),
        cmocka_unit_test(two_journals_draw_different_epochs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
