/* Which connection a request goes by, and what is on its way by each. */
#include "ds/sp_dialer_internal.h"

#include <assert.h>

/* While the least busy connection has that many requests under way another one is opened. */
#define SLOTS_BUSY 16
/* Ids have their highest bit set, end with the number of their slot, and differ in between. */
#define ID_BIT 0x80000000U
#define SLOT_BITS 6

static_assert(1 << SLOT_BITS == DS_SP_SLOTS_MAX, "a slot's number has its bits of an id");

/* ---- slots ---- */

void ds_sp_slots_init_locked(struct ds_sp_link *link)
{
    memset(link->slots, 0, sizeof link->slots);
    link->free_slots = UINT64_MAX;
}

static size_t count_taken(const struct ds_sp_link *link)
{
    return DS_SP_SLOTS_MAX - (size_t)__builtin_popcountll(link->free_slots);
}

struct ds_sp_slot *ds_sp_slot_take_locked(struct ds_sp_link *link, struct ds_sp_request *request)
{
    const size_t place = (size_t)__builtin_ctzll(link->free_slots);
    struct ds_sp_slot *slot = &link->slots[place];
    link->free_slots &= ~((uint64_t)1 << place);
    link->generation++;
    *slot = (struct ds_sp_slot){.id = ID_BIT | link->generation << SLOT_BITS | (uint32_t)place,
                                .request = request,
                                .end = UINT64_MAX};
    return slot;
}

struct ds_sp_slot *ds_sp_slot_find_locked(struct ds_sp_link *link, uint32_t id)
{
    struct ds_sp_slot *slot = &link->slots[id % DS_SP_SLOTS_MAX];
    return id != 0 && slot->id == id ? slot : NULL;
}

void ds_sp_slot_free_locked(struct ds_sp_link *link, struct ds_sp_slot *slot)
{
    slot->id = 0;
    slot->request = NULL;
    link->free_slots |= (uint64_t)1 << (slot - link->slots);
}

/* ---- the pick ---- */

bool ds_sp_pool_is_open_locked(const struct ds_sp_dialer *dialer)
{
    for (size_t i = 0; i < DS_SP_LINKS_MAX; i++) {
        if (dialer->links[i].phase == DS_SP_LINK_OPEN && !dialer->links[i].is_failing) {
            return true;
        }
    }
    return false;
}

bool ds_sp_pool_is_shaking_locked(const struct ds_sp_dialer *dialer)
{
    for (size_t i = 0; i < DS_SP_LINKS_MAX; i++) {
        if (dialer->links[i].phase == DS_SP_LINK_GREETING && dialer->trust != NULL) {
            return true;
        }
    }
    return false;
}

/* Who sends a large message may have the connection's own lock for some time. */
static bool is_in_large_message(struct ds_sp_link *link)
{
    return link->is_receiving || link->large_senders > 0 ||
           (count_taken(link) > 0 &&
            ds_sp_connection_unsent(&link->connection) > DS_SP_LARGE_BYTES);
}

static bool is_coming(const struct ds_sp_link *link)
{
    return link->is_wanted || (link->phase > DS_SP_LINK_DOWN && link->phase < DS_SP_LINK_OPEN);
}

/* One more at a time; the first one sees to itself. */
static void want_another_locked(struct ds_sp_dialer *dialer)
{
    struct ds_sp_link *wanted = NULL;
    for (size_t i = 0; i < DS_SP_LINKS_MAX; i++) {
        struct ds_sp_link *link = &dialer->links[i];
        if (is_coming(link)) {
            return;
        }
        if (i > 0 && link->phase == DS_SP_LINK_DOWN && wanted == NULL) {
            wanted = link;
        }
    }
    if (wanted != NULL && (wanted->retry_us == 0 || ds_sp_now_us() >= wanted->retry_us)) {
        wanted->is_wanted = true;
        ds_sp_dialer_wake_locked(dialer);
    }
}

static bool is_all_given_up(const struct ds_sp_link *link)
{
    for (size_t i = 0; i < DS_SP_SLOTS_MAX; i++) {
        if (link->slots[i].request != NULL) {
            return false;
        }
    }
    return true;
}

/* All connections are full. One whose peer owes answers that nobody waits for any more may never
 * get them, and is of no use. */
static void leave_useless_locked(struct ds_sp_dialer *dialer)
{
    for (size_t i = 0; i < DS_SP_LINKS_MAX; i++) {
        struct ds_sp_link *link = &dialer->links[i];
        if (link->phase == DS_SP_LINK_OPEN && !link->is_failing && is_all_given_up(link)) {
            link->is_failing = true;
            link->is_useless = true;
            ds_sp_dialer_wake_locked(dialer);
            return;
        }
    }
}

struct ds_sp_link *ds_sp_pool_pick_locked(struct ds_sp_dialer *dialer)
{
    struct ds_sp_link *best = NULL;
    size_t best_count = 0;
    bool is_best_large = false;
    for (size_t i = 0; i < DS_SP_LINKS_MAX; i++) {
        struct ds_sp_link *link = &dialer->links[i];
        if (link->phase != DS_SP_LINK_OPEN || link->is_failing || link->free_slots == 0) {
            continue;
        }
        const size_t count = count_taken(link);
        const bool is_large = is_in_large_message(link);
        if (best == NULL || is_large < is_best_large ||
            (is_large == is_best_large && count < best_count)) {
            best = link;
            best_count = count;
            is_best_large = is_large;
        }
    }
    const bool is_full = best == NULL && ds_sp_pool_is_open_locked(dialer);
    if (is_full || (best != NULL && (is_best_large || best_count >= SLOTS_BUSY))) {
        want_another_locked(dialer);
    }
    if (is_full) {
        leave_useless_locked(dialer);
    }
    return best;
}
