"""Expected replies: one Python value, written as each family of routes writes it."""

import json
import re
from datetime import datetime

# What Python 3.9's datetime.fromisoformat takes of a time without a zone: no fraction, or exactly
# three or six digits of one. T's clients run it on every time that they get.
PYTHON_39_TIME = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{3}|\.\d{6})?"
)
TIME_NAMES = {"timestamp", "processed_at", "start_time", "end_time"}


def is_canonical(target):
    return target.startswith("/v1/")


def _time(moment, canonical):
    if not canonical:
        return moment.isoformat()
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    if moment.microsecond % 1000:
        text += f".{moment.microsecond:06d}"
    elif moment.microsecond:
        text += f".{moment.microsecond // 1000:03d}"
    return text + "Z"


def render(value, canonical):
    """JSON text of dicts, lists, texts, numbers and naive datetimes in UTC."""
    if isinstance(value, dict):
        members = (f"{json.dumps(name)}:{render(member, canonical)}" for name, member in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(render(element, canonical) for element in value) + "]"
    if isinstance(value, datetime):
        return json.dumps(_time(value, canonical))
    if isinstance(value, float) and canonical and value == int(value):
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def comparable(body):
    """The reply's text with what differs from run to run taken out."""
    text = body.decode()
    text = re.sub(r'"request_id":"[0-9a-f]+"', '"request_id":"REQUEST_ID"', text)
    return re.sub(r'"next_page_token":"[A-Za-z0-9_-]+"', '"next_page_token":"TOKEN"', text)


def problem(status, code, detail, errors, canonical):
    """An error's body; T's begins with `error`."""
    members = {
        "type": f"/problems/{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "error_code": code,
        "error": detail,
        "request_id": "REQUEST_ID",
        "errors": errors,
    }
    return members if canonical else {"error": members["error"], **members}


def times_of(value):
    """Every time in a reply, wherever it is."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name in TIME_NAMES:
                yield member
            else:
                yield from times_of(member)
    elif isinstance(value, list):
        for element in value:
            yield from times_of(element)


def assert_python_39_times(body):
    for text in times_of(json.loads(body)):
        assert PYTHON_39_TIME.fullmatch(text), text
        datetime.fromisoformat(text)
