"""tls+tcp against the real server: whom the client believes."""

import asyncio
import subprocess

import pytest

import deltastream
from conftest import PATIENCE, ROOT
from programs import Program

# Its firing is what is waited for: nng never connects to a server that it does not believe.
REFUSED_S = 2.0


@pytest.fixture
def certificates(folder):
    target = folder / "certificates"
    target.mkdir()
    subprocess.run([ROOT / "tests/support/make_certificates.sh", target], check=True)
    return target


@pytest.fixture
def port(folder, certificates):
    arguments = ("--data-dir", folder / "data", "--listen", "tls+tcp://localhost:0")
    arguments += ("--tls-cert", certificates / "server.pem", "--tls-key", certificates / "server.key")
    program = Program("deltastream-storaged", arguments, folder / "storaged.log")
    (url,) = program.wait_ready()
    yield url.rpartition(":")[2]
    assert program.stop() == 0, program.log()


def hello(host, port, **options):
    with deltastream.connect(f"tls+tcp://{host}:{port}", **options) as client:
        return client.hello.server


def test_a_server_of_a_named_authority_is_talked_to(port, certificates):
    assert "storaged" in hello("localhost", port, tls_ca=certificates / "ca.pem", connect_timeout=PATIENCE)
    authority = str(certificates / "ca.pem")
    assert hello("127.0.0.1", port, tls_ca=authority, tls_server_name="storage.test", connect_timeout=PATIENCE)


def test_a_server_that_can_not_be_believed_is_not_talked_to(port, certificates):
    mine = certificates / "ca.pem"
    for options in (
        {"tls_ca": certificates / "foreign-ca.pem"},
        {},
        {"tls_ca": mine, "tls_server_name": "other.test"},
    ):
        with pytest.raises(deltastream.UnavailableError, match="certificate"):
            hello("localhost", port, connect_timeout=REFUSED_S, **options)


async def connect_for_loop(port, authority):
    url = f"tls+tcp://localhost:{port}"
    async with await deltastream.aio.connect(url, tls_ca=authority, connect_timeout=PATIENCE) as client:
        return client.hello.server


def test_an_event_loops_client_takes_the_same_options(port, certificates):
    assert "storaged" in asyncio.run(connect_for_loop(port, certificates / "ca.pem"))


def test_what_can_not_be_used_is_a_value_error(folder):
    (folder / "nothing.pem").write_text("nothing")
    (folder / "empty.pem").write_text("")
    for url, options, words in (
        ("tls+tcp://localhost:1", {"tls_ca": folder / "missing.pem"}, "can't be read"),
        ("tls+tcp://localhost:1", {"tls_ca": folder / "nothing.pem"}, "no certificate"),
        ("tls+tcp://localhost:1", {"tls_ca": folder / "empty.pem"}, "is empty"),
        ("tls+tcp://", {"tls_ca": folder / "nothing.pem"}, "host:port"),
        ("tcp://127.0.0.1:1", {"tls_ca": folder / "nothing.pem"}, "are for tls"),
        ("tcp://127.0.0.1:1", {"tls_server_name": "localhost"}, "are for tls"),
    ):
        with pytest.raises(ValueError, match=words):
            deltastream.connect(url, **options)
