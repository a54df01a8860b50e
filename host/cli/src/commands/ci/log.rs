//! The log of a CI job, as its tools printed it.

/// `2026-01-31T12:00:00.1234567Z ` before every line.
const STAMP: usize = "2026-01-31T12:00:00.1234567Z ".len();

/// Without what the platform puts before lines, and without its own lines. A parser sees what the framework printed.
pub(super) fn printed(log: &[u8]) -> Vec<u8> {
    let log = log.strip_prefix(b"\xef\xbb\xbf").unwrap_or(log);
    let mut out = Vec::with_capacity(log.len());
    for line in log.split_inclusive(|b| *b == b'\n') {
        let line = line.get(STAMP..).filter(|_| is_stamp(line)).unwrap_or(line);
        let own = [&b"##["[..], b"::"].iter().any(|mark| line.starts_with(mark));
        if !own {
            out.extend_from_slice(line);
        }
    }
    out
}

fn is_stamp(line: &[u8]) -> bool {
    let shape = b"dddd-dd-ddTdd:dd:dd.dddddddZ ";
    line.len() >= STAMP
        && shape.iter().zip(line).all(|(want, found)| match want {
            b'd' => found.is_ascii_digit(),
            other => other == found,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_and_the_platforms_own_lines_are_taken_away() {
        let log = b"\xef\xbb\xbf2026-01-31T12:00:00.1234567Z ##[group]Run pytest\n\
                    2026-01-31T12:00:01.1234567Z test_a.py::test_b FAILED\n\
                    not stamped\n\
                    2026-01-31T12:00:02.1234567Z ::error::x\n\
                    2026-01-31T12:00:03.1234567Z \n\
                    2026-01-31T12:00";
        let printed = String::from_utf8(printed(log)).unwrap();
        assert_eq!(printed, "test_a.py::test_b FAILED\nnot stamped\n\n2026-01-31T12:00");
    }
}
