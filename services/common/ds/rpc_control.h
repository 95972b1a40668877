/* Hello and grpc.health.v1, which every server answers. Private to ds_common. */
#ifndef DS_RPC_CONTROL_H
#define DS_RPC_CONTROL_H

struct ds_rpc_server;

void ds_rpc_control_serve(struct ds_rpc_server *server);

#endif
