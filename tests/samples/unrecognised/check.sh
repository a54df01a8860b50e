#!/bin/sh
# Plants output that no parser knows; fails on odd seeds.
echo "checking with seed ${TEST_SEED:-0}"
if [ $((${TEST_SEED:-0} % 2)) -eq 1 ]; then
    echo "the seed is odd" >&2
    exit 1
fi
echo "fine"
