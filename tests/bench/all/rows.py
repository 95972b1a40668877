"""The plan's table: every row, what it is measured by, and its limits."""

import dataclasses

from .contenders import OURS_TWO, OURS_UP

TICKS = "/v1/ticks/NIFTY?limit="


@dataclasses.dataclass(frozen=True)
class Work:
    """Requests that all contenders answer alike."""

    name: str
    title: str
    path: str
    ticks: int  # in the reply; 0: it is not about ticks
    contenders: tuple  # in the order of the tables


WORKS = {
    work.name: work
    for work in (
        Work(
            "get-1",
            "GET of 1 tick",
            f"{TICKS}1",
            1,
            (OURS_TWO, OURS_UP, "grpc-gateway", "grpc-gateway in process", "nginx", "Flask", "Flask with orjson"),
        ),
        Work(
            "get-100",
            "GET of 100 ticks",
            f"{TICKS}100",
            100,
            (OURS_TWO, OURS_UP, "grpc-gateway", "grpc-gateway in process", "Flask", "Flask with orjson"),
        ),
        Work("verify", "token verification over HTTP", "/v1/verify", 0, ("FastAPI",)),
    )
}


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table: a ratio that is the better the higher. One of `get`, `rpc`, `store` says how it is measured."""

    name: str
    work: str
    peer: str
    must: float
    aim: float
    get: tuple = ()  # (work, ours, theirs)
    rpc: str = ""  # the row's name in rpc/compare.py
    store: str = ""  # the line of store_bench
    not_yet: str = ""  # why there is nothing of ours to measure


BETTER = "the better of grpc-go and gRPC C++"
TWO = "gateway and storage as processes, 64 connections"
ROWS = (
    Row("rpc-ipc", "unary RPC, 200 bytes, 64 in flight, ipc", BETTER, 2.2, 3, rpc="64 in flight, ipc"),
    Row("rpc-ipc-sharing", "the same, sharing messages", BETTER, 6, 15, rpc="64 in flight, ipc, sharing messages"),
    Row("rpc-tcp", "the same over tcp", BETTER, 1.4, 2, rpc="64 in flight, tcp"),
    Row("rpc-single", "one call at a time, ipc", "grpc-go", 1.2, 2, rpc="one call at a time, ipc"),
    Row(
        "get-1", f"GET of 1 tick, {TWO}", "grpc-go + grpc-gateway, data in memory", 4, 7, get=("get-1", OURS_TWO, "grpc-gateway")
    ),
    Row("get-1-nginx", "the same", "nginx returning a constant of the same size", 0.45, 0.8, get=("get-1", OURS_TWO, "nginx")),
    Row(
        "get-100",
        f"GET of 100 ticks, {TWO}",
        "grpc-go + grpc-gateway, data in memory",
        6,
        12,
        get=("get-100", OURS_TWO, "grpc-gateway"),
    ),
    Row(
        "up-1",
        "GET of 1 tick, one process (`up`)",
        "grpc-gateway in process",
        2,
        3,
        get=("get-1", OURS_UP, "grpc-gateway in process"),
    ),
    Row(
        "up-100",
        "GET of 100 ticks, one process (`up`)",
        "grpc-gateway in process",
        6,
        10,
        get=("get-100", OURS_UP, "grpc-gateway in process"),
    ),
    Row("flask-1", f"GET of 1 tick, {TWO}", "Flask behind gunicorn, data in memory", 15, 25, get=("get-1", OURS_TWO, "Flask")),
    Row(
        "flask-100",
        f"GET of 100 ticks, {TWO}",
        "Flask behind gunicorn, data in memory",
        8,
        15,
        get=("get-100", OURS_TWO, "Flask"),
    ),
    Row(
        "verify",
        "token verification over HTTP",
        "FastAPI + PyJWT behind uvicorn",
        10,
        15,
        not_yet="the auth service comes with step 7; the peer is measured below",
    ),
    Row(
        "logins",
        "logins a second",
        "cores × one libsodium hash at the same cost",
        0.9,
        0.98,
        not_yet="the auth service comes with step 7",
    ),
    Row(
        "ingest-pymongo",
        "durable ingest, 500 series, 5 % late, batches of 1,000, over RPC",
        "pymongo insert_many on the MongoDB-wire server",
        5,
        20,
        not_yet="the MongoDB-wire server comes with step 6",
    ),
    Row(
        "ingest-lmdb",
        "the same, one batch at a time over ipc",
        "raw LMDB commits of the same rows",
        0.7,
        4,
        store="IngestTicks, ipc, one at a time",
    ),
    Row("ingest-questdb", "the same", "QuestDB in sync mode", 0.6, 4, not_yet="QuestDB is measured with step 6"),
    Row(
        "single-rows",
        "durable single rows from 64 writers",
        "QuestDB in sync mode",
        5,
        15,
        not_yet="QuestDB is measured with step 6",
    ),
    Row("logins-keycloak", "logins a second", "Keycloak", 2, 3, not_yet="the auth service comes with step 7"),
)


@dataclasses.dataclass(frozen=True)
class Limit:
    """A figure of ours that may be at most so much."""

    name: str
    what: str
    limit: float
    unit: str


MEMORY, READY = "memory", "ready"
LIMITS = (
    Limit("idle-storaged", "memory of storaged, idle", 8, "MiB"),
    Limit("idle-gateway", "memory of the gateway, idle", 8, "MiB"),
    Limit("idle-up", "memory of `up`, idle", 20, "MiB"),
    Limit("load-two", "memory of storaged and gateway together, under load", 200, "MiB"),
    Limit("load-up", "memory of `up`, under load", 200, "MiB"),
    Limit("ready-existing", "`up` ready on an existing data folder", 100, "ms"),
    Limit("ready-first", "`up` ready at its first start", 2000, "ms"),
)
NAMES = (*(row.name for row in ROWS), MEMORY, READY)


def selected(names):
    """The rows of these names; all of them for none."""
    return tuple(row for row in ROWS if not names or row.name in names)


def contenders_of(rows, names):
    """{work name: contenders to measure} for these rows: whole works in a run of all, only what is compared in others."""
    if not names:
        return {work.name: work.contenders for work in WORKS.values()}
    wanted = {}
    for row in rows:
        if row.get:
            work, *pair = row.get
            wanted.setdefault(work, []).extend(name for name in pair if name not in wanted[work])
        elif row.name in WORKS:
            wanted[row.name] = list(WORKS[row.name].contenders)
    if MEMORY in names:
        for name in (OURS_TWO, OURS_UP):
            if name not in wanted.setdefault("get-100", []):
                wanted["get-100"].append(name)
    return {work: tuple(name for name in WORKS[work].contenders if name in chosen) for work, chosen in wanted.items()}
