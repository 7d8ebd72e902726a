#!/bin/sh
# Makes the Ruby stubs from the .proto files (Debian: ruby-grpc-tools or protobuf-compiler-grpc).
set -e
cd "$(dirname "$0")" && mkdir -p stubs
protoc -I ../../Protos --ruby_out=stubs --grpc_out=stubs --plugin=protoc-gen-grpc="$(command -v grpc_ruby_plugin)" \
  ../../Protos/gkick/v1/job.proto ../../Protos/gkick/v1/job_service.proto ../../Protos/gkick/v1/worker_service.proto
