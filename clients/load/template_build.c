#include "clients/load/memory.h"
#include "clients/load/template_internal.h"
#include "ds/suggest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void template_builder_init(struct template_builder *builder, struct ds_arena *arena,
                           const struct load_names *names, char *reason)
{
    *builder =
        (struct template_builder){.arena = arena, .names = names, .reason = reason, .row_count = 1};
    /* What is made of a scenario is about as large as the scenario. */
    ds_buffer_init(&builder->constant, SIZE_MAX / 2);
}

void template_builder_deinit(struct template_builder *builder)
{
    ds_buffer_deinit(&builder->constant);
    free(builder->pieces);
}

static void piece_push(struct template_builder *builder, const struct template_piece *piece)
{
    if (builder->count == builder->capacity) {
        builder->capacity = builder->capacity == 0 ? 16 : builder->capacity * 2;
        builder->pieces =
            load_reallocate(builder->pieces, builder->capacity * sizeof(*builder->pieces));
    }
    builder->pieces[builder->count++] = *piece;
}

/* Makes a piece of the constant text so far. */
static void constant_flush(struct template_builder *builder)
{
    if (builder->constant.size == 0) {
        return;
    }
    const char *copy = ds_arena_copy_text(builder->arena, (const char *)builder->constant.data,
                                          builder->constant.size);
    assert(copy != NULL);
    const struct template_piece piece = {.kind = PIECE_CONSTANT,
                                         .text = ds_bytes_of(copy, builder->constant.size)};
    piece_push(builder, &piece);
    ds_buffer_clear(&builder->constant);
}

void template_piece_add(struct template_builder *builder, const struct template_piece *piece)
{
    constant_flush(builder);
    piece_push(builder, piece);
}

const struct load_template *template_finish(struct template_builder *builder)
{
    constant_flush(builder);
    struct load_template *template = ds_arena_zalloc(builder->arena, sizeof(*template));
    struct template_piece *pieces =
        ds_arena_zalloc(builder->arena, builder->count * sizeof(*pieces));
    assert(template != NULL && pieces != NULL);
    if (builder->count > 0) {
        memcpy(pieces, builder->pieces, builder->count * sizeof(*pieces));
    }
    template->pieces = pieces;
    template->piece_count = builder->count;
    return template;
}

bool template_stretch_next(struct template_builder *builder, const char *text,
                           struct template_stretch *ret_stretch)
{
    const char *place = strstr(text, "${");
    if (place == NULL) {
        const size_t bytes = strlen(text);
        *ret_stretch =
            (struct template_stretch){.constant = ds_bytes_of(text, bytes), .rest = text + bytes};
        return true;
    }
    if (place > text && place[-1] == '$') {
        *ret_stretch =
            (struct template_stretch){.constant = ds_bytes_of(text, (size_t)(place - 1 - text)),
                                      .is_escape = true,
                                      .rest = place + 2};
        return true;
    }
    const char *end = strchr(place, '}');
    if (end == NULL) {
        snprintf(builder->reason, LOAD_TEMPLATE_REASON_BYTES_MAX,
                 "\"%.40s\" has no }; a place is ${name}, and $${ stands for ${", place);
        return false;
    }
    *ret_stretch =
        (struct template_stretch){.constant = ds_bytes_of(text, (size_t)(place - text)),
                                  .has_name = true,
                                  .name = ds_bytes_of(place + 2, (size_t)(end - place - 2)),
                                  .rest = end + 1};
    return true;
}

static bool variable_find(const struct load_names *names, struct ds_bytes name, size_t *ret_index)
{
    for (size_t i = 0; i < names->variable_count; i++) {
        if (ds_bytes_equal_text(name, names->variables[i])) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

static bool name_refuse(struct template_builder *builder, struct ds_bytes name)
{
    char word[LOAD_PLACE_NAME_BYTES_MAX * 2];
    snprintf(word, sizeof(word), "%.*s", (int)name.size, (const char *)name.data);
    struct ds_suggestion suggestion;
    ds_suggest_begin(&suggestion, word);
    const struct load_names *names = builder->names;
    for (size_t i = 0; i < names->variable_count; i++) {
        ds_suggest_offer(&suggestion, names->variables[i]);
    }
    for (size_t i = 0; names->generators != NULL && i < names->generators->count; i++) {
        ds_suggest_offer(&suggestion, load_generator_name(names->generators->items[i]));
    }
    snprintf(builder->reason, LOAD_TEMPLATE_REASON_BYTES_MAX,
             "${%s}: neither \"data\" nor an earlier \"capture\" has that name%s%s%s", word,
             suggestion.best == NULL ? "" : "; did you mean \"",
             suggestion.best == NULL ? "" : suggestion.best, suggestion.best == NULL ? "" : "\"?");
    return false;
}

static bool column_refuse(struct template_builder *builder, const struct load_generator *generator)
{
    snprintf(builder->reason, LOAD_TEMPLATE_REASON_BYTES_MAX,
             "${%s…}: the column of a csv follows a dot, as its first line spells it, and only "
             "a csv has columns",
             load_generator_name(generator));
    return false;
}

bool template_place_find(struct template_builder *builder, struct ds_bytes name,
                         struct template_piece *ret_piece)
{
    size_t index = 0;
    if (variable_find(builder->names, name, &index)) {
        *ret_piece = (struct template_piece){.kind = PIECE_VARIABLE, .index = index};
        return true;
    }
    const uint8_t *dot = name.size == 0 ? NULL : memchr(name.data, '.', name.size);
    const size_t bytes = dot == NULL ? name.size : (size_t)(dot - name.data);
    struct load_generator *generator =
        load_generator_find(builder->names->generators, (const char *)name.data, bytes);
    if (generator == NULL) {
        return name_refuse(builder, name);
    }
    const size_t skipped = dot == NULL ? name.size : bytes + 1;
    if (!load_generator_column(generator, (const char *)name.data + skipped, name.size - skipped,
                               &index)) {
        return column_refuse(builder, generator);
    }
    load_generator_expect_rows(generator, builder->row_count);
    *ret_piece =
        (struct template_piece){.kind = PIECE_GENERATOR, .index = index, .generator = generator};
    return true;
}

static bool text_add(struct template_builder *builder, enum template_writing writing,
                     const char *text)
{
    struct template_stretch stretch = {.rest = text};
    while (stretch.rest[0] != '\0') {
        if (!template_stretch_next(builder, stretch.rest, &stretch)) {
            return false;
        }
        ds_buffer_append(&builder->constant, stretch.constant.data, stretch.constant.size);
        if (stretch.is_escape) {
            ds_buffer_append_text(&builder->constant, "${");
        }
        if (stretch.has_name) {
            struct template_piece piece;
            if (!template_place_find(builder, stretch.name, &piece)) {
                return false;
            }
            piece.writing = writing;
            template_piece_add(builder, &piece);
        }
    }
    return true;
}

/* What would end a request's line or a header and begin another. */
static bool text_check(struct template_builder *builder, enum load_template_form form,
                       const char *text)
{
    for (const char *next = text; *next != '\0'; next++) {
        const unsigned char byte = (unsigned char)*next;
        if (byte < ' ' || byte == 0x7F || (form == LOAD_FORM_PATH && byte == ' ')) {
            snprintf(builder->reason, LOAD_TEMPLATE_REASON_BYTES_MAX,
                     form == LOAD_FORM_PATH ? "blanks and control characters take %%20 and the like"
                                            : "takes no control characters");
            return false;
        }
    }
    return true;
}

const struct load_template *load_template_of_text(struct ds_arena *arena,
                                                  enum load_template_form form, const char *text,
                                                  const struct load_names *names,
                                                  char ret_reason[LOAD_TEMPLATE_REASON_BYTES_MAX])
{
    struct template_builder builder;
    template_builder_init(&builder, arena, names, ret_reason);
    const enum template_writing writing = form == LOAD_FORM_PATH ? WRITE_PERCENT : WRITE_HEADER;
    const struct load_template *template =
        text_check(&builder, form, text) && text_add(&builder, writing, text)
            ? template_finish(&builder)
            : NULL;
    template_builder_deinit(&builder);
    return template;
}
