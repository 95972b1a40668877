#include "http/reply.h"

#include "ds/number.h"
#include "ds/time.h"

static const struct {
    uint16_t status;
    const char *phrase;
} phrases[] = {
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *http_status_phrase(unsigned int status)
{
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (phrases[i].status == status) {
            return phrases[i].phrase;
        }
    }
    return "";
}

void http_date_format(int64_t unix_seconds, char target[HTTP_DATE_BYTES])
{
    static const char day_names[] = "ThuFriSatSunMonTueWed"; /* 1970 began on a Thursday */
    static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char text[DS_TIME_TEXT_MAX]; /* 1970-01-01T00:00:00Z */
    ds_time_format(unix_seconds, 0, text);
    const int month = (text[5] - '0') * 10 + text[6] - '0';
    memcpy(target, "Thu, 00 Jan 0000 00:00:00 GMT", HTTP_DATE_BYTES);
    memcpy(target, day_names + unix_seconds / 86400 % 7 * 3, 3);
    memcpy(target + 5, text + 8, 2);
    memcpy(target + 8, month_names + (month - 1) * 3, 3);
    memcpy(target + 12, text, 4);
    memcpy(target + 17, text + 11, 8);
}

void http_reply_begin(struct http_request *request, unsigned int status)
{
    struct ds_buffer *head = &request->reply_head;
    ds_buffer_clear(head);
    ds_buffer_clear(&request->reply_body);
    request->status = (uint16_t)status;
    if (status == 200) {
        ds_buffer_append(head, "HTTP/1.1 200 OK\r\n", 17);
        return;
    }
    char number[DS_INT_TEXT_MAX];
    const size_t size = ds_uint64_format(status, number);
    ds_buffer_append_text(head, "HTTP/1.1 ");
    ds_buffer_append(head, number, size);
    ds_buffer_append_byte(head, ' ');
    ds_buffer_append_text(head, http_status_phrase(status));
    ds_buffer_append(head, "\r\n", 2);
}

void http_reply_field(struct http_request *request, const char *name, struct ds_bytes value)
{
    ds_buffer_append_text(&request->reply_head, name);
    ds_buffer_append(&request->reply_head, ": ", 2);
    ds_buffer_append(&request->reply_head, value.data, value.size);
    ds_buffer_append(&request->reply_head, "\r\n", 2);
}

void http_reply_field_text(struct http_request *request, const char *name, const char *value)
{
    http_reply_field(request, name, ds_bytes_of_text(value));
}

void http_reply_field_number(struct http_request *request, const char *name, uint64_t value)
{
    char number[DS_INT_TEXT_MAX];
    http_reply_field(request, name, ds_bytes_of(number, ds_uint64_format(value, number)));
}
