/* Changes an LMDB file behind the store's back, while no store has it open. */
#ifndef TESTS_CONTRACT_LMDB_EDIT_H
#define TESTS_CONTRACT_LMDB_EDIT_H

#include "ds/bytes.h"

#include <stdbool.h>

/* Puts a value into a table; file and table are made where they are missing. */
void lmdb_entry_put(const char *folder, const char *table, struct ds_bytes key,
                    struct ds_bytes value);

/* Deletes an entry that is there. */
void lmdb_entry_delete(const char *folder, const char *table, struct ds_bytes key);

/* Whether the file has such a table. */
bool lmdb_table_exists(const char *folder, const char *table);

/* The bytes of a text literal, its zeros included. */
#define BYTES(literal) ds_bytes_of((literal), sizeof(literal) - 1)

#endif
