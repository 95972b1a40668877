/* What an HTTP server bears from its clients. */
#ifndef HTTP_LIMITS_H
#define HTTP_LIMITS_H

#include <stdint.h>

/* 0 stands for the default in brackets. */
struct http_limits {
    uint32_t connections_max;         /* open at a time [10,000] */
    uint32_t connections_address_max; /* of one address [1,000] */
    uint32_t pipeline_max;            /* requests in work on one connection [16] */
    uint32_t request_line_bytes_max;  /* [8 KiB] */
    uint32_t headers_bytes_max;       /* [32 KiB] */
    uint32_t header_count_max;        /* [100] */
    uint32_t body_bytes_max;          /* whatever the method allows, never more [16 MiB] */
    uint32_t headers_timeout_ms;      /* from the first byte to the end of the headers [10,000] */
    uint32_t body_timeout_ms;  /* from the end of the headers to the end of the body [30,000] */
    uint32_t write_timeout_ms; /* for the client to take a reply [30,000] */
    uint32_t idle_timeout_ms;  /* between requests [75,000] */
};

#endif
