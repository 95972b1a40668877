/*
 * Follows the events of a service from a thread of its own, which connects by itself, and again.
 * While a notice is worked on, messages wait in the kernel's buffers of the connection and then at
 * the service, which drops the oldest past some (docs/rpc.md, section 10); they are asked for
 * afterwards, which is a gap where the service has forgotten them.
 */
#ifndef DS_EVENT_SUBSCRIBER_H
#define DS_EVENT_SUBSCRIBER_H

#include "ds/event_follower.h"
#include "ds/rpc_client.h"

#define DS_EVENT_URL_BYTES_MAX 256
/* Four heartbeats. */
#define DS_EVENT_SILENCE_MS 1000
/* Between two questions to a service that is not heard. */
#define DS_EVENT_ASK_MS 250

struct ds_event_subscriber;

struct ds_event_subscriber_options {
    const char *url;                      /* of an event socket; Hello names those of a service.
                                             NULL with `asks`: none, the service is asked alone */
    struct ds_channel *channel;           /* to the same service; outlives the subscriber */
    const struct ds_method *list_method;  /* the service's ListEvents */
    const char *authorization;            /* of these calls; NULL: none. Outlives the subscriber. */
    const struct ds_principal *principal; /* the same; believed by trusted listeners only */
    const struct ds_event_interest *interests; /* copied, but for the texts */
    size_t interest_count;                     /* 1 to DS_EVENT_KINDS_MAX */
    bool asks; /* while nothing comes for DS_EVENT_SILENCE_MS, calls tell what messages would */
    ds_event_notice_fn notice; /* on the subscriber's thread */
    void *context;
};

/* DS_INVALID_ARGUMENT: no such URL; DS_RESOURCE_EXHAUSTED: no descriptor is left. */
DS_MUST_USE ds_code ds_event_subscriber_open(const struct ds_event_subscriber_options *options,
                                             struct ds_event_subscriber **ret_subscriber);

/* Waits for a notice or a call that is under way; none comes afterwards. Takes NULL. Not from a
 * notice. */
void ds_event_subscriber_close(struct ds_event_subscriber *subscriber);

/*
 * How many messages have been received, heartbeats included: where it stands still for several of
 * DS_EVENT_HEARTBEAT_US, and no notice is being worked on, nothing is heard of the service. Any
 * thread.
 */
uint64_t ds_event_subscriber_message_count(const struct ds_event_subscriber *subscriber);

/* How many calls have been answered, of those that fill holes or ask. Any thread. */
uint64_t ds_event_subscriber_answer_count(const struct ds_event_subscriber *subscriber);

/* Asks Hello for the service's event sockets and gives the first. DS_NOT_FOUND: it has none; else
 * the call's code. */
DS_MUST_USE ds_code ds_event_url_ask(struct ds_channel *channel,
                                     char ret_url[DS_EVENT_URL_BYTES_MAX]);

#endif
