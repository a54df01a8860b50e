//! As much of TOML as it takes to see what a `pyproject.toml` declares: tables, and the keys and strings in them.
//! What is not understood is passed over; pip has the last word on whether the file is right.

/// A table: its name as written, without spaces, and its entries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) entries: Vec<Entry>,
}

/// One key and the strings in its value, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) strings: Vec<String>,
}

/// The tables of a text; entries before the first header are in one without a name.
pub(crate) fn tables(text: &str) -> Vec<Table> {
    let mut tables = vec![Table::default()];
    let mut depth = 0_usize;
    for line in text.lines() {
        let line = Line::of(line);
        if depth == 0 && line.code.starts_with('[') {
            let name = line.code.trim_matches(['[', ']', ' ']).replace([' ', '"', '\''], "");
            tables.push(Table { name, entries: Vec::new() });
            continue;
        }
        let Some(table) = tables.last_mut() else { continue };
        if depth == 0 {
            let Some((key, _)) = line.code.split_once('=') else { continue };
            let key = key.trim().trim_matches(['"', '\'']).to_owned();
            table.entries.push(Entry { key, strings: Vec::new() });
        }
        if let Some(entry) = table.entries.last_mut() {
            entry.strings.extend(line.strings);
        }
        depth = (depth + line.opened).saturating_sub(line.closed);
    }
    tables
}

/// A line without its comment, and what is in it.
struct Line {
    /// Text outside of strings and comments.
    code: String,
    strings: Vec<String>,
    opened: usize,
    closed: usize,
}

impl Line {
    fn of(text: &str) -> Self {
        let mut line = Self { code: String::new(), strings: Vec::new(), opened: 0, closed: 0 };
        let mut chars = text.chars();
        // A quoted key belongs to the code; strings after `=` or in an array do not.
        while let Some(c) = chars.next() {
            match c {
                '#' => break,
                '"' | '\'' => {
                    let mut string = String::new();
                    while let Some(inner) = chars.next().filter(|inner| *inner != c) {
                        let escaped = inner == '\\' && c == '"';
                        string.extend(if escaped { chars.next() } else { Some(inner) });
                    }
                    let is_key =
                        !line.code.contains(['=', '[', ',']) && chars.as_str().trim_start().starts_with('=');
                    if is_key {
                        line.code.push_str(&string);
                    } else {
                        line.strings.push(string);
                    }
                }
                '[' | '{' => {
                    line.opened += 1;
                    line.code.push(c);
                }
                ']' | '}' => {
                    line.closed += 1;
                    line.code.push(c);
                }
                _ => line.code.push(c),
            }
        }
        line.code = line.code.trim().to_owned();
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_keys_and_strings_are_seen() {
        let text = "\
# comment = [\n\
top = 1\n\
[build-system]\n\
requires = [\"hatchling\"] # why\n\
[ project ]\n\
dependencies = [\n  'a>=1', # \"no\"\n  \"b[x]; python_version < '3.9'\",\n]\n\
name = \"p#1\"\n\
[project.optional-dependencies]\n\
\"test\" = [\"pytest\"]\n\
[[tool.list]]\n\
x = { y = [\"z\"] }\n";
        let seen: Vec<_> = tables(text)
            .into_iter()
            .flat_map(|table| {
                table.entries.into_iter().map(move |e| (table.name.clone(), e.key, e.strings.join("|")))
            })
            .collect();
        let expected = [
            ("", "top", ""),
            ("build-system", "requires", "hatchling"),
            ("project", "dependencies", "a>=1|b[x]; python_version < '3.9'"),
            ("project", "name", "p#1"),
            ("project.optional-dependencies", "test", "pytest"),
            ("tool.list", "x", "z"),
        ]
        .map(|(table, key, strings)| (table.to_owned(), key.to_owned(), strings.to_owned()));
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_is_broken_is_passed_over() {
        assert_eq!(
            tables("[project\nname = \"broken\"\n").last().map(|table| table.name.as_str()),
            Some("project")
        );
        assert_eq!(tables("= = [[[ \"\n'''").len(), 1);
    }
}
