#!/bin/sh
# ostrakad, stripped, has less than 10 MB.
ostrakad=src/server/ostrakad
export LC_ALL=C

if readelf --symbols -W "$ostrakad" | grep -q -E '__(asan|ubsan|tsan|msan)_|__gcov_'; then
    echo "$ostrakad is instrumented: its size is not the product's"
    exit 77
fi
stripped=$(mktemp) || exit 1
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$ostrakad" || exit 1
bytes=$(stat -c %s "$stripped") || exit 1
echo "ostrakad, stripped: $bytes bytes"
[ "$bytes" -gt 100000 ] && [ "$bytes" -lt 10000000 ]
