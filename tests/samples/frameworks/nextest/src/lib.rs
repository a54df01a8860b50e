//! One flaky, one broken and two stable tests.

#[cfg(test)]
mod tests {
    #[test]
    fn delivers_in_time() {
        let seed = std::env::var("TEST_SEED").unwrap_or_default().parse::<u64>().unwrap_or_default();
        assert_ne!(seed % 3, 0);
    }

    #[test]
    fn leaves_nothing() {
        assert_eq!(1 - 1 - 1, 0);
    }

    #[test]
    fn adds_prices() {
        assert_eq!(1 + 2, 3);
    }

    #[test]
    fn rounds_down() {
        assert_eq!(5 / 2, 2);
    }
}
