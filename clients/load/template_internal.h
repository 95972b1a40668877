/* What templates are made of; template*.c's own. */
#ifndef LOAD_TEMPLATE_INTERNAL_H
#define LOAD_TEMPLATE_INTERNAL_H

#include "clients/load/template.h"

enum template_piece_kind { PIECE_CONSTANT, PIECE_VARIABLE, PIECE_GENERATOR, PIECE_REPEAT };

/* How the value of a place is written. */
enum template_writing {
    WRITE_BARE,   /* as it is: a number in JSON */
    WRITE_QUOTED, /* as a JSON string */
    WRITE_INSIDE, /* within a JSON string */
    WRITE_PERCENT,
    WRITE_HEADER,
};

struct template_piece {
    enum template_piece_kind kind;
    enum template_writing writing;
    struct ds_bytes text;                   /* of a constant */
    size_t index;                           /* of the variable, or of the generator's column */
    const struct load_generator *generator; /* of PIECE_GENERATOR */
    const struct load_template *rows;       /* of PIECE_REPEAT: an element of the list */
    uint64_t row_count;
};

struct load_template {
    const struct template_piece *pieces;
    size_t piece_count;
};

/* Collects the pieces of a template. */
struct template_builder {
    struct ds_arena *arena;
    const struct load_names *names;
    char *reason;              /* LOAD_TEMPLATE_REASON_BYTES_MAX */
    struct ds_buffer constant; /* that is not a piece yet */
    struct template_piece *pieces;
    size_t count;
    size_t capacity;
    uint64_t row_count; /* of the repetition around; 1: none */
    bool is_repeated;
};

void template_builder_init(struct template_builder *builder, struct ds_arena *arena,
                           const struct load_names *names, char *reason);
void template_builder_deinit(struct template_builder *builder);
void template_piece_add(struct template_builder *builder, const struct template_piece *piece);

/* What the builder has collected, in its arena. */
const struct load_template *template_finish(struct template_builder *builder);

/* A stretch of a text up to the next place: the constant in front, and the name where one comes. */
struct template_stretch {
    struct ds_bytes constant;
    bool is_escape; /* "$${" follows the constant: it means "${" */
    bool has_name;
    struct ds_bytes name;
    const char *rest;
};

/* False after a complaint. */
bool template_stretch_next(struct template_builder *builder, const char *text,
                           struct template_stretch *ret_stretch);

/* The place of that name; false after a complaint. */
bool template_place_find(struct template_builder *builder, struct ds_bytes name,
                         struct template_piece *ret_piece);

#endif
