#include "clients/cli/export_keys.h"

#include "clients/cli/fields.h"
#include "ds/arena.h"

#include <stdlib.h>

#define KEYS_ARENA_BYTES_MAX (256 * 1024 * 1024)
#define KEYS_FIRST 64
#define LIST_PRODUCTS "deltastream.storage.v1.Storage/ListProducts"
#define LIST_SYMBOLS "deltastream.storage.v1.Storage/ListSymbols"
#define SYMBOLS_PAGE_MAX "10000"

/* Numbers of the fields of ListProductsResponse and ListSymbolsResponse. */
enum {
    PRODUCTS_PRODUCTS = 1,
    SYMBOLS_SYMBOLS = 2,
    SYMBOLS_NEXT_PAGE_TOKEN = 3,
};

struct export_keys {
    struct ds_arena *arena;
    const char **keys;
    size_t count;
    size_t capacity;
    char token[ROW_PAGE_TOKEN_BYTES_MAX]; /* of the next page of symbols */
};

struct export_keys *export_keys_create(void)
{
    struct export_keys *keys = calloc(1, sizeof(*keys));
    if (keys == NULL) {
        abort();
    }
    keys->arena = ds_arena_create(KEYS_ARENA_BYTES_MAX);
    return keys;
}

void export_keys_destroy(struct export_keys *keys)
{
    if (keys == NULL) {
        return;
    }
    ds_arena_destroy(keys->arena);
    free(keys->keys);
    free(keys);
}

size_t export_keys_count(const struct export_keys *keys)
{
    return keys->count;
}

const char *export_keys_get(const struct export_keys *keys, size_t index)
{
    return keys->keys[index];
}

ds_code export_keys_add(struct export_keys *keys, struct ds_bytes key)
{
    const char *copy = keys->count < EXPORT_KEYS_MAX
                           ? ds_arena_copy_text(keys->arena, (const char *)key.data, key.size)
                           : NULL;
    if (copy == NULL) {
        fprintf(stderr,
                "deltastream: there are more than %d products or symbols; export them in "
                "parts\n",
                EXPORT_KEYS_MAX);
        return DS_RESOURCE_EXHAUSTED;
    }
    if (keys->count == keys->capacity) {
        keys->capacity = keys->capacity == 0 ? KEYS_FIRST : 2 * keys->capacity;
        keys->keys = realloc(keys->keys, keys->capacity * sizeof(keys->keys[0]));
        if (keys->keys == NULL) {
            abort();
        }
    }
    keys->keys[keys->count++] = copy;
    return DS_OK;
}

static ds_code take_product(void *context, uint32_t number, struct ds_bytes value)
{
    return number == PRODUCTS_PRODUCTS ? export_keys_add(context, value) : DS_OK;
}

ds_code export_keys_add_products(struct export_keys *keys, const struct connection *connection)
{
    struct answer answer;
    ds_code code = row_page_call(connection, ds_method_find(LIST_PRODUCTS, strlen(LIST_PRODUCTS)),
                                 NULL, 0, false, &answer);
    if (code == DS_OK) {
        code = fields_each(answer.response, take_product, keys);
    }
    answer_release(&answer);
    return code;
}

static ds_code take_symbol(void *context, uint32_t number, struct ds_bytes value)
{
    struct export_keys *keys = context;
    if (number == SYMBOLS_NEXT_PAGE_TOKEN && value.size < sizeof(keys->token)) {
        memcpy(keys->token, value.data, value.size);
        keys->token[value.size] = '\0';
    }
    return number == SYMBOLS_SYMBOLS ? export_keys_add(keys, value) : DS_OK;
}

static ds_code add_symbols_page(struct export_keys *keys, const struct connection *connection,
                                const char *product)
{
    char token[ROW_PAGE_TOKEN_BYTES_MAX];
    memcpy(token, keys->token, sizeof(token));
    keys->token[0] = '\0';
    const struct row_page_field fields[] = {
        {"product", product}, {"limit", SYMBOLS_PAGE_MAX}, {"page_token", token}};
    struct answer answer;
    ds_code code = row_page_call(connection, ds_method_find(LIST_SYMBOLS, strlen(LIST_SYMBOLS)),
                                 fields, sizeof(fields) / sizeof(fields[0]), false, &answer);
    if (code == DS_OK) {
        code = fields_each(answer.response, take_symbol, keys);
    }
    answer_release(&answer);
    return code;
}

ds_code export_keys_add_symbols(struct export_keys *keys, const struct connection *connection,
                                const char *product)
{
    keys->token[0] = '\0';
    do {
        DS_TRY(add_symbols_page(keys, connection, product));
    } while (keys->token[0] != '\0');
    return DS_OK;
}
