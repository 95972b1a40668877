"""Threads, forks, garbage and the end of the process."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading

import deltastream
import deltastream.aio
import pytest
from conftest import PATIENCE, SITE
from deltastream.storage import LatestTickRequest
from fake_server import response
from test_failures import InBackground, connect


def loop_threads():
    return [thread for thread in threading.enumerate() if thread.name == "deltastream"]


def run_python(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(SITE)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def test_a_client_that_nobody_refers_to_is_closed(fake):
    client = connect(fake)
    assert len(loop_threads()) == 1
    del client
    gc.collect()
    assert loop_threads() == []


def test_a_method_keeps_its_client(fake):
    latest_tick = connect(fake).storage.latest_tick
    gc.collect()
    call = InBackground(latest_tick, timeout=PATIENCE)
    frame = fake.take_frame()
    frame.message.answer(response(frame.header.call_id))
    call.wait()
    del latest_tick, call
    gc.collect()
    assert loop_threads() == []


def test_a_failed_connect_leaves_nothing(folder):
    with pytest.raises(deltastream.UnavailableError):
        deltastream.connect(f"ipc://{folder}/nobody", connect_timeout=0.01)
    with pytest.raises(ValueError, match="not of the form"):
        deltastream.connect("no-such-scheme://x")
    gc.collect()
    assert loop_threads() == []


def test_a_program_that_never_closes_ends(fake):
    code = "import sys, deltastream; client = deltastream.connect(sys.argv[1], connect_timeout=60); print(client.hello.server_epoch)"
    ran = run_python(code, fake.url)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "7\n", "")


def test_a_forked_child_is_told_and_ends(fake):
    code = """
import os, sys, deltastream
client = deltastream.connect(sys.argv[1], connect_timeout=60)
child = os.fork()
if child == 0:
    for use in (client.storage.latest_tick, lambda: deltastream.connect(sys.argv[1]), client.close):
        try:
            use()
        except RuntimeError as error:
            assert "forked" in str(error)
        else:
            os._exit(7)
    # The whole way out, with every finalizer.
    sys.exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
assert client.refresh().server_epoch == 7
"""
    ran = run_python(code, fake.url)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "3\n", "")


def test_a_child_may_connect_where_its_parent_has_not(fake):
    code = """
import os, sys, deltastream
child = os.fork()
if child == 0:
    with deltastream.connect(sys.argv[1], connect_timeout=60) as client:
        sys.exit(client.hello.server_epoch)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    ran = run_python(code, fake.url)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "7\n", "")


def test_an_interrupt_ends_a_program_that_waits(fake):
    # Who runs tests in the background of a shell has it ignore interrupts, which children inherit.
    code = """
import signal, sys, deltastream
signal.signal(signal.SIGINT, signal.default_int_handler)
deltastream.connect(sys.argv[1], connect_timeout=60).storage.latest_tick(timeout=600)
"""
    waiting = subprocess.Popen(
        [sys.executable, "-c", code, fake.url], env={**os.environ, "PYTHONPATH": str(SITE)}, stderr=subprocess.PIPE
    )
    try:
        fake.take()
        waiting.send_signal(signal.SIGINT)
        errors = waiting.communicate(timeout=PATIENCE)[1].decode()
    finally:
        waiting.kill()
        waiting.wait()
    assert errors.rstrip().endswith("KeyboardInterrupt")


def test_many_tasks_of_an_event_loop_share_a_client(storaged):
    async def main():
        async with await deltastream.aio.connect(storaged.urls["ipc"], connect_timeout=PATIENCE) as client:
            asked = [client.storage.latest_tick(LatestTickRequest(product="A"), timeout=PATIENCE) for _ in range(200)]
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {deltastream.NotFoundError}
            assert [tick async for tick in client.ticks("A")] == []
            async with client.batch() as batch:
                entries = [batch.add(client.storage.list_products) for _ in range(3)]
            assert [list(entry.result().products) for entry in entries] == [[], [], []]
            assert (await client.descriptors()).file
        with pytest.raises(deltastream.CancelledError, match="closed"):
            await client.storage.latest_tick()

    asyncio.run(main())
