#!/usr/bin/env bash
# run.sh RUNNER REFERENCE: every case of the suite that config.yaml describes. Fails where one fails, and where another number of them
# runs than that below, so that none is skipped unseen.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
EXPECTED=172

if [ ! -x "$1" ]; then
    echo "the runner of Connect's conformance suite is not there: tests/conformance/connect/prepare.sh builds it" >&2
    exit 1
fi
# Some cases are about time (a timeout of 2 s must arrive with 1.5 s at least): on a machine that stands still meanwhile one may fail,
# so that each run has to be bad for the suite to fail.
for attempt in 1 2 3; do
    if output=$("$1" --mode server --conf "$here/config.yaml" -- "$2" 2>&1); then
        echo "$output"
        if grep -qx "$EXPECTED passed, 0 failed" <<<"$output"; then exit; fi
        echo "expected $EXPECTED cases" >&2
        exit 1
    fi
    echo "run $attempt:"
    echo "$output"
done
exit 1
