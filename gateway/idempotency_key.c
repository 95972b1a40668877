#include "gateway/idempotency_key.h"

#include <sodium.h>

#define DIGEST_BYTES 32
_Static_assert(DIGEST_BYTES <= EXCHANGE_KEY_BYTES_MAX, "a digest is a key");

static bool refuse(struct problem *ret_problem, const char *what)
{
    problem_set(ret_problem, DS_REASON(IDEMPOTENCY_KEY_INVALID),
                "Idempotency-Key: %s; send 1 to %d visible characters, bare or in quotes, such as "
                "a UUID",
                what, EXCHANGE_KEY_BYTES_MAX);
    (void)problem_add(ret_problem, PROBLEM_AT_HEADER, ds_bytes_of_text("Idempotency-Key"), what);
    return false;
}

/* Of a key without quotes: those of a token, and what else base64 and URNs are made of. */
static bool is_bare_byte(uint8_t byte)
{
    return http_is_token_byte(byte) || byte == ':' || byte == '/' || byte == '=';
}

/* The key out of its quotes. NULL, or what is wrong with it. */
static const char *unquote(struct ds_bytes text, uint8_t key[EXCHANGE_KEY_BYTES_MAX],
                           size_t *ret_size)
{
    size_t size = 0;
    size_t at = 1;
    while (at < text.size && text.data[at] != '"') {
        if (text.data[at] == '\\') {
            at++;
            if (at == text.size || (text.data[at] != '"' && text.data[at] != '\\')) {
                return "a backslash may stand in front of a quote or a backslash only";
            }
        } else if (text.data[at] < 0x20 || text.data[at] > 0x7e) {
            return "it has a byte that is not a visible character";
        }
        if (size == EXCHANGE_KEY_BYTES_MAX) {
            return "it is too long";
        }
        key[size++] = text.data[at++];
    }
    if (at == text.size) {
        return "the closing quote is missing";
    }
    *ret_size = size;
    return at + 1 < text.size ? "there is more behind the closing quote" : NULL;
}

static const char *take_bare(struct ds_bytes text, uint8_t key[EXCHANGE_KEY_BYTES_MAX],
                             size_t *ret_size)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_bare_byte(text.data[i])) {
            return "it has a character that may stand in quotes only";
        }
        if (i == EXCHANGE_KEY_BYTES_MAX) {
            return "it is too long";
        }
        key[i] = text.data[i];
    }
    *ret_size = text.size;
    return NULL;
}

/* With the lengths of its parts, so that no two pairs are the same bytes. */
static void tell_apart(struct exchange *exchange)
{
    const struct ds_bytes client = ds_bytes_of_text(exchange->request->client);
    const uint8_t lengths[2] = {(uint8_t)client.size, exchange->idempotency_key_bytes};
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, DIGEST_BYTES);
    crypto_generichash_update(&state, lengths, sizeof lengths);
    crypto_generichash_update(&state, client.data, client.size);
    crypto_generichash_update(&state, exchange->idempotency_key, exchange->idempotency_key_bytes);
    crypto_generichash_final(&state, exchange->idempotency_key, DIGEST_BYTES);
    exchange->idempotency_key_bytes = DIGEST_BYTES;
}

bool idempotency_key_take(struct exchange *exchange, struct problem *ret_problem)
{
    const struct http_request *request = exchange->request;
    if (request->seen[HTTP_HEADER_IDEMPOTENCY_KEY] == 0 ||
        exchange->method->idempotency == DS_NO_SIDE_EFFECTS) {
        return true;
    }
    if (request->seen[HTTP_HEADER_IDEMPOTENCY_KEY] > 1) {
        return refuse(ret_problem, "it is there more than once");
    }
    const struct ds_bytes text = http_request_header(request, HTTP_HEADER_IDEMPOTENCY_KEY);
    size_t size = 0;
    const char *fault = text.size > 0 && text.data[0] == '"'
                            ? unquote(text, exchange->idempotency_key, &size)
                            : take_bare(text, exchange->idempotency_key, &size);
    if (fault == NULL && size == 0) {
        fault = "it is empty";
    }
    if (fault != NULL) {
        return refuse(ret_problem, fault);
    }
    exchange->idempotency_key_bytes = (uint8_t)size;
    if (exchange->principal == exchange->gateway->anonymous) {
        tell_apart(exchange);
    }
    return true;
}
