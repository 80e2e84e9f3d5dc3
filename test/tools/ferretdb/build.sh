#!/bin/sh
# Builds the FerretDB test server (about 1.5 minutes the first time) and prints the path of the binary.
# It is kept in the folder of temporary files (or $ENTOURAGE_CACHE), named by the hash of its sources.
set -eu
cd "$(dirname "$0")"
hash=$(cat main.go go.mod go.sum | sha256sum | cut -c1-16)
cache="${ENTOURAGE_CACHE:-${TMPDIR:-/tmp}/entourage-cache}"
binary="$cache/ferretdb-$hash"
if [ ! -x "$binary" ]; then
  command -v go >/dev/null || { echo "ferretdb: go is not installed" >&2; exit 1; }
  mkdir -p "$cache"
  # Built under a name of its own: two builds at once must not see each other's half a file.
  go build -trimpath -o "$binary.$$" .
  mv "$binary.$$" "$binary"
fi
echo "$binary"
