//! A small shop: orders, prices and stock.

/// The sum of prices in cents less a discount, rounded down in the customer's favour.
pub fn total(prices: &[u64], discount_percent: u64) -> u64 {
    prices.iter().sum::<u64>() * (100 - discount_percent) / 100
}

/// What is left on the shelf. The bug: it counts one piece too many.
pub fn reserve(stock: i64, wanted: i64) -> i64 {
    stock - wanted - 1
}

/// Whether the order reaches the customer in time; one courier in three is late.
pub fn in_time(courier: u64) -> bool {
    courier % 3 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    // Stable tests: the same answer every time.
    #[test]
    fn discount_is_taken_from_the_total() {
        assert_eq!(total(&[1999, 501], 10), 2250);
    }

    #[test]
    fn an_empty_basket_costs_nothing() {
        assert_eq!(total(&[], 10), 0);
    }

    /// A broken test: there is a bug, and every attempt finds it.
    #[test]
    fn reserving_the_last_piece_leaves_nothing() {
        let left = reserve(1, 1);
        assert_eq!(left, 0, "{left} pieces left on the shelf");
    }
}
