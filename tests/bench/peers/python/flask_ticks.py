"""GET /v1/ticks/<product> as a Flask service on pymongo answers it, with the data in memory: for gunicorn.

Each row is what pymongo's cursor would hand over, a dictionary decoded from BSON; that is done once, at the start, which is
the peer's best case: no database, no query and no decoding are measured. Environment: ROWS is a file of one JSON object a
line; JSON is "flask" (its own provider, without the sorting that its documentation says costs time) or "orjson".
"""

import base64
import collections
import datetime
import json
import os

import bson
import flask
import orjson

LIMIT_DEFAULT = 100
LIMIT_MAX = 10000


class OrjsonProvider(flask.json.provider.JSONProvider):
    def dumps(self, obj, **_):
        return orjson.dumps(obj).decode()

    def loads(self, s, **_):
        return orjson.loads(s)

    def response(self, *args, **kwargs):
        return self._app.response_class(orjson.dumps(self._prepare_response_obj(args, kwargs)), mimetype="application/json")


def read_rows(path):
    """{product: documents, newest first}"""
    rows = collections.defaultdict(list)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            for name in ("timestamp", "processed_at"):
                row[name] = datetime.datetime.fromisoformat(row[name])
            rows[row["product"]].append(bson.decode(bson.encode(row)))
    for documents in rows.values():
        documents.sort(key=lambda document: document["timestamp"], reverse=True)
    return rows


def reply_row(document):
    """A document's fields without the product, which the reply names once; moments as text, as JSON has none."""
    return {
        "price": document["price"],
        "timestamp": document["timestamp"].isoformat(timespec="milliseconds") + "Z",
        "tick_id": document["tick_id"],
        "processed_at": document["processed_at"].isoformat(timespec="milliseconds") + "Z",
    }


app = flask.Flask(__name__)
app.json.sort_keys = False
if os.environ.get("JSON") == "orjson":
    app.json = OrjsonProvider(app)
rows_by_product = read_rows(os.environ["ROWS"])


@app.get("/v1/ticks/<product>")
def list_ticks(product):
    try:
        limit = int(flask.request.args.get("limit", LIMIT_DEFAULT))
        begin = int(base64.urlsafe_b64decode(flask.request.args.get("page_token", "MA==")))
    except ValueError:
        return flask.jsonify(error="limit and page_token have to be ours"), 400
    if not 1 <= limit <= LIMIT_MAX:
        return flask.jsonify(error=f"limit has to be 1 to {LIMIT_MAX}"), 400
    documents = rows_by_product.get(product, [])
    ticks = [reply_row(document) for document in documents[begin : begin + limit]]
    reply = {"product": product, "count": len(ticks), "ticks": ticks}
    if begin + limit < len(documents):
        reply["next_page_token"] = base64.urlsafe_b64encode(str(begin + limit).encode()).decode()
    return flask.jsonify(reply)
