/* An option chain as text: calls | strike | puts, a line a strike, the one at the money marked. */
#ifndef CLI_CHAIN_VIEW_H
#define CLI_CHAIN_VIEW_H

#include "ds/buffer.h"
#include "ds/code.h"

struct chain_view {
    size_t width;     /* of a line, in characters; from CHAIN_VIEW_WIDTH_WIDE on there are volumes,
                         bids and asks too */
    size_t lines_max; /* strikes furthest from the money are left out; 0: no limit */
    bool is_bold;     /* the line at the money stands out by more than its mark */
};

#define CHAIN_VIEW_WIDTH_WIDE 120

/* Appends the lines of an OptionChain on the wire. DS_INVALID_ARGUMENT where it is none,
 * DS_RESOURCE_EXHAUSTED where the buffer meets its limit. */
DS_MUST_USE ds_code chain_view_write(const struct chain_view *view, struct ds_bytes chain,
                                     struct ds_buffer *text);

#endif
