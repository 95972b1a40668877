#!/usr/bin/env bash
# build.sh TARGET: builds the example as TARGET/deltastream-example. What protoc makes of proto/ is under TARGET, too;
# nothing generated is kept in the source tree. GO names another go than that of the path; 1.19 is enough.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
proto=$here/../../proto
mkdir -p "$1"
target=$(readlink -f "$1")
go=${GO:-go}
# Modules and what is built of them stay under TARGET, so that the next time is short.
export GOPATH=$target/path GOCACHE=$target/cache GOTOOLCHAIN=local GOFLAGS=${GOFLAGS:-"-mod=readonly -modcacherw -buildvcs=false"}

# What is as it was keeps its time, and so does what Go has built of it.
mkdir -p "$target/source"
cp -u "$here"/*.go "$here"/go.mod "$here"/go.sum "$target/source/"
cd "$target/source"
"$go" build -o "$target/protoc-gen-go" google.golang.org/protobuf/cmd/protoc-gen-go

files=(
    deltastream/options.proto
    deltastream/rpc/v1/{frame,control,events}.proto
    deltastream/storage/v1/{rows,queries,ingest}.proto
    google/rpc/{status,error_details}.proto
)
mapping=()
for file in "${files[@]}"; do
    mapping+=("--go_opt=M$file=deltastream.example/pb/$(dirname "$file")")
done
protoc -I"$proto" --plugin="$target/protoc-gen-go" --go_out="$target/source" --go_opt=module=deltastream.example "${mapping[@]}" "${files[@]}"
"$go" build -o "$target/deltastream-example" .
