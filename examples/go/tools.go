//go:build tools

// Names what build.sh builds beside the program, so that go.mod has its version.
package main

import _ "google.golang.org/protobuf/cmd/protoc-gen-go"
