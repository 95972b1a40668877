"""schemathesis on /openapi.json of a server of its own: all checks, data that fits the document and data that does not.

    openapi.py [SECONDS]
"""

import collections
import json
import os
import re
import subprocess
import sys
import urllib.parse
from pathlib import Path

from campaign import Figures, launched
from programs import REPOSITORY, http_request

HERE = Path(__file__).resolve().parent / "schemathesis"
ENVIRONMENT = REPOSITORY / "build/schemathesis"
SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 240
SEED = 1
REPORT_LINES = 400


def tool():
    """schemathesis in a virtual environment of its own, made anew when its list changes."""
    wanted = (HERE / "requirements.txt").read_text()
    stamp = ENVIRONMENT / "stamp"
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--clear", ENVIRONMENT], check=True)
        pip = [ENVIRONMENT / "bin/pip", "install", "-q", "--disable-pip-version-check", "-r", HERE / "requirements.txt"]
        subprocess.run(pip, check=True)
        stamp.write_text(wanted)
    return ENVIRONMENT / "bin/schemathesis"


def store_examples(server, figures):
    """What the document's own examples of ingestion store, so that its other examples find something."""
    document = server.get("/openapi.json").json()
    for path, item in document["paths"].items():
        for media, content in item.get("post", {}).get("requestBody", {}).get("content", {}).items():
            if path.endswith(":ingest"):
                example = content["example"]
                body = example if isinstance(example, str) else json.dumps(example)
                reply = server.post(path, body.encode(), media)
                figures.expect(reply.status == 200, f"{path} takes its own example as {media}: {reply}")


def run(server, folder, figures):
    excused = folder / "excused"
    excused.touch()
    command = [
        *(tool(), "--config-file", HERE / "schemathesis.toml", "--no-color", "run", server.base_url + "/openapi.json"),
        *("--checks", "all", "--max-time", str(SECONDS), "--seed", str(SEED)),
    ]
    environment = {**os.environ, "PYTHONPATH": str(HERE), "DS_EXCUSED": str(excused)}
    # Its notes of earlier runs would change what is sent.
    done = subprocess.run(
        command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=SECONDS + 300, check=False,
    )
    told = done.stdout
    for what, pattern in (("operations", r"Tested: (\d+)"), ("requests", r"^\s*([\d,]+) generated")):
        found = re.search(pattern, told, re.M)
        figures.expect(found is not None, f"schemathesis tells how many {what}")
        figures.add(what, found[1] if found else "?")
    for reason, count in sorted(collections.Counter(excused.read_text().splitlines()).items()):
        figures.add(f"let pass: {reason}", count)
    if done.returncode != 0:
        print("\n".join(told.splitlines()[-REPORT_LINES:]))
    figures.expect(done.returncode == 0, f"schemathesis finds nothing else (exit code {done.returncode})")


def main():
    figures = Figures("schemathesis")
    figures.add("schemathesis", re.search(r"^schemathesis==(\S+)", (HERE / "requirements.txt").read_text(), re.M)[1])
    with launched() as (launcher, folder):
        server = launcher.daemons(folder / "data", "--access-log", "off")
        store_examples(server, figures)
        run(server, folder, figures)
        url = urllib.parse.urlsplit(server.base_url)
        figures.expect(http_request(f"http://{url.netloc}", "GET", "/health").status == 200, "the server is healthy afterwards")
    return figures.end()


sys.exit(main())
