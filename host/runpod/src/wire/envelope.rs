//! The outermost layer: a version and compressed bytes, as JSON.
//!
//! `{"version": 1, "data": "<base64 of zstd>"}`. Text, because RunPod's jobs, chunks and outputs are JSON; base64, because
//! it is the densest text that JSON never escapes.

use std::io::{self, Cursor, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zstd::stream::{read, write};

use super::{Side, WIRE_VERSION, WireError};

/// 8 MiB: far enough to see the same output some attempts before, and little memory.
const WINDOW_LOG: u32 = 23;
/// A frame that wants more memory than this (16 MiB) is refused: room for later writers, none for hostile ones.
const WINDOW_LOG_TAKEN: u32 = 24;
/// zstd's own default. Repetition is found by the long window; higher levels only cost time on such data.
const LEVEL: i32 = 3;
/// Braces, names, quotes and the version around the data, with blanks of other writers.
const AROUND: usize = 64;

/// A compressor into memory.
pub(super) type Compressor = write::Encoder<'static, Vec<u8>>;

/// A decompressor of what is in memory.
pub(super) type Decompressor = read::Decoder<'static, Cursor<Vec<u8>>>;

/// A compressor that finds what was said megabytes ago.
pub(super) fn compressor() -> io::Result<Compressor> {
    let mut encoder = write::Encoder::new(Vec::new(), LEVEL)?;
    encoder.window_log(WINDOW_LOG)?;
    encoder.long_distance_matching(true)?;
    encoder.include_checksum(true)?;
    Ok(encoder)
}

/// Compresses what is there as a whole.
pub(super) fn compress(raw: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = compressor()?;
    // With its size known, the compressor takes no more memory than that needs.
    encoder.set_pledged_src_size(Some(raw.len() as u64))?;
    encoder.write_all(raw)?;
    encoder.finish()
}

/// The other way round, as far as it is read.
pub(super) fn decompressor(compressed: Vec<u8>) -> io::Result<Decompressor> {
    let mut decoder = read::Decoder::with_buffer(Cursor::new(compressed))?;
    decoder.window_log_max(WINDOW_LOG_TAKEN)?;
    Ok(decoder)
}

/// How many compressed bytes fit into `text` bytes of JSON.
pub(super) const fn room(text: usize) -> usize {
    text.saturating_sub(AROUND) / 4 * 3
}

/// Puts compressed bytes into JSON.
pub(super) fn seal(compressed: &[u8]) -> Value {
    json!({ "version": WIRE_VERSION, "data": STANDARD.encode(compressed) })
}

/// Takes compressed bytes of at most `text` characters out of JSON.
pub(super) fn open(
    value: &Value,
    writer: Side,
    what: &'static str,
    text: usize,
) -> Result<Vec<u8>, WireError> {
    let malformed = |why: &str| WireError::Malformed { writer, why: why.into() };
    let fields =
        value.as_object().ok_or_else(|| malformed("expected an object with `version` and `data`"))?;
    let found = fields.get("version").ok_or_else(|| malformed("`version` is missing"))?;
    let found = found.as_u64().ok_or_else(|| malformed("`version` is not a whole number"))?;
    // Before anything else: all the rest may have changed.
    if found != u64::from(WIRE_VERSION) {
        return Err(WireError::Version { writer, found });
    }
    let data = fields.get("data").ok_or_else(|| malformed("`data` is missing"))?;
    let data = data.as_str().ok_or_else(|| malformed("`data` is not text"))?;
    if data.len() > text {
        return Err(WireError::TooLarge { what, limit: text as u64, unit: "bytes of text" });
    }
    STANDARD.decode(data).map_err(|_| malformed("`data` is not base64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fills_the_room_fits_into_the_text() {
        for text in [64, 65, 67, 68, 69, 1000, 1001, 1002, 1003, 950_000] {
            let sealed = seal(&vec![0xa5; room(text)]);
            let size = serde_json::to_string(&sealed).unwrap().len();
            assert!(size <= text, "{size} > {text}");
            assert!(size + 48 > text, "{text} is not used: {size}");
        }
        assert_eq!(room(0), 0);
    }

    #[test]
    fn text_is_taken_up_to_its_limit() {
        let sealed = seal(&[7; 300]);
        for (limit, taken) in [(399, false), (400, true), (401, true)] {
            let opened = open(&sealed, Side::Worker, "the output", limit);
            let refused =
                WireError::TooLarge { what: "the output", limit: limit as u64, unit: "bytes of text" };
            assert_eq!(opened, if taken { Ok(vec![7; 300]) } else { Err(refused) });
        }
    }

    #[test]
    fn what_is_not_ours_is_told_by_name() {
        for (value, message) in [
            (json!(null), "expected an object with `version` and `data`"),
            (json!([1]), "expected an object with `version` and `data`"),
            (json!({}), "`version` is missing"),
            (json!({"version": "1"}), "`version` is not a whole number"),
            (json!({"version": -1}), "`version` is not a whole number"),
            (json!({"version": 1.5}), "`version` is not a whole number"),
            (json!({"version": 0}), "the host speaks version 0 of the wire format, this side knows 1"),
            (
                json!({"version": 2, "x": []}),
                "the host speaks version 2 of the wire format, this side knows 1",
            ),
            (json!({"version": u64::MAX}), "version 18446744073709551615 of the wire format"),
            (json!({"version": 1}), "`data` is missing"),
            (json!({"version": 1, "data": 1}), "`data` is not text"),
            (json!({"version": 1, "data": "a b"}), "`data` is not base64"),
            (json!({"version": 1, "data": "QQ=Q"}), "`data` is not base64"),
        ] {
            let error = open(&value, Side::Host, "the order", 100).unwrap_err();
            assert!(error.to_string().contains(message), "{value}: {error}");
        }
    }

    #[test]
    fn fields_of_later_writers_are_left_alone() {
        let mut sealed = seal(b"x");
        sealed["later"] = json!({"a": 1});
        assert_eq!(open(&sealed, Side::Host, "the order", 100), Ok(b"x".to_vec()));
    }
}
