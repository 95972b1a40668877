#!/usr/bin/env bash
# run.sh RUNNER REFERENCE: every case of the suite that config.yaml describes. Fails where one fails, and where another number of them
# runs than that below, so that none is skipped unseen.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
EXPECTED=172

if [ ! -x "$1" ]; then
    echo "skipped: Connect's conformance suite, as its runner could not be built; tests/conformance/connect/prepare.sh says why"
    exit 77
fi
# Some cases are about time (a timeout of 2 s must arrive with 1.5 s at least): on a machine that stands still meanwhile one may fail,
# so that a run in which only these failed is made again.
for attempt in 1 2 3; do
    if output=$("$1" --mode server --conf "$here/config.yaml" -- "$2" 2>&1); then
        echo "$output"
        if grep -qx "$EXPECTED passed, 0 failed" <<<"$output"; then exit; fi
        echo "expected $EXPECTED cases" >&2
        exit 1
    fi
    echo "run $attempt:"
    echo "$output"
    if grep '^FAILED: ' <<<"$output" | grep -qviE 'timeout|deadline'; then exit 1; fi
done
exit 1
