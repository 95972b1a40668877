#include "ds/host_port.h"

#include <string.h>

bool ds_host_port_split(const char *text, char *ret_host, size_t host_bytes_max,
                        bool *ret_is_bracketed, const char **ret_port)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text) {
        return false;
    }
    const bool is_bracketed = text[0] == '[' && colon[-1] == ']';
    const size_t host_bytes = (size_t)(colon - text) - (is_bracketed ? 2 : 0);
    if (host_bytes == 0 || host_bytes >= host_bytes_max) {
        return false;
    }
    memcpy(ret_host, text + (is_bracketed ? 1 : 0), host_bytes);
    ret_host[host_bytes] = '\0';
    if (ret_is_bracketed != NULL) {
        *ret_is_bracketed = is_bracketed;
    }
    *ret_port = colon + 1;
    return true;
}
