//! How long a text is, as a platform counts, and how to make it shorter.

/// What a platform counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Unicode scalar values, as GitHub does.
    CodePoints,
    /// As JavaScript does: 2 for what is outside the basic plane.
    Utf16,
    /// Of UTF-8.
    Bytes,
}

impl Unit {
    /// Length of a text.
    #[must_use]
    pub fn length(self, text: &str) -> usize {
        match self {
            Self::CodePoints => text.chars().count(),
            Self::Utf16 => text.encode_utf16().count(),
            Self::Bytes => text.len(),
        }
    }

    const fn of(self, c: char) -> usize {
        match self {
            Self::CodePoints => 1,
            Self::Utf16 => c.len_utf16(),
            Self::Bytes => c.len_utf8(),
        }
    }
}

/// Stands where something was cut off.
pub const ELLIPSIS: char = '…';

/// Text in at most `most` units, which an ellipsis is part of where it is cut.
#[must_use]
pub fn cut(text: &str, most: usize, unit: Unit) -> String {
    cut_escaped(text, most, unit, |c, out| out.push(c))
}

/// Escapes character by character, and stops before `most` units would be passed: what is written for one character
/// is never cut in two.
#[must_use]
pub fn cut_escaped(text: &str, most: usize, unit: Unit, escape: impl Fn(char, &mut String)) -> String {
    let mut out = String::new();
    let mut piece = String::new();
    let mut used = 0;
    // Where the text could be cut so that the ellipsis still fits.
    let mut safe = 0;
    for c in text.chars() {
        piece.clear();
        escape(c, &mut piece);
        let size = unit.length(&piece);
        if used + size > most {
            out.truncate(safe);
            out.truncate(out.trim_end().len());
            if most >= unit.of(ELLIPSIS) {
                out.push(ELLIPSIS);
            }
            return out;
        }
        used += size;
        out.push_str(&piece);
        if used + unit.of(ELLIPSIS) <= most {
            safe = out.len();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: [Unit; 3] = [Unit::CodePoints, Unit::Utf16, Unit::Bytes];

    #[test]
    fn texts_are_measured_as_platforms_count() {
        assert_eq!(UNITS.map(|unit| unit.length("a😀é")), [3, 4, 7]);
        assert_eq!(UNITS.map(|unit| unit.length("")), [0, 0, 0]);
    }

    #[test]
    fn a_text_is_whole_up_to_its_limit_and_cut_beyond() {
        for unit in UNITS {
            for c in ['a', 'é', '日', '😀'] {
                let whole: String = std::iter::repeat_n(c, 100).collect();
                let length = unit.length(&whole);
                for most in [length, length + 1] {
                    assert_eq!(cut(&whole, most, unit), whole, "{unit:?} {c} {most}");
                }
                let shorter = cut(&whole, length - 1, unit);
                assert!(unit.length(&shorter) < length, "{unit:?} {c}");
                assert!(shorter.ends_with('…') && shorter.starts_with(c), "{unit:?} {c}: {shorter}");
                // Nothing is wasted: not one more character would have fitted.
                assert!(unit.length(&shorter) + unit.of(c) > length - 1, "{unit:?} {c}");
            }
        }
    }

    #[test]
    fn no_limit_is_too_small() {
        for unit in UNITS {
            for most in 0..6 {
                assert!(unit.length(&cut("😀日😀", most, unit)) <= most, "{unit:?} {most}");
            }
        }
    }

    #[test]
    fn what_stands_for_one_character_is_never_cut_in_two() {
        let escape = |c: char, out: &mut String| match c {
            '&' => out.push_str("&amp;"),
            _ => out.push(c),
        };
        for most in 0..40 {
            let text = cut_escaped("&&😀&&&&&", most, Unit::Utf16, escape);
            assert!(Unit::Utf16.length(&text) <= most);
            let rest = text.replace("&amp;", "").replace(['😀', '…'], "");
            assert_eq!(rest, "", "{text}");
        }
    }
}
