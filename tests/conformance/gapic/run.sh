#!/usr/bin/env bash
# run.sh REFERENCE: builds the driver with Debian's Go and runs it against the reference server. Go's modules come from its proxy at the
# first time; everything is kept in build/conformance/gapic.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
reference=$(readlink -f "$1")
target=$here/../../../build/conformance/gapic
# The suite's 53 requests and 5 of the driver's own, so that none is left out unseen.
EXPECTED=58
mkdir -p "$target"
(cd "$here/driver" && env GOFLAGS=-mod=readonly GOTOOLCHAIN=local GOCACHE="$(readlink -f "$target")/cache" "${GO:-/usr/bin/go}" build -o "$target/driver" .)

# The reference ends when its input does.
coproc SERVER { LSAN_OPTIONS="suppressions=$here/../../support/lsan.supp:print_suppressions=0" exec "$reference"; }
server=$SERVER_PID
read -r _ url <&"${SERVER[0]}"
status=0
timeout 300 "$target/driver" "$url" | tee "$target/output" || status=$?
eval "exec ${SERVER[1]}>&-"
wait "$server" || status=1
if ! grep -q ": $EXPECTED passed, 0 failed" "$target/output"; then
    echo "expected $EXPECTED requests to pass" >&2
    status=1
fi
exit "$status"
