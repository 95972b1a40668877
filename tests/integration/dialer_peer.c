/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/dialer_peer.h"

#include "integration/rpc_raw.h"

#include <stdio.h>
#include <stdlib.h>

struct rpc_hostile hostile;
struct ds_sp_dialer *dialer;

int dialer_setup(void **state)
{
    (void)state;
    rpc_hostile_open(&hostile);
    dialer = dialer_open(hostile.url);
    return 0;
}

int dialer_teardown(void **state)
{
    (void)state;
    if (dialer != NULL) {
        ds_sp_dialer_close(dialer);
    }
    dialer = NULL;
    rpc_hostile_close(&hostile);
    return 0;
}

void dialer_open_again(const char *host, int idle_ms)
{
    char url[64];
    ds_sp_dialer_close(dialer);
    rpc_hostile_close(&hostile);
    rpc_hostile_open(&hostile);
    snprintf(url, sizeof url, "tcp://%s%s", host, strrchr(hostile.url, ':'));
    dialer = dialer_open_impatient(url, idle_ms);
}

uint32_t peer_take(int peer, const char *text)
{
    uint32_t number;
    const struct ds_bytes message = rpc_raw_receive(peer, &number);
    assert_true(ds_bytes_equal_text(message, text));
    free((void *)(uintptr_t)message.data);
    return number;
}

void peer_answer(int peer, uint32_t number, const char *text)
{
    struct ds_buffer message;
    ds_buffer_init(&message, SIZE_MAX);
    ds_buffer_append_text(&message, text);
    rpc_raw_ask(peer, number, &message);
    ds_buffer_deinit(&message);
}

int peer_meet(void)
{
    struct asked asked;
    asked_start(&asked, dialer, "first");
    const int peer = rpc_hostile_accept(&hostile);
    peer_answer(peer, peer_take(peer, "first"), "back");
    asked_expect(&asked, "back");
    return peer;
}
