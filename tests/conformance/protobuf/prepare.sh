#!/usr/bin/env bash
# Fetches protobuf's source from Debian 12 and builds the runner of its conformance suite. Does nothing when that was done.
# build/conformance/protobuf then has the runner, proto/ with the messages that the cases are made of, and a stamp.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
target=$here/../../../build/conformance/protobuf

# Debian's packages of libprotobuf have the same version, which the runner is linked with.
VERSION=3.21.12
SHA256=930c2c3b5ecc6c9c12615cf5ad93f1cd6e12d0aba862b572e076259970ac3a53

stamp="$VERSION $(sha256sum "$here/prepare.sh" | cut -d' ' -f1)"
if [ "$(cat "$target/stamp" 2>/dev/null)" = "$stamp" ]; then exit; fi
echo "== building the runner of protobuf's conformance suite"
rm -rf "$target"
mkdir -p "$target"
cd "$target"

# A list of sources of our own, so that the machine's stay as they are.
fetch() {
    mkdir -p apt/lists/partial apt/archives/partial
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main" >apt/sources.list
    local options=(-qq -o "Dir::Etc::SourceList=$PWD/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$PWD/apt/lists"
        -o "Dir::Cache=$PWD/apt" -o "APT::Sandbox::User=$(id -un)")
    apt-get "${options[@]}" update
    apt-get "${options[@]}" source --download-only --tar-only protobuf
    echo "$SHA256  protobuf_$VERSION.orig.tar.gz" | sha256sum --check --quiet
    tar -xzf "protobuf_$VERSION.orig.tar.gz"
    rm -rf apt "protobuf_$VERSION.orig.tar.gz"
    mv "protobuf-$VERSION" source
}

compile() {
    local suite=source/conformance messages=google/protobuf/test_messages_proto
    mkdir -p generated objects "proto/$(dirname $messages)"
    protoc -I$suite -Isource/src --cpp_out=generated conformance.proto ${messages}2.proto ${messages}3.proto
    cp source/src/${messages}3.proto proto/${messages}3.proto
    # Debian leaves a header of the source out, which is why its folder stands behind the system's.
    printf '%s\n' $suite/{binary_json_conformance_suite,text_format_conformance_suite,conformance_test,conformance_test_runner,conformance_test_main}.cc \
        $suite/third_party/jsoncpp/jsoncpp.cpp generated/conformance.pb.cc generated/${messages}{2,3}.pb.cc |
        xargs -P "$(nproc)" -I{} sh -c 'g++ -O0 -w -Igenerated -I'$suite' -idirafter source/src -c {} -o objects/$(basename {}).o'
    g++ objects/*.o -lprotobuf -lpthread -o runner
    rm -rf source generated objects
}

fetch
compile
echo "$stamp" >stamp
