/* Lists through members of what is listed: a node is in one list or in none, and goes out of it in
 * no time. */
#ifndef GATEWAY_LIVE_LIST_H
#define GATEWAY_LIVE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* A head, or a member of what is listed. One that is in no list points to itself. */
struct live_node {
    struct live_node *previous;
    struct live_node *next;
};

static inline void live_node_init(struct live_node *node)
{
    node->previous = node;
    node->next = node;
}

/* Whether a head has nothing in its list, or a member is in none. */
static inline bool live_node_is_alone(const struct live_node *node)
{
    return node->next == node;
}

/* Takes a member out of the list that it is in, if any. */
static inline void live_node_remove(struct live_node *node)
{
    node->previous->next = node->next;
    node->next->previous = node->previous;
    live_node_init(node);
}

/* Puts a member to the end, out of the list that it was in. */
static inline void live_list_append(struct live_node *head, struct live_node *node)
{
    live_node_remove(node);
    node->previous = head->previous;
    node->next = head;
    head->previous->next = node;
    head->previous = node;
}

/* What `node` is a member of. */
#define LIVE_OWNER(node, type, member)                                                             \
    ((type *)(void *)((char *)(void *)(node)-offsetof(type, member)))

#endif
