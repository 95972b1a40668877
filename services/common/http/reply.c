#include "http/reply.h"

#include "ds/number.h"

static const struct {
    uint16_t status;
    const char *phrase;
} phrases[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
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

static void put_two_digits(char *target, int64_t value)
{
    target[0] = (char)('0' + value / 10 % 10);
    target[1] = (char)('0' + value % 10);
}

void http_date_format(int64_t unix_seconds, char target[HTTP_DATE_BYTES])
{
    static const char day_names[] = "ThuFriSatSunMonTueWed"; /* 1970 began on a Thursday */
    static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const int64_t days = unix_seconds / 86400;
    const int64_t seconds = unix_seconds % 86400;

    /* Days to a date in the proleptic Gregorian calendar, in eras of 400 years from March on. */
    const int64_t shifted = days + 719468;
    const int64_t era = shifted / 146097;
    const int64_t day_of_era = shifted % 146097;
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t month_from_march = (5 * day_of_year + 2) / 153;
    const int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    const int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    const int64_t year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);

    memcpy(target, "Thu, 00 Jan 0000 00:00:00 GMT", HTTP_DATE_BYTES);
    memcpy(target, day_names + days % 7 * 3, 3);
    put_two_digits(target + 5, day);
    memcpy(target + 8, month_names + (month - 1) * 3, 3);
    put_two_digits(target + 12, year / 100);
    put_two_digits(target + 14, year % 100);
    put_two_digits(target + 17, seconds / 3600);
    put_two_digits(target + 20, seconds / 60 % 60);
    put_two_digits(target + 23, seconds % 60);
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
