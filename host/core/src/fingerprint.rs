//! When are two failures the same? A fingerprint is a digest of what stays when a failure happens again: its
//! kind, its message without the parts that change from attempt to attempt, and the frames of the project's
//! own code nearest to it. Line numbers are left out, so that a fingerprint outlives edits elsewhere in the
//! file. Groups of equal fingerprints are a suggestion for readers; nothing is dismissed because of one.

mod frames;
mod memory;
mod normalise;

pub(crate) use memory::Reader;
pub use normalise::normalise;

use crate::parsed::Failure;
use normalise::normalise_up_to;

/// Bytes of the normalised message that count. What tells failures apart stands at the front; the tail of a
/// long message is mostly dumped values.
const MESSAGE_BYTES: usize = 2048;

/// The same for the kind, which is a type's name.
const KIND_BYTES: usize = 256;

/// 16 hexadecimal digits that are equal for failures of the same kind, normalised message and nearest
/// project frames. The digest is the same on every machine and must stay so across versions: history
/// compares it.
///
/// Where message and frames are both missing, the start of the trace stands in for them.
#[must_use]
pub fn fingerprint(failure: &Failure) -> String {
    to_hex(digest(failure))
}

/// A digest as text.
pub(crate) fn to_hex(digest: u64) -> String {
    format!("{digest:016x}")
}

/// [`fingerprint`] as a number.
pub(crate) fn digest(failure: &Failure) -> u64 {
    let kind = normalise_up_to(&failure.kind, KIND_BYTES);
    let message = normalise_up_to(&failure.message, MESSAGE_BYTES);
    digest_of(&kind, &message, &failure.trace)
}

/// Of a normalised kind and message, and a trace as it is.
fn digest_of(kind: &str, message: &str, trace: &str) -> u64 {
    let frames = frames::nearest(trace);
    let mut hash = Fnv::new();
    hash.part(kind);
    if message.is_empty() && frames.is_empty() {
        hash.part(&normalise_up_to(trace, MESSAGE_BYTES));
    } else {
        hash.part(message);
    }
    for frame in &frames {
        hash.part(frame);
    }
    hash.0
}

/// The words of a failure for comparing it with another: those of its normalised message and each of its frames,
/// hashed, ascending, each once. Equal for failures with the same fingerprint that have a message.
pub(crate) fn words(message: &str, trace: &str) -> Vec<u64> {
    let message = normalise_up_to(message, MESSAGE_BYTES);
    let frames = frames::nearest(trace);
    let in_message = message.split(|c: char| !c.is_alphanumeric() && !matches!(c, '<' | '>' | '_' | '-'));
    let hash = |text: &str| {
        let mut hash = Fnv::new();
        hash.part(text);
        hash.0
    };
    let mut words: Vec<u64> = in_message.filter(|word| !word.is_empty()).map(hash).collect();
    words.extend(frames.iter().map(|frame| hash(frame)));
    words.sort_unstable();
    words.dedup();
    words
}

/// FNV-1a, 64 bits (G. Fowler, L. C. Noll, K.-P. Vo): stable, and short enough to have here. A suite that
/// forges collisions merges groups of its own failures and gains nothing.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds a text and an end that no UTF-8 text contains.
    fn part(&mut self, text: &str) {
        for byte in text.bytes().chain([0xFF]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: &str, message: &str, trace: &str) -> Failure {
        Failure { kind: kind.into(), message: message.into(), trace: trace.into() }
    }

    const TRACE: &str = r#"Traceback (most recent call last):
  File "/usr/lib/python3.11/unittest/case.py", line 57, in testPartExecutor
  File "/w/1/tests/test_orders.py", line 31, in test_order_is_processed
    wait_for(order)
  File "/w/1/shop/orders.py", line 12, in wait_for
    raise TimeoutError
"#;

    #[test]
    fn the_same_failure_with_another_duration_has_the_same_fingerprint() {
        let first = failure("AssertionError", "Order not processed in time (took 0.213s)", TRACE);
        let second = failure("AssertionError", "Order not processed in time (took 0.287s)", TRACE);
        assert_eq!(fingerprint(&first), fingerprint(&second));
    }

    #[test]
    fn other_lines_folders_and_library_frames_do_not_matter() {
        let moved =
            TRACE.replace("line 31", "line 99").replace("/w/1/", "/w/27/").replace("line 57", "line 58");
        let deeper = format!("  File \"/v/site-packages/pluggy/_callers.py\", line 1, in call\n{TRACE}");
        let first = fingerprint(&failure("E", "m", TRACE));
        assert_eq!(first, fingerprint(&failure("E", "m", &moved)));
        assert_eq!(first, fingerprint(&failure("E", "m", &deeper)));
    }

    #[test]
    fn what_differs_in_kind_words_or_frames_is_another_failure() {
        let all = [
            failure("AssertionError", "not processed", TRACE),
            failure("TimeoutError", "not processed", TRACE),
            failure("AssertionError", "not delivered", TRACE),
            failure("AssertionError", "not processed", &TRACE.replace("wait_for", "poll")),
            failure("AssertionError", "not processed", ""),
            failure("AssertionErrornot processed", "", ""),
            failure("", "", "some text"),
            failure("", "", "other text"),
            failure("", "", ""),
        ];
        let mut prints: Vec<_> = all.iter().map(fingerprint).collect();
        prints.sort_unstable();
        prints.dedup();
        assert_eq!(prints.len(), all.len());
    }

    #[test]
    fn a_fingerprint_is_the_same_for_ever() {
        let known = failure("AssertionError", "Order not processed in time (took 0.213s)", TRACE);
        assert_eq!(fingerprint(&known), "1303e74a6cf1d60f");
    }

    #[test]
    fn a_number_cut_at_the_limit_does_not_split_a_group() {
        let long = |n: &str| failure("E", &format!("{}{n} tail", format!("value {n}, ").repeat(400)), "");
        assert_eq!(fingerprint(&long("1")), fingerprint(&long("123456789")));
    }
}
