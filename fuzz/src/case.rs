//! Inputs of a fuzzer as attempts.

use flaky_plugin_sdk::Exit;
use flaky_plugin_sdk::native::Recorded;

/// Ends one source; the byte after it says which one comes next. ASCII's own file separator: nothing prints it.
const SEPARATOR: u8 = 0x1c;

/// Sources of one attempt.
const MOST_SOURCES: usize = 8;

/// An attempt made of an input: the first byte chooses the source, the second how the command ended, the third the
/// pieces in which it is read the second time, the fourth where the host cut bytes out of standard output.
#[derive(Debug)]
pub struct Case<'i> {
    sources: Vec<(&'i str, &'i [u8])>,
    exit: Exit,
    /// Bytes per piece.
    pub chunk: u32,
    cut: Option<u8>,
}

impl<'i> Case<'i> {
    /// `None` when the input is too short to be one.
    #[must_use]
    pub fn of(places: &[&'i str], input: &'i [u8]) -> Option<Self> {
        let (&[place, exit, chunk, cut], mut rest) = input.split_first_chunk::<4>()?;
        let name = |place: u8| places.get(usize::from(place) % places.len()).copied();
        let mut place = name(place)?;
        let mut sources = Vec::new();
        while sources.len() + 1 < MOST_SOURCES
            && let Some(at) = rest.iter().position(|byte| *byte == SEPARATOR)
        {
            add(&mut sources, place, &rest[..at]);
            place = rest.get(at + 1).and_then(|next| name(*next))?;
            rest = &rest[at + 2..];
        }
        add(&mut sources, place, rest);
        Some(Self {
            sources,
            exit: exit_of(exit),
            chunk: u32::from(chunk) + 1,
            cut: (cut != 0).then_some(cut),
        })
    }

    /// Bytes of all sources.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.sources.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// As a parser gets it.
    #[must_use]
    pub fn recorded(&self) -> Recorded {
        self.recorded_times(1)
    }

    /// How many sources there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sources.len()
    }

    /// As a parser gets it, every source repeated so often.
    #[must_use]
    pub fn recorded_times(&self, times: usize) -> Recorded {
        self.recorded_as(|bytes| bytes.repeat(times))
    }

    /// As a parser gets it, every source made anew.
    #[must_use]
    pub fn recorded_as(&self, make: impl Fn(&[u8]) -> Vec<u8>) -> Recorded {
        let start = Recorded::default().exit(self.exit);
        self.sources.iter().fold(start, |recorded, (name, bytes)| {
            let bytes = make(bytes);
            match (name.split_once('/'), self.cut) {
                (Some(("report", path)), _) => recorded.report(path, bytes),
                (Some((_, path)), _) => recorded.tree(path, bytes),
                (None, Some(cut)) if *name == "stdout" => {
                    let from = (bytes.len() * usize::from(cut) / 256) as u64;
                    recorded.cut_stdout(bytes, (from, from + 1_000_000))
                }
                (None, _) if *name == "stdout" => recorded.stdout(bytes),
                (None, _) => recorded.stderr(bytes),
            }
        })
    }
}

/// A source is there once.
fn add<'i>(sources: &mut Vec<(&'i str, &'i [u8])>, place: &'i str, bytes: &'i [u8]) {
    if sources.iter().all(|(name, _)| *name != place) {
        sources.push((place, bytes));
    }
}

fn exit_of(byte: u8) -> Exit {
    let ended = |code, signal, timed_out| Exit { code, signal, timed_out };
    match byte {
        252 => ended(None, Some(11), false),
        253 => ended(None, Some(9), false),
        254 => ended(None, Some(15), true),
        255 => ended(None, None, true),
        code => ended(Some(i32::from(code)), None, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: [&str; 3] = ["stdout", "stderr", "report/a.xml"];

    #[test]
    fn bytes_choose_sources_exit_and_pieces() {
        let case = Case::of(&PLACES, b"\x02\xfd\x06\x00<a/>\x1c\x01oops").unwrap();
        assert_eq!(case.sources, [("report/a.xml", &b"<a/>"[..]), ("stderr", &b"oops"[..])]);
        assert_eq!((case.exit.signal, case.chunk, case.bytes()), (Some(9), 7, 8));
        let recorded = case.recorded();
        assert_eq!(recorded.attempt().reports().next().unwrap().1.size(), 4);
        assert_eq!(recorded.attempt().stderr().read_text(99).unwrap(), "oops");
    }

    #[test]
    fn a_place_is_always_one_of_the_list_and_a_source_is_there_once() {
        let case = Case::of(&PLACES, b"\x03\x00\x00\x80abcd\x1c\x00again").unwrap();
        assert_eq!(case.sources, [("stdout", &b"abcd"[..])]);
        assert_eq!(case.recorded().attempt().stdout().cut(), Some((2, 1_000_002)));
        assert!(Case::of(&PLACES, b"abc").is_none());
    }
}
