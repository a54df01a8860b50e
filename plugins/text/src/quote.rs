//! Names inside of patterns.

/// A name as a pattern of POSIX extended, Go or Rust regular expressions that matches it alone.
#[must_use]
pub fn regex(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len() + 8);
    for c in name.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_of_a_name_keeps_a_meaning() {
        assert_eq!(regex("a.b (c) [d]* ^$|{}\\é"), r"a\.b \(c\) \[d\]\* \^\$\|\{\}\\é");
        assert_eq!(regex(""), "");
    }
}
