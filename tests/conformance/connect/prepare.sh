#!/usr/bin/env bash
# Builds the runner of Connect's conformance suite from Go's module proxy. Does nothing when that was done. The suite wants a newer Go
# than Debian 12 has: PyPI's is fetched where the machine has none. build/conformance/connect then has the runner and a stamp.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
root=$(readlink -f "$here/../../..")
target=$root/build/conformance/connect
VERSION=v1.0.7

stamp="$VERSION $(sha256sum "$here/prepare.sh" | cut -d' ' -f1)"
if [ "$(cat "$target/stamp" 2>/dev/null)" = "$stamp" ]; then exit; fi
echo "== building the runner of Connect's conformance suite"
mkdir -p "$target"
rm -f "$target/stamp" "$target/runner"
go=$(PYTHONPATH="$root/tests/bench/peers" /usr/bin/python3 -c 'import build, pathlib, sys; print(build.find_go(pathlib.Path(sys.argv[1]))[0])' "$target")
GOTOOLCHAIN=local GOFLAGS=-mod=mod GOBIN="$target" "$go" install "connectrpc.com/conformance/cmd/connectconformance@$VERSION"
mv "$target/connectconformance" "$target/runner"
rm -rf "$target/go-venv"
echo "$stamp" >"$target/stamp"
