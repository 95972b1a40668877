/*
 * What stands before a request of REQ/REP: words of 32 bits that say which way the reply goes back,
 * one of each device on its way and last, with its highest bit set, the number that the client gave
 * it (nanomsg's RFC sp-request-reply-01). Knows no sockets. Private to ds_common.
 */
#ifndef DS_SP_BACKTRACE_H
#define DS_SP_BACKTRACE_H

#include "ds/bytes.h"

#define DS_SP_HOPS_MAX 8

enum ds_sp_route {
    DS_SP_ROUTED,
    DS_SP_UNROUTED, /* no request begins so */
    DS_SP_TOO_FAR,  /* it came over more devices than it may, which is not the peer's fault */
};

/* Takes the backtrace, of which ret_backtrace is a view, off the front of *request; else leaves
 * both as they are. */
enum ds_sp_route ds_sp_backtrace_take(struct ds_bytes *request, struct ds_bytes *ret_backtrace);

#endif
