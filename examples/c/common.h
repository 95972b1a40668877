/* What the four examples have in common: a client of the service at the URL that is given. */
#ifndef EXAMPLES_C_COMMON_H
#define EXAMPLES_C_COMMON_H

#include <deltastream.h>
#include <stdio.h>
#include <stdlib.h>

/* Over ipc the service believes what the program says of itself; over a network it would look at
 * options.authorization. */
static inline struct deltastream_client *client_open(int argument_count, char **arguments,
                                                     const struct deltastream_retry_policy *retry)
{
    if (argument_count < 2) {
        fprintf(stderr, "usage: %s URL …\n", arguments[0]);
        exit(2);
    }
    const struct deltastream_principal principal = {.struct_size = sizeof principal,
                                                    .subject = "service:example"};
    const struct deltastream_client_options options = {.struct_size = sizeof options,
                                                       .url = arguments[1],
                                                       .timeout_ms = 60000,
                                                       .retry = retry,
                                                       .principal = &principal};
    struct deltastream_client *client = NULL;
    char why[DELTASTREAM_MESSAGE_BYTES_MAX];
    if (deltastream_client_open(&options, &client, why, sizeof why) != DELTASTREAM_OK) {
        fprintf(stderr, "%s\n", why);
        exit(2);
    }
    return client;
}

/* What became of a call that failed; frees the reply. */
static inline int failure_tell(struct deltastream_reply *reply)
{
    fprintf(stderr, "%s (%s): %s\n", deltastream_code_name(deltastream_reply_code(reply)),
            deltastream_reply_reason(reply), deltastream_reply_message(reply));
    deltastream_reply_free(reply);
    return 1;
}

#endif
