/*
 * What a server has told by Hello, and how a channel's calls therefore travel: which of them may
 * share a message, and which wait for Hello to know. Private to ds_common.
 */
#ifndef DS_CHANNEL_HELLO_H
#define DS_CHANNEL_HELLO_H

#include "ds/channel.h"

/* Inline methods of a server; more of them are not shared. */
#define DS_HELLO_METHODS_MAX 128

struct ds_server_hello {
    uint64_t server_epoch;
    uint32_t accept_encodings;
    size_t method_count;
    const struct ds_method *methods[DS_HELLO_METHODS_MAX]; /* that may share a message */
};

/* Reads a HelloResponse; methods that we don't know are left out. DS_INVALID_ARGUMENT where it is
 * none. */
DS_MUST_USE ds_code ds_server_hello_read(struct ds_bytes response,
                                         struct ds_server_hello *ret_hello);

/*
 * Whether the call is one that shares its message wherever the server allows that: its method is
 * inline, it asks for at most DS_SHARED_ROWS_MAX rows, and it is the first attempt (what is made
 * again has a nearer deadline).
 */
bool ds_client_call_would_share(const struct ds_client_call *call);

/* Whether the server allows it. */
bool ds_server_hello_allows_sharing(const struct ds_server_hello *hello,
                                    const struct ds_method *method);

enum ds_hello_state {
    DS_HELLO_UNKNOWN,
    DS_HELLO_ASKED,
    DS_HELLO_KNOWN,
};

/* Where calls stand until it is known how they travel. Zeroed at its start. Not thread-safe: a part
 * of its channel, whose lock guards it. */
struct ds_hello_gate {
    enum ds_hello_state state;
    struct ds_server_hello hello; /* where it is known */
    int64_t hello_us;             /* asked: its deadline; unknown: not to be asked before */
    struct ds_client_call_list held;
};

struct ds_sorted_calls {
    struct ds_client_call_list alone;
    struct ds_client_call_list shared;
    bool asks_hello; /* somebody has to, and to end it by gate.hello_us */
};

/*
 * Takes the calls of a flush apart. Where the server is not known yet, those that would share with
 * one another or be compressed are held; a lone call never is, nor one whose deadline is sooner
 * than Hello's.
 */
void ds_hello_gate_sort(struct ds_hello_gate *gate, const struct ds_channel *channel,
                        struct ds_client_call_list *calls, struct ds_sorted_calls *ret_sorted);

/* Hello has ended, with `hello` NULL where it brought nothing. The held calls are the caller's. */
struct ds_client_call_list ds_hello_gate_end(struct ds_hello_gate *gate,
                                             const struct ds_channel *channel,
                                             const struct ds_server_hello *hello);

/* The epoch of an answer: another one than Hello's is another server's. */
void ds_hello_gate_note_epoch(struct ds_hello_gate *gate, uint64_t server_epoch);

/* Takes a call out; false where it is not held. */
bool ds_hello_gate_remove(struct ds_hello_gate *gate, const struct ds_client_call *call);

bool ds_hello_gate_reads_zstd(const struct ds_hello_gate *gate);

#endif
