#!/bin/sh
# Builds ./main with what Debian packages (golang-go golang-google-grpc-dev protoc-gen-go-1-5 protoc-gen-go-grpc); with Go modules you
# would `go get google.golang.org/grpc` instead.
set -e
cd "$(dirname "$0")"
out=.build/src
mkdir -p "$out"
protoc -I ../../Protos --go_out="$out" --go_opt=paths=source_relative --go-grpc_out="$out" --go-grpc_opt=paths=source_relative \
  ../../Protos/gkick/v1/job.proto ../../Protos/gkick/v1/job_service.proto ../../Protos/gkick/v1/worker_service.proto
GO111MODULE=off GOFLAGS= GOPATH="$PWD/.build:/usr/share/gocode" go build -o main main.go
