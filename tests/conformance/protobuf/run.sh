#!/usr/bin/env bash
# run.sh RUNNER TESTEE: the whole suite, with what it recommends beside what it requires. Fails where a case fails that
# allowed_failures.txt does not name, where one that it names passes, and where another number of cases passes than that below,
# so that none is skipped unseen.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
EXPECTED=713

output=$("$1" --enforce_recommended --failure_list "$here/allowed_failures.txt" "$2" 2>&1) || {
    echo "$output"
    exit 1
}
# The second such line is the suite of protobuf's text format, which we do not speak.
line=$(grep -m 1 '^CONFORMANCE SUITE' <<<"$output")
echo "$line"
if ! grep -q ": $EXPECTED successes," <<<"$line"; then
    echo "expected $EXPECTED successes" >&2
    exit 1
fi
