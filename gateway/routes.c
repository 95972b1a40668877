#include "gateway/routes.h"

#include <string.h>

/* A request's path on its way through the trie. */
struct walk {
    const struct route_node *nodes;
    const struct ds_bytes *segments;
    size_t segment_count;
    struct ds_bytes verb; /* empty: none */
};

static int hexadecimal_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    const uint8_t lowered = digit | 0x20;
    return lowered >= 'a' && lowered <= 'f' ? lowered - 'a' + 10 : -1;
}

/* Takes one decoded byte off the front of `raw`; a '%' that begins no escape stands for itself. */
static uint8_t decoded_byte_take(struct ds_bytes *raw)
{
    uint8_t byte = raw->data[0];
    size_t taken = 1;
    if (byte == '%' && raw->size >= 3) {
        const int high = hexadecimal_value(raw->data[1]);
        const int low = hexadecimal_value(raw->data[2]);
        if (high >= 0 && low >= 0) {
            byte = (uint8_t)(high << 4 | low);
            taken = 3;
        }
    }
    *raw = ds_bytes_of(raw->data + taken, raw->size - taken);
    return byte;
}

/* ds_bytes_compare() of what `raw` decodes to with `literal`. */
static int decoded_compare(struct ds_bytes raw, struct ds_bytes literal)
{
    if (raw.size == 0 || memchr(raw.data, '%', raw.size) == NULL) {
        return ds_bytes_compare(raw, literal);
    }
    for (size_t i = 0; i < literal.size; i++) {
        if (raw.size == 0) {
            return -1;
        }
        const uint8_t byte = decoded_byte_take(&raw);
        if (byte != literal.data[i]) {
            return byte < literal.data[i] ? -1 : 1;
        }
    }
    return raw.size > 0;
}

static uint16_t literal_child(const struct route_node *node, struct ds_bytes segment)
{
    size_t low = 0;
    size_t high = node->edge_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct route_edge *edge = &node->edges[middle];
        const int order = decoded_compare(segment, ds_bytes_of(edge->segment, edge->segment_bytes));
        if (order == 0) {
            return edge->node;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return ROUTE_NO_NODE;
}

static const struct route_leaf *leaf_at(const struct walk *walk, uint16_t index)
{
    if (index == ROUTE_NO_NODE) {
        return NULL;
    }
    const struct route_node *node = &walk->nodes[index];
    for (size_t i = 0; i < node->leaf_count; i++) {
        if (decoded_compare(walk->verb, ds_bytes_of_text(node->leaves[i].verb)) == 0) {
            return &node->leaves[i];
        }
    }
    return NULL;
}

/*
 * The best leaf below the node `index` for the segments from `depth` on. Every node has one parent,
 * so a walk comes to it once at most however often it turns back; the depth is the number of
 * segments.
 */
static const struct route_leaf *leaf_below(const struct walk *walk, uint16_t index, size_t depth)
{
    if (index == ROUTE_NO_NODE) {
        return NULL;
    }
    const struct route_node *node = &walk->nodes[index];
    const struct route_leaf *leaf = NULL;
    if (depth == walk->segment_count) {
        leaf = leaf_at(walk, index);
    } else {
        leaf = leaf_below(walk, literal_child(node, walk->segments[depth]), depth + 1);
        if (leaf == NULL) {
            leaf = leaf_below(walk, node->star, depth + 1);
        }
    }
    return leaf != NULL ? leaf : leaf_at(walk, node->rest);
}

/* Cuts the path at its slashes. Returns the number of segments; 0 where it has too many or an empty
 * one. */
static size_t path_split(struct ds_bytes path, struct ds_bytes segments[ROUTE_PATH_SEGMENTS_MAX])
{
    if (path.size == 0 || path.data[0] != '/') {
        return 0;
    }
    const uint8_t *at = path.data + 1;
    const uint8_t *end = path.data + path.size;
    for (size_t count = 0; count < ROUTE_PATH_SEGMENTS_MAX;) {
        const uint8_t *slash = memchr(at, '/', (size_t)(end - at));
        const uint8_t *segment_end = slash == NULL ? end : slash;
        if (segment_end == at) {
            return 0;
        }
        segments[count++] = ds_bytes_of(at, (size_t)(segment_end - at));
        if (slash == NULL) {
            return count;
        }
        at = slash + 1;
    }
    return 0;
}

/* Takes ":verb" off the end of the segment. Empty where it has none; a segment that is all verb
 * keeps it. */
static struct ds_bytes verb_take(struct ds_bytes *segment)
{
    const uint8_t *colon = memrchr(segment->data, ':', segment->size);
    const uint8_t *end = segment->data + segment->size;
    if (colon == NULL || colon == segment->data) {
        return ds_bytes_of(NULL, 0);
    }
    *segment = ds_bytes_of(segment->data, (size_t)(colon - segment->data));
    return ds_bytes_of(colon + 1, (size_t)(end - colon - 1));
}

bool route_find_in(const struct route_node *nodes, struct ds_bytes path,
                   struct route_match *ret_match)
{
    struct ds_bytes segments[ROUTE_PATH_SEGMENTS_MAX];
    const size_t count = path_split(path, segments);
    if (count == 0) {
        return false;
    }
    struct walk walk = {.nodes = nodes, .segments = segments, .segment_count = count};
    const struct route_leaf *leaf = NULL;
    const struct ds_bytes last = segments[count - 1];
    walk.verb = verb_take(&segments[count - 1]);
    if (walk.verb.size > 0) {
        leaf = leaf_below(&walk, 0, 0);
    }
    if (leaf == NULL) {
        segments[count - 1] = last;
        walk.verb = ds_bytes_of(NULL, 0);
        leaf = leaf_below(&walk, 0, 0);
    }
    if (leaf == NULL) {
        return false;
    }
    ret_match->leaf = leaf;
    ret_match->segment_count = count;
    memcpy(ret_match->segments, segments, count * sizeof segments[0]);
    return true;
}

bool route_field_is_named(struct ds_bytes text, const struct ds_field *const *path, uint8_t depth)
{
    size_t at = 0;
    for (uint8_t i = 0; i < depth; i++) {
        const size_t size = path[i]->name_bytes;
        if (text.size - at < size || memcmp(text.data + at, path[i]->name, size) != 0) {
            return false;
        }
        at += size;
        if (i + 1 < depth && (at == text.size || text.data[at++] != '.')) {
            return false;
        }
    }
    return at == text.size;
}
