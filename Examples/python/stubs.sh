#!/bin/sh
# Makes the Python stubs from the .proto files into ./gkick/v1, next to the programs.
cd "$(dirname "$0")" && exec "${PYTHON:-python3}" -m grpc_tools.protoc -I ../../Protos \
  --python_out=. --grpc_python_out=. ../../Protos/gkick/v1/*.proto
