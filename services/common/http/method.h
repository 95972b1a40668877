/* The request methods of HTTP that somebody tells apart. */
#ifndef HTTP_METHOD_H
#define HTTP_METHOD_H

enum http_method {
    HTTP_METHOD_GET = 0,
    HTTP_METHOD_POST = 1,
    HTTP_METHOD_PUT = 2,
    HTTP_METHOD_PATCH = 3,
    HTTP_METHOD_DELETE = 4,
    HTTP_METHOD_COUNT = 5, /* of methods that routes use */
    HTTP_METHOD_HEAD = 5,
    HTTP_METHOD_OPTIONS = 6,
    HTTP_METHOD_CONNECT = 7,
    HTTP_METHOD_TRACE = 8,
    HTTP_METHOD_OTHER = 9, /* nobody here knows it */
};

#endif
