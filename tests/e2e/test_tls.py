"""deltastream-storaged on tls+tcp, with the command line and the gateway as its clients."""

import json
import re
import signal
import socket
import ssl
import subprocess

import pytest

from programs import REPOSITORY, Program, http_request, run_cli, wait_until

HOST = "tls+tcp://localhost"


@pytest.fixture
def certificates(folder):
    target = folder / "certificates"
    target.mkdir()
    subprocess.run([REPOSITORY / "tests/support/make_certificates.sh", target], check=True)
    return target


def settings(certificates, name="server"):
    return ["--tls-cert", certificates / f"{name}.pem", "--tls-key", certificates / f"{'rsa' if name == 'rsa' else 'server'}.key"]


@pytest.fixture
def storaged(launcher, data_dir, certificates):
    return launcher.start(
        "deltastream-storaged", "--data-dir", data_dir, "--listen", f"{HOST}:0", *settings(certificates)
    )


def shown_certificate(url):
    host, port = url.removeprefix("tls+tcp://").rsplit(":", 1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((host, int(port))) as plain, context.wrap_socket(plain, server_hostname=host) as peer:
        assert peer.version() == "TLSv1.2" and not peer.session.has_ticket
        return peer.getpeercert(binary_form=True)


def products(url, *arguments, environment=None):
    return run_cli("products", "list", "--connect", url, *arguments, environment=environment)


def test_the_command_line_checks_whom_it_talks_to(storaged, certificates):
    (url,) = storaged.wait_ready()
    assert url.startswith(HOST)
    trusted = products(url, "--tls-ca", certificates / "ca.pem")
    assert trusted.returncode == 0, trusted.stderr
    assert products(url, environment={"DS_TLS_CA": str(certificates / "ca.pem")}).returncode == 0
    unknown = products(url, "--tls-ca", certificates / "foreign-ca.pem")
    assert (unknown.returncode, b"running?" in unknown.stderr) == (6, False)
    assert b"comes from no authority that is trusted here" in unknown.stderr
    other = products(url, "--tls-ca", certificates / "ca.pem", "--tls-server-name", "other.test")
    assert (other.returncode, b"is for another host" in other.stderr) == (6, True)
    missing = products(url, "--tls-ca", "/nonexistent/ca.pem")
    assert missing.returncode != 0 and b"tls-ca: /nonexistent/ca.pem can't be read" in missing.stderr
    doctor = run_cli("doctor", "--connect", url, "--tls-ca", certificates / "foreign-ca.pem")
    assert b"comes from no authority that is trusted here" in doctor.stdout


@pytest.mark.parametrize(
    "name, ca, state, words",
    [
        ("server", "ca", "OK", r"valid for (29|30) more days"),
        ("soon", "ca", "WARN", r"valid for (4|5) more days"),
        ("server", "foreign-ca", "FAIL", "comes from no authority that is trusted here"),
    ],
)
def test_the_doctor_looks_at_the_certificate(launcher, data_dir, certificates, name, ca, state, words):
    files = ("--tls-cert", certificates / f"{name}.pem", "--tls-key", certificates / "server.key")
    storaged = launcher.start("deltastream-storaged", "--data-dir", data_dir, "--listen", f"{HOST}:0", *files)
    (url,) = storaged.wait_ready()
    done = run_cli("doctor", "--connect", url, "--tls-ca", certificates / f"{ca}.pem", "-o", "json")
    (finding,) = [one for one in json.loads(done.stdout) if one["check"] == "certificate"]
    assert finding["state"] == state and re.search(words, finding["message"])
    assert ("SIGHUP" in finding.get("advice", "")) == (state == "WARN")
    assert (done.returncode == 0) == (state != "FAIL")


def test_the_gateway_reaches_the_service_over_tls(launcher, storaged, certificates, folder):
    (url,) = storaged.wait_ready()
    gateway = launcher.start(
        "deltastream-gateway", "--listen", "127.0.0.1:0", "--storage", url, "--tls-ca", certificates / "ca.pem"
    )
    (address,) = gateway.wait_ready()
    wait_until(lambda: http_request(address, "GET", "/health").status == 200)


def test_the_gateway_finds_a_restarted_service_again(launcher, storaged, data_dir, certificates):
    (url,) = storaged.wait_ready()
    gateway = launcher.start(
        "deltastream-gateway", "--listen", "127.0.0.1:0", "--storage", url, "--tls-ca", certificates / "ca.pem"
    )
    (address,) = gateway.wait_ready()

    def answers():
        return http_request(address, "GET", "/v1/products").status == 200

    wait_until(answers)
    for end in ("stop", "kill"):
        getattr(storaged, end)()
        wait_until(lambda: not answers())
        storaged = launcher.start("deltastream-storaged", "--data-dir", data_dir, "--listen", url, *settings(certificates))
        storaged.wait_ready()
        wait_until(answers)


def test_sighup_shows_a_new_certificate(storaged, certificates):
    (url,) = storaged.wait_ready()
    before = shown_certificate(url)
    (certificates / "server.pem").write_bytes((certificates / "renewed.pem").read_bytes())
    storaged.process.send_signal(signal.SIGHUP)
    wait_until(lambda: shown_certificate(url) != before)
    after = shown_certificate(url)
    (certificates / "server.pem").write_bytes((certificates / "expired.pem").read_bytes())
    storaged.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "certificate_not_reloaded" in storaged.log())
    assert shown_certificate(url) == after


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "tls-cert: a tls+tcp address needs"),
        (["--tls-cert", "{folder}/expired.pem", "--tls-key", "{folder}/server.key"], "expired on "),
        (["--tls-cert", "{folder}/server.pem", "--tls-key", "{folder}/other.key"], "is not the key of"),
        (["--tls-cert", "{folder}/server.pem", "--tls-key", "{folder}/missing.key"], "can't be read"),
    ],
)
def test_a_bad_certificate_stops_the_start(folder, data_dir, certificates, arguments, words):
    arguments = [argument.format(folder=certificates) for argument in arguments]
    program = Program(
        "deltastream-storaged",
        ["--data-dir", data_dir, "--listen", f"{HOST}:0", *arguments],
        folder / "failing.log",
    )
    assert (program.wait(), words in program.log()) == (2, True), program.log()


def test_writing_without_credentials_is_not_offered_to_a_network(launcher, folder, data_dir, certificates):
    arguments = ["--data-dir", data_dir, "--listen", "tls+tcp://0.0.0.0:0", *settings(certificates)]
    program = Program("deltastream-storaged", arguments, folder / "failing.log")
    assert program.wait() == 2
    assert 'anonymous: "write" (from default)' in program.log() and "tls+tcp://0.0.0.0:0" in program.log()
    launcher.start("deltastream-storaged", *arguments, "--anonymous", "read").wait_ready()


@pytest.mark.parametrize("url", [f"{HOST}:0", "tcp://0.0.0.0:0", "0.0.0.0:0"])
def test_events_are_not_published_to_a_network(folder, data_dir, url):
    program = Program(
        "deltastream-storaged",
        ["--data-dir", data_dir, "--events", url],
        folder / "failing.log",
    )
    assert program.wait() == 2
    assert "events are published at ipc:///path or tcp://127.0.0.1:port" in program.log()


def test_events_are_not_shown_to_who_may_not_read_rows(folder, data_dir):
    program = Program(
        "deltastream-storaged",
        ["--data-dir", data_dir, "--anonymous", "none", "--events", "tcp://127.0.0.1:0"],
        folder / "failing.log",
    )
    assert program.wait() == 2
    assert "which --anonymous none forbids; publish at ipc:///path" in program.log()
