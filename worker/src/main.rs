//! The program `flaky-worker`.

fn main() {}
