"""deltastream-load: scenarios and flags against real servers, and against one that records what it is asked."""

import json
import re
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from programs import REPOSITORY, Program, binary, clean_environment, seconds, wait_until
from stub_server import StubServer

SCENARIOS = REPOSITORY / "clients" / "load" / "scenarios"
# No call may meet its time limit because the machine stands still.
PATIENT = ("--timeout", "10m")


def load(*arguments, environment=None, stdin=b""):
    return subprocess.run(
        [binary("deltastream-load"), *[str(argument) for argument in arguments]],
        input=stdin,
        capture_output=True,
        timeout=seconds(120),
        env=clean_environment(environment),
        check=False,
    )


def measure(*arguments, code=0, patience=PATIENT, **options):
    """The result of a run, as its JSON report has it."""
    done = load(*arguments, "--json", "-", *patience, **options)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def measure_all(*arguments, code=(0,), clear=lambda: None):
    """The result of a run that was long enough to come to each step, however slow this machine is."""
    for duration in ("2s", "10s", "60s"):
        clear()
        done = load(*arguments, "--duration", duration, "--json", "-", *PATIENT)
        assert done.returncode in code, done.stderr
        result = json.loads(done.stdout)
        if all(operation["planned"] > 0 for operation in result["operations"]):
            break
    return result


def refusal(*arguments, **options):
    """What a plan that is none is refused with; nothing is run."""
    done = load(*arguments, **options)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert done.stdout == b""
    return done.stderr.decode()


def assert_all_ok(result):
    for operation in result["operations"]:
        assert operation["planned"] > 0, operation["name"]
        assert operation["ok"] == operation["planned"], (operation["name"], operation["codes"])
    assert result["total"]["ok"] == sum(operation["ok"] for operation in result["operations"])


@pytest.fixture
def scenario(folder):
    """Writes a scenario and gives its path."""

    def write(content, name="scenario.json"):
        path = folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


class Recorder(BaseHTTPRequestHandler):
    """Gives out tokens, and knows what was asked with them."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        with self.server.lock:
            self.server.requests.append((self.command, self.path, dict(self.headers), body))
            number = len(self.server.requests)
        status, reply = 200, {"number": number}
        if self.path == "/login":
            user = json.loads(body).get("user")
            reply = {"tokens": [{"access_token": f"{user} \"{number}\""}], "access_token": f"T{number}"}
        elif self.path == "/broken":
            status = 503
        elif self.path == "/logout":
            self.send_response(204)
            self.end_headers()
            return
        text = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer


@pytest.fixture
def recorder():
    with StubServer(Recorder) as server:
        server.lock = threading.Lock()
        server.requests = []
        yield server


@pytest.fixture
def demo(launcher, data_dir):
    return launcher.up(data_dir, "--demo")


@pytest.mark.parametrize("name", ["market_readers", "ingest", "mixed_day"])
def test_a_scenario_that_is_installed_runs_without_an_error(demo, name):
    result = measure_all(
        "--scenario", SCENARIOS / f"{name}.json", "--rest", demo.base_url, "--data-dir", demo.data_dir,
        "--warm-up", "0", "--seed", "3",
    )
    assert_all_ok(result)
    assert result["end"] == "done"
    assert all(objective["is_met"] for objective in result["objectives"])


def test_every_row_of_an_ingest_is_stored(demo):
    result = measure(
        "--scenario", SCENARIOS / "ingest.json", "--rest", demo.base_url, "--data-dir", demo.data_dir,
        "--rate", "10", "--duration", "2s", "--warm-up", "0",
    )
    assert_all_ok(result)
    counts = {operation["name"]: operation["ok"] for operation in result["operations"]}
    written = [
        product for product in demo.get("/v1/products").json()["products"] if product.startswith("LOAD")
    ]
    stored = [
        tick
        for product in written
        for tick in demo.get(f"/v1/ticks/{product}?limit=10000").json()["ticks"]
    ]
    assert len(stored) == 100 * counts["batch of 100"] + counts["single tick"]
    ids = {tick["tick_id"] for tick in stored}
    assert len(ids) == len(stored)
    assert all(20000 < tick["price"] < 25000 and 1 <= tick["volume"] <= 5000 for tick in stored)


def test_every_native_method_can_be_called(launcher, data_dir, scenario):
    server = launcher.up(data_dir)
    done = load("methods", "-o", "json")
    assert done.returncode == 0
    methods = [method["method"] for method in json.loads(done.stdout)]
    assert "deltastream.storage.v1.Storage/IngestTicks" in methods
    flows = [{"steps": [{"name": method, "method": method, "body": {}} for method in methods]}]
    result = measure(
        "--scenario", scenario({"flows": flows}), "--data-dir", server.data_dir, "--rate", "20", "--duration", "1s"
    )
    answered = {code["code"] for code in result["total"]["codes"]}
    assert answered <= {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"}, answered
    assert result["operations"][0]["ok"] == 20
    total = result["total"]
    assert total["planned"] == total["ok"] + total["failed"] and total["timed_out"] == 0


def test_a_step_uses_what_the_one_before_was_told(recorder, scenario, folder):
    (folder / "users.csv").write_text("name,word\nann,a\nbob,\"b,c\"\n")
    path = scenario(
        {
            "targets": {"rest": recorder.url},
            "pace": "closed",
            "users": 2,
            "data": {"people": {"kind": "csv", "file": "users.csv"}},
            "flows": [
                {
                    "steps": [
                        {
                            "name": "login",
                            "request": "POST /login",
                            "body": {"user": "${people.name}", "password": "${people.word}"},
                            "capture": {"token": "/tokens/0/access_token"},
                        },
                        {
                            "name": "query",
                            "request": "GET /query/${people.name}?token=${token}",
                            "authorization": "Bearer ${token}",
                            "headers": {"x-user": "${people.name}"},
                        },
                    ]
                }
            ],
        }
    )
    result = measure_all("--scenario", path, clear=recorder.requests.clear)
    assert_all_ok(result)
    logins = [json.loads(body) for _, target, _, body in recorder.requests if target == "/login"]
    assert {(login["user"], login["password"]) for login in logins} == {("ann", "a"), ("bob", "b,c")}
    queries = [(target, headers) for _, target, headers, _ in recorder.requests if target != "/login"]
    assert len(queries) == result["operations"][1]["ok"]
    for target, headers in queries:
        headers = {name.lower(): value for name, value in headers.items()}
        user = headers["x-user"]
        kind, name, number = headers["authorization"].split()
        assert (kind, name) == ("Bearer", user)
        assert target == f"/query/{user}?token={user}%20%22{number.strip(chr(34))}%22"


def test_the_example_of_the_documentation_runs(recorder, scenario, folder):
    text = (REPOSITORY / "docs" / "load-testing.md").read_text()
    path = scenario(re.search(r"```json\n(.*?)```", text, re.S)[1])
    (folder / "users.csv").write_text("email,password\na@b.example,1\nc@d.example,2\n")
    # How fast this machine is, is not what is tested: the objective for the latency may be missed.
    result = measure_all("--scenario", path, "--rest", recorder.url, code=(0, 99), clear=recorder.requests.clear)
    assert_all_ok(result)
    assert {objective["text"]: objective["is_met"] for objective in result["objectives"]}["*:errors<0.1%"]
    assert {operation["name"] for operation in result["operations"]} == {"login", "query", "logout", "products"}
    bodies = [json.loads(body) for _, target, _, body in recorder.requests if target == "/login"]
    assert bodies[0].keys() == {"email", "password"}
    for _, target, headers, _ in recorder.requests:
        if target == "/logout" or "/latest" in target:
            assert re.fullmatch(r"Bearer T\d+", {name.lower(): value for name, value in headers.items()}["authorization"])


def test_a_reply_without_what_a_later_step_needs_is_an_error(recorder, scenario):
    steps = [
        {"name": "first", "request": "GET /a", "capture": {"token": "/no/such/member"}},
        {"name": "second", "request": "GET /b/${token}"},
    ]
    path = scenario({"targets": {"rest": recorder.url}, "duration": "500ms", "flows": [{"steps": steps}]})
    result = measure("--scenario", path)
    first, second = result["operations"]
    assert first["failed"] == first["planned"] > 0
    assert second["planned"] == 0
    assert all(target == "/a" for _, target, _, _ in recorder.requests)


def test_the_same_seed_asks_the_same(recorder, scenario):
    path = scenario(
        {
            "targets": {"rest": recorder.url},
            "rate": 30,
            "duration": "1s",
            "connections": 1,
            "data": {
                "symbol": {"kind": "zipf", "prefix": "S", "count": 100},
                "number": {"kind": "uniform", "maximum": 1000000},
            },
            "flows": [
                {"weight": 2, "steps": [{"request": "GET /a/${symbol}/${number}"}]},
                {"weight": 1, "steps": [{"request": "POST /b", "body": {"n": "${number}"}}]},
            ],
        }
    )

    def asked(seed):
        recorder.requests.clear()
        measure("--scenario", path, "--seed", seed)
        return [(method, target, body) for method, target, _, body in recorder.requests]

    first = asked(7)
    assert len(first) == 30
    assert len({target for _, target, _ in first}) > 5
    assert asked(7) == first
    assert asked(8) != first


def test_no_two_flows_of_any_threads_get_the_same_number(recorder, scenario):
    path = scenario(
        {
            "targets": {"rest": recorder.url},
            "threads": 3,
            "users": 6,
            "data": {"id": {"kind": "sequence", "prefix": "user-"}},
            "flows": [{"steps": [{"name": "a", "request": "GET /a/${id}"}, {"name": "b", "request": "GET /b/${id}"}]}],
        }
    )
    result = measure_all("--scenario", path, clear=recorder.requests.clear)
    assert_all_ok(result)
    for operation in result["operations"]:
        targets = [target for _, target, _, _ in recorder.requests if target.startswith(f"/{operation['name']}/user-")]
        assert len(targets) == len(set(targets)) == operation["ok"]


def test_a_watched_server_is_told_with_what_it_used(up_server):
    result = measure(
        "--rest", up_server.base_url, "--get", "/v1/products", "--rate", "50", "--duration", "2s",
        "--watch", f"up={up_server.programs[0].pid}",
    )
    assert_all_ok(result)
    [watched] = result["watched"]
    assert watched["name"] == "up"
    assert watched["memory_bytes_max"] > 0


def test_flags_alone_make_a_plan(recorder, folder):
    (folder / "body.json").write_text('{"rows": [1, 2.5]}')
    result = measure(
        "run", "--rest", recorder.url, "--request", "POST /v1/x", "--data", f"@{folder}/body.json",
        "--header", "x-a: b c", "--users", "3", "--duration", "300ms",
        environment={"DS_LOAD_AUTHORIZATION": "Bearer ${secret}"},
    )
    assert_all_ok(result)
    assert result["plan"]["pace"] == "closed"
    assert [stage["to"] for stage in result["plan"]["stages"]] == [3]
    method, target, headers, body = recorder.requests[0]
    headers = {name.lower(): value for name, value in headers.items()}
    assert (method, target) == ("POST", "/v1/x")
    assert json.loads(body) == {"rows": [1, 2.5]}
    assert headers["x-a"] == "b c"
    assert headers["authorization"] == "Bearer ${secret}"
    assert headers["content-type"] == "application/json"
    assert "secret" not in json.dumps(result)


def test_stages_go_to_their_levels(recorder):
    result = measure(
        "--rest", recorder.url, "--get", "/a", "--stage", "0:20", "--stage", "1s:20", "--stage", "1s:60"
    )
    assert_all_ok(result)
    assert result["plan"]["pace"] == "constant"
    assert 59 <= result["total"]["planned"] <= 61
    assert len(recorder.requests) == result["total"]["planned"]


def test_flags_take_the_place_of_what_a_scenario_says(recorder, scenario):
    path = scenario(
        {
            "name": "n",
            "targets": {"rest": "http://127.0.0.1:1", "other": "http://127.0.0.1:1"},
            "pace": "closed",
            "stages": ["1h:10", "3h:40"],
            "flows": [{"steps": [{"request": "GET /a"}, {"request": "GET /b", "target": "other"}]}],
            "objectives": ["*:errors<1%"],
        }
    )
    to_recorder = ("--scenario", path, "--rest", recorder.url, "--url", f"other={recorder.url}")
    shortened = measure(*to_recorder, "--duration", "400ms")
    assert_all_ok(shortened)
    assert [stage["duration_ns"] for stage in shortened["plan"]["stages"]] == [100_000_000, 300_000_000]
    assert [stage["to"] for stage in shortened["plan"]["stages"]] == [10, 40]
    replaced = measure(*to_recorder, "--rate", "1200/m", "--poisson", "--duration", "500ms", "--slo", "*:rate>1")
    assert replaced["plan"]["pace"] == "poisson"
    assert [(stage["from"], stage["to"]) for stage in replaced["plan"]["stages"]] == [(20, 20)]
    assert [objective["text"] for objective in replaced["objectives"]] == ["*:errors<1%", "*:rate>1"]


def test_a_missed_objective_ends_with_99(recorder):
    run = ("--rest", recorder.url, "--rate", "20", "--duration", "500ms")
    met = measure(*run, "--get", "/a", "--slo", "*:errors<1%", "--slo", "GET /a:p99<1h")
    assert [objective["is_met"] for objective in met["objectives"]] == [True, True]
    missed = measure(*run, "--get", "/broken", "--slo", "*:errors<1%", code=99)
    assert [objective["is_met"] for objective in missed["objectives"]] == [False]
    assert missed["total"]["failed"] == 10
    assert missed["total"]["codes"][0]["code"] == "503"


def test_a_run_may_be_given_up_when_an_objective_is_missed(recorder):
    result = measure(
        "--rest", recorder.url, "--get", "/broken", "--rate", "200", "--duration", "1h",
        "--slo", "*:errors<50%", "--abort-on-fail", code=99,
        # What is under way has its time at the end; a call that runs out of it is an error like the rest.
        patience=("--timeout", "10s"),
    )
    assert result["end"] == "aborted"
    assert result["measured_ns"] < 3600 * 10**9


def test_an_interrupted_run_is_told_all_the_same(recorder, folder):
    program = Program(
        "deltastream-load",
        ["--rest", recorder.url, "--get", "/a", "--rate", "50", "--duration", "1h", "--json", folder / "r.json", *PATIENT],
        folder / "log",
    )
    wait_until(lambda: len(recorder.requests) > 5)
    program.process.send_signal(signal.SIGINT)
    assert program.wait() == 130
    result = json.loads((folder / "r.json").read_text())
    assert result["end"] == "interrupted"
    assert result["total"]["ok"] > 5


def test_a_target_that_is_not_there_ends_with_6(folder):
    for flags in (("--rest", "http://127.0.0.1:1", "--get", "/"), ("--method", "ListProducts", "--data", "{}")):
        done = load(*flags, "--data-dir", folder)
        assert done.returncode == 6, done.stderr
        assert done.stdout == b""
        assert done.stderr.startswith(b"deltastream-load: ")


def test_a_native_call_without_a_request_is_told_what_it_takes():
    told = refusal("--method", "ListTicks")
    assert "--data is missing: ListTicks takes a\nmessage deltastream.storage.v1.ListTicksRequest\n" in told
    assert "     1  product               string\n" in told


@pytest.mark.parametrize(
    "flags, told",
    [
        (("run",), "say what to do by one of --scenario FILE"),
        (("--get", "/a", "--method", "ListTicks"), "say what to do by one of --scenario FILE"),
        (("--method", "ListTicka", "--data", "{}"), 'there is no method "ListTicka"; did you mean "ListTicks"?'),
        (("--method", "ListTicks", "--data", "{"), 'data: "{" (from --data): takes JSON or @FILE; line 1'),
        (("--method", "ListTicks", "--data", '{"product": 5}'), "--data: is no deltastream.storage.v1.ListTicksRequest"),
        (("--method", "ListTicks", "--data", "@/no/such"), '"/no/such"'),
        (("--get", "/a", "--rate", "fast"), 'rate: "fast" (from --rate): takes a number above 0'),
        (("--get", "/a", "--rate", "5", "--users", "5"), "only one of --rate, --users and --stage may be given"),
        (("--get", "/a", "--users", "5", "--poisson"), "goes with a rate"),
        (("--get", "/a", "--closed"), "goes with --stage"),
        (("--get", "/a", "--stage", "1s"), "takes TIME:LEVEL"),
        (("--get", "/a", "--stage", "1s:5", "--duration", "5s"), "is that of the stages together"),
        (("--get", "/a", "--duration", "5"), "takes a duration: 500ms, 10s, 2m or 1h"),
        (("--get", "/a", "--warm-up", "1m"), "warm_up: is as long as the whole run"),
        (("--get", "/a", "--slo", "p99<5ms"), "an objective is OPERATION:MEASURE<LIMIT"),
        (("--get", "/a", "--slo", "x:p99<5ms"), 'objectives[0]: no step is called "x"; there is "GET /a"'),
        (("--get", "/a", "--watch", "4711"), "takes NAME=PID"),
        (("--get", "/a", "--header", "x"), "takes NAME: VALUE"),
        (("--get", "/a", "--rest", "127.0.0.1:80"), "targets.rest: takes http://HOST:PORT"),
        (("--get", "a"), '--request: takes a method, a blank and a path: "GET /v1/products"'),
        (("--get", "/${a}"), "--request: ${a}: neither"),
        (("--get", "/a", "--authorization", "Bearer x"), "authorization"),
        (("--get", "/a", "--threads", "257"), "threads"),
        (("rnu",), 'there is no command "rnu"; did you mean "run"?'),
    ],
)
def test_a_plan_that_is_none_is_refused_with_what_would_do(flags, told):
    assert told in refusal(*flags)


@pytest.mark.parametrize(
    "content, told",
    [
        ("{", "line 1, column 1"),
        ("[]", "takes an object"),
        ({"flows": [{"steps": [{"method": "ListTicka"}]}]},
         'flows[0].steps[0].method: no method "ListTicka"; did you mean "ListTicks"?'),
        ({"flows": [{"steps": [{"request": "GET /", "timeut": "1s"}]}]},
         'flows[0].steps[0].timeut: is not known here; did you mean "timeout"?'),
    ],
)
def test_a_scenario_that_is_none_is_refused_by_its_member(scenario, content, told):
    path = scenario(content)
    said = refusal("--scenario", path)
    assert f"{path}: " in said and told in said
    assert load("--scenario", "-", stdin=path.read_bytes()).returncode == 2


def test_a_scenario_that_is_not_there_is_refused_and_data_goes_with_flags_only(folder, scenario):
    assert "/no/such" in refusal("--scenario", "/no/such")
    assert "a scenario has it in its steps" in refusal("--scenario", scenario({}), "--data", "{}")
    assert "a scenario has it in its steps" in refusal("--scenario", scenario({}), "--header", "a: b")


def test_the_settings_in_force_are_a_file_that_gives_them_again(folder):
    flags = ("--get", "/a", "--rate", "5/s", "--slo", "*:p99<1s", "--url", "tcp://127.0.0.1:1", "--alone")
    first = load(*flags, "--print-config", environment={"DS_LOAD_AUTHORIZATION": "Bearer secret"})
    assert first.returncode == 0
    assert b"get = /a  # --get" in first.stdout
    assert b"Bearer secret" not in first.stdout
    path = folder / "load.conf"
    kept = [line for line in first.stdout.decode().splitlines() if not line.startswith("authorization")]
    path.write_text("\n".join(kept) + "\n")
    second = load("run", "--config", path, "--print-config")
    assert second.returncode == 0, second.stderr

    def values(text):
        return [line.split("  #")[0] for line in text.decode().splitlines() if not line.startswith("authorization")]

    assert values(second.stdout) == values(first.stdout)
    ran = load("--config", path, "--rest", "http://127.0.0.1:1")
    assert ran.returncode == 6, ran.stderr


def test_one_settings_file_serves_all_commands_and_programs(recorder, folder):
    path = folder / "deltastream.conf"
    lines = [
        f"data-dir = {folder}", "store = lmdb", "listen = 127.0.0.1:0", "demo = true", "log-level = info", "output = ndjson",
        f"rest = {recorder.url}", "get = /a", "rate = 20", "duration = 300ms", "fail-if-worse = true", "stall = true",
    ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n")
    run = folder / "run.json"
    done = load("--config", path, "--json", run, *PATIENT)
    assert done.returncode == 0, done.stderr
    assert json.loads(run.read_text())["total"]["ok"] == 6
    # A form that only `deltastream` has is passed over, and the default stands.
    told = load("report", run, "--config", path)
    assert told.returncode == 0, told.stderr
    assert b"6 ok" in told.stdout
    assert load("methods", "--config", path).stdout.startswith(b"{")
    assert load("report", run, "--config", path, "--output", "ndjson").returncode == 2
    path.write_text("rtae = 20\n")
    assert 'there is no setting "rtae"; did you mean "rate"?' in refusal("--config", path, "--get", "/a")


def test_help_comes_on_stdout_and_names_the_commands():
    for arguments in ((), ("--help",), ("help",)):
        done = load(*arguments)
        assert done.returncode == 0
        for command in (b"run", b"report", b"selftest", b"methods"):
            assert command in done.stdout
    assert b"--abort-on-fail" in load("run", "--help").stdout
    assert load("--version").stdout.startswith(b"deltastream-load ")
