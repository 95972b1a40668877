"""DeltaStream behind nginx, with deploy/proxy/nginx.conf as it is: only ports, names, folders and certificates are the test's."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
from pathlib import Path

import pytest

from live_http import NDJSON, SSE, LiveStream, tick
from programs import REPOSITORY, Launcher, clean_environment, seconds, wait_until
from raw_http import RawConnection
from raw_websocket import PING, PONG, RawWebSocket, close, frame

CONF = REPOSITORY / "deploy/proxy/nginx.conf"
SUPPORT = REPOSITORY / "tests/support"
HOST = "storage.test"
PROXY = "127.0.0.2"  # where nginx connects from, which the gateway is told to trust
CLIENT = "127.0.0.3"
BODY_BYTES_MAX = 16 * 1024 * 1024

# What Debian's /etc/nginx/nginx.conf has around the files of conf.d.
AROUND = """
daemon off;
worker_processes 1;
pid @FOLDER@/nginx.pid;
error_log @FOLDER@/error.log info;
@USER@
events { worker_connections 1024; }
http {
    proxy_bind @PROXY@;
    client_body_temp_path @FOLDER@/temp-body;
    proxy_temp_path @FOLDER@/temp-proxy;
    fastcgi_temp_path @FOLDER@/temp-fastcgi;
    uwsgi_temp_path @FOLDER@/temp-uwsgi;
    scgi_temp_path @FOLDER@/temp-scgi;
    include @FOLDER@/deltastream.conf;
}
"""


def listening():
    """A socket whose port nobody else can get in between: nginx inherits it."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    return listener, "127.0.0.1:%d" % listener.getsockname()[1]


def replaced(text, changes):
    """Each of them stands in the file; else the test would not test what it says."""
    for old, new in changes.items():
        assert old in text, f"{CONF} has no {old!r}"
        text = text.replace(old, new)
    return text


class Nginx:
    """nginx as a process of this user, in front of the gateway at `gateway` (HOST:PORT)."""

    def __init__(self, folder, gateway, changes=None):
        self.folder = folder
        folder.mkdir()
        plain, plain_address = listening()
        secure, secure_address = listening()
        self.port = secure.getsockname()[1]
        self.plain_port = plain.getsockname()[1]
        subprocess.run([SUPPORT / "make_certificates.sh", folder], check=True, timeout=seconds(60))
        text = replaced(
            CONF.read_text(),
            {
                "listen 80;": f"listen {plain_address};",
                "listen 443 ": f"listen {secure_address} ",
                "server 127.0.0.1:8080;": f"server {gateway};",
                # The second name is what requests by hand say.
                "server_name deltastream.example;": f"server_name {HOST} test;",
                "/etc/ssl/deltastream/fullchain.pem": f"{folder}/server.pem",
                "/etc/ssl/deltastream/privkey.pem": f"{folder}/server.key",
                "/var/log/nginx/": f"{folder}/",
                **(changes or {}),
            },
        )
        (folder / "deltastream.conf").write_text(text)
        # Started by root, its workers would be somebody else and could not enter the folder.
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(replaced(AROUND, {"@FOLDER@": str(folder), "@PROXY@": PROXY, "@USER@": user}))
        program = subprocess.run([SUPPORT / "find_nginx.sh"], check=True, stdout=subprocess.PIPE, text=True, timeout=seconds(120))
        self.command = [program.stdout.strip(), "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"]
        tried = subprocess.run([*self.command, "-t"], capture_output=True, text=True, timeout=seconds(20), check=False)
        assert tried.returncode == 0, tried.stderr
        # How nginx hands its listeners to its successor.
        environment = {**clean_environment(), "NGINX": f"{plain.fileno()};{secure.fileno()};"}
        with plain, secure:
            self.process = subprocess.Popen(
                self.command, env=environment, stdin=subprocess.DEVNULL, pass_fds=(plain.fileno(), secure.fileno())
            )

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(seconds(20)) == 0, self.log()

    def log(self):
        return (self.folder / "error.log").read_text(errors="replace")

    def access_lines(self):
        return (self.folder / "deltastream.log").read_text().splitlines()

    def connections_to(self, url):
        """How many it has to the gateway, as the kernel counts them."""
        port = int(url.rpartition(":")[2])
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        ours = "%08X" % int.from_bytes(socket.inet_aton(PROXY), "little")
        return sum(row[1].startswith(ours) and row[2].endswith(f":{port:04X}") and row[3] == "01" for row in rows)

    def connect(self, name=HOST, protocols=("http/1.1",)):
        """A socket with TLS, from the client's address."""
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        context.set_alpn_protocols(list(protocols))
        plain = socket.create_connection(("127.0.0.1", self.port), seconds(20), (CLIENT, 0))
        return context.wrap_socket(plain, server_hostname=name)


class Through:
    """Connections that go to nginx in the server's place."""

    def open(self, site, _receive_bytes):
        return site.nginx.connect()


class ProxyStream(Through, LiveStream):
    pass


class ProxyWebSocket(Through, RawWebSocket):
    pass


class ProxyConnection(Through, RawConnection):
    def ask(self, method, target, *fields, body=None, host=HOST):
        length = () if body is None else (f"Content-Length: {len(body)}",)
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *length, *fields, "", ""]
        self.send("\r\n".join(lines).encode() + (body or b""))
        return self.receive(without_body=method == "HEAD")


class PlainConnection(ProxyConnection):
    """To the port without TLS."""

    def open(self, site, _receive_bytes):
        return socket.create_connection(("127.0.0.1", site.nginx.plain_port), seconds(20))


class Site:
    """nginx, the gateway behind it and what both have written."""

    def __init__(self, folder, launcher, changes=None, settings=()):
        self.server = launcher.daemons(
            folder / "data", "--trusted-proxy", PROXY, "--access-log", "on", *settings
        )
        self.gateway = self.server.programs[0]
        self.nginx = Nginx(folder / "nginx", self.server.base_url.removeprefix("http://"), changes)

    def connect(self):
        return ProxyConnection(self)

    def ask(self, method, target, *fields, **more):
        with self.connect() as connection:
            return connection.ask(method, target, *fields, **more)

    def logged(self, request_id):
        """The gateway's line about that request."""
        found = []

        def has_come():
            whole = [text for text in self.gateway.log().splitlines(keepends=True) if text.endswith("\n")]
            found[:] = [line for line in map(json.loads, whole) if line.get("request_id") == request_id]
            return found

        wait_until(has_come)
        return found[0]


@pytest.fixture(scope="module")
def site():
    folder = Path(tempfile.mkdtemp(prefix="ds-e2e-"))
    launcher = Launcher(folder)
    site = Site(folder, launcher)
    yield site
    site.nginx.stop()
    launcher.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def site_of(folder, launcher):
    """A site of the test's own, with changes of the file or of the gateway's settings."""
    sites = []

    def make(**options):
        sites.append(Site(folder, launcher, **options))
        return sites[-1]

    yield make
    for site in sites:
        site.nginx.stop()


def ticks(product, count):
    return json.dumps({"ticks": [tick(number, product) for number in range(count)]}).encode()


JSON = "Content-Type: application/json"


def assert_problem(reply, status, error_code, request_id=None):
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == "application/problem+json"
    problem = reply.json()
    assert list(problem) == ["type", "title", "status", "detail", "error_code", "error", "request_id", "errors"]
    assert (problem["status"], problem["error_code"], problem["type"]) == (status, error_code, f"/problems/{error_code}")
    assert problem["detail"] and problem["detail"] == problem["error"]
    assert problem["request_id"] == reply.headers["X-Request-Id"]
    if request_id is not None:
        assert problem["request_id"] == request_id


def test_rows_are_written_and_read(site):
    with site.connect() as connection:
        reply = connection.ask("POST", "/v1/ticks:ingest", JSON, body=ticks("WRITTEN", 3))
        assert reply.status == 200 and reply.json()["accepted"] == 3, reply
        reply = connection.ask("GET", "/v1/ticks/WRITTEN?limit=2")
        assert reply.status == 200 and len(reply.json()["ticks"]) == 2
        assert "Strict-Transport-Security" in reply.headers
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_the_gateway_s_own_errors_go_through_as_they_are(site):
    assert_problem(site.ask("GET", "/v1/ticks/X?nonsense=1", "X-Request-Id: mine"), 400, "unknown_parameter", "mine")
    assert_problem(site.ask("GET", "/nowhere"), 404, "not_found")
    assert "Allow" in site.ask("DELETE", "/v1/products").headers


@pytest.mark.parametrize(
    "path",
    [
        "/v1/ticks/A%2FB",
        "/v1/ticks/a%20b%c3%a9",
        "/v1/ticks/%41",
        "/v1/ticks/a+b;c=d",
        "/v1/ticks//x",
        "/v1/ticks/./x",
        "/v1/ticks/y/../x",
        "/v1/ticks/a:b@c!$&'()*,",
    ],
)
def test_the_path_arrives_as_the_client_wrote_it(site, path):
    request_id = f"path-{path.encode().hex()}"
    site.ask("GET", f"{path}?limit=%31", f"X-Request-Id: {request_id}")
    assert site.logged(request_id)["path"] == path


def test_a_slash_in_a_name_makes_no_two_of_it(site):
    # As two segments it would be another route, or none.
    reply = site.ask("GET", "/v1/ticks/A%2FB")
    assert_problem(reply, 400, "invalid_request")
    assert "'/'" in reply.json()["detail"]


def test_who_asks_is_who_nginx_says(site):
    site.ask("GET", "/v1/products", "X-Request-Id: through")
    line = site.logged("through")
    assert (line["peer"], line["client"]) == (PROXY, CLIENT)


def test_what_a_client_says_about_itself_is_not_believed(site):
    site.ask("GET", "/v1/products", "X-Forwarded-For: 203.0.113.9", "X-Request-Id: forged")
    assert site.logged("forged")["client"] == CLIENT
    site.server.get("/v1/products", **{"X-Forwarded-For": "203.0.113.9", "X-Request-Id": "direct"})
    assert site.logged("direct")["client"] == "127.0.0.1"


def test_nginx_meets_no_cap_by_address(site_of):
    site = site_of(settings=("--connections-address-max", "2"))
    site.gateway.process.send_signal(signal.SIGSTOP)
    clients = [site.connect() for _ in range(5)]
    for client in clients:
        client.send(f"GET /v1/products HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    # All of them, before the gateway accepts the first.
    wait_until(lambda: site.nginx.connections_to(site.server.base_url) == len(clients))
    site.gateway.process.send_signal(signal.SIGCONT)
    for client in clients:
        assert client.receive().status == 200
        client.close()


def test_connections_to_the_gateway_are_kept(site):
    def accepted():
        return int(float(re.search(rb"^ds_http_connections_total (\S+)$", site.server.get("/metrics").body, re.M)[1]))

    with site.connect() as connection:
        assert connection.ask("GET", "/v1/products").status == 200
        before = accepted()
        for _ in range(20):
            assert connection.ask("GET", "/v1/products").status == 200
        # accepted() itself is one.
        assert accepted() - before <= 2


def test_a_head_has_no_body(site):
    with site.connect() as connection:
        reply = connection.ask("HEAD", "/v1/products")
        assert reply.status == 200 and int(reply.headers["Content-Length"]) > 0
        assert connection.ask("GET", "/v1/products").status == 200


def test_large_bodies_go_through_both_ways(site):
    count = 10000
    body = ticks("LARGE", count)
    with site.connect() as connection:
        reply = connection.ask("POST", "/v1/ticks:ingest", JSON, body=body)
        assert reply.status == 200 and reply.json()["accepted"] == count, reply
        reply = connection.ask("GET", "/v1/ticks/LARGE?limit=1000")
        assert reply.status == 200 and len(reply.json()["ticks"]) == 1000


def test_a_client_that_waits_for_100_is_told_to_go_on(site):
    body = ticks("EXPECTED", 2)
    with site.connect() as connection:
        fields = [JSON, "Expect: 100-continue", f"Content-Length: {len(body)}"]
        assert connection.ask("POST", "/v1/ticks:ingest", *fields).status == 100
        connection.send(body)
        assert connection.receive().status == 200


def test_a_chunked_body_arrives_whole(site):
    body = ticks("CHUNKED", 2)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[at : at + 50]), body[at : at + 50]) for at in range(0, len(body), 50))
    with site.connect() as connection:
        lines = ["POST /v1/ticks:ingest HTTP/1.1", f"Host: {HOST}", JSON, "Transfer-Encoding: chunked", "", ""]
        connection.send("\r\n".join(lines).encode() + chunks + b"0\r\n\r\n")
        assert connection.receive().status == 200


def test_a_body_over_the_limit_is_a_problem(site):
    with site.connect() as connection:
        fields = [JSON, f"Content-Length: {BODY_BYTES_MAX + 1}", "X-Request-Id: too-large"]
        assert_problem(connection.ask("POST", "/v1/ticks:ingest", *fields), 413, "request_too_large", "too-large")


def test_metrics_are_not_for_everybody(site):
    assert_problem(site.ask("GET", "/metrics"), 404, "not_found")
    assert_problem(site.ask("GET", "/%6detrics"), 404, "not_found")


def test_an_id_that_could_break_the_json_is_not_taken(site):
    reply = site.ask("GET", "/metrics", 'X-Request-Id: a","b":"c')
    assert_problem(reply, 404, "not_found")
    assert '"' not in reply.json()["request_id"]


def test_other_names_are_not_served(site):
    with pytest.raises(ssl.SSLError):
        site.nginx.connect(name="localhost")
    assert site.ask("GET", "/v1/products", host="evil.test").status == 421


def test_without_tls_the_client_is_sent_to_https(site):
    with PlainConnection(site) as connection:
        reply = connection.ask("GET", "/v1/ticks/A%2FB?limit=1")
        assert (reply.status, reply.headers["Location"]) == (308, f"https://{HOST}/v1/ticks/A%2FB?limit=1")


def test_http_2_is_spoken_outside(site):
    done = subprocess.run(
        [
            *("curl", "-sS", "--http2", "--cacert", site.nginx.folder / "ca.pem", "--max-time", str(seconds(20))),
            *("--resolve", f"{HOST}:{site.nginx.port}:127.0.0.1", "-w", "\n%{http_version} %{http_code}"),
            f"https://{HOST}:{site.nginx.port}/v1/products",
        ],
        capture_output=True,
        text=True,
        check=True,
        env=clean_environment(),
    )
    body, _, told = done.stdout.rpartition("\n")
    assert told == "2 200" and "products" in json.loads(body)


def assert_no_log_has(site, word):
    """nginx's own log of errors is one of them."""
    logs = sorted(site.nginx.folder.glob("*.log"))
    assert len(logs) >= 2
    assert not [log.name for log in logs if word in log.read_text(errors="replace")]


def test_the_log_has_no_query(site):
    site.ask("GET", "/ws/quotes?token=secret", "X-Request-Id: with-token")
    wait_until(lambda: [line for line in site.nginx.access_lines() if line.endswith(" with-token")])
    plain = http.client.HTTPConnection("127.0.0.1", site.nginx.plain_port, timeout=seconds(30))
    plain.request("GET", "/v1/products?token=secret", headers={"Host": HOST, "X-Request-Id": "in-plain"})
    assert plain.getresponse().status == 308
    plain.close()
    wait_until(lambda: [line for line in site.nginx.access_lines() if line.endswith(" in-plain")])
    assert_no_log_has(site, "secret")


@pytest.mark.parametrize("accept", [SSE, NDJSON])
def test_a_stream_comes_as_it_goes(site, accept):
    product = f"STREAM{accept[:4].upper()}"
    with ProxyStream(site, f"/v1/stream/ticks?keys={product}", accept) as stream:
        assert stream.begin()["keys"] == [product]
        for number in range(3):
            # Each is seen before the next one is there: nothing waits for a buffer to be full.
            site.server.ingest([tick(number, product)])
            assert stream.message()["data"]["tick_id"] == number


def test_a_websocket_goes_through(site):
    with ProxyWebSocket(site) as client:
        client.subscribe("ticks", "SOCKET")
        for number in range(3):
            site.server.ingest([tick(number, "SOCKET")])
            assert client.message()["data"]["tick_id"] == number
        client.send(frame(PING, b"still there"))
        assert client.next_frame() == (PONG, b"still there")
        client.send(close(1000))
        assert client.end()[0] == 1000


def test_the_browser_s_origin_is_still_ours_behind_the_proxy(site):
    with ProxyWebSocket(site, fields={"Origin": "https://test"}) as client:
        client.subscribe("ticks", "ORIGIN")


def test_only_a_websocket_takes_a_connection_over(site):
    fields = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"]
    with site.connect() as connection:
        assert connection.ask("GET", "/v1/products", *fields).status == 200
        assert connection.ask("GET", "/v1/products").status == 200


def test_a_gateway_that_is_gone_is_a_502(site_of):
    site = site_of()
    site.gateway.stop()
    assert_problem(site.ask("GET", "/v1/products?token=secret", "X-Request-Id: gone"), 502, "bad_gateway", "gone")
    wait_until(lambda: [line for line in site.nginx.access_lines() if line.endswith(" gone")])
    assert_no_log_has(site, "secret")


def test_a_gateway_that_stands_still_is_a_504(site_of):
    site = site_of(changes={"proxy_read_timeout 660s;": "proxy_read_timeout 1s;"})
    site.gateway.process.send_signal(signal.SIGSTOP)
    try:
        assert_problem(site.ask("GET", "/v1/products"), 504, "gateway_timeout")
    finally:
        site.gateway.process.send_signal(signal.SIGCONT)


def test_too_many_requests_of_one_address_are_a_429(site_of):
    site = site_of(changes={"limit_conn deltastream_clients 1000;": "limit_conn deltastream_clients 1;"})
    body = ticks("WAITS", 1)
    with site.connect() as first:
        fields = [JSON, "Expect: 100-continue", f"Content-Length: {len(body)}"]
        assert first.ask("POST", "/v1/ticks:ingest", *fields).status == 100
        assert_problem(site.ask("GET", "/v1/products"), 429, "rate_limited")
        first.send(body)
        assert first.receive().status == 200
