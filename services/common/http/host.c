#include "http/host.h"

#include <arpa/inet.h>

static bool is_hex_digit(uint8_t byte)
{
    const uint8_t lowered = byte | 0x20;
    return (byte >= '0' && byte <= '9') || (lowered >= 'a' && lowered <= 'f');
}

static bool is_name_byte(uint8_t byte)
{
    static const char others[] = "-._~!$&'()*+;=";
    const uint8_t lowered = byte | 0x20;
    return (lowered >= 'a' && lowered <= 'z') || (byte >= '0' && byte <= '9') ||
           memchr(others, byte, sizeof others - 1) != NULL;
}

static bool name_is_well_formed(struct ds_bytes name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '%') {
            if (name.size - i < 3 || !is_hex_digit(name.data[i + 1]) ||
                !is_hex_digit(name.data[i + 2])) {
                return false;
            }
            i += 2;
        } else if (!is_name_byte(name.data[i])) {
            return false;
        }
    }
    return name.size > 0;
}

static bool ipv6_is_well_formed(struct ds_bytes address)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    if (address.size >= sizeof text || memchr(address.data, '\0', address.size) != NULL) {
        return false;
    }
    memcpy(text, address.data, address.size);
    text[address.size] = '\0';
    return inet_pton(AF_INET6, text, &parsed) == 1;
}

static bool port_is_well_formed(struct ds_bytes digits)
{
    uint32_t port = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return false;
        }
        port = port * 10 + digits.data[i] - '0';
        if (port > UINT16_MAX) {
            return false;
        }
    }
    return true;
}

/* Takes the host off the front of `text`; what is left begins with the colon of the port. */
static bool take_host(struct ds_bytes *text)
{
    const bool is_bracketed = text->size > 0 && text->data[0] == '[';
    const uint8_t *end =
        text->size == 0 ? NULL : memchr(text->data, is_bracketed ? ']' : ':', text->size);
    if (is_bracketed && end == NULL) {
        return false;
    }
    const size_t size = end == NULL ? text->size : (size_t)(end - text->data);
    const struct ds_bytes host = ds_bytes_of(text->data, size);
    const size_t taken = is_bracketed ? size + 1 : size;
    text->data += taken;
    text->size -= taken;
    return is_bracketed ? ipv6_is_well_formed(ds_bytes_of(host.data + 1, host.size - 1))
                        : name_is_well_formed(host);
}

bool http_host_is_well_formed(struct ds_bytes text, enum http_port_rule port_rule)
{
    if (!take_host(&text)) {
        return false;
    }
    if (text.size == 0) {
        return port_rule == HTTP_PORT_OPTIONAL;
    }
    if (text.data[0] != ':' || (text.size == 1 && port_rule == HTTP_PORT_REQUIRED)) {
        return false;
    }
    return port_is_well_formed(ds_bytes_of((const uint8_t *)text.data + 1, text.size - 1));
}
