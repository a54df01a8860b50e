//! Making a whole fit: outputs are cut evenly, what failed last; the report itself only where it alone is too large.

use flaky_core::report::{Note, RunReport};
use flaky_engine::output::KeptStream;

/// What a stream is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// Of an attempt that passed.
    Passed,
    /// Of an attempt that failed or did not count.
    Failed,
}

/// Streams as text, and how many of them are not whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fitted {
    /// In the order given.
    pub(super) texts: Vec<String>,
    pub(super) cut: usize,
}

/// What is left of each stream of an attempt that passed, whatever the others want: its first and last lines.
const PASSED_AT_LEAST: usize = 400;

/// Room for the mark that says what is left out: its words and a number.
const MARK: usize = 64;

/// Makes texts of streams that together take at most `room` bytes in a JSON text (without their quotes).
pub(super) fn fit(streams: &[(Worth, KeptStream)], room: usize) -> Fitted {
    let sizes: Vec<usize> = streams.iter().map(|(_, stream)| size(stream)).collect();
    let of = |worth: Worth| -> Vec<usize> {
        streams.iter().zip(&sizes).filter(|((w, _), _)| *w == worth).map(|(_, size)| *size).collect()
    };
    let (passed, failed) = (of(Worth::Passed), of(Worth::Failed));
    let floor: usize = passed.iter().map(|size| (*size).min(PASSED_AT_LEAST)).sum();
    let failed_cap = cap(&failed, room.saturating_sub(floor));
    let failed_take: usize = failed.iter().map(|size| (*size).min(failed_cap)).sum();
    let passed_cap = cap(&passed, room.saturating_sub(failed_take));
    let mut cut = 0;
    let texts = streams.iter().zip(&sizes).map(|((worth, stream), size)| {
        let cap = match worth {
            Worth::Passed => passed_cap,
            Worth::Failed => failed_cap,
        };
        if *size > cap || stream.left_out > 0 {
            cut += 1;
        }
        if *size > cap { shortened(stream, cap) } else { whole(stream) }
    });
    Fitted { texts: texts.collect(), cut }
}

/// The largest cap under which sizes sum up to at most `room`: what is small stays whole, the rest share alike.
fn cap(sizes: &[usize], room: usize) -> usize {
    let mut sorted = sizes.to_vec();
    sorted.sort_unstable();
    let mut left = room;
    for (position, size) in sorted.iter().enumerate() {
        let share = left / (sorted.len() - position);
        if *size > share {
            return share;
        }
        left -= size;
    }
    usize::MAX
}

fn size(stream: &KeptStream) -> usize {
    let mark = if stream.left_out > 0 { MARK } else { 0 };
    escaped(&stream.head) + escaped(&stream.tail) + mark
}

fn whole(stream: &KeptStream) -> String {
    put_together(&stream.head, &stream.tail, stream.left_out)
}

/// Head and tail, half of the room each.
fn shortened(stream: &KeptStream, cap: usize) -> String {
    let Some(room) = cap.checked_sub(MARK) else { return String::new() };
    let printed = [stream.head.as_slice(), stream.tail.as_slice()].concat();
    // Where the tail begins there is a gap already: neither side may reach over it.
    let (head_end, tail_start) = match stream.left_out {
        0 => (printed.len(), 0),
        _ => (stream.head.len(), stream.head.len()),
    };
    let head = longest_head(printed.get(..head_end).unwrap_or_default(), room / 2);
    let tail = longest_tail(printed.get(tail_start.max(head)..).unwrap_or_default(), room - room / 2);
    let left_out = stream.left_out + (printed.len() - head - tail) as u64;
    let end = printed.len() - tail;
    put_together(printed.get(..head).unwrap_or_default(), printed.get(end..).unwrap_or_default(), left_out)
}

fn put_together(head: &[u8], tail: &[u8], left_out: u64) -> String {
    let mut text = String::from_utf8_lossy(head).into_owned();
    if left_out > 0 {
        text.push_str(&format!("\n[… {left_out} bytes left out …]\n"));
    }
    text.push_str(&String::from_utf8_lossy(tail));
    text
}

/// How many bytes from the beginning fit, without half a character.
fn longest_head(bytes: &[u8], room: usize) -> usize {
    let mut length =
        longest(bytes.len().min(room), |length| escaped(bytes.get(..length).unwrap_or_default()) <= room);
    while length > 0 && length < bytes.len() && is_inside_character(bytes, length) {
        length -= 1;
    }
    length
}

/// How many bytes to the end fit, without half a character.
fn longest_tail(bytes: &[u8], room: usize) -> usize {
    let from = |length: usize| bytes.get(bytes.len() - length..).unwrap_or_default();
    let mut length = longest(bytes.len().min(room), |length| escaped(from(length)) <= room);
    while length > 0 && length < bytes.len() && is_inside_character(bytes, bytes.len() - length) {
        length -= 1;
    }
    length
}

/// The largest number up to `most` that fits, by halving: more bytes never take less room, but for half characters.
fn longest(most: usize, fits: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// Whether a character begins before `at` and ends after it. In what is not UTF-8, it looks back no further than the
/// longest character is.
fn is_inside_character(bytes: &[u8], at: usize) -> bool {
    let continues = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0xC0 == 0x80);
    continues(at) && (1..=3).any(|back| at >= back && bytes.get(at - back).is_some_and(|byte| *byte >= 0xC0))
}

/// Bytes that a text takes in JSON, without its quotes, once what is not UTF-8 is replaced.
pub(super) fn escaped(bytes: &[u8]) -> usize {
    let of_byte = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0C => 2,
        0..0x20 => 6,
        _ => 1,
    };
    bytes
        .utf8_chunks()
        .map(|chunk| {
            let valid: usize = chunk.valid().bytes().map(of_byte).sum();
            valid + if chunk.invalid().is_empty() { 0 } else { char::REPLACEMENT_CHARACTER.len_utf8() }
        })
        .sum()
}

/// Groups of failures per test that stay in a report that is too large; the most frequent come first.
const GROUPS_KEPT: usize = 3;

/// Leaves out of a report what it takes to bring it to `room` bytes of JSON text, and says so in a note: what attempts
/// printed at their end and did not tell of, then rare failures, then whole tests from the end of the list, where the
/// stable ones are.
pub(super) fn shrink(report: &mut RunReport, room: usize) {
    if json_size(report) <= room {
        return;
    }
    let mut left_out: Vec<String> = Vec::new();
    for attempt in &mut report.attempts {
        attempt.output_tail = None;
        attempt.missing.clear();
    }
    left_out.push("ends of outputs and missing tests of single attempts".into());
    if json_size(report) > room {
        report.tests.iter_mut().for_each(|test| test.failure_groups.truncate(GROUPS_KEPT));
        left_out.push(format!("all but the {GROUPS_KEPT} most frequent failures of each test"));
    }
    let tests = report.tests.len();
    let over = json_size(report).saturating_sub(room);
    if over > 0 {
        let mut freed = 0;
        while freed < over
            && let Some(test) = report.tests.pop()
        {
            // And the comma.
            freed += json_size(&test) + 1;
        }
        left_out.push(format!("{} of {tests} tests", tests - report.tests.len()));
    }
    let text = format!("the whole report is too large for the platform; left out: {}", left_out.join(", "));
    report.notes.push(Note { code: "report-cut".into(), text });
}

pub(super) fn json_size(value: &impl serde::Serialize) -> usize {
    // What cannot be written takes no room.
    serde_json::to_vec(value).map_or(0, |text| text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(bytes: &[u8]) -> KeptStream {
        KeptStream { head: bytes.to_vec(), tail: Vec::new(), left_out: 0 }
    }

    fn total(fitted: &Fitted) -> usize {
        fitted.texts.iter().map(|text| escaped(text.as_bytes())).sum()
    }

    #[test]
    fn escaping_is_counted_as_json_writes_it() {
        for bytes in [
            &b""[..],
            b"plain",
            b"\"\\\n\r\t\x08\x0c",
            b"\x00\x1b[31m\x7f",
            "é🙂".as_bytes(),
            b"a\xffb\xe2\x82",
        ] {
            let text = String::from_utf8_lossy(bytes);
            let written = serde_json::to_string(&text).unwrap().len() - 2;
            assert_eq!(escaped(bytes), written, "{bytes:?}");
        }
    }

    #[test]
    fn what_fits_stays_whole() {
        let streams = [(Worth::Passed, stream(b"one\n")), (Worth::Failed, stream(b"t\xffwo"))];
        let fitted = fit(&streams, 5 + 6);
        assert_eq!(fitted, Fitted { texts: vec!["one\n".into(), "t\u{FFFD}wo".into()], cut: 0 });
    }

    #[test]
    fn what_passed_is_cut_before_what_failed_and_small_ones_stay_whole() {
        let long = |letter: u8| stream(&vec![letter; 10_000]);
        let streams = [
            (Worth::Passed, long(b'p')),
            (Worth::Passed, stream(b"small")),
            (Worth::Failed, long(b'f')),
            (Worth::Passed, long(b'q')),
        ];
        let fitted = fit(&streams, 12_000);
        assert_eq!(fitted.cut, 2);
        assert_eq!(fitted.texts[1], "small");
        assert_eq!(fitted.texts[2], "f".repeat(10_000));
        for at in [0, 3] {
            assert!(
                fitted.texts[at].len() > 900 && fitted.texts[at].len() <= 1000,
                "{}",
                fitted.texts[at].len()
            );
            assert!(fitted.texts[at].contains("bytes left out …]\n"));
        }
        assert!(total(&fitted) <= 12_000);
    }

    #[test]
    fn what_failed_shares_alike_and_what_passed_keeps_its_first_and_last_lines() {
        let numbered: Vec<u8> = (0..5000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        let streams: Vec<_> = [Worth::Failed, Worth::Failed, Worth::Passed, Worth::Failed]
            .into_iter()
            .map(|worth| (worth, stream(&numbered)))
            .collect();
        let fitted = fit(&streams, 10_000);
        assert_eq!(fitted.cut, 4);
        for (text, least, most) in
            fitted.texts.iter().zip([3000, 3000, 300, 3000]).map(|(t, l)| (t, l, l + 200))
        {
            assert!(text.starts_with("line 0\n") && text.ends_with("line 4999\n"), "{text}");
            let size = escaped(text.as_bytes());
            assert!((least..=most).contains(&size), "{size}");
        }
        assert!(total(&fitted) <= 10_000);
    }

    #[test]
    fn the_mark_counts_what_is_missing_with_what_was_missing_before() {
        let kept = KeptStream { head: vec![b'a'; 1000], tail: vec![b'z'; 1000], left_out: 50 };
        let fitted = fit(&[(Worth::Failed, kept.clone())], 564);
        let text = &fitted.texts[0];
        let (a, z) = (text.matches('a').count(), text.matches('z').count());
        assert!(a > 200 && z > 200, "{text}");
        let missing = 2050 - a - z;
        assert!(text.contains(&format!("aa\n[… {missing} bytes left out …]\nzz")), "{missing}: {text}");
        let whole = fit(&[(Worth::Failed, kept)], 10_000);
        assert_eq!((whole.cut, whole.texts[0].contains("[… 50 bytes left out …]")), (1, true));
    }

    #[test]
    fn characters_are_not_cut_in_half_and_room_is_kept_whatever_is_printed() {
        let mixed = "é🙂\"\u{1b}\n".repeat(3000).into_bytes();
        let broken: Vec<u8> = (0..30_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for room in (0..3000).step_by(37) {
            let fitted = fit(&[(Worth::Failed, stream(&mixed))], room);
            assert!(!fitted.texts[0].contains('\u{FFFD}'), "{room}");
            assert!(total(&fitted) <= room, "{room}: {}", total(&fitted));
            let fitted = fit(&[(Worth::Passed, stream(&broken)), (Worth::Failed, stream(&mixed))], room);
            assert!(total(&fitted) <= room, "{room}: {}", total(&fitted));
        }
    }
}
