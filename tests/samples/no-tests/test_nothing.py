"""Plants a file in which pytest finds nothing to collect (exit code 5)."""


def helper() -> int:
    return 1
