/*
 * The market store as a model so simple that it can be seen to be right: a heap of rows that is
 * searched from end to end. Histories of operations are run on a store and on the model, compared
 * step by step, and shrunk where they differ.
 */
#ifndef TESTS_CONTRACT_MODEL_H
#define TESTS_CONTRACT_MODEL_H

#include "storage/store/market_store.h"
#include "store_fixture.h"

#define MODEL_ROWS_MAX 4096
#define MODEL_TEXT_MAX (64 * 1024)
#define OPERATION_ROWS_MAX 8

/* What rows are made of: few enough that they meet. */
#define MODEL_SERIES_COUNT 5 /* of each kind */
#define MODEL_GROUP_COUNT 3
#define MODEL_TIE_COUNT 4 /* ticks only */
#define MODEL_VALUE_COUNT 5
#define MODEL_TIMES 12

struct model_row {
    uint8_t series; /* index */
    uint8_t group;  /* index; of quotes any, of chains the one that the series names */
    int64_t timestamp_us;
    uint8_t tie;   /* index */
    uint8_t value; /* index */
    bool has_assigned;
};

/* A mistake that a model may make, to show that it is found. */
enum model_mistake {
    MODEL_IS_RIGHT,
    MODEL_KNOWS_NO_LATE_ROWS,
    MODEL_DELETES_WITHOUT_END, /* the end of a range does not belong to it */
};

struct model_stored {
    enum market_kind kind;
    struct model_row row;
};

struct model {
    enum model_mistake mistake;
    struct model_stored rows[MODEL_ROWS_MAX];
    size_t row_count;
};

/* Texts of the indexes. */
const char *model_series_name(enum market_kind kind, size_t series);
const char *model_group_name(enum market_kind kind, size_t group);
struct ds_bytes model_value(size_t value);
struct market_row model_market_row(enum market_kind kind, const struct model_row *row);
/* The group that a chain's series names. */
uint8_t model_chain_group(size_t series);

/* As the functions of struct market_store_ops; results as text. Rows are written by text_row(). */
char model_put(struct model *model, enum market_kind kind, enum market_conflict conflict,
               const struct model_row *row); /* "ALDC" as put_text() */
struct ds_buffer;

void model_scan(const struct model *model, const struct market_scan *scan, struct ds_buffer *text,
                bool *ret_has_last, struct market_position *ret_last);
void model_list(const struct model *model, const struct market_series_query *query,
                struct ds_buffer *text);
void model_delete(struct model *model, enum market_kind kind, size_t series, int64_t start_us,
                  int64_t end_us, size_t row_max, struct ds_buffer *text);
void model_counts(const struct model *model, enum market_kind kind, uint64_t *ret_rows,
                  uint64_t *ret_series);

/* How rows and series are written, by the model and of a store. */
void model_text_row(struct ds_buffer *text, const struct market_row *row);
void model_text_series(struct ds_buffer *text, struct ds_bytes series, struct ds_bytes group);

enum operation_kind {
    OPERATION_PUT,
    OPERATION_DELETE,
    OPERATION_SCAN, /* also the beginning of pages */
    OPERATION_NEXT_PAGE,
    OPERATION_LIST,
    OPERATION_COUNT,
    OPERATION_VERIFY,
    OPERATION_REOPEN,
    OPERATION_RESTORE, /* a backup is taken and restored; what follows is done to that */
    OPERATION_CRASH,   /* a process that puts the rows one by one is killed */
    OPERATION_KIND_COUNT,
};

struct operation {
    enum operation_kind kind;
    enum market_kind rows_kind;
    enum market_conflict conflict;
    size_t row_count;
    struct model_row rows[OPERATION_ROWS_MAX];
    size_t kill_after; /* acknowledgements before the kill */
    /* Of a scan, a deletion, a list. */
    uint8_t series;
    uint8_t group; /* MODEL_GROUP_COUNT: all */
    bool by_group;
    bool ascending;
    bool has_after;
    uint8_t after_tie;
    int64_t after_us;
    int64_t start_us;
    int64_t end_us;
    size_t row_max;
    size_t bytes_max;
};

/* Fills `operations` from the seed; the same seed gives the same ones. */
void history_make(uint64_t seed, bool keeps_rows, struct operation *operations, size_t count);

/*
 * Runs the operations on a new store and a new model. False where they differ: ret_failure (of
 * MODEL_TEXT_MAX bytes) tells at which operation and how.
 */
bool history_run(const struct operation *operations, size_t count, enum model_mistake mistake,
                 char *ret_failure);

/* Takes operations and rows away as long as the history fails; returns how many are left. */
size_t history_shrink(struct operation *operations, size_t count, enum model_mistake mistake);

void history_print(const struct operation *operations, size_t count);

#endif
