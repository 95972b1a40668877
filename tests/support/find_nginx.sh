#!/usr/bin/env bash
# Prints the path of nginx: the machine's own, else Debian's package unpacked in build/nginx, because installing it would start a
# server on port 80.
set -euo pipefail
target=$(dirname "$(readlink -f "$0")")/../../build/nginx
if PATH=$PATH:/usr/sbin command -v nginx; then exit; fi

# Without root, and with lists of its own: the machine's may be old or empty.
fetch() {
    mkdir -p lists/partial archives/partial
    local options=(-qq -o "Dir::State::Lists=$PWD/lists" -o "Dir::Cache=$PWD" -o "APT::Sandbox::User=$(id -un)")
    apt-get "${options[@]}" update
    apt-get "${options[@]}" download nginx
    # Whole or not at all.
    dpkg-deb -x nginx_*.deb unpacked
    mv unpacked/usr usr
    rm -rf lists archives unpacked ./*.bin ./*.deb
}

if [ ! -x "$target/usr/sbin/nginx" ]; then
    rm -rf "$target"
    mkdir -p "$target"
    cd "$target"
    fetch >&2
fi
readlink -f "$target/usr/sbin/nginx"
