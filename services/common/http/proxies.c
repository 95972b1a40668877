#include "http/proxies.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define ADDRESS_BYTES 16
#define CIDR_TEXT_BYTES (INET6_ADDRSTRLEN + 4) /* "/128" */

/* IPv4 addresses stand in the last four bytes. */
struct address {
    uint8_t bytes[ADDRESS_BYTES];
    bool is_v4;
};

struct network {
    struct address address;
    unsigned int prefix_bits; /* of all 128 */
};

struct http_proxies {
    size_t count;
    struct network networks[];
};

/* An IPv4 address within IPv6 (::ffff:a.b.c.d) is that IPv4 address. */
static bool address_read(const char *text, struct address *ret_address)
{
    struct in_addr four;
    struct in6_addr six;
    *ret_address = (struct address){.is_v4 = true};
    if (inet_pton(AF_INET, text, &four) == 1) {
        memcpy(ret_address->bytes + ADDRESS_BYTES - sizeof four, &four, sizeof four);
        return true;
    }
    if (inet_pton(AF_INET6, text, &six) != 1) {
        return false;
    }
    ret_address->is_v4 = IN6_IS_ADDR_V4MAPPED(&six);
    memcpy(ret_address->bytes, &six, sizeof six);
    if (ret_address->is_v4) {
        memset(ret_address->bytes, 0, ADDRESS_BYTES - sizeof four);
    }
    return true;
}

static void address_write(const struct address *address, char target[HTTP_PEER_BYTES])
{
    const uint8_t *first = address->bytes + (address->is_v4 ? ADDRESS_BYTES - 4 : 0);
    (void)inet_ntop(address->is_v4 ? AF_INET : AF_INET6, first, target, HTTP_PEER_BYTES);
}

static bool prefix_read(const char *text, unsigned int bits_max, unsigned int *ret_bits)
{
    unsigned int bits = 0;
    const size_t size = strlen(text);
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        bits = bits * 10 + (unsigned int)(text[i] - '0');
    }
    *ret_bits = bits;
    return size >= 1 && size <= 3 && bits <= bits_max;
}

static bool network_read(const char *text, struct network *ret_network)
{
    char copy[CIDR_TEXT_BYTES];
    if (strlen(text) >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, strlen(text) + 1);
    char *slash = strchr(copy, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    struct network network;
    if (!address_read(copy, &network.address)) {
        return false;
    }
    const unsigned int bits_max = network.address.is_v4 ? 32 : 128;
    network.prefix_bits = bits_max;
    if (slash != NULL && !prefix_read(slash + 1, bits_max, &network.prefix_bits)) {
        return false;
    }
    network.prefix_bits += 128 - bits_max;
    *ret_network = network;
    return true;
}

struct http_proxies *http_proxies_create(const char *const *items, size_t count, size_t *ret_wrong)
{
    struct http_proxies *proxies = calloc(1, sizeof *proxies + count * sizeof proxies->networks[0]);
    if (proxies == NULL) {
        abort();
    }
    proxies->count = count;
    for (size_t i = 0; i < count; i++) {
        if (!network_read(items[i], &proxies->networks[i])) {
            *ret_wrong = i;
            free(proxies);
            return NULL;
        }
    }
    return proxies;
}

void http_proxies_destroy(struct http_proxies *proxies)
{
    free(proxies);
}

static bool network_has(const struct network *network, const struct address *address)
{
    const unsigned int whole = network->prefix_bits / 8;
    const unsigned int rest = network->prefix_bits % 8;
    if (network->address.is_v4 != address->is_v4 ||
        memcmp(network->address.bytes, address->bytes, whole) != 0) {
        return false;
    }
    const uint8_t mask = (uint8_t)(0xff00U >> rest);
    return rest == 0 || ((network->address.bytes[whole] ^ address->bytes[whole]) & mask) == 0;
}

static bool is_trusted(const struct http_proxies *proxies, const struct address *address)
{
    for (size_t i = 0; i < proxies->count; i++) {
        if (network_has(&proxies->networks[i], address)) {
            return true;
        }
    }
    return false;
}

bool http_proxies_trust(const struct http_proxies *proxies, const char *peer)
{
    struct address address;
    return proxies != NULL && address_read(peer, &address) && is_trusted(proxies, &address);
}

/* Takes the last element off a list separated by commas, without blanks around it. */
static struct ds_bytes take_last(struct ds_bytes *list)
{
    size_t start = list->size;
    while (start > 0 && list->data[start - 1] != ',') {
        start--;
    }
    const struct ds_bytes last = http_trim(ds_bytes_of(list->data + start, list->size - start));
    list->size = start == 0 ? 0 : start - 1;
    return last;
}

static bool hop_read(struct ds_bytes hop, struct address *ret_address)
{
    char text[INET6_ADDRSTRLEN];
    if (hop.size >= sizeof text) {
        return false;
    }
    memcpy(text, hop.data, hop.size);
    text[hop.size] = '\0';
    return strlen(text) == hop.size && address_read(text, ret_address);
}

bool http_proxies_client(const struct http_proxies *proxies, const char *peer,
                         struct ds_bytes forwarded_for, char ret_client[HTTP_PEER_BYTES])
{
    const size_t peer_bytes = strnlen(peer, HTTP_PEER_BYTES - 1);
    memcpy(ret_client, peer, peer_bytes);
    ret_client[peer_bytes] = '\0';
    if (forwarded_for.size == 0 || !http_proxies_trust(proxies, peer)) {
        return false;
    }
    struct address hop;
    do {
        if (!hop_read(take_last(&forwarded_for), &hop)) {
            return false;
        }
    } while (forwarded_for.size > 0 && is_trusted(proxies, &hop));
    address_write(&hop, ret_client);
    return true;
}

/* The values of all fields of that kind in their order, joined by commas. */
static void join_fields(const struct http_request *request, enum http_header_id id,
                        struct ds_buffer *target)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (request->headers[i].id == id) {
            ds_buffer_append(target, target->size == 0 ? "" : ",", target->size == 0 ? 0 : 1);
            ds_buffer_append(target, request->headers[i].value.data,
                             request->headers[i].value.size);
        }
    }
}

void http_proxies_read(const struct http_proxies *proxies, struct http_request *request)
{
    memcpy(request->client, request->peer, sizeof request->client);
    request->secure = false;
    if (!http_proxies_trust(proxies, request->peer)) {
        return;
    }
    struct ds_buffer joined;
    ds_buffer_init(&joined, SIZE_MAX);
    join_fields(request, HTTP_HEADER_X_FORWARDED_FOR, &joined);
    (void)http_proxies_client(proxies, request->peer, ds_buffer_bytes(&joined), request->client);
    ds_buffer_clear(&joined);
    join_fields(request, HTTP_HEADER_X_FORWARDED_PROTO, &joined);
    struct ds_bytes protocols = ds_buffer_bytes(&joined);
    request->secure = http_text_equal(take_last(&protocols), "https");
    ds_buffer_deinit(&joined);
}
