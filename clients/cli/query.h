/*
 * A command that shows what one method answers: the request is made of its operands and flags, and
 * the repeated field of the reply is its rows. Commands differ in a constant alone (queries.c).
 */
#ifndef CLI_QUERY_H
#define CLI_QUERY_H

#include "clients/cli/connection.h"

/* The most operands that go to different fields. */
#define QUERY_OPERANDS_MAX 2
/* How many ways a reply may be looked at, and how many fields of it may hold rows at once. */
#define QUERY_VIEWS_MAX 2
#define QUERY_SOURCES_MAX 2

struct query {
    const char *method; /* full name */
    /* Fields of the request that the operands fill in their order; a repeated one takes the rest.
     * A flag fills the field of its own name. */
    const char *operands[QUERY_OPERANDS_MAX];
    /* Fields of the reply whose messages are rows: "ticks", "latest.values". None in the first
     * view: the reply is the row. */
    const char *sources[QUERY_VIEWS_MAX][QUERY_SOURCES_MAX];
    const char *values;  /* instead: a field of plain values, shown one a line */
    const char *heading; /* of the values in CSV: "product" */
    const char *missing; /* a field of names that were asked for and are not there; or NULL */
    bool is_vertical;    /* a table has a line a value */
};

/* What the settings of every such command fill; a command has the rows that its request has. */
struct query_options {
    struct connection_options connection;
    const char *start;
    const char *end;
    const char *expiry;
    const char *interval;
    const char *page_token;
    int64_t limit;
    int64_t window;
    int64_t tolerance_ms;
    int order;
    int format;
    int view; /* of a choice */
    bool history;
    bool all;
};

/* Makes the request, shows the reply, and returns the exit code. */
int query_run(const struct query *query, struct ds_config *config, struct query_options *options);

#endif
