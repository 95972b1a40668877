#!/usr/bin/env bash
# Requests a second of the gateway for 1 and for 100 ticks: medians of 5 interleaved runs of wrk, as one process and as two.
#   tests/bench/http.sh BIN_DIR
# A row is {price, timestamp, tick_id, processed_at}. Everything stays on loopback and ends within two minutes.
set -euo pipefail
bin=${1:?the folder of the programs}
runs=${RUNS:-5} seconds=${SECONDS_A_RUN:-3} connections=${CONNECTIONS:-64}
folder=$(mktemp -d /tmp/ds-bench-XXXXXX)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait; rm -rf "$folder"' EXIT

# serve NAME COMMAND…: starts it and waits for its line "ready URL"; the URL goes to $url.
serve() {
    local name=$1 line
    shift
    "$@" >"$folder/$name.out" 2>"$folder/$name.err" &
    pids+=($!)
    for _ in $(seq 100); do
        line=$(grep -m1 '^ready ' "$folder/$name.out" || true)
        if [ -n "$line" ]; then url=${line#ready } && return; fi
        sleep 0.1
    done
    cat "$folder/$name.err" >&2
    return 1
}

fill() {
    python3 - <<'PY' | curl -sf -o /dev/null "$1/v1/ticks:ingest" -H 'Content-Type: application/x-ndjson' --data-binary @-
import json
for i in range(1000):
    print(json.dumps({"product": "NIFTY", "price": round(21500 + i * 0.05, 2), "tick_id": i,
                      "timestamp": f"2026-01-05T09:{i // 60:02d}:{i % 60:02d}.{i * 997 % 1000000:06d}Z"}))
PY
}

run() { wrk -t1 -c"$connections" -d"${seconds}s" "$1" | sed -n 's/^Requests\/sec: *//p'; }
median() { sort -n | sed -n "$(((runs + 1) / 2))p"; }

serve up "$bin/deltastream" up --data-dir "$folder/one" --listen 127.0.0.1:0 --access-log off
one=$url
serve storaged "$bin/deltastream-storaged" --data-dir "$folder/two"
serve gateway "$bin/deltastream-gateway" --data-dir "$folder/two" --listen 127.0.0.1:0 --access-log off
two=$url
fill "$one"
fill "$two"

declare -A results
for _ in $(seq "$runs"); do
    for limit in 1 100; do
        for shape in one two; do
            results[$shape$limit]+="$(run "${!shape}/v1/ticks/NIFTY?limit=$limit")"$'\n'
        done
    done
done

printf '%-28s %12s %12s %12s\n' "GET /v1/ticks/NIFTY" median lowest highest
for limit in 1 100; do
    for shape in one two; do
        list=$(printf '%s' "${results[$shape$limit]}" | sort -n)
        printf '%-28s %12.0f %12.0f %12.0f\n' "$limit ticks, $shape process(es)" \
            "$(printf '%s\n' "$list" | median)" "$(head -n1 <<<"$list")" "$(tail -n1 <<<"$list")"
    done
done
for pid in "${pids[@]}"; do
    printf '%s: %s\n' "$(cat /proc/"$pid"/comm)" "$(grep -E 'RssAnon|RssShmem|VmRSS' /proc/"$pid"/status | tr -s ' \t\n' ' ')"
done
