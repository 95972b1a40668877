/* What introspection.h tells of a call. Private to ds_common. */
#ifndef DS_CALL_VIEW_H
#define DS_CALL_VIEW_H

#include "ds/introspection.h"
#include "ds/rpc_call.h"

/* Of a call whose code is set, by its thread. */
void ds_call_view_of_finished(struct ds_call *call, struct ds_call_view *ret_view);

/* Of a call that is listed in rpc_calls.h, under that list's lock, while other threads work on it.
 */
void ds_call_view_of_listed(struct ds_call *call, struct ds_call_view *ret_view);

#endif
