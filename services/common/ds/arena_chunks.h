/*
 * The first chunks of arenas, of which a few that are free are kept: as many as a message has calls
 * come and go together, and the heap would give their pages to the kernel each time and fault them
 * in again. Private to ds_common.
 */
#ifndef DS_ARENA_CHUNKS_H
#define DS_ARENA_CHUNKS_H

#define DS_ARENA_FIRST_BYTES 4096
/* Chunks that are kept at most, 512 KiB. */
#define DS_ARENA_CHUNKS_KEPT_MAX 128

/* Memory of DS_ARENA_FIRST_BYTES, not cleared. Running out of memory aborts. Any thread. */
void *ds_arena_chunk_take(void);

/* Gives it back. Any thread. */
void ds_arena_chunk_give(void *chunk);

#endif
