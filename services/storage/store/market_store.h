/*
 * The store of market data: one small interface, several engines, one contract suite
 * (tests/contract). A row belongs to a series and is kept under (kind, series, timestamp, tie); its
 * value is the protobuf form of the row, so that range reads frame stored bytes straight into a
 * reply. A series may belong to a group:
 *
 *   kind    series              group     tie                          what the value leaves out
 *   ticks   "NIFTY"             -         of the tick_id or of a hash  product
 *   quotes  "NIFTY20250125C21500"  "NIFTY"   -                            symbol
 *   chains  "NIFTY/2025-01-25"  "NIFTY"   -                            product
 *
 * Chains can also be read by group: in the order of their times, whatever their series.
 */
#ifndef STORAGE_STORE_MARKET_STORE_H
#define STORAGE_STORE_MARKET_STORE_H

#include "ds/bytes.h"
#include "ds/clock.h"
#include "ds/code.h"
#include "ds/events.h"
#include "ds/histogram.h"

#define MARKET_PRODUCT_BYTES_MAX 128
/* A product, '/' and an expiry are the longest. */
#define MARKET_SERIES_BYTES_MAX 144
#define MARKET_TIE_BYTES_MAX 16
#define MARKET_VALUE_BYTES_MAX (4 * 1024 * 1024)
#define MARKET_BATCH_ROWS_MAX 10000

enum market_kind {
    MARKET_TICKS = 1,
    MARKET_QUOTES = 2,
    MARKET_CHAINS = 3,
};

/* Kinds are stored and sent as these numbers. */
#define MARKET_KIND_FIRST MARKET_TICKS
#define MARKET_KIND_MAX MARKET_CHAINS

/* "ticks": the first part of an event's topic and the name of what an engine keeps the rows in. */
const char *market_kind_name(enum market_kind kind);

/* Orders and tells apart the rows of one timestamp; compared as ds_bytes_compare() does. */
struct market_tie {
    uint8_t size;
    uint8_t data[MARKET_TIE_BYTES_MAX];
};

struct market_row {
    struct ds_bytes series;
    /*
     * Empty where the kind has no groups. A series stays in the group of its first row. Of chains
     * the series is the group, '/' and a member of at most MARKET_TIE_BYTES_MAX bytes, and the tie
     * is empty.
     */
    struct ds_bytes group;
    int64_t timestamp_us; /* since 1970 */
    struct market_tie tie;
    struct ds_bytes value;
    /*
     * Number of a top-level field of `value` that the service filled in (processed_at), 0 where
     * there is none: it is left out when the value is compared with a stored one, so that a
     * writer's retry is a duplicate.
     */
    uint32_t assigned_field;
};

/* What becomes of a row whose key is stored with other content. */
enum market_conflict {
    MARKET_CONFLICT_ERROR = 0,
    MARKET_CONFLICT_FIRST = 1,
    MARKET_CONFLICT_LAST = 2,
};

enum market_outcome {
    MARKET_ACCEPTED = 0,
    MARKET_ACCEPTED_LATE =
        1, /* stored, and older than the newest row of its series at that moment */
    MARKET_DUPLICATE =
        2, /* the key was stored with the same content, or MARKET_CONFLICT_FIRST decided so */
    MARKET_CONFLICT = 3, /* MARKET_CONFLICT_ERROR: not stored */
};

/*
 * Rows to store. The caller owns the struct and all that it points to until `done` is called, once,
 * from any thread and perhaps before put returns. Rows are treated in their order, also within one
 * batch. With code DS_OK every row has its outcome and every accepted row is durable; with any
 * other code none of the rows was acknowledged.
 */
struct market_batch {
    enum market_kind kind;
    enum market_conflict conflict;
    const struct market_row *rows;
    size_t row_count;              /* 1 to MARKET_BATCH_ROWS_MAX */
    enum market_outcome *outcomes; /* row_count of them, filled by the store */
    void (*done)(struct market_batch *batch);
    void *context;

    ds_code code;              /* filled by the store */
    struct market_batch *next; /* the store's own */
};

/* A place between rows of a series, or of a group: then `tie` is the member. */
struct market_position {
    int64_t timestamp_us;
    struct market_tie tie;
};

struct market_scan {
    enum market_kind kind;
    /* Chains only: `series` names a group. Rows of one timestamp follow their members; in a row
     * that is taken `series` is its series, `group` the group and `tie` the member. */
    bool by_group;
    struct ds_bytes series;
    int64_t start_us; /* both ends belong to the range; INT64_MIN and INT64_MAX leave it open */
    int64_t end_us;
    bool ascending; /* oldest first; else newest first. Rows of one timestamp follow their ties the
                       same way. */
    bool has_after; /* begin behind `after` in that order */
    struct market_position after;
    size_t row_max;   /* at least 1 */
    size_t bytes_max; /* of the rows' values; at least one row comes whatever its size */
};

/* Takes a row; its views die with the call. */
typedef void (*market_row_fn)(void *context, const struct market_row *row);

/* Which series to list. */
struct market_series_query {
    enum market_kind kind;
    struct ds_bytes group; /* of this group only; empty: of all */
    struct ds_bytes after; /* begin behind this name; empty: with the first */
    size_t series_max;     /* at least 1 */
};

/* Takes a series' name and its group (empty where it has none); the views die with the call. */
typedef void (*market_series_fn)(void *context, struct ds_bytes series, struct ds_bytes group);

/*
 * Rows to delete: as struct market_batch, with `done` called once from any thread. With DS_OK
 * deleted_count rows are gone durably; any other code: none is. A series whose last row goes is no
 * longer listed.
 */
struct market_delete {
    enum market_kind kind;
    struct ds_bytes series;
    int64_t start_us; /* both ends belong to the range */
    int64_t end_us;
    size_t row_max; /* the oldest ones of the range, at most so many; 1 to MARKET_DELETE_ROWS_MAX.
                       Fewer, at least one, where they are large, room is short or other orders
                       share the transaction: see `more` */
    void (*done)(struct market_delete *order);
    void *context;

    ds_code code;               /* filled by the store */
    size_t deleted_count;       /* filled by the store */
    bool more;                  /* filled by the store: rows of the range are left */
    struct market_delete *next; /* the store's own */
};

/* Of one transaction, however many orders share it: some 10 ms. */
#define MARKET_DELETE_ROWS_MAX 10000

enum market_writes {
    MARKET_WRITES_OK = 0,
    MARKET_WRITES_FULL = 1,    /* no room; they resume by themselves */
    MARKET_WRITES_STOPPED = 2, /* a sync failed; a restart is needed */
};

struct market_kind_stats {
    uint64_t row_count;
    uint64_t series_count;
    uint64_t bytes; /* of the pages that hold them, indexes included; 0 where there is no file */
};

#define MARKET_STORE_ID_BYTES_MAX 37 /* a UUID's text and its end */

struct market_stats {
    uint64_t row_count;
    uint64_t series_count;
    uint64_t commit_count;                               /* durable commits since the start */
    uint64_t file_bytes;                                 /* on disk; 0 where there is no file */
    struct market_kind_stats kinds[MARKET_KIND_MAX + 1]; /* by kind */
    uint64_t reusable_bytes;                             /* of the file, free for new rows */
    uint64_t file_bytes_max;                             /* how far it may grow; 0: no limit */
    uint64_t disk_free_bytes;
    uint64_t queued_row_count;
    enum market_writes writes;
    uint32_t format_version;
    char store_id[MARKET_STORE_ID_BYTES_MAX]; /* "" where there is none */
};

/* What a verification needs and finds. */
struct market_verify {
    /* Takes a fault as text without a line's end; the text dies with the call. */
    void (*fault)(void *context, const char *text);
    /* Asked between pages; true ends the verification with DS_CANCELLED. NULL: never. */
    bool (*should_stop)(void *context);
    void *context;

    uint64_t rows_checked;   /* filled by the store */
    uint64_t series_checked; /* filled by the store */
};

/* Who takes an image, and what it holds. */
struct market_image {
    /* Takes the next bytes, which die with the call. */
    ds_code (*take)(void *context, struct ds_bytes bytes);
    void *context;

    uint64_t row_count; /* filled by the store */
    uint64_t bytes;     /* filled by the store */
};

struct market_store;

/*
 * What an engine does. Every function may be called from any thread. Unless may_block is set none
 * but `close` blocks for longer than a page fault; with may_block set, call from a pool's thread.
 *
 * Codes: DS_UNAVAILABLE where the engine can't be reached or has stopped writing after a failed
 * sync (reads go on, but for lmdb where what failed is the page that makes a commit count: then
 * only a restart helps), DS_RESOURCE_EXHAUSTED where the disk is full (for now) or the queue of
 * batches is, DS_DATA_LOSS where stored bytes are damaged.
 */
struct market_store_ops {
    const char *name; /* "lmdb" */
    bool may_block;

    /* Stores a batch; see struct market_batch. */
    void (*put)(struct market_store *store, struct market_batch *batch);

    /*
     * Calls `take` for the rows of the range, in order. ret_more says whether rows of the range are
     * left behind the last one taken. An unknown series has no rows. A scan sees the store as of
     * one moment, and every row acknowledged before.
     */
    ds_code (*scan)(struct market_store *store, const struct market_scan *scan, market_row_fn take,
                    void *context, bool *ret_more);

    /*
     * Calls `take` for the series that have rows, in byte order. ret_more says whether others are
     * left behind the last one taken.
     */
    ds_code (*list_series)(struct market_store *store, const struct market_series_query *query,
                           market_series_fn take, void *context, bool *ret_more);

    /* Deletes rows; see struct market_delete. */
    void (*delete_rows)(struct market_store *store, struct market_delete *order);

    /*
     * Looks at every key, row and index entry: keys well formed and of a listed series, values
     * well-formed messages of their kind, indexes and rows the same. DS_OK also where there are
     * faults. Blocks for as long as it takes, whatever may_block says: some seconds for 10 million
     * rows, in short transactions.
     */
    ds_code (*verify)(struct market_store *store, struct market_verify *verify);

    /*
     * Hands out the engine's own image of the store as of one moment, beside reads and writes.
     * Blocks until all is taken. The first code of `take` other than DS_OK ends it and is returned.
     * NULL where the engine has no such thing.
     */
    ds_code (*write_image)(struct market_store *store, struct market_image *image);

    /* DS_OK where reads and writes work. */
    ds_code (*health)(struct market_store *store);

    ds_code (*stats)(struct market_store *store, struct market_stats *ret_stats);

    /* Ends what is queued, then closes. No call may be under way or come later. */
    void (*close)(struct market_store *store);
};

/* The beginning of every engine's struct. */
struct market_store {
    const struct market_store_ops *ops;
};

/* What an engine counts while it writes. One without a disk counts nothing. */
struct market_figures {
    struct ds_histogram transactions;  /* of those that came to be durable: from their first row */
    struct ds_histogram commits;       /* of these the last part: the pages' writing and the sync */
    atomic_uint_fast64_t rows_written; /* of batches, known ones included */
    atomic_uint_fast64_t rows_deleted;
};

struct market_store_options {
    const struct ds_clock *clock; /* NULL: the system's */
    struct ds_event_sink
        events; /* told of every accepted row after its commit; publish may be NULL */
    struct market_figures *figures; /* outlive the store; NULL: nobody asks for them */
    uint64_t map_bytes;             /* lmdb: how far the file may grow; 0: 64 GiB */
    uint64_t free_bytes_min;        /* lmdb: writes stop when the disk has less; 0: 64 MiB */
};

/*
 * Opens the embedded store in folder `path`, made (0700) where it is missing.
 * DS_FAILED_PRECONDITION where the folder holds something else, another format or belongs to
 * another process; DS_PERMISSION_DENIED where it can't be read or written. The reason for a person
 * goes to ret_reason (of reason_bytes_max bytes).
 */
DS_MUST_USE ds_code market_lmdb_open(const char *path, const struct market_store_options *options,
                                     struct market_store **ret_store, char *ret_reason,
                                     size_t reason_bytes_max);

/* The reference model: sorted arrays in memory, nothing durable. */
struct market_store *market_memory_open(const struct market_store_options *options);

/* Put a batch, or delete rows, and wait for it; they return its code and use its `done` and
 * `context`. For tests, tools and threads of a pool. */
ds_code market_put_wait(struct market_store *store, struct market_batch *batch);
ds_code market_delete_wait(struct market_store *store, struct market_delete *order);

/* The same of several orders at a time, which an engine may carry out together. Each has a code of
 * its own. */
void market_deletes_wait(struct market_store *store, struct market_delete *orders, size_t count);

/*
 * Whether two values are the same but for the top-level field `assigned_field` (0: compare all).
 * Shared by the engines.
 */
bool market_values_equal(struct ds_bytes a, struct ds_bytes b, uint32_t assigned_field);

#endif
