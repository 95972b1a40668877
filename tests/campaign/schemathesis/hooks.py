"""What schemathesis learns about DeltaStream: how lines of JSON are written, and which of its findings are meant to be so.

Each finding that is let pass is named below with its reason, and counted into the file $DS_EXCUSED names, one line each.
"""

import json
import os
import urllib.parse

import schemathesis
from schemathesis.core import NOT_SET


@schemathesis.serializer("application/x-ndjson")
def lines_of_json(_ctx, value):
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    rows = value if isinstance(value, list) else [value]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


SHORTEST_MS = 1000
RULES_THAT_TYPES_CAN_NOT_TELL = ("invalid_request", "invalid_page_token")


def has_null(value):
    if isinstance(value, dict):
        return any(map(has_null, value.values()))
    return value is None or isinstance(value, list) and any(map(has_null, value))


def problem_of(response):
    """(reason in lower case, text) of a problem or of a Connect error."""
    try:
        body = response.json()
    except ValueError:
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    reasons = [detail.get("debug", {}).get("reason", "") for detail in body.get("details", [])]
    reason = body.get("error_code") or "".join(reasons) or body.get("code") or ""
    return reason.lower(), body.get("detail") or body.get("message") or ""


def had_no_time(response):
    """Whether the caller's own time limit was as good as none."""
    given = response.request.headers.get("Connect-Timeout-Ms", "")
    return given.isdigit() and int(given) <= SHORTEST_MS


def excuse_of_connect(kind, request, response):
    """The same for what only Connect's GET has: a message in its query, in a form that other parameters tell."""
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(request.url).query, keep_blank_values=True))
    if kind == "ServerError" and response.status_code == 501 and query.get("compression") not in (None, "identity", "gzip"):
        return "Connect: a compression that is not known is 501 (connectrpc.com/docs/protocol)"
    if kind == "RejectedPositiveData" and {query.get("encoding"), query.get("base64"), query.get("compression")} & {"proto", "1", "gzip"}:
        return "Connect: the document shows a GET's message as JSON, which other parameters say it is not"
    if kind == "RejectedPositiveData" and query.get("message", "").startswith('"'):
        return "schemathesis writes a parameter that is JSON as JSON twice"
    return None


def excuse(failure, case, response):
    """Why a finding is as it should be; None where it is not."""
    kind = type(failure).__name__
    method = response.request.method
    body = None if case.body is NOT_SET else case.body
    reason, text = problem_of(response)
    if kind in ("ServerError", "UnsupportedMethodResponse", "UndefinedStatusCode") and method == "QUERY" and response.status_code == 501:
        return "an unknown method is 501 (RFC 9110 section 9.1)"
    if kind == "UnsupportedMethodResponse" and method == "TRACE" and text == "CONNECT and TRACE have no body":
        return "TRACE with a body is 400 (RFC 9110 section 9.3.8: it must not have one)"
    if kind == "AcceptedNegativeData" and has_null(body):
        return "null stands for a member that is not there (protobuf's JSON mapping)"
    if kind == "ServerError" and response.status_code == 504 and had_no_time(response):
        return "504 within a Connect-Timeout-Ms of the caller's own"
    if kind == "RejectedPositiveData" and reason == "idempotency_key_reused":
        return "a key of Idempotency-Key belongs to one request (422)"
    if kind == "RejectedPositiveData" and (reason in RULES_THAT_TYPES_CAN_NOT_TELL or "expected a time such as" in text):
        return "the service has rules that types can't tell: dates, times in order, bounds, page tokens"
    if case.path.startswith("/deltastream."):
        return excuse_of_connect(kind, response.request, response)
    if kind == "RejectedPositiveData" and response.status_code == 426:
        return "a WebSocket asks for its upgrade (426 without it); the document has no such fields"
    sent_as = response.request.headers.get("Content-Type", "")
    if kind in ("AcceptedNegativeData", "RejectedPositiveData") and sent_as.startswith("application/x-ndjson"):
        return "lines of JSON are text in the document: OpenAPI 3.1 has no schema for lines"
    if kind == "JsonSchemaError" and response.headers.get("content-type", [""])[0].startswith("text/event-stream"):
        return "a stream of events is text in the document: OpenAPI 3.1 has no schema for events"
    return None


@schemathesis.hook
def filter_failure(_context, failure, case, response):
    reason = excuse(failure, case, response)
    if reason is not None:
        with open(os.environ["DS_EXCUSED"], "a", encoding="utf-8") as excused:
            excused.write(reason + "\n")
    return reason is None
