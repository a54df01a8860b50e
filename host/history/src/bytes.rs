//! Numbers as bytes: seven bits a byte, low ones first, as in LEB128. Most numbers here are small.

/// Why bytes do not mean anything. The store makes a damaged database of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(pub(crate) &'static str);

/// Appends a number.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Reads what [`put`] wrote.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Bytes<'_> {
    /// The next byte.
    pub(crate) fn byte(&mut self) -> Result<u8, Broken> {
        let (first, rest) = self.0.split_first().ok_or(Broken("ends too early"))?;
        self.0 = rest;
        Ok(*first)
    }

    /// The next number.
    pub(crate) fn number(&mut self) -> Result<u64, Broken> {
        let mut value = 0_u64;
        // Ten bytes hold 64 bits; of the tenth only the lowest bit.
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Broken("holds a number of more than 64 bits"));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Broken("holds a number of more than 64 bits"))
    }

    /// The next number, which has to fit.
    pub(crate) fn small(&mut self) -> Result<u32, Broken> {
        u32::try_from(self.number()?).map_err(|_| Broken("holds a number of more than 32 bits"))
    }

    /// How many items follow, each of at least this many bytes: so a damaged count reserves no memory.
    pub(crate) fn count(&mut self, least_bytes: usize) -> Result<usize, Broken> {
        let count = usize::try_from(self.number()?).map_err(|_| Broken("counts more than there is"))?;
        if count.saturating_mul(least_bytes) > self.0.len() {
            return Err(Broken("counts more than there is"));
        }
        Ok(count)
    }

    /// Whether everything was read.
    pub(crate) fn end(&self) -> Result<(), Broken> {
        if self.0.is_empty() { Ok(()) } else { Err(Broken("goes on after its end")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let all = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX];
        let mut out = Vec::new();
        all.iter().for_each(|n| put(&mut out, *n));
        let mut bytes = Bytes(&out);
        assert_eq!(all.map(|_| bytes.number().unwrap()), all);
        assert_eq!(bytes.end(), Ok(()));
        assert!(bytes.byte().is_err());
    }

    #[test]
    fn what_is_no_number_is_said_to_be_none() {
        for bad in [
            &[][..],
            &[0x80],
            &[0xff; 10],
            &[0xff; 20],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2],
        ] {
            assert!(Bytes(bad).number().is_err(), "{bad:?}");
        }
        assert!(Bytes(&[0xff, 0xff, 0xff, 0xff, 0x7f]).small().is_err());
        assert!(Bytes(&[100, 1]).count(1).is_err());
        assert!(Bytes(&[1]).end().is_err());
    }
}
