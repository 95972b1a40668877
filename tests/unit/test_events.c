/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/events.h"

#include <stdio.h>

static void publish(struct ds_event_journal *journal, const char *topic, const char *body)
{
    const struct ds_event event = {.topic = ds_bytes_of_text(topic),
                                   .body = ds_bytes_of_text(body)};
    const struct ds_event_sink sink = ds_event_journal_sink(journal);
    sink.publish(sink.context, &event, 1);
}

static void write_down(void *context, const struct ds_event *event)
{
    char line[64];
    snprintf(line, sizeof line, "%u:%.*s=%.*s ", (unsigned int)event->sequence,
             (int)event->topic.size, (const char *)event->topic.data, (int)event->body.size,
             (const char *)event->body.data);
    strcat(context, line);
}

static void events_come_back_in_order_and_numbered(void **state)
{
    (void)state;
    char seen[256] = "";
    struct ds_event_journal *journal = ds_event_journal_create(7, 10, 1000);
    assert_int_equal(ds_event_journal_newest(journal), 0);
    publish(journal, "ticks/A", "1");
    publish(journal, "ticks/B", "2");
    publish(journal, "ticks/A", "");
    assert_int_equal(ds_event_journal_newest(journal), 3);
    assert_int_equal(ds_event_journal_read(journal, 7, 0, 100, write_down, seen), DS_OK);
    assert_string_equal(seen, "1:ticks/A=1 2:ticks/B=2 3:ticks/A= ");
    seen[0] = '\0';
    assert_int_equal(ds_event_journal_read(journal, 7, 1, 1, write_down, seen), DS_OK);
    assert_string_equal(seen, "2:ticks/B=2 ");
    seen[0] = '\0';
    assert_int_equal(ds_event_journal_read(journal, 7, 3, 1, write_down, seen), DS_OK);
    assert_string_equal(seen, "");
    ds_event_journal_destroy(journal);
}

static void what_is_forgotten_or_of_another_epoch_is_a_gap(void **state)
{
    (void)state;
    char seen[256] = "";
    struct ds_event_journal *journal = ds_event_journal_create(7, 2, 1000);
    publish(journal, "t", "1");
    publish(journal, "t", "2");
    publish(journal, "t", "3");
    assert_int_equal(ds_event_journal_read(journal, 7, 0, 9, write_down, seen), DS_OUT_OF_RANGE);
    assert_int_equal(ds_event_journal_read(journal, 8, 1, 9, write_down, seen), DS_OUT_OF_RANGE);
    assert_int_equal(ds_event_journal_read(journal, 7, 4, 9, write_down, seen), DS_OUT_OF_RANGE);
    assert_int_equal(ds_event_journal_read(journal, 7, 1, 9, write_down, seen), DS_OK);
    assert_string_equal(seen, "2:t=2 3:t=3 ");
    ds_event_journal_destroy(journal);
}

static void bytes_bound_the_journal_too(void **state)
{
    (void)state;
    char seen[256] = "";
    struct ds_event_journal *journal = ds_event_journal_create(7, 100, 10);
    publish(journal, "t", "1234");
    publish(journal, "t", "5678");
    publish(journal, "t", "9");
    assert_int_equal(ds_event_journal_read(journal, 7, 0, 9, write_down, seen), DS_OUT_OF_RANGE);
    assert_int_equal(ds_event_journal_read(journal, 7, 1, 9, write_down, seen), DS_OK);
    assert_string_equal(seen, "2:t=5678 3:t=9 ");
    publish(journal, "t", "larger than all");
    seen[0] = '\0';
    assert_int_equal(ds_event_journal_newest(journal), 4);
    assert_int_equal(ds_event_journal_read(journal, 7, 3, 9, write_down, seen), DS_OUT_OF_RANGE);
    assert_int_equal(ds_event_journal_read(journal, 7, 4, 9, write_down, seen), DS_OK);
    ds_event_journal_destroy(journal);
    ds_event_journal_destroy(NULL);
}

static void two_journals_draw_different_epochs(void **state)
{
    (void)state;
    struct ds_event_journal *first = ds_event_journal_create(0, 1, 10);
    struct ds_event_journal *second = ds_event_journal_create(0, 1, 10);
    assert_true(ds_event_journal_epoch(first) != 0);
    assert_true(ds_event_journal_epoch(first) != ds_event_journal_epoch(second));
    ds_event_journal_destroy(first);
    ds_event_journal_destroy(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_back_in_order_and_numbered),
        cmocka_unit_test(what_is_forgotten_or_of_another_epoch_is_a_gap),
        cmocka_unit_test(bytes_bound_the_journal_too),
        cmocka_unit_test(two_journals_draw_different_epochs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
