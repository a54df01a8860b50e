//! The lines at the end.

/// `29 examples, 14 failures, 4 pending, 1 error occurred outside of examples`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) examples: usize,
    pub(super) failures: usize,
    pub(super) outside: usize,
}

impl Totals {
    pub(super) fn read(line: &str) -> Option<Self> {
        let mut parts = line.trim_end().split(", ");
        let examples = counted(parts.next()?, "example")?;
        let failures = counted(parts.next()?, "failure")?;
        let mut totals = Self { examples, failures, outside: 0 };
        for part in parts {
            if let Some((number, _)) = part.split_once(" error") {
                totals.outside = number.parse().ok()?;
            } else if !part.ends_with(" pending") {
                return None;
            }
        }
        Some(totals)
    }
}

fn counted(part: &str, what: &str) -> Option<usize> {
    let (number, noun) = part.split_once(' ')?;
    (noun.strip_suffix('s').unwrap_or(noun) == what).then_some(())?;
    number.parse().ok()
}

/// `rspec ./spec/a_spec.rb:7 # Cart adds up`: the place and the full description.
pub(super) fn failed_example(line: &str) -> Option<(String, String)> {
    // Projects name their own command (`bin/rspec`, `bundle exec rspec`).
    let (command, description) = line.split_once(" # ")?;
    let (_, place) = command.split_once("rspec ")?;
    Some((place.trim().trim_matches('\'').to_owned(), description.to_owned()))
}

/// `./spec/a_spec.rb:7` or `./spec/a_spec.rb[1:2]`.
pub(super) fn location(place: &str) -> Option<(&str, Option<u32>)> {
    let place = place.strip_prefix("./").unwrap_or(place);
    if let Some((file, _)) = place.split_once('[') {
        return (!file.is_empty()).then_some((file, None));
    }
    let (file, line) = place.rsplit_once(':')?;
    Some((file, Some(line.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_read_and_other_lines_are_not() {
        let cases = [
            ("29 examples, 14 failures, 4 pending", Some((29, 14, 0))),
            ("1 example, 1 failure", Some((1, 1, 0))),
            ("0 examples, 0 failures, 1 error occurred outside of examples", Some((0, 0, 1))),
            ("9 examples, 0 failures, 2 pending, 3 errors occurred outside of examples", Some((9, 0, 3))),
            ("9 tests, 0 failures", None),
            ("9 examples, 0 failures, and more", None),
            ("examples, failures", None),
            ("", None),
        ];
        for (line, expected) in cases {
            let found = Totals::read(line).map(|totals| (totals.examples, totals.failures, totals.outside));
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn places_are_files_with_a_line_or_a_position() {
        assert_eq!(location("./spec/a_spec.rb:7"), Some(("spec/a_spec.rb", Some(7))));
        assert_eq!(location("./spec/a_spec.rb[1:2:1]"), Some(("spec/a_spec.rb", None)));
        assert_eq!(location("nothing"), None);
        let line = "bundle exec rspec './spec/a_spec.rb[1:2]' # Cart # 7";
        assert_eq!(failed_example(line), Some(("./spec/a_spec.rb[1:2]".to_owned(), "Cart # 7".to_owned())));
    }
}
