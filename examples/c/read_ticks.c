/* read_ticks URL PRODUCT: all ticks of a product, a page a call, oldest first. */
#include "common.h"

static void page_print(const Deltastream__Storage__ListTicksResponse *page)
{
    for (size_t i = 0; i < page->n_ticks; i++) {
        const Deltastream__Storage__Tick *tick = page->ticks[i];
        /* The page names the product once; its rows leave it out. */
        printf("%s %lld %.2f\n", page->product, (long long)tick->timestamp->seconds, tick->price);
    }
}

int main(int argument_count, char **arguments)
{
    struct deltastream_client *client = client_open(argument_count, arguments, NULL);
    struct deltastream_reply *reply = NULL;
    Deltastream__Storage__ListTicksRequest request = DELTASTREAM__STORAGE__LIST_TICKS_REQUEST__INIT;
    request.product = argument_count > 2 ? arguments[2] : (char *)"NIFTY";
    request.order = DELTASTREAM__STORAGE__ORDER__ORDER_ASC;
    deltastream__storage__list_ticks_request__set_limit(&request, 1000);
    int status = 0;
    while (status == 0) {
        /* The page before holds the token that this request points to. */
        struct deltastream_reply *before = reply;
        reply = NULL;
        const enum deltastream_code code =
            deltastream_storage_list_ticks(client, &request, NULL, &reply);
        deltastream_reply_free(before);
        if (code != DELTASTREAM_OK) {
            status = failure_tell(reply);
            reply = NULL;
            break;
        }
        const Deltastream__Storage__ListTicksResponse *page =
            deltastream_storage_list_ticks_response(reply);
        page_print(page);
        if (page->next_page_token[0] == '\0') {
            break;
        }
        request.page_token = page->next_page_token;
    }
    deltastream_reply_free(reply);
    deltastream_client_close(client);
    return status;
}
