"""Who is measured, and how each is started: as fast as its own guides make it.

Where guides leave a choice (workers, collector), every choice is a variant; the benchmark tries them all in the same run
and measures the fastest, so that no peer is slow by a setting of ours.
"""

import dataclasses
import json
import pathlib
import time
import typing
import urllib.request

from . import processes

PYTHON = pathlib.Path(__file__).resolve().parents[1] / "peers/python"
NGINX_CONF = PYTHON.parent / "nginx.conf"
# What ours may take under load, by the plan: Go's collector may have the same.
GO_MEMORY = "200MiB"


@dataclasses.dataclass
class Site:
    """Where a run takes place."""

    bin: pathlib.Path
    peers: dict  # name: what build.py returned; only those that were built
    folder: pathlib.Path
    rows: pathlib.Path  # the data: a JSON object a line
    reply: str  # to one tick, byte for byte as ours: nginx's constant
    core: int
    count: int = 0  # of the starts so far, for names that are new

    def new_name(self, name):
        self.count += 1
        return f"{name}-{self.count}"

    def start(self, name, command, **options):
        return processes.Server(self.new_name(name), command, self.core, self.folder, **options)


@dataclasses.dataclass
class Started:
    url: str
    servers: list

    def close(self):
        for server in reversed(self.servers):
            server.close()

    def cpu_seconds(self):
        return sum(server.cpu_seconds() for server in self.servers)

    def memory_bytes(self):
        return sum(server.memory_bytes() for server in self.servers)


def started(servers, make_url):
    """A start in which a failure leaves no process behind."""
    try:
        return Started(make_url(), servers)
    except BaseException:
        Started("", servers).close()
        raise


@dataclasses.dataclass(frozen=True)
class Variant:
    label: str
    start: typing.Callable  # (Site) -> Started


@dataclasses.dataclass(frozen=True)
class Contender:
    name: str
    title: str
    peer: str  # of Site.peers; "" for ours
    variants: tuple
    guide: str  # who says that this is fast


def fill(site, url):
    """The rows into a platform, through its own interface."""
    request = urllib.request.Request(
        f"{url}/v1/ticks:ingest", data=site.rows.read_bytes(), headers={"Content-Type": "application/x-ndjson"}
    )
    with urllib.request.urlopen(request, timeout=processes.READY_TIMEOUT_S) as answer:
        said = json.load(answer)
    if said["rejected"]:
        raise processes.StartError(f"{url} took not all rows: {said}")


def gateway_command(site, data):
    return [site.bin / "deltastream-gateway", "--data-dir", data, "--listen", "127.0.0.1:0", "--access-log", "off"]


def up_command(site, data):
    return [site.bin / "deltastream", "up", "--data-dir", data, "--listen", "127.0.0.1:0", "--access-log", "off"]


def start_two(site):
    data = site.folder / site.new_name("data")
    servers = [site.start("storaged", [site.bin / "deltastream-storaged", "--data-dir", data])]

    def serve():
        servers[0].await_line()
        servers.append(site.start("gateway", gateway_command(site, data)))
        url = servers[1].await_line()
        fill(site, url)
        return url

    return started(servers, serve)


def start_up(site):
    servers = [site.start("up", up_command(site, site.folder / site.new_name("data")))]

    def serve():
        url = servers[0].await_line()
        fill(site, url)
        return url

    return started(servers, serve)


def start_grpc_gateway(environment):
    def start(site):
        program, socket = site.peers["grpc-gateway"], f"unix:{site.folder}/{site.new_name('grpc')}.sock"
        servers = [site.start("grpc-go", [program, "storage", site.rows, socket], environment=environment)]

        def serve():
            servers[0].await_line()
            servers.append(site.start("grpc-gateway", [program, "gateway", socket, "127.0.0.1:0"], environment=environment))
            return servers[1].await_line()

        return started(servers, serve)

    return start


def start_grpc_in_process(environment):
    def start(site):
        command = [site.peers["grpc-gateway"], "both", site.rows, "127.0.0.1:0"]
        servers = [site.start("grpc-both", command, environment=environment)]
        return started(servers, servers[0].await_line)

    return start


def start_nginx(site):
    port, folder = processes.free_port(), site.folder / site.new_name("nginx")
    folder.mkdir()
    settings = {"@FOLDER@": str(folder), "@PORT@": str(port), "@BODY@": site.reply}
    text = NGINX_CONF.read_text()
    for name, value in settings.items():
        text = text.replace(name, value)
    (folder / "nginx.conf").write_text(text)
    servers = [site.start("nginx", [site.peers["nginx"], "-p", folder, "-e", folder / "nginx.err", "-c", folder / "nginx.conf"])]
    return started(servers, lambda: servers[0].await_answer(f"http://127.0.0.1:{port}"))


def start_flask(json_provider, *options):
    def start(site):
        url = f"127.0.0.1:{processes.free_port()}"
        command = [
            site.peers["python"] / "gunicorn",
            "--bind",
            url,
            "--backlog",
            "4096",
            "--keep-alive",
            "60",
            "--http-parser",
            "fast",
            "--graceful-timeout",
            "2",
            "--worker-tmp-dir",
            "/dev/shm",
            "--no-control-socket",
            "--log-level",
            "warning",
            *options,
            "flask_ticks:app",
        ]
        environment = {"ROWS": str(site.rows), "JSON": json_provider, "PYTHONDONTWRITEBYTECODE": "1"}
        servers = [site.start("gunicorn", command, environment=environment, cwd=PYTHON)]
        return started(servers, lambda: servers[0].await_answer(f"http://{url}"))

    return start


def start_fastapi(site):
    port = processes.free_port()
    command = [
        site.peers["python"] / "uvicorn",
        "--factory",
        "fastapi_verify:create",
        "--port",
        str(port),
        "--loop",
        "uvloop",
        "--http",
        "httptools",
        "--no-access-log",
        "--log-level",
        "warning",
        "--backlog",
        "4096",
    ]
    environment = {"PUBLIC_KEY": str(site.folder / "public.pem"), "PYTHONDONTWRITEBYTECODE": "1"}
    servers = [site.start("uvicorn", command, environment=environment, cwd=PYTHON)]
    return started(servers, lambda: servers[0].await_answer(f"http://127.0.0.1:{port}"))


GO_SETTINGS = (
    ("Go's defaults", {}),
    (f"GOGC=off GOMEMLIMIT={GO_MEMORY}", {"GOGC": "off", "GOMEMLIMIT": GO_MEMORY}),
    (f"GOGC=off GOMEMLIMIT={GO_MEMORY}, 1 stream worker", {"GOGC": "off", "GOMEMLIMIT": GO_MEMORY, "STREAM_WORKERS": "1"}),
)
GUNICORN_SETTINGS = (
    ("sync, 3 workers", ("-k", "sync", "-w", "3")),
    ("gthread, 1 worker of 4 threads", ("-k", "gthread", "-w", "1", "--threads", "4")),
    ("gthread, 3 workers of 2 threads", ("-k", "gthread", "-w", "3", "--threads", "2")),
    ("gthread, 1 worker of 64 threads", ("-k", "gthread", "-w", "1", "--threads", "64")),
    ("gevent, 1 worker", ("-k", "gevent", "-w", "1")),
    ("gevent, 3 workers", ("-k", "gevent", "-w", "3")),
)
GO_GUIDE = (
    "grpc-gateway's own tutorial on net/http, one connection between the processes (grpc.io/docs/guides/performance: reuse "
    "channels, more only beyond 100 calls at once), a Unix socket as ours; the collector by go.dev/doc/gc-guide (GOGC=off "
    "with a memory limit); stream workers by grpc.NumStreamWorkers (as many as cores); GOMAXPROCS is 1, which Go takes from the "
    "core it is given; rows are ready messages, one route in the table, absent fields not written"
)
FLASK_GUIDE = (
    "docs.gunicorn.org: 2 × cores + 1 workers, 2–4 threads a core, gevent, keep-alive, worker-tmp-dir in memory, "
    "gunicorn[fast]'s parser in C; Flask's JSON without sorting (flask.json.provider); documents decoded by PyMongo's C "
    "extension once, at the start, so that no query is measured"
)

OURS_TWO, OURS_UP = "ours, two processes", "ours, up"
CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender(OURS_TWO, "storaged and gateway", "", (Variant("as installed", start_two),), ""),
        Contender(OURS_UP, "deltastream up", "", (Variant("as installed", start_up),), ""),
        Contender(
            "grpc-gateway",
            "grpc-go and grpc-gateway",
            "grpc-gateway",
            tuple(Variant(label, start_grpc_gateway(environment)) for label, environment in GO_SETTINGS),
            GO_GUIDE,
        ),
        Contender(
            "grpc-gateway in process",
            "grpc-gateway in process",
            "grpc-gateway",
            tuple(Variant(label, start_grpc_in_process(environment)) for label, environment in GO_SETTINGS[:2]),
            "as above, with RegisterStorageHandlerServer: no gRPC between them",
        ),
        Contender(
            "nginx",
            "nginx, a constant",
            "nginx",
            (Variant("1 worker", start_nginx),),
            "nginx.org, ngx_core_module and ngx_http_core_module: one worker a core, epoll, no access log, keepalive_requests "
            "without end; return has no file to send, so that sendfile plays no part",
        ),
        Contender(
            "Flask",
            "Flask behind gunicorn",
            "python",
            tuple(Variant(label, start_flask("flask", *options)) for label, options in GUNICORN_SETTINGS),
            FLASK_GUIDE,
        ),
        Contender(
            "Flask with orjson",
            "the same with orjson",
            "python",
            tuple(Variant(label, start_flask("orjson", *options)) for label, options in GUNICORN_SETTINGS),
            "as Flask, with its JSON provider replaced, which its documentation allows and does not ask for: beside the plan",
        ),
        Contender(
            "FastAPI",
            "FastAPI behind uvicorn",
            "python",
            (Variant("1 worker", start_fastapi),),
            "uvicorn.org: uvloop and httptools, no access log; fastapi.tiangolo.com: one process a core, async for what never waits, "
            "a return type that Pydantic writes; PyJWT with a key object instead of text, cryptography's RSA",
        ),
    )
}


def seconds_to_ready(site, data):
    """From the start of `up` on a data folder to its line."""
    began = time.monotonic()
    server = site.start("ready", up_command(site, data))
    try:
        server.await_line()
        return time.monotonic() - began
    finally:
        server.close()
