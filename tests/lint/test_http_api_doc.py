"""docs/http-api.md is what ds-proto-compiler writes of the .proto files today."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN_DIR = Path(os.environ.get("DS_BIN_DIR", ROOT / "build" / "release" / "bin"))


def test_the_committed_text_is_the_generated_one(tmp_path):
    compiler = BIN_DIR / "ds-proto-compiler"
    assert compiler.exists(), f"{compiler} is missing: build it, or set DS_BIN_DIR"
    protos = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto").rglob("*.proto"))
    descriptors = tmp_path / "descriptors.pb"
    command = ["protoc", "-I", ROOT / "proto", "--include_imports", "--include_source_info", f"--descriptor_set_out={descriptors}"]
    subprocess.run([*command, *protos], check=True)
    subprocess.run([compiler, "http-doc", descriptors, tmp_path], check=True)
    generated = (tmp_path / "http-api.md").read_text()
    assert (ROOT / "docs" / "http-api.md").read_text() == generated, "docs/http-api.md is old: ./dev docs writes it anew"
