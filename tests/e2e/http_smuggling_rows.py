"""Requests with another one hidden in them: the known families of smuggling. MARKER would leave a mark if it were executed."""

from http_rfc9112_rows import (
    BODY,
    CHUNKED,
    HOST,
    INGEST,
    LAST_CHUNK,
    TARGET,
    chunks,
    codings,
    field,
    length,
    line,
    post,
    refused,
    served,
    target,
)

MARK = b'{"ticks":[{"product":"MARK","price":1,"timestamp":"2025-01-25T10:00:00Z"}]}'
MARKER = INGEST + b"Content-Length: %d\r\n\r\n%s" % (len(MARK), MARK)
AS_CHUNK = b"%x\r\n%s\r\n0\r\n\r\n" % (len(MARKER), MARKER)
LENGTH = b"Content-Length: %d" % len(MARKER)
IN_CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)


def carrying(request_line, fields=b""):
    """The hidden request is the body of one that takes none, or that is refused."""
    return line(request_line, HOST + b"Content-Type: application/json\r\n" + fields + LENGTH + b"\r\n") + MARKER


LENGTH_OR_CHUNKS = [
    *refused("6.1", {
        "CL.TE": post(b"Content-Length: %d\r\nTransfer-Encoding: chunked" % (5 + len(MARKER)), LAST_CHUNK + MARKER),
        "TE.CL": post(b"Transfer-Encoding: chunked\r\nContent-Length: 4", AS_CHUNK),
        "CL.TE with zero": post(b"Content-Length: 0\r\nTransfer-Encoding: chunked", AS_CHUNK),
        "CL.TE in other case": post(b"content-length: 5\r\ntransfer-ENCODING: Chunked", LAST_CHUNK + MARKER),
        "CL.TE of an unknown coding": post(b"Content-Length: 5\r\nTransfer-Encoding: x", LAST_CHUNK + MARKER),
        "CL.TE of no coding": post(b"Content-Length: 5\r\nTransfer-Encoding:", LAST_CHUNK + MARKER),
        "CL.TE of a request without a body": line(
            b"GET /v1/products HTTP/1.1", HOST + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"
        ) + LAST_CHUNK + MARKER,
        "CL.TE in HTTP/1.0": post(b"Content-Length: 5\r\nTransfer-Encoding: chunked", LAST_CHUNK + MARKER).replace(b"/1.1", b"/1.0"),
    }),
    *refused("6.3", {
        "CL.CL": post(b"Content-Length: 2\r\n" + LENGTH, b"{}" + MARKER),
        "CL.CL the other way round": post(LENGTH + b"\r\nContent-Length: 0", MARKER),
        "CL.CL with a field between": post(b"Content-Length: 2\r\nX: y\r\ncontent-length: 0", b"{}"),
        "CL.CL in a list of three": length(b"2, 2, 0", b"{}"),
        "a length with a semicolon": length(b"2;x", b"{}"),
        "a length with a form feed": length(b"2\x0c", b"{}"),
        "a length behind a vertical tab": length(b"\x0b2", b"{}"),
        "a length with NUL": length(b"2\x00", b"{}"),
        "a length behind a no-break space": length(b"\xa02", b"{}"),
        "a length in octal": length(b"0o2", b"{}"),
        "a length of two numbers by a tab": length(b"2\t0", b"{}"),
        "a length with a bracket": length(b"(2)", b"{}"),
        "a length of 64 bits and a sign": length(b"-9223372036854775808", b""),
        "a length of a hundred digits": length(b"9" * 100, b""),
        "a length that wraps 32 bits twice": length(b"36893488147419103232", b""),
    }),
]

CODING_OR_CODING = [
    *refused("6.3", {
        f"TE.TE {name}": codings(value, AS_CHUNK)
        for name, value in {
            "with a word": b"cow", "with a second field": b"chunked\r\nTransfer-Encoding: cow",
            "with a second field of nothing": b"chunked\r\nTransfer-Encoding:", "with NUL": b"chunked\x00",
            "behind NUL": b"\x00chunked", "with a vertical tab": b"chunked\x0b", "with a form feed": b"\x0cchunked",
            "with a semicolon": b"chunked;", "with an equals sign": b"chunked=", "in single quotes": b"'chunked'",
            "with half quotes": b'chunked"', "within a comment": b"(chunked)", "with a letter beyond ASCII": b"chun\xc4\xb1ed",
            "behind a no-break space": b"\xa0chunked", "in pieces": b"chun ked", "with a dot": b"chunked.",
            "with a backslash": b"chun\\ked", "percent-encoded": b"%63hunked", "with DEL": b"chunked\x7f",
            "as chunk": b"chunk", "between commas": b",chunked,", "of two words": b"chunked identity",
            "folded behind": b"chunked\r\n , identity", "folded in front": b"\r\n\tchunked",
        }.items()
    }),
    *refused("6.1 (501)", {
        "TE.TE with a coding in front": codings(b"cow, chunked", AS_CHUNK),
        "TE.TE with a coding's field in front": codings(b"cow\r\nTransfer-Encoding: chunked", AS_CHUNK),
        "TE.TE of trailers": codings(b"trailers, chunked", AS_CHUNK),
    }, 501),
    *refused("5.1", {
        f"a Transfer-Encoding {name}": post(raw, AS_CHUNK)
        for name, raw in {
            "behind a blank": b" Transfer-Encoding: chunked", "behind a tab": b"\tTransfer-Encoding: chunked",
            "behind a vertical tab": b"\x0bTransfer-Encoding: chunked", "behind NUL": b"\x00Transfer-Encoding: chunked",
            "behind a byte order mark": b"\xef\xbb\xbfTransfer-Encoding: chunked",
            "with a vertical tab": b"Transfer-Encoding\x0b: chunked", "with a no-break space": b"Transfer-Encoding\xa0: chunked",
            "with NUL": b"Transfer-Encoding\x00: chunked", "with LF": b"Transfer-Encoding\n: chunked",
            "with CR": b"Transfer-Encoding\r: chunked", "behind CR": b"X: y\rTransfer-Encoding: chunked",
            "behind LF": b"X: y\nTransfer-Encoding: chunked", "behind CR LF CR": b"X: y\r\n\rTransfer-Encoding: chunked",
            "behind LF LF": b"X: y\n\nTransfer-Encoding: chunked", "with an equals sign": b"Transfer-Encoding= chunked",
            "with a fullwidth colon": "Transfer-Encoding\uff1a chunked".encode(), "in quotes": b'"Transfer-Encoding": chunked',
            "that is folded": b"X: y\r\n Transfer-Encoding: chunked",
        }.items()
    }),
    *served("7", {
        "chunked behind a tab": codings(b"\tchunked", IN_CHUNKS),
        "chunked without a blank": post(b"Transfer-Encoding:chunked", IN_CHUNKS),
        "chunked in mixed case": codings(b"ChUnKeD", IN_CHUNKS),
        "chunked that Connection names": codings(b"chunked\r\nConnection: Transfer-Encoding", IN_CHUNKS),
        "a length that Connection names": length(b"%d\r\nConnection: Content-Length" % len(BODY)),
        "a field with an underscore that looks like one": length(b"%d\r\nTransfer_Encoding: chunked" % len(BODY)),
        "a field with an underscore that looks like a length": codings(b"chunked\r\nContent_Length: 3", IN_CHUNKS),
        "chunked in TE": length(b"%d\r\nTE: chunked" % len(BODY)),
        "an X-Content-Length": length(b"%d\r\nX-Content-Length: 3" % len(BODY)),
    }),
]

# Whoever passes over a body that he has no use for must pass over all of it.
UNWANTED_BODIES = [
    *served("9110 9.3.1", {
        "CL.0 of GET": carrying(b"GET /v1/products HTTP/1.1"),
        "CL.0 of GET of a route of the gateway": carrying(b"GET /health/live HTTP/1.1"),
        "CL.0 of GET with an upgrade": carrying(b"GET /v1/products HTTP/1.1", b"Connection: Upgrade\r\nUpgrade: websocket\r\n"),
    }, 400),
    *served("9110 15.5.6", {
        "CL.0 of POST to a route of GET": carrying(b"POST /v1/products HTTP/1.1"),
        "CL.0 of POST to a route of the gateway": carrying(b"POST / HTTP/1.1"),
        "CL.0 of DELETE": carrying(b"DELETE /v1/products HTTP/1.1"),
    }, 405),
    *served("9110 15.5.5", {
        "CL.0 of a path that is not there": carrying(b"POST /nowhere HTTP/1.1"),
        "CL.0 of GET of a path that is not there": carrying(b"GET /nowhere HTTP/1.1"),
    }, 404),
    *served("9110 9.3.7", {"CL.0 of OPTIONS": carrying(b"OPTIONS /v1/products HTTP/1.1")}, 204),
    *served("9110 9.1", {"CL.0 of an unknown method": carrying(b"FOO /v1/products HTTP/1.1")}, 501),
    *served("9110 15.5.16", {
        "CL.0 of another kind of body": line(b"POST /v1/ticks:ingest HTTP/1.1", HOST + b"Content-Type: text/csv\r\n" + LENGTH + b"\r\n")
        + MARKER,
    }, 415),
    *refused("ours", {
        "chunks of a path that is not there": line(b"POST /nowhere HTTP/1.1", HOST + b"Transfer-Encoding: chunked\r\n") + AS_CHUNK,
        "a refused body that nobody waits for": carrying(b"POST /nowhere HTTP/1.1", b"Expect: 100-continue\r\n"),
        "a refused body of more than 64 KiB": line(b"POST /nowhere HTTP/1.1", HOST + b"Content-Length: 65537\r\n"),
        "a refused body of 2^62": line(b"POST /nowhere HTTP/1.1", HOST + b"Content-Length: 4611686018427387904\r\n"),
    }, 404),
    *refused("9110 10.1.1", {
        "an expectation behind a letter": carrying(b"POST /v1/ticks:ingest HTTP/1.1", b"Expect: y 100-continue\r\n"),
        "an expectation twice": carrying(b"POST /v1/ticks:ingest HTTP/1.1", b"Expect: 100-continue\r\nExpect: 100-continue\r\n"),
        "an expectation in quotes": carrying(b"POST /v1/ticks:ingest HTTP/1.1", b'Expect: "100-continue"\r\n'),
    }, 417),
]

LINES = [
    *refused("2.2", {
        "CR in front": b"\r" + target(TARGET),
        "CR CR LF in front": b"\r\r\n" + target(TARGET),
        "a line of a blank in front": b" \r\n" + target(TARGET),
        "a byte order mark in front": b"\xef\xbb\xbf" + target(TARGET),
        "NUL in front": b"\x00" + target(TARGET),
        "LF alone between head and body": INGEST + LENGTH + b"\r\n\n" + MARKER,
        "CR alone at the end of the head": b"GET /v1/products HTTP/1.1\r\nHost: test\r\n\rX\n",
        "LF CR for CR LF": b"GET /v1/products HTTP/1.1\n\rHost: test\n\r\n\r",
        "a request line among the fields": field(b"GET /x HTTP/1.1"),
        "a request for the name of a field": field(b"GET /x HTTP/1.1: y"),
        "a request behind LF in a value": field(b"X: y\nGET /x HTTP/1.1"),
        "a field behind CR": field(b"X: y\rContent-Length: 3"),
        "a field behind NUL": field(b"X: y\x00Content-Length: 3"),
        "a vertical tab for a blank": line(b"GET\x0b/v1/products\x0bHTTP/1.1"),
        "a no-break space for a blank": line(b"GET\xa0/v1/products HTTP/1.1"),
        "CR behind the method": line(b"GET\r/v1/products HTTP/1.1"),
        "two versions": line(b"GET /v1/products HTTP/1.1 HTTP/1.1"),
        "NUL behind the version": line(b"GET /v1/products HTTP/1.1\x00"),
        "a tab behind the version": line(b"GET /v1/products HTTP/1.1\t"),
        "a reply": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "a PROXY line": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + target(TARGET),
    }),
    *served("ours", {
        "a method in a field of its own": field(b"X-HTTP-Method-Override: DELETE"),
        "a path in a field of its own": field(b"X-Original-URL: /nowhere\r\nX-Rewrite-URL: /nowhere"),
        "a host in a field of its own": field(b"X-Forwarded-Host: a/b\r\nX-Host: a\r\nForwarded: host=b"),
    }),
    *served("9110 9.1", {
        "PROPFIND": target(TARGET, b"PROPFIND"),
        "QUERY": target(TARGET, b"QUERY"),
        "PURGE of a path that is not there": target(b"/nowhere", b"PURGE"),
        "a method of 4 KiB": target(TARGET, b"X" * 4096),
        "a method that begins like GET": target(TARGET, b"GETS"),
        "a method that ends like GET": target(TARGET, b"XGET"),
    }, 501),
    *served("9110 15.5.6", {
        "TRACE with a length of 0": line(b"TRACE / HTTP/1.1", HOST + b"Content-Length: 0\r\n"),
        "TRACE of the server's own": target(b"/health", b"TRACE"),
        "CONNECT with a length of 0": line(b"CONNECT test:80 HTTP/1.1", HOST + b"Content-Length: 0\r\n"),
    }, 405),
    *served("9110 9.3.8", {"TRACE of a path that is not there": target(b"/nowhere", b"TRACE")}, 404),
    *refused("3.2.4", {"an unknown method of the server": target(b"*", b"LINK"), "TRACE of the server": target(b"*", b"TRACE")}),
    *refused("9110 4.1", {"a method of 9 KiB": target(TARGET, b"X" * 9000)}, 414),
]

HOSTS = [
    *refused("3.2.2", {
        "absolute-form and two Hosts": line(b"GET http://test/v1/products HTTP/1.1", b"Host: test\r\nHost: other\r\n"),
        "absolute-form and an empty Host": line(b"GET http://test/v1/products HTTP/1.1", b"Host:\r\n"),
        "absolute-form with a backslash": target(b"http://test\\@other/v1/products"),
        "absolute-form of a user and a port": target(b"http://test:80@other/v1/products"),
        "absolute-form of a list": target(b"http://a,b/v1/products"),
        "absolute-form with NUL": target(b"http://te\x00st/v1/products"),
        "absolute-form of half a percent-encoding": target(b"http://te%2/v1/products"),
        "absolute-form with a fragment for a path": target(b"http://test#/v1/products"),
        "absolute-form of a file": target(b"file:///v1/products"),
        "absolute-form of a script": target(b"javascript:alert(1)"),
        "absolute-form with a letter beyond ASCII": target("http://t\u00e9st/v1/products".encode()),
        "absolute-form of an IPv6 zone": target(b"http://[fe80::1%25x]/v1/products"),
        "absolute-form of a negative port": target(b"http://test:-1/v1/products"),
    }),
    *refused("3.2", {
        "a Host behind a vertical tab": line(b"GET /v1/products HTTP/1.1", b"Host:\x0btest\r\n"),
        "a Host that is folded": line(b"GET /v1/products HTTP/1.1", b"Host:\r\n test\r\n"),
        "a Host with a blank in front of its colon": line(b"GET /v1/products HTTP/1.1", b"Host : test\r\n"),
        "a Host behind LF": line(b"GET /v1/products HTTP/1.1", b"X: y\nHost: test\r\n"),
        "a Host and one behind a blank": line(b"GET /v1/products HTTP/1.1", b"Host: test\r\n Host: other\r\n"),
        "a Host of two lines": line(b"GET /v1/products HTTP/1.1", b"Host: test\rHost: other\r\n"),
        "three Hosts": field(b"Host: test\r\nHost: test"),
        "a Host with a semicolon and a blank": line(b"GET /v1/products HTTP/1.1", b"Host: test; other\r\n"),
    }),
    *served("9110 15.5.5", {"a host in front of the path": target(b"//other/v1/products")}, 404),
]

CHUNKS = [
    *refused("7.1", {
        "a size with a tab behind": CHUNKED + b"2\t\r\n{}\r\n" + LAST_CHUNK,
        "a size with a vertical tab": CHUNKED + b"2\x0b\r\n{}\r\n" + LAST_CHUNK,
        "a size with NUL": CHUNKED + b"2\x00\r\n{}\r\n" + LAST_CHUNK,
        "a size with a comma": CHUNKED + b"2,2\r\n{}\r\n" + LAST_CHUNK,
        "a size with a dot": CHUNKED + b"2.0\r\n{}\r\n" + LAST_CHUNK,
        "a size with an h": CHUNKED + b"2h\r\n{}\r\n" + LAST_CHUNK,
        "a size behind CR LF": CHUNKED + b"\r\n2\r\n{}\r\n" + LAST_CHUNK,
        "a size in fullwidth digits": CHUNKED + "\uff12\r\n{}\r\n".encode() + LAST_CHUNK,
        "CR CR LF behind a size": CHUNKED + b"2\r\r\n{}\r\n" + LAST_CHUNK,
        "CR CR LF behind a chunk": CHUNKED + b"2\r\n{}\r\r\n" + LAST_CHUNK,
        "LF CR behind a chunk": CHUNKED + b"2\r\n{}\n\r" + LAST_CHUNK,
        "two line ends behind a chunk": CHUNKED + b"2\r\n{}\r\n\r\n" + LAST_CHUNK,
        "two bytes for a line end": CHUNKED + b"2\r\n{}xx0\r\n\r\n" + MARKER,
        "a chunk that hides a request": CHUNKED + b"2\r\n{}" + MARKER,
        "a size of 16 F": CHUNKED + b"FFFFFFFFFFFFFFFFF\r\n",
        "a size of 100 digits": CHUNKED + b"1" * 100 + b"\r\n",
    }),
    *refused("9110 15.5.14", {
        "a size of 2^64 - 1": CHUNKED + b"FFFFFFFFFFFFFFFF\r\n",
        "a size of 2^63": CHUNKED + b"8000000000000000\r\n",
        "a size of 2^63 - 1": CHUNKED + b"7fffffffffffffff\r\n",
        "a size of 2^32": CHUNKED + b"100000000\r\n",
        "a size that wraps behind a chunk": CHUNKED + b"2\r\n{}\r\nFFFFFFFFFFFFFFFE\r\n",
    }, 413),
    *refused("7.1.1", {
        "LF in the value of an extension": CHUNKED + b"2;a=b\nc\r\n{}\r\n" + LAST_CHUNK,
        "LF in quotes of an extension": CHUNKED + b'2;a="b\nc"\r\n{}\r\n' + LAST_CHUNK,
        "CR in an extension": CHUNKED + b"2;a\rb\r\n{}\r\n" + LAST_CHUNK,
        "CR in quotes of an extension": CHUNKED + b'2;a="b\rc"\r\n{}\r\n' + LAST_CHUNK,
        "CR LF in quotes of an extension": CHUNKED + b'2;a="b\r\nc"\r\n{}\r\n' + LAST_CHUNK,
        "an extension of LF alone": CHUNKED + b"2;\n{}\r\n" + LAST_CHUNK,
        "a bracket in an extension": CHUNKED + b"2;a[b]\r\n{}\r\n" + LAST_CHUNK,
        "an extension behind quotes": CHUNKED + b'2;a="b"c\r\n{}\r\n' + LAST_CHUNK,
        "an extension with two values": CHUNKED + b"2;a=b=c\r\n{}\r\n" + LAST_CHUNK,
        "LF in the last chunk's extension": CHUNKED + b"2\r\n{}\r\n0;a\n\r\n" + MARKER,
    }),
    *refused("7.1.1", {
        "an extension of 100 KiB": CHUNKED + b"2;a=" + b"b" * 102400 + b"\r\n{}\r\n" + LAST_CHUNK,
        "an extension of 100 KiB in quotes": CHUNKED + b'2;a="' + b"b" * 102400 + b'"\r\n{}\r\n' + LAST_CHUNK,
        "20,000 extensions": CHUNKED + b"2" + b";a=b" * 20000 + b"\r\n{}\r\n" + LAST_CHUNK,
        "a size with 100 KiB of zeros in front": CHUNKED + b"0" * 102400 + b"2\r\n{}\r\n" + LAST_CHUNK,
        "a last size of 100 KiB of zeros": CHUNKED + b"0" * 102400 + b"\r\n\r\n",
        "extensions of many small chunks": CHUNKED + (b"1;" + b"a" * 600 + b"\r\n \r\n") * 60,
    }),
    *refused("7.1.2", {
        "a trailer without a name": CHUNKED + b"0\r\n: y\r\n\r\n",
        "CR in a trailer": CHUNKED + b"0\r\nX: y\rZ: w\r\n\r\n",
        "LF in a trailer": CHUNKED + b"0\r\nX: y\nZ: w\r\n\r\n",
        "CR CR LF behind a trailer": CHUNKED + b"0\r\nX: y\r\r\n\r\n",
        "DEL in a trailer": CHUNKED + b"0\r\nX: \x7f\r\n\r\n",
        "a trailer's name with NUL": CHUNKED + b"0\r\nX\x00: y\r\n\r\n",
        "a trailer's name beyond ASCII": CHUNKED + b"0\r\n\xc3\xa4: y\r\n\r\n",
        "a trailer that is folded by a tab": CHUNKED + b"0\r\nX: y\r\n\tz\r\n\r\n",
        "a first trailer that is folded": CHUNKED + b"0\r\n X: y\r\n\r\n",
        "CR alone for the last line": CHUNKED + b"0\r\nX: y\r\n\rG",
        "LF alone for the last line with a request behind": CHUNKED + b"2\r\n{}\r\n0\r\nX: y\r\n\n" + MARKER,
    }),
    *refused("7.1.2", {
        "a trailer of 40 KiB": chunks(BODY + b" " * 8000, trailers=b"X: " + b"y" * 40960 + b"\r\n"),
        "a trailer's name of 40 KiB": chunks(BODY + b" " * 8000, trailers=b"X" * 40960 + b": y\r\n"),
    }, 431),
    *served("7.1.2", {
        "a last chunk with an extension": CHUNKED + IN_CHUNKS.replace(b"\r\n0\r\n", b"\r\n0;a=b\r\n"),
        "a trailer that would close": chunks(BODY, trailers=b"Connection: close\r\n"),
        "a trailer that would be somebody": chunks(BODY, trailers=b"Authorization: Bearer x\r\nX-Request-Id: other\r\n"),
        "a trailer without a value": chunks(BODY, trailers=b"X:\r\n"),
        "100 trailers": chunks(BODY + b" " * 2000, trailers=b"X: y\r\n" * 100),
    }),
]

ROWS = [*LENGTH_OR_CHUNKS, *CODING_OR_CODING, *UNWANTED_BODIES, *LINES, *HOSTS, *CHUNKS]
