# One flaky, one broken and two stable tests.

@test "delivers in time" {
    [ $((TEST_SEED % 3)) -ne 0 ]
}

@test "leaves nothing" {
    [ $((1 - 1 - 1)) -eq 0 ]
}

@test "adds prices" {
    [ $((1 + 2)) -eq 3 ]
}

@test "rounds down" {
    [ $((5 / 2)) -eq 2 ]
}
