//! What is inside of the compressed bytes: one record after the other.
//!
//! A record is its kind (a byte), the size of its description (four bytes, little endian), the size of its data (eight
//! bytes), a description in JSON, and data as it is: what tests print need not be text.

use std::io::{self, Read};

use super::{Side, WireError, envelope};

/// An order; its data are the packed folder and the support files.
pub(super) const ORDER: u8 = b'O';
/// A head; without data.
pub(super) const HEAD: u8 = b'H';
/// An attempt; its data are streams and files.
pub(super) const ATTEMPT: u8 = b'A';

/// Of kind and sizes.
const PREFIX: usize = 13;

/// A record as it is written; data stay where they are.
pub(super) struct Outgoing<'a> {
    pub(super) kind: u8,
    pub(super) description: Vec<u8>,
    pub(super) data: Vec<&'a [u8]>,
}

impl Outgoing<'_> {
    /// Of all of it.
    pub(super) fn size(&self) -> u64 {
        let prefix_and_description = (PREFIX + self.description.len()) as u64;
        prefix_and_description + self.data_size()
    }

    fn data_size(&self) -> u64 {
        self.data.iter().map(|part| part.len() as u64).sum()
    }

    /// It alone, compressed.
    pub(super) fn compressed(&self) -> Result<Vec<u8>, WireError> {
        let compressed = || {
            let mut compressor = envelope::compressor()?;
            // With its size known, the compressor takes no more memory than that needs.
            compressor.set_pledged_src_size(Some(self.size()))?;
            self.write(&mut compressor)?;
            compressor.finish()
        };
        compressed().map_err(|e: io::Error| WireError::Compressor(e.to_string()))
    }

    /// Writes it.
    pub(super) fn write(&self, into: &mut impl io::Write) -> io::Result<()> {
        let description_size = u32::try_from(self.description.len()).map_err(io::Error::other)?;
        into.write_all(&[self.kind])?;
        into.write_all(&description_size.to_le_bytes())?;
        into.write_all(&self.data_size().to_le_bytes())?;
        into.write_all(&self.description)?;
        self.data.iter().try_for_each(|part| into.write_all(part))
    }
}

/// A record as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Incoming {
    pub(super) kind: u8,
    pub(super) description: Vec<u8>,
    pub(super) data: Vec<u8>,
}

/// Who wrote records, and how much of them is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) writer: Side,
    /// For people: what the records are together.
    pub(super) what: &'static str,
    /// Bytes of all records together.
    pub(super) total: u64,
    /// Bytes of one description.
    pub(super) description: u64,
}

/// Reads records, and never more than its bounds allow.
pub(super) struct Records<R> {
    from: R,
    bounds: Bounds,
    left: u64,
}

impl<R: Read> Records<R> {
    pub(super) const fn new(from: R, bounds: Bounds) -> Self {
        Self { from, bounds, left: bounds.total }
    }

    /// The next one of a kind that `known` holds; others are of later writers and skipped.
    pub(super) fn next(&mut self, known: &[u8]) -> Result<Option<Incoming>, WireError> {
        loop {
            let kind = self.take(1, true)?;
            let [kind] = kind.as_slice() else { return Ok(None) };
            let description_size = u64::from(u32::from_le_bytes(self.array()?));
            let data_size = u64::from_le_bytes(self.array()?);
            if !known.contains(kind) {
                self.skip(description_size)?;
                self.skip(data_size)?;
                continue;
            }
            if description_size > self.bounds.description {
                let what = "a description inside of the shard's data";
                return Err(WireError::TooLarge { what, limit: self.bounds.description, unit: "bytes" });
            }
            let description = self.take(description_size, false)?;
            let data = self.take(data_size, false)?;
            return Ok(Some(Incoming { kind: *kind, description, data }));
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let bytes = self.take(N as u64, false)?;
        bytes.try_into().map_err(|_| self.malformed("it ends in the middle"))
    }

    /// Memory grows with what is really there, not with what is said to be there.
    fn take(&mut self, size: u64, may_end: bool) -> Result<Vec<u8>, WireError> {
        let mut bytes = Vec::new();
        let limit = self.spend(size, may_end)?;
        let read = (&mut self.from).take(limit).read_to_end(&mut bytes);
        read.map_err(|e| self.malformed(&e.to_string()))?;
        if bytes.len() as u64 == size || (may_end && bytes.is_empty()) {
            return Ok(bytes);
        }
        Err(self.malformed("it ends in the middle"))
    }

    fn skip(&mut self, size: u64) -> Result<(), WireError> {
        let limit = self.spend(size, false)?;
        let skipped = io::copy(&mut (&mut self.from).take(limit), &mut io::sink());
        match skipped {
            Ok(skipped) if skipped == size => Ok(()),
            Ok(_) => Err(self.malformed("it ends in the middle")),
            Err(e) => Err(self.malformed(&e.to_string())),
        }
    }

    fn spend(&mut self, size: u64, may_end: bool) -> Result<u64, WireError> {
        if let Some(left) = self.left.checked_sub(size) {
            self.left = left;
            return Ok(size);
        }
        // At the limit, the end must still be seen as one.
        if may_end && self.from.read(&mut [0]).is_ok_and(|read| read == 0) {
            return Ok(0);
        }
        let Bounds { what, total, .. } = self.bounds;
        Err(WireError::TooLarge { what, limit: total, unit: "bytes when decompressed" })
    }

    fn malformed(&self, why: &str) -> WireError {
        WireError::Malformed { writer: self.bounds.writer, why: why.into() }
    }
}

/// Reads a description. What it holds is not repeated in the error: it may be confidential.
pub(super) fn describe<T: serde::de::DeserializeOwned>(
    description: &[u8],
    writer: Side,
    what: &str,
) -> Result<T, WireError> {
    serde_json::from_slice(description).map_err(|e| WireError::Malformed {
        writer,
        why: format!("the description of {what} is not understood at byte {}", e.column()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { writer: Side::Worker, what: "it", total: 1000, description: 100 };

    /// Kind, description, data.
    type Plain<'a> = (u8, &'a [u8], &'a [&'a [u8]]);

    fn written(records: &[Plain<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, description, data) in records {
            let record = Outgoing { kind: *kind, description: description.to_vec(), data: data.to_vec() };
            let before = bytes.len();
            record.write(&mut bytes).unwrap();
            assert_eq!((bytes.len() - before) as u64, record.size());
        }
        bytes
    }

    fn read(bytes: &[u8], bounds: Bounds) -> Result<Vec<Incoming>, WireError> {
        let mut records = Records::new(bytes, bounds);
        let mut all = Vec::new();
        while let Some(record) = records.next(b"AH")? {
            all.push(record);
        }
        Ok(all)
    }

    #[test]
    fn records_come_back_and_those_of_later_writers_are_skipped() {
        let bytes =
            written(&[(b'A', b"{}", &[b"a\xff", b"", b"b"]), (b'?', b"x", &[b"y"]), (b'H', b"", &[])]);
        let a = Incoming { kind: b'A', description: b"{}".to_vec(), data: b"a\xffb".to_vec() };
        let h = Incoming { kind: b'H', description: vec![], data: vec![] };
        assert_eq!(read(&bytes, BOUNDS), Ok(vec![a, h]));
        assert_eq!(read(b"", BOUNDS), Ok(vec![]));
    }

    #[test]
    fn every_cut_record_is_malformed() {
        for kind in [b'A', b'?'] {
            let bytes = written(&[(kind, b"{}", &[b"data"])]);
            for end in 1..bytes.len() {
                let error = read(&bytes[..end], BOUNDS).unwrap_err();
                assert!(error.to_string().contains("ends in the middle"), "{end}: {error}");
            }
        }
    }

    #[test]
    fn bytes_are_read_up_to_the_limit_whatever_kind_they_are_of() {
        for kind in [b'A', b'?'] {
            let bytes = written(&[(kind, b"{}", &[b"data"]), (kind, b"", &[b"more"])]);
            let size = bytes.len() as u64;
            for (total, taken) in [(size - 1, false), (size, true), (size + 1, true), (0, false)] {
                let read = read(&bytes, Bounds { total, ..BOUNDS });
                let limit = WireError::TooLarge { what: "it", limit: total, unit: "bytes when decompressed" };
                assert_eq!(read.as_ref().err(), (!taken).then_some(&limit), "{total} of {size}");
            }
        }
    }

    #[test]
    fn descriptions_are_read_up_to_their_limit() {
        for (size, taken) in [(99, true), (100, true), (101, false)] {
            let bytes = written(&[(b'A', &vec![b' '; size], &[])]);
            assert_eq!(read(&bytes, BOUNDS).is_ok(), taken, "{size}");
        }
    }

    #[test]
    fn sizes_that_are_only_claimed_take_no_memory() {
        let mut bytes = vec![b'A'];
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend(u64::MAX.to_le_bytes());
        let all = Bounds { total: u64::MAX, ..BOUNDS };
        assert!(matches!(read(&bytes, all), Err(WireError::TooLarge { .. })));
        bytes.truncate(5);
        bytes.extend((u64::MAX / 2).to_le_bytes());
        assert!(matches!(read(&bytes, all), Err(WireError::Malformed { .. })));
    }

    #[test]
    fn errors_do_not_repeat_what_a_description_holds() {
        let error = describe::<Vec<u32>>(br#"["SECRET"]"#, Side::Host, "the order").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the host sent something that cannot be read: the description of the order is not understood at byte 9"
        );
    }
}
