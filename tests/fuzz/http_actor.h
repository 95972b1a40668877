/* What a script makes a stream of the HTTP server do, and what it is told. */
#ifndef TESTS_FUZZ_HTTP_ACTOR_H
#define TESTS_FUZZ_HTTP_ACTOR_H

#include "fuzz/http_replies.h"
#include "http/stream.h"

#define HTTP_ACTOR_SCRIPT_BYTES_MAX 512

/* What the actors of a conversation share. */
struct http_stage {
    size_t open_count;               /* streams */
    size_t large_count;              /* large pieces that were sent */
    struct ds_buffer upgraded_bytes; /* that upgraded streams got */
    bool is_calling;                 /* the server is called: it must not call back */
    bool drain_asked;                /* the server is to be stopped behind this turn */
    bool may_be_cut;                 /* the client need not get all */
};

struct http_actor {
    struct http_stage *stage;
    struct http_expected *expected; /* by the client; gets what the stream sends */
    size_t number;                  /* of its request */
    bool is_upgraded;
    struct http_stream *stream; /* NULL once it is closed */
    char script[HTTP_ACTOR_SCRIPT_BYTES_MAX];
    size_t script_bytes;
    size_t at;
    bool is_over; /* it was ended or aborted */
    bool reads_nothing;
    bool saw_drain;
};

/* Begins the stream of a reply whose head has begun; its script is the request's query. False where
 * the server begins none. */
bool http_actor_begin(struct http_actor *actor, struct http_request *request);

/* Once a turn, also when the stream is over. */
void http_actor_act(struct http_actor *actor);

#endif
