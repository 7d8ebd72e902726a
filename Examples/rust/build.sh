#!/bin/sh
# Builds ./main with what Debian packages (cargo librust-ureq-dev librust-serde-json-dev librust-sha2-dev librust-base64-dev
# librust-signal-hook-dev); with crates.io at hand `cargo run` is enough.
set -e
cd "$(dirname "$0")"
cargo build --quiet --offline --release --target-dir .build \
  --config 'source.crates-io.replace-with="debian"' --config 'source.debian.directory="/usr/share/cargo/registry"'
cp .build/release/hash main
