/* What the commands of the noun "storage" share: one call whose reply is one message. */
#ifndef CLI_STORAGE_CALL_H
#define CLI_STORAGE_CALL_H

#include "clients/cli/connection.h"
#include "clients/cli/rows.h"
#include "clients/cli/table.h"

#include <protobuf-c/protobuf-c.h>

struct storage_call {
    const char *method; /* of the storage service: "GetStats" */
    const ProtobufCMessage *request;
    enum rows_format format;
    /* Shows the reply as a table for people. */
    void (*show)(const ProtobufCMessage *response);
};

/* Makes the call and shows its reply: as one JSON object with all of its fields, or by `show`
 * (ROWS_TABLE, and ROWS_AUTO on a terminal). Returns the exit code. */
int storage_call_run(struct ds_config *config, struct connection_options *options,
                     const struct storage_call *call);

/* The format of a command whose reply is one object. */
#define STORAGE_FORMAT_SETTING(options)                                                            \
    {                                                                                              \
        .name = "output", .short_flag = 'o', .environment = {"DS_OUTPUT"},                         \
        .kind = DS_SETTING_CHOICE, .argument = "FORMAT", .default_text = "auto",                   \
        .choices = storage_format_choices,                                                         \
        .help = "table, json or ndjson; auto: a table on a terminal, JSON elsewhere",              \
        .offset = offsetof(struct options, format)                                                 \
    }

/* The names of enum rows_format but for CSV, which one object is not. */
extern const char *const storage_format_choices[];

#endif
