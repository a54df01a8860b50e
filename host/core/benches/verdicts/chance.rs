//! Chance with a seed.

/// A small generator (S. Vigna's splitmix64): the same numbers on every machine.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        #[expect(clippy::cast_precision_loss, reason = "53 bits are kept")]
        let uniform = (z >> 11) as f64 / (1_u64 << 53) as f64;
        uniform
    }

    pub(crate) fn fails(&mut self, rate: f64) -> bool {
        self.uniform() < rate
    }
}
