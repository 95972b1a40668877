"""What RFC 9112 and RFC 9110 say of requests, as bytes and answers. `REFUSED` leaves nothing to read behind it."""

from typing import NamedTuple

BODY = b'{"ticks":[{"product":"ROW","price":1,"timestamp":"2025-01-25T10:00:00Z"}]}'
TARGET = b"/v1/products"
HOST = b"Host: test\r\n"
INGEST = b"POST /v1/ticks:ingest HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
CHUNKED = INGEST + b"Transfer-Encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class Row(NamedTuple):
    name: str
    clause: str  # of RFC 9112 where it has no "9110" in front, or "ours": stricter than it must be, docs/conformance.md
    data: bytes
    status: int
    closes: bool


def line(text, fields=HOST):
    return text + b"\r\n" + fields + b"\r\n"


def target(text, method=b"GET"):
    return line(method + b" " + text + b" HTTP/1.1")


def host(value):
    return line(b"GET /v1/products HTTP/1.1", b"Host: " + value + b"\r\n")


def field(text):
    return line(b"GET /v1/products HTTP/1.1", HOST + text + b"\r\n")


def post(fields, body=b""):
    return INGEST + fields + b"\r\n\r\n" + body


def chunks(*pieces, extension=b"", trailers=b""):
    framed = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces)
    return CHUNKED + framed + b"0\r\n" + trailers + b"\r\n"


def codings(value, body=LAST_CHUNK):
    return post(b"Transfer-Encoding: " + value, body)


def length(value, body=BODY):
    return post(b"Content-Length: " + value, body)


def served(clause, rows, status=200):
    return [Row(name, clause, data, status, False) for name, data in rows.items()]


def refused(clause, rows, status=400):
    return [Row(name, clause, data, status, True) for name, data in rows.items()]


REQUEST_LINE = [
    *served("2.2", {"a blank line in front": b"\r\n" + target(TARGET), "two in front": b"\r\n\r\n" + target(TARGET)}),
    *refused("2.2", {"three blank lines in front": b"\r\n\r\n\r\n" + target(TARGET)}),
    *refused("2.2", {
        "LF alone behind the request line": b"GET /v1/products HTTP/1.1\n" + HOST + b"\r\n",
        "LF alone behind a field": b"GET /v1/products HTTP/1.1\r\nHost: test\n\r\n",
        "LF alone behind the fields": b"GET /v1/products HTTP/1.1\r\nHost: test\r\n\n",
        "LF alone in front": b"\n" + target(TARGET),
        "LF everywhere": b"GET /v1/products HTTP/1.1\nHost: test\n\n",
        "CR alone behind the request line": b"GET /v1/products HTTP/1.1\rHost: test\r\n\r\n",
        "CR CR LF": b"GET /v1/products HTTP/1.1\r\r\nHost: test\r\n\r\n",
        "blanks in front of the first field": b"GET /v1/products HTTP/1.1\r\n Host: test\r\n\r\n",
    }),
    *refused("3", {
        "two blanks behind the method": target(b" /v1/products"),
        "two blanks in front of the version": line(b"GET /v1/products  HTTP/1.1"),
        "a tab behind the method": line(b"GET\t/v1/products HTTP/1.1"),
        "a tab in front of the version": line(b"GET /v1/products\tHTTP/1.1"),
        "a blank in front of the method": line(b" GET /v1/products HTTP/1.1"),
        "a blank behind the version": line(b"GET /v1/products HTTP/1.1 "),
        "a form feed for a blank": line(b"GET\x0c/v1/products HTTP/1.1"),
        "no target": line(b"GET HTTP/1.1"),
        "a fourth word": line(b"GET /v1/products HTTP/1.1 x"),
        "a blank in the target": target(b"/v1/ products"),
        "no version": line(b"GET /v1/products"),
        "HTTP/0.9 without a line of its own": b"GET /v1/products\r\n\r\n",
        "NUL in the request line": target(b"/v1/products\x00"),
    }),
    *refused("9110 5.6.2", {
        "a method with a colon": target(TARGET, b"G:T"),
        "a method with a bracket": target(TARGET, b"G(T"),
        "a method with a letter beyond ASCII": target(TARGET, b"G\xc3\xa4T"),
        "a method with NUL": target(TARGET, b"G\x00T"),
        "a quoted method": target(TARGET, b'"GET"'),
    }),
    *served("9110 9.1", {
        "an unknown method": target(TARGET, b"FOO"),
        "a method in lower case": target(TARGET, b"get"),
        "a method in mixed case": target(TARGET, b"Get"),
        "a method of every character of a token": target(TARGET, b"!#$%&'*+-.^_`|~0aZ"),
        "an unknown method with a body": line(b"FOO / HTTP/1.1", HOST + b"Content-Length: 3\r\n") + b"abc",
    }, 501),
    *refused("9110 9.1", {
        "an unknown method in chunks": line(b"FOO / HTTP/1.1", HOST + b"Transfer-Encoding: chunked\r\n")
        + b"3\r\nabc\r\n0\r\n\r\n",
    }, 501),
    *served("9110 15.5.6", {
        "TRACE": target(TARGET, b"TRACE"),
        "CONNECT": line(b"CONNECT test:80 HTTP/1.1"),
        "CONNECT to an IPv6 address": line(b"CONNECT [::1]:443 HTTP/1.1"),
        "DELETE of what can't be deleted": target(TARGET, b"DELETE"),
    }, 405),
    *refused("9110 9.3.6", {
        "CONNECT without a port": line(b"CONNECT test HTTP/1.1"),
        "CONNECT with an empty port": line(b"CONNECT test: HTTP/1.1"),
        "CONNECT with a port beyond 16 bits": line(b"CONNECT test:65536 HTTP/1.1"),
        "CONNECT to a path": line(b"CONNECT /v1/products HTTP/1.1"),
        "CONNECT to a URL": line(b"CONNECT http://test:80/ HTTP/1.1"),
        "CONNECT with a body": line(b"CONNECT test:80 HTTP/1.1", HOST + b"Content-Length: 3\r\n") + b"abc",
    }),
    *refused("9110 9.3.8", {
        "TRACE with a body": line(b"TRACE / HTTP/1.1", HOST + b"Content-Length: 3\r\n") + b"abc",
        "TRACE with chunks": line(b"TRACE / HTTP/1.1", HOST + b"Transfer-Encoding: chunked\r\n") + LAST_CHUNK,
    }),
    *refused("9110 4.1", {"a request line of 9 KiB": target(b"/" + b"x" * 9000)}, 414),
]

VERSION = [
    *served("9110 2.5", {
        "HTTP/1.2": line(b"GET /v1/products HTTP/1.2"),
        "HTTP/1.9 with a body": INGEST.replace(b"HTTP/1.1", b"HTTP/1.9") + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY),
    }),
    *refused("9110 15.6.6", {
        "HTTP/2.0": line(b"GET /v1/products HTTP/2.0"),
        "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "HTTP/0.9": line(b"GET /v1/products HTTP/0.9"),
        "HTTP/3.1": line(b"GET /v1/products HTTP/3.1"),
    }, 505),
    *refused("2.3", {
        "a version in lower case": line(b"GET /v1/products http/1.1"),
        "a version of two digits": line(b"GET /v1/products HTTP/1.10"),
        "a version of one number": line(b"GET /v1/products HTTP/1"),
        "a version with a comma": line(b"GET /v1/products HTTP/1,1"),
        "a version of letters": line(b"GET /v1/products HTTP/x.y"),
        "another protocol": line(b"GET /v1/products HTTPS/1.1"),
        "a version with a plus": line(b"GET /v1/products HTTP/+1.1"),
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    }),
]

TARGETS = [
    *served("3.2.2", {
        "absolute-form": target(b"http://test/v1/products"),
        "absolute-form of https": target(b"https://test/v1/products"),
        "absolute-form in upper case": target(b"HTTP://TEST/v1/products"),
        "absolute-form with a port": target(b"http://test:8080/v1/products"),
        "absolute-form of another host": target(b"http://other/v1/products"),
        "absolute-form of an IPv6 address": target(b"http://[::1]:80/v1/products"),
        "absolute-form without a path": target(b"http://test"),
    }),
    *served("9110 4.2.1", {"absolute-form with a query and no path": target(b"http://test?x=1")}, 400),
    *served("3.2.4", {
        "asterisk-form": target(b"*", b"OPTIONS"),
        "OPTIONS of a whole URL without a path": target(b"http://test", b"OPTIONS"),
        "OPTIONS of a path": target(TARGET, b"OPTIONS"),
    }, 204),
    *refused("3.2.4", {"asterisk-form for GET": target(b"*"), "asterisk-form with more": target(b"*/", b"OPTIONS")}),
    *refused("3.2.2", {
        "absolute-form without a host": target(b"http:///v1/products"),
        "absolute-form with a port only": target(b"http://:80/v1/products"),
        "absolute-form of a user": target(b"http://user@test/v1/products"),
        "absolute-form of two ports": target(b"http://test:1:2/v1/products"),
        "absolute-form of a port beyond 16 bits": target(b"http://test:99999/v1/products"),
        "absolute-form of half an IPv6 address": target(b"http://[::1/v1/products"),
        "absolute-form of another scheme": target(b"ftp://test/v1/products"),
        "absolute-form with one slash": target(b"http:/v1/products"),
        "absolute-form with a bad Host": line(b"GET http://test/ HTTP/1.1", b"Host: a/b\r\n"),
        "absolute-form and no Host": line(b"GET http://test/ HTTP/1.1", b""),
    }),
    *refused("3.2.1", {
        "a path without a slash": target(b"v1/products"),
        "authority-form for GET": target(b"test:80"),
        "a fragment": target(b"/v1/products#x"),
        "a fragment in the query": target(b"/v1/products?x#y"),
    }),
    *refused("3.2", {
        f"{name} in the {place}": target(b"/v1/products" + mark + raw)
        for place, mark in (("path", b""), ("query", b"?"))
        for name, raw in {
            "a double quote": b'"', "less than": b"<", "greater than": b">", "a backslash": b"\\", "a caret": b"^",
            "a grave accent": b"`", "a brace": b"{", "a closing brace": b"}", "a bar": b"|", "a bracket": b"[",
            "a closing bracket": b"]", "DEL": b"\x7f", "a control character": b"\x01", "a byte beyond ASCII": b"\xe4",
        }.items()
    }),
    *refused("3.2", {
        "half a percent-encoding": target(b"/v1/products%2"),
        "a percent sign at the end": target(b"/v1/products%"),
        "a percent-encoding of letters": target(b"/v1/products%GG"),
        "a percent-encoding with a sign": target(b"/v1/products%+1"),
    }),
    *refused("ours", {
        "an encoded NUL": target(b"/v1/products%00"),
        "an encoded NUL in the query": target(b"/v1/products?x=%00"),
        "an overlong slash": target(b"/v1%C0%AFproducts"),
        "an encoded byte that is no UTF-8": target(b"/v1/products%FF"),
    }),
    *served("9110 4.2.3", {"an encoded letter": target(b"/v1/%70roducts")}),
    *served("9110 15.5.5", {
        "a path of dots": target(b"/v1/../v1/products"),
        "an encoded slash": target(b"/v1%2Fproducts"),
        "a slash too many": target(b"//v1/products"),
        "a slash at the end": target(b"/v1/products/"),
        "a semicolon": target(b"/v1/products;x"),
    }, 404),
]

HOSTS = [
    *served("3.2", {
        f"a Host of {name}": host(value)
        for name, value in {
            "a port": b"test:8080", "an empty port": b"test:", "an IPv4 address": b"127.0.0.1:1",
            "an IPv6 address": b"[::1]", "an IPv6 address and a port": b"[2001:db8::7]:65535",
            "blanks around it": b" \t test \t ", "every character of a name": b"a-._~!$&'()*+;=%2Db",
        }.items()
    }),
    *served("3.2", {"no Host in HTTP/1.0": b"GET /v1/products HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"}),
    *refused("3.2", {
        "no Host": b"GET /v1/products HTTP/1.1\r\n\r\n",
        "no Host in HTTP/1.2": b"GET /v1/products HTTP/1.2\r\n\r\n",
        "two Hosts": field(b"Host: test"),
        "two Hosts of two cases": field(b"hOST: other"),
        "two Hosts in HTTP/1.0": b"GET /v1/products HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
    }),
    *refused("3.2", {
        f"a Host of {name}": host(value)
        for name, value in {
            "two ports": b"a:1:2", "letters for a port": b"a:b", "a port beyond 16 bits": b"a:65536",
            "a negative port": b"a:-1", "half brackets": b"[::1", "no address in brackets": b"[]",
            "a name in brackets": b"[test]", "an IPv6 address without brackets": b"::1", "more behind brackets": b"[::1]x",
            "a user": b"user@test", "a path": b"test/v1", "a query": b"test?x", "a fragment": b"test#x",
            "a scheme": b"http://test", "two names": b"a b", "a list": b"a, b", "angle brackets": b'<a>"',
            "a backslash": b"a\\b", "bytes beyond ASCII": b"\xc3\xa4", "half a percent-encoding": b"a%2",
            "a port without a host": b":80", "DEL": b"a\x7fb", "a control character": b"a\x01b", "NUL": b"a\x00b",
        }.items()
    }),
    *refused("ours", {
        "an empty Host": host(b""),
        "a Host with a comma": host(b"a,b"),
        "a Host of a later kind of address": host(b"[v1.a]"),
        "a Host with a zone": host(b"[fe80::1%25eth0]"),
    }),
]

FIELDS = [
    *served("5", {
        "a field without a value": field(b"X:"),
        "a value of blanks": field(b"X: \t  "),
        "a value without a blank in front": field(b"X:y"),
        "a name of every character of a token": field(b"!#$%&'*+-.^_`|~0aZ: y"),
        "a value of bytes beyond ASCII": field(b"X: \xc3\xa4\xff"),
        "a tab in a value": field(b"X: a\tb"),
        "a colon in a value": field(b"X: a:b:"),
        "a field twice": field(b"X: a\r\nX: b"),
        "a trailer's announcement": field(b"Trailer: X"),
    }),
    *refused("5.1", {
        "a blank in front of the colon": field(b"X : y"),
        "a tab in front of the colon": field(b"X\t: y"),
        "a field without a colon": field(b"X"),
        "a field without a name": field(b": y"),
        "a blank in a name": field(b"X Y: z"),
        "a bracket in a name": field(b"X[]: z"),
        "a name beyond ASCII": field(b"\xc3\xa4: z"),
        "NUL in a name": field(b"X\x00: z"),
        "a Content-Length with a blank in front of its colon": post(b"Content-Length : 2", b"{}"),
        "a Transfer-Encoding with a blank in front of its colon": post(b"Transfer-Encoding : chunked", LAST_CHUNK),
    }),
    *refused("5.2", {
        "a folded field": field(b"X: y\r\n z"),
        "a field folded by a tab": field(b"X: y\r\n\tz"),
        "a folded Transfer-Encoding": post(b"Transfer-Encoding:\r\n chunked", LAST_CHUNK),
        "a folded Content-Length": post(b"Content-Length:\r\n 2", b"{}"),
        "a line of blanks": field(b" "),
    }),
    *refused("9110 5.5", {
        "NUL in a value": field(b"X: a\x00b"),
        "CR in a value": field(b"X: a\rb"),
        "LF in a value": field(b"X: a\nb"),
        "a control character in a value": field(b"X: \x01"),
        "DEL in a value": field(b"X: \x7f"),
        "a vertical tab in front of a value": field(b"X:\x0by"),
    }),
    *refused("9110 5.4", {
        "fields of 40 KiB": field(b"\r\n".join(b"X: " + b"y" * 8000 for _ in range(5))),
        "101 fields": field(b"\r\n".join(b"X: y" for _ in range(101))),
    }, 431),
    *refused("9110 10.1.1", {
        "an unknown expectation": field(b"Expect: a-miracle"),
        "an expectation and another": field(b"Expect: 100-continue, x"),
    }, 417),
    *served("9110 10.1.1", {"an expectation without a body": field(b"Expect: 100-continue")}),
    *served("9110 7.8", {
        "an upgrade to HTTP/2": field(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA"),
        "an upgrade that is not announced": field(b"Upgrade: websocket"),
    }),
]

LENGTHS = [
    *served("6.2", {
        "a length": length(b"%d" % len(BODY)),
        "a length with zeros in front": length(b"000%d" % len(BODY)),
        "a length with blanks around it": length(b" \t%d  " % len(BODY)),
        "a length of nothing": line(b"GET /v1/products HTTP/1.1", HOST + b"Content-Length: 0\r\n"),
    }),
    *refused("6.3", {
        "a length with a plus": length(b"+%d" % len(BODY)),
        "a negative length": length(b"-1"),
        "a hexadecimal length": length(b"0x4b"),
        "a length with a point": length(b"%d.0" % len(BODY)),
        "a length with an exponent": length(b"1e2"),
        "a length with a comma": length(b"7,5"),
        "a length with a blank": length(b"7 5"),
        "a length with an underscore": length(b"7_5"),
        "a quoted length": length(b'"%d"' % len(BODY)),
        "an empty length": length(b""),
        "a length of letters": length(b"ten"),
        "a length with a word behind": length(b"%d bytes" % len(BODY)),
        "a length beyond 64 bits": length(b"18446744073709551691"),
        "a length of 2^64": length(b"18446744073709551616"),
        "a length in other digits": length("\u0667\u0665".encode()),
        "two lengths": post(b"Content-Length: 2\r\nContent-Length: 0", b"{}"),
        "two lengths in one field": length(b"0, 2", b"{}"),
        "a bad length of a bodyless request": field(b"Content-Length: x"),
    }),
    *refused("ours", {
        "a length with a tab behind it": length(b"%d\t" % len(BODY)),
        "two equal lengths": post(b"Content-Length: 2\r\nContent-Length: 2", b"{}"),
        "two equal lengths in one field": length(b"2, 2", b"{}"),
    }),
    *refused("9110 15.5.14", {
        "a length over the limit": length(b"16777217", b""),
        "the largest length of 63 bits": length(b"900000000000000000", b""),
    }, 413),
]

CODINGS = [
    *refused("6.1", {
        "a length and chunks": post(b"Content-Length: 4\r\nTransfer-Encoding: chunked", LAST_CHUNK),
        "chunks and a length": post(b"Transfer-Encoding: chunked\r\nContent-Length: 5", LAST_CHUNK),
        "chunks in HTTP/1.0": INGEST.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Transfer-Encoding: chunked\r\n\r\n" + LAST_CHUNK,
        "chunked twice": codings(b"chunked, chunked"),
        "chunked in two fields": codings(b"chunked\r\nTransfer-Encoding: chunked"),
        "chunked with a parameter": codings(b"chunked;a=b"),
    }),
    *refused("6.3", {
        "chunked and then gzip": codings(b"chunked, gzip"),
        "chunked and then identity": codings(b"chunked, identity"),
        "gzip alone": codings(b"gzip"),
        "identity": codings(b"identity"),
        "chunked in quotes": codings(b'"chunked"'),
        "chunked with a letter in front": codings(b"xchunked"),
        "chunked with a letter behind": codings(b"chunkedx"),
        "chunked behind a vertical tab": codings(b"\x0bchunked"),
        "chunked behind a semicolon": codings(b"x;chunked"),
        "chunked and a word": codings(b"chunked x"),
        "gzip in a field behind": codings(b"chunked\r\nTransfer-Encoding: gzip"),
        "no coding": codings(b""),
    }),
    *refused("ours", {"an empty element in front": codings(b", chunked"), "an empty element behind": codings(b"chunked,")}),
    *refused("6.1 (501)", {
        "gzip and then chunked": codings(b"gzip, chunked"),
        "an unknown coding and then chunked": codings(b"x-miracle;level=1, chunked"),
        "identity and then chunked": codings(b"identity, chunked"),
        "gzip in a field in front": codings(b"gzip\r\nTransfer-Encoding: chunked"),
    }, 501),
    *served("7", {"chunked in upper case": codings(b"CHUNKED", b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))}),
]

CHUNKS = [
    *served("7.1", {
        "one chunk": chunks(BODY),
        "chunks of one byte": chunks(*(BODY[i : i + 1] for i in range(len(BODY)))),
        "a size with zeros in front": CHUNKED + b"0000%x\r\n%s\r\n000\r\n\r\n" % (len(BODY), BODY),
        "a size in upper case": CHUNKED + b"%X\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    }),
    *served("7.1.1", {
        "an extension": chunks(BODY, extension=b";a"),
        "an extension with a value": chunks(BODY, extension=b";a=b;c=d"),
        "an extension with quotes": chunks(BODY, extension=b';a="b;\\"c"'),
        "blanks in an extension": chunks(BODY, extension=b" \t; a = b"),
    }),
    *served("7.1.2", {
        "a trailer": chunks(BODY, trailers=b"X: y\r\n"),
        "a trailer that would frame": chunks(BODY, trailers=b"Content-Length: 999\r\nTransfer-Encoding: gzip\r\n"),
        "a trailer that would name a host": chunks(BODY, trailers=b"Host: a/b\r\n"),
    }),
    *refused("7.1", {
        "a size of other letters": CHUNKED + b"zz\r\n",
        "a size with 0x": CHUNKED + b"0x2\r\n{}\r\n" + LAST_CHUNK,
        "a size with a plus": CHUNKED + b"+2\r\n{}\r\n" + LAST_CHUNK,
        "a negative size": CHUNKED + b"-2\r\n{}\r\n" + LAST_CHUNK,
        "a blank in front of a size": CHUNKED + b" 2\r\n{}\r\n" + LAST_CHUNK,
        "a blank behind a size": CHUNKED + b"2 \r\n{}\r\n" + LAST_CHUNK,
        "an underscore in a size": CHUNKED + b"0_2\r\n{}\r\n" + LAST_CHUNK,
        "no size": CHUNKED + b"\r\n{}\r\n" + LAST_CHUNK,
        "a size beyond 64 bits": CHUNKED + b"10000000000000002\r\n{}\r\n" + LAST_CHUNK,
        "LF alone behind a size": CHUNKED + b"2\n{}\r\n" + LAST_CHUNK,
        "CR alone behind a size": CHUNKED + b"2\r{}\r\n" + LAST_CHUNK,
        "LF alone behind a chunk": CHUNKED + b"2\r\n{}\n" + LAST_CHUNK,
        "nothing behind a chunk": CHUNKED + b"2\r\n{}" + LAST_CHUNK,
        "a chunk that is longer than its size": CHUNKED + b"1\r\n{}\r\n" + LAST_CHUNK,
        "a chunk that is shorter than its size": CHUNKED + b"3\r\n{}\r\n" + LAST_CHUNK,
        "LF alone behind the last size": CHUNKED + b"2\r\n{}\r\n0\n\r\n",
        "LF alone at the end": CHUNKED + b"2\r\n{}\r\n0\r\n\n",
        "CR and more at the end": CHUNKED + b"2\r\n{}\r\n0\r\n\rX",
    }),
    *refused("7.1.1", {
        "an extension without a name": CHUNKED + b"2;\r\n{}\r\n" + LAST_CHUNK,
        "an extension with an empty value": CHUNKED + b"2;a=\r\n{}\r\n" + LAST_CHUNK,
        "an extension with half quotes": CHUNKED + b'2;a="b\r\n{}\r\n' + LAST_CHUNK,
        "LF alone in an extension": CHUNKED + b"2;a\n{}\r\n" + LAST_CHUNK,
        "NUL in an extension": CHUNKED + b"2;a\x00\r\n{}\r\n" + LAST_CHUNK,
        "an extension without a semicolon": CHUNKED + b"2 a\r\n{}\r\n" + LAST_CHUNK,
    }),
    *refused("7.1.2", {
        "a trailer with LF alone": CHUNKED + b"0\r\nX: y\n\r\n",
        "trailers that end with LF alone": CHUNKED + b"0\r\nX: y\r\n\n",
        "a folded trailer": CHUNKED + b"0\r\nX: y\r\n z\r\n\r\n",
        "a trailer without a colon": CHUNKED + b"0\r\nX\r\n\r\n",
        "a trailer with a blank in front of its colon": CHUNKED + b"0\r\nX : y\r\n\r\n",
        "a request for a trailer": CHUNKED + b"0\r\nGET /v1/products HTTP/1.1\r\nHost: test\r\n\r\n",
        "NUL in a trailer": CHUNKED + b"0\r\nX: \x00\r\n\r\n",
    }),
    *refused("7.1.2", {"101 trailers": chunks(BODY * 20, trailers=b"X: y\r\n" * 101)}, 431),
    *refused("9110 15.5.14", {"a chunk over the limit": CHUNKED + b"1000001\r\n"}, 413),
]

CONNECTIONS = [
    *refused("9.6", {
        "Connection: close": field(b"Connection: close"),
        "close in a list": field(b"Connection: x, Close"),
        "close beside keep-alive": field(b"Connection: keep-alive\r\nConnection: close"),
        "close behind a body": post(b"Connection: close\r\nContent-Length: %d" % len(BODY), BODY),
    }, 200),
    *refused("9.3", {"HTTP/1.0": line(b"GET /v1/products HTTP/1.0")}, 200),
    *served("9.3", {"HTTP/1.0 with keep-alive": line(b"GET /v1/products HTTP/1.0", HOST + b"Connection: Keep-Alive\r\n")}),
]

ROWS = [*REQUEST_LINE, *VERSION, *TARGETS, *HOSTS, *FIELDS, *LENGTHS, *CODINGS, *CHUNKS, *CONNECTIONS]
