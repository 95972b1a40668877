/* The field Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-06): a call made again with
 * the same key gets the first one's reply. */
#ifndef GATEWAY_IDEMPOTENCY_KEY_H
#define GATEWAY_IDEMPOTENCY_KEY_H

#include "gateway/exchange.h"

/*
 * Reads the key of an exchange whose method and principal are known into
 * exchange->idempotency_key: a string of RFC 8941 or what stands there bare. Methods without side
 * effects pay no heed to it. False fills ret_problem (400).
 *
 * The anonymous caller is many people: its keys are told apart by the client's address, so that
 * nobody gets a reply that was another's.
 */
bool idempotency_key_take(struct exchange *exchange, struct problem *ret_problem);

#endif
