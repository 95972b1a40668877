#include "ds/loopback.h"

#include <arpa/inet.h>
#include <string.h>

#define HOST_BYTES_MAX 128

/* False where the address has no host and port, or a host too long to be a loopback's. */
static bool host_of(const char *address, char ret_host[HOST_BYTES_MAX])
{
    const bool is_bracketed = address[0] == '[';
    const char *begin = address + (is_bracketed ? 1 : 0);
    const size_t bytes = strcspn(begin, is_bracketed ? "]" : ":");
    if (begin[bytes] == '\0' || bytes >= HOST_BYTES_MAX) {
        return false;
    }
    memcpy(ret_host, begin, bytes);
    ret_host[bytes] = '\0';
    return true;
}

bool ds_address_is_loopback(const char *address)
{
    char host[HOST_BYTES_MAX];
    struct in_addr four;
    struct in6_addr six;
    if (!host_of(address, host)) {
        return false;
    }
    if (inet_pton(AF_INET, host, &four) == 1) {
        return ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (inet_pton(AF_INET6, host, &six) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&six);
    }
    return strcmp(host, "localhost") == 0;
}
