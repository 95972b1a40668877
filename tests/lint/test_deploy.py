"""The proxies' examples of deploy/proxy: Envoy's is of Envoy's own messages, and both keep to the gateway's limits.

nginx.conf is run, by tests/e2e/test_proxy_nginx.py.
"""

import copy
import importlib
import re
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
NGINX = (ROOT / "deploy/proxy/nginx.conf").read_text()
ENVOY = yaml.safe_load((ROOT / "deploy/proxy/envoy.yaml").read_text())
SETTINGS = (ROOT / "gateway/host.h").read_text()
SYSTEM_ROUTES = (ROOT / "gateway/system_routes.def").read_text()
# Made by ./dev test, with Envoy's messages as Python's classes.
ENVOY_MESSAGES = ROOT / "build/envoy"

# Of how those classes are written.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def members(value, name):
    """All members of that name, wherever they are."""
    if isinstance(value, dict):
        yield from ([value[name]] if name in value else [])
        for inside in value.values():
            yield from members(inside, name)
    elif isinstance(value, list):
        for inside in value:
            yield from members(inside, name)


def bootstrap_of(document):
    """The document as Envoy's Bootstrap, in wire bytes. Unknown members, values of a wrong type and unknown types raise."""
    for url in members(document, "@type"):
        package = url.removeprefix("type.googleapis.com/").rpartition(".")[0]
        importlib.import_module(f"envoy_data_plane.{package}")
    return bytes(importlib.import_module("envoy_data_plane.envoy.config.bootstrap.v3").Bootstrap.from_dict(document))


@pytest.fixture(autouse=True, scope="module")
def envoy_messages():
    assert ENVOY_MESSAGES.is_dir(), f"{ENVOY_MESSAGES} is missing: ./dev test makes it from tests/e2e/requirements-envoy.txt"
    sys.path.insert(0, str(ENVOY_MESSAGES))
    yield
    sys.path.remove(str(ENVOY_MESSAGES))


def manager(document):
    """The connection manager of the listener with TLS."""
    return document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


def routes():
    return manager(ENVOY)["route_config"]["virtual_hosts"][0]["routes"]


def test_envoys_example_is_of_envoys_messages():
    assert len(bootstrap_of(ENVOY)) > 1000


def test_the_check_sees_what_envoy_would_refuse():
    changes = [("nonsense", 1), ("codec_type", "NOTHING"), ("request_headers_timeout", "ten seconds"), ("normalize_path", {"a": 1})]
    for name, value in changes:
        wrong = copy.deepcopy(ENVOY)
        manager(wrong)[name] = value
        with pytest.raises((KeyError, TypeError, ValueError)):
            bootstrap_of(wrong)


def test_envoy_hands_the_path_on_as_it_came():
    chosen = manager(ENVOY)
    assert (chosen["normalize_path"], chosen["merge_slashes"]) == (False, False)
    assert chosen["path_with_escaped_slashes_action"] == "KEEP_UNCHANGED"
    assert not list(members(ENVOY, "prefix_rewrite")) and not list(members(ENVOY, "regex_rewrite"))


def test_envoy_tells_who_the_client_is():
    chosen = manager(ENVOY)
    assert (chosen["use_remote_address"], chosen["xff_num_trusted_hops"], chosen["skip_xff_append"]) == (True, 0, False)


def test_envoy_lets_only_websockets_take_a_connection_over():
    assert manager(ENVOY)["upgrade_configs"] == [{"upgrade_type": "websocket", "enabled": False}]
    upgrades = [route for route in routes() if "upgrade_configs" in route.get("route", {})]
    assert [route["match"] for route in upgrades] == [{"path": "/ws/quotes"}]


def test_streams_may_be_silent_and_go_out_at_once():
    places = ({"path": "/ws/quotes"}, {"prefix": "/v1/stream/"})
    streams = [route["route"] for route in routes() if route["match"] in places]
    assert [(stream["timeout"], stream["idle_timeout"]) for stream in streams] == [("0s", "3600s")] * 2
    assert re.search(r"location /v1/stream/ \{[^}]*proxy_buffering off;[^}]*proxy_read_timeout 1h;", NGINX)
    assert re.search(r"location = /ws/quotes \{[^}]*proxy_read_timeout 1h;", NGINX)


def default_of(setting):
    return re.search(rf'\.name = "{setting}",.*?\.default_text = "([^"]+)"', SETTINGS, re.S)[1]


def seconds(text):
    assert text.endswith("s"), text
    return int(text[:-1])


def nginx(directive):
    return re.search(rf"^ *{directive} ([^;]+);", NGINX, re.M)[1]


def test_the_limits_are_the_gateways():
    assert default_of("body-bytes-max") == "16MiB" and nginx("client_max_body_size") == "16m"
    assert default_of("headers-timeout") == nginx("client_header_timeout") == manager(ENVOY)["request_headers_timeout"]
    assert default_of("body-timeout") == nginx("client_body_timeout")
    assert default_of("write-timeout") == nginx("send_timeout")
    assert default_of("connections-address-max") == nginx("limit_conn").split()[1]


def test_idle_connections_end_at_the_proxy_first():
    idle = seconds(default_of("idle-timeout"))
    kept = re.search(r"upstream deltastream \{.*?keepalive_timeout (\d+)s;", NGINX, re.S)[1]
    assert int(kept) < idle
    cluster = ENVOY["static_resources"]["clusters"][0]["typed_extension_protocol_options"]
    [options] = cluster.values()
    assert seconds(options["common_http_protocol_options"]["idle_timeout"]) < idle


def test_both_keep_the_metrics_inside():
    assert '"/metrics"' in SYSTEM_ROUTES
    assert re.search(r"location = /metrics \{\s*return 404;", NGINX)
    assert {"match": {"path": "/metrics"}, "direct_response": {"status": 404}} in routes()
