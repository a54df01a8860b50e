//! Rounding as the original's output had it.

/// A number rounded to so many decimal places as Python's `round(value, digits)` does: to the nearest, judged
/// by the exact binary value, and to the even digit where that lies halfway. So 1/16 gives 0.062, and 0.0005
/// gives 0.001, because the nearest binary number is a little above the half.
///
/// Infinities and NaN come back as they are.
#[must_use]
pub fn python_round(value: f64, digits: u8) -> f64 {
    // Rust prints the exact value rounded half to even, and reads the nearest number back: the two steps that
    // Python's `round` is made of.
    format!("{value:.*}", usize::from(digits)).parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thousandths by the definition, in whole numbers: the value is `mantissa / 2^shift`.
    fn thousandths(value: f64) -> u64 {
        let bits = value.to_bits();
        let exponent = (bits >> 52) & 0x7FF;
        let mantissa = u128::from((bits & ((1 << 52) - 1)) | (1 << 52));
        let shift = 1075 - exponent;
        let scaled = mantissa * 1000;
        let (whole, rest, half) = (scaled >> shift, scaled & ((1 << shift) - 1), 1_u128 << (shift - 1));
        let up = rest > half || (rest == half && whole % 2 == 1);
        u64::try_from(whole).unwrap() + u64::from(up)
    }

    fn all_rates() -> impl Iterator<Item = (u32, u32)> {
        (1..=1000).flat_map(|n| (0..=n).map(move |k| (k, n)))
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "at most 1000")]
    #[expect(clippy::float_cmp, reason = "the same number is what is promised")]
    fn every_rate_up_to_1000_attempts_is_rounded_by_the_definition() {
        for (k, n) in all_rates().filter(|(k, _)| *k > 0) {
            let rate = f64::from(k) / f64::from(n);
            assert_eq!(python_round(rate, 3), thousandths(rate) as f64 / 1000.0, "{k}/{n}");
        }
    }

    /// FNV-1a, 64 bits, over `repr(round(k / n, 3))` and a line end, for n from 1 to 1000 and k from 0 to n:
    ///
    /// ```text
    /// h = 0xcbf29ce484222325
    /// for n in range(1, 1001):
    ///     for k in range(n + 1):
    ///         for b in (repr(round(k / n, 3)) + "\n").encode():
    ///             h = (h ^ b) * 0x100000001b3 % 2**64
    /// ```
    const BY_PYTHON_3_11: u64 = 0xcd0b_e119_850a_2649;

    #[test]
    fn every_rate_up_to_1000_attempts_prints_as_python_prints_it() {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for (k, n) in all_rates() {
            // `{:?}` keeps the `.0`, as `repr` does.
            for byte in format!("{:?}\n", python_round(f64::from(k) / f64::from(n), 3)).bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        assert_eq!(hash, BY_PYTHON_3_11);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the same number is what is promised")]
    fn halves_go_to_the_even_digit() {
        // From Python 3.11: exact halves (sixteenths and their like), then decimal halves that binary moves.
        let table = [
            (1, 16, 0.062),
            (3, 16, 0.188),
            (5, 16, 0.312),
            (7, 16, 0.438),
            (9, 16, 0.562),
            (11, 16, 0.688),
            (13, 16, 0.812),
            (15, 16, 0.938),
            (1, 400, 0.003),
            (1, 2000, 0.001),
            (3, 2000, 0.002),
            (5, 1000, 0.005),
            (1, 3, 0.333),
            (2, 3, 0.667),
            (1, 1, 1.0),
        ];
        for (k, n, want) in table {
            assert_eq!(python_round(f64::from(k) / f64::from(n), 3), want, "{k}/{n}");
        }
    }

    #[test]
    fn what_is_not_a_number_stays_what_it_is() {
        assert!(python_round(f64::NAN, 3).is_nan());
        assert_eq!(python_round(f64::INFINITY, 3), f64::INFINITY);
        assert_eq!(python_round(f64::NEG_INFINITY, 0), f64::NEG_INFINITY);
        assert!(python_round(1e300, 255).is_finite());
    }
}
