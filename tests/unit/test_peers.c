/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/peers.h"

static struct ds_peers *peers;

static int open_peers(void **state)
{
    (void)state;
    peers = ds_peers_create(&(struct ds_peer_limits){
        .connections_max = 4,
        .connections_per_address_max = 2,
        .requests_per_connection_max = 2,
        .first_request_ms = 1000,
    });
    return 0;
}

static int close_peers(void **state)
{
    (void)state;
    ds_peers_destroy(peers);
    return 0;
}

static void an_address_is_admitted_up_to_its_cap_and_again_after_one_left(void **state)
{
    (void)state;
    assert_true(ds_peers_admit(peers, 1, 7, 0));
    assert_true(ds_peers_admit(peers, 5, 7, 0));
    assert_false(ds_peers_admit(peers, 9, 7, 0));
    assert_false(ds_peers_has(peers, 9));
    assert_true(ds_peers_admit(peers, 10, 8, 0));
    ds_peers_leave(peers, 9); /* was never there */
    assert_false(ds_peers_admit(peers, 13, 7, 0));
    ds_peers_leave(peers, 1);
    assert_true(ds_peers_has(peers, 5));
    assert_true(ds_peers_admit(peers, 13, 7, 0));
}

static void without_an_address_only_the_whole_is_capped(void **state)
{
    (void)state;
    for (uint32_t id = 1; id <= 4; id++) {
        assert_true(ds_peers_admit(peers, id, 0, 0));
    }
    assert_false(ds_peers_admit(peers, 5, 0, 0));
}

static void requests_in_work_are_counted_by_connection(void **state)
{
    (void)state;
    assert_true(ds_peers_admit(peers, 1, 0, 0));
    assert_true(ds_peers_admit(peers, 2, 0, 0));
    assert_true(ds_peers_request_begin(peers, 1));
    assert_true(ds_peers_request_begin(peers, 1));
    assert_false(ds_peers_request_begin(peers, 1));
    assert_true(ds_peers_request_begin(peers, 2));
    ds_peers_request_end(peers, 1);
    assert_false(ds_peers_request_begin(peers, 1));
    ds_peers_request_end(peers, 1);
    ds_peers_request_end(peers, 1);
    assert_true(ds_peers_request_begin(peers, 1));
    ds_peers_request_end(peers, 3); /* has left */
}

static void overdue_is_who_has_sent_no_request_in_its_time(void **state)
{
    (void)state;
    uint32_t ids[4];
    assert_true(ds_peers_admit(peers, 1, 0, 0));
    assert_true(ds_peers_admit(peers, 2, 0, 0));
    assert_true(ds_peers_admit(peers, 3, 0, 1));
    assert_true(ds_peers_request_begin(peers, 2));
    assert_int_equal(ds_peers_overdue(peers, 999999, ids, 4), 0);
    assert_int_equal(ds_peers_overdue(peers, 1000000, ids, 4), 1);
    assert_int_equal(ids[0], 1);
    assert_int_equal(ds_peers_overdue(peers, 2000000, ids, 4), 2);
    assert_int_equal(ds_peers_overdue(peers, 2000000, ids, 1), 1);
}

static void who_was_marked_is_overdue_until_it_leaves(void **state)
{
    (void)state;
    uint32_t ids[4];
    assert_true(ds_peers_admit(peers, 1, 0, 0));
    assert_true(ds_peers_request_begin(peers, 1));
    assert_true(ds_peers_mark_overdue(peers, 1));
    assert_false(ds_peers_mark_overdue(peers, 1));
    assert_int_equal(ds_peers_overdue(peers, 0, ids, 4), 1);
    assert_int_equal(ds_peers_overdue(peers, 0, ids, 4), 1);
    assert_int_equal(ids[0], 1);
    ds_peers_leave(peers, 1);
    assert_int_equal(ds_peers_overdue(peers, 0, ids, 4), 0);
    assert_false(ds_peers_mark_overdue(peers, 1));
}

static void a_request_that_comes_too_late_changes_nothing(void **state)
{
    (void)state;
    uint32_t ids[4];
    assert_true(ds_peers_admit(peers, 1, 0, 0));
    assert_int_equal(ds_peers_overdue(peers, 1000000, ids, 4), 1);
    assert_true(ds_peers_request_begin(peers, 1));
    assert_int_equal(ds_peers_overdue(peers, 1000000, ids, 4), 1);
}

static void without_a_time_limit_nobody_is_overdue(void **state)
{
    (void)state;
    uint32_t ids[1];
    struct ds_peers *patient = ds_peers_create(&(struct ds_peer_limits){.connections_max = 1});
    assert_true(ds_peers_admit(patient, 1, 0, 0));
    assert_int_equal(ds_peers_overdue(patient, INT64_MAX, ids, 1), 0);
    ds_peers_destroy(patient);
}

static void a_list_has_each_connection_with_its_requests(void **state)
{
    (void)state;
    struct ds_peer_view views[4];
    assert_int_equal(ds_peers_list(peers, views, 4), 0);
    assert_true(ds_peers_admit(peers, 1, 0, 70));
    assert_true(ds_peers_request_begin(peers, 1));
    ds_peers_request_end(peers, 1);
    assert_true(ds_peers_request_begin(peers, 1));
    assert_int_equal(ds_peers_list(peers, views, 4), 1);
    assert_int_equal(views[0].id, 1);
    assert_int_equal(views[0].came_us, 70);
    assert_int_equal(views[0].request_count, 2);
    assert_int_equal(views[0].requests_in_work, 1);
    assert_true(ds_peers_admit(peers, 2, 0, 80));
    assert_int_equal(ds_peers_list(peers, views, 4), 2);
    assert_int_equal(ds_peers_list(peers, views, 1), 1);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, open_peers, close_peers)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(an_address_is_admitted_up_to_its_cap_and_again_after_one_left),
        WITH(without_an_address_only_the_whole_is_capped),
        WITH(requests_in_work_are_counted_by_connection),
        WITH(a_list_has_each_connection_with_its_requests),
        WITH(overdue_is_who_has_sent_no_request_in_its_time),
        WITH(who_was_marked_is_overdue_until_it_leaves),
        WITH(a_request_that_comes_too_late_changes_nothing),
        WITH(without_a_time_limit_nobody_is_overdue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
