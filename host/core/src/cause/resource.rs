//! The resource that copies of a suite fight over, where their failures name it.

use std::fmt;

use crate::evidence::FailureGroup;

/// What can be had by one at a time, and several wanted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// A network port of this machine.
    Port(u16),
    /// A port that the failure does not name.
    SomePort,
    /// A file or folder.
    Path(String),
    /// A file or folder that the failure does not name.
    SomePath,
    /// Something in a database, by its name; empty where the failure does not name it.
    Database(String),
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, "port {port}"),
            Self::SomePort => f.write_str("a port"),
            Self::Path(path) => write!(f, "`{path}`"),
            Self::SomePath => f.write_str("a file or folder"),
            Self::Database(name) if name.is_empty() => f.write_str("a database"),
            Self::Database(name) => write!(f, "`{name}` in a database"),
        }
    }
}

impl Resource {
    fn is_named(&self) -> bool {
        match self {
            Self::Port(_) | Self::Path(_) => true,
            Self::SomePort | Self::SomePath => false,
            Self::Database(name) => !name.is_empty(),
        }
    }
}

/// Bytes of a message or trace that are read: what examples are capped at anyway.
const MOST_READ: usize = 16_384;

/// Bytes before a colon that are looked at: names of hosts have at most 253.
const LONGEST_HOST: usize = 256;

/// Longest name told.
const MOST_NAME: usize = 200;

/// Words of two who wanted one port, in lower case.
const PORT_WORDS: &[&str] = &[
    "address already in use",
    "eaddrinuse",
    "only one usage of each socket address",
    "port is already allocated",
    "port already in use",
    "addrinuse",
];

const DATABASE_WORDS: &[&str] = &[
    "database is locked",
    "database table is locked",
    "deadlock detected",
    "deadlock found when trying to get lock",
    "lock wait timeout exceeded",
    "could not obtain lock on",
    "duplicate key value",
    "duplicate entry",
    "unique constraint",
    "being accessed by other users",
    "sqlite_busy",
];

const PATH_WORDS: &[&str] = &[
    "file exists",
    "fileexistserror",
    "filealreadyexistsexception",
    "eexist",
    "directory not empty",
    "enotempty",
    "text file busy",
    "etxtbsy",
    "being used by another process",
    "could not acquire lock",
    "could not get lock",
    "unable to acquire lock",
    "unable to lock",
    "failed to lock",
    "resource temporarily unavailable",
    "already locked",
    "lockfile",
    "lock file",
    "another process is using",
];

/// The resource that the failures are about, if one of them says so: the first that is named, in the order of the groups
/// (most frequent first), else the first.
#[must_use]
pub fn shared_resource(groups: &[FailureGroup]) -> Option<Resource> {
    let mut found = groups.iter().filter_map(of_group).peekable();
    let first = found.peek().cloned();
    found.find(Resource::is_named).or(first)
}

fn of_group(group: &FailureGroup) -> Option<Resource> {
    let said = format!("{}: {}", group.kind, capped(&group.message));
    let trace = capped(&group.trace);
    let lower = said.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if says(PORT_WORDS) || (lower.contains("already in use") && after_word(&lower).is_some()) {
        let port = port_in(&lower).or_else(|| bound_port(trace));
        return Some(port.map_or(Resource::SomePort, Resource::Port));
    }
    if says(DATABASE_WORDS) {
        return Some(Resource::Database(quoted(&said).next().map(named).unwrap_or_default()));
    }
    if says(PATH_WORDS) {
        return Some(path_in(&said).map_or(Resource::SomePath, Resource::Path));
    }
    None
}

pub(super) fn capped(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MOST_READ)).unwrap_or_default()
}

/// The port in a text in lower case: behind `port`, or behind an address and a colon. Addresses without a port and
/// clock times have nothing that fits.
pub(super) fn port_in(text: &str) -> Option<u16> {
    after_word(text).or_else(|| after_address(text)).or_else(|| in_pair(text))
}

/// `port 8080`, `port: 8080`, `port=8080`, `port number 8080`.
fn after_word(text: &str) -> Option<u16> {
    let mut places = text.match_indices("port");
    places.find_map(|(at, word)| {
        // Not in `report 5`.
        let stands_alone = !text.get(..at)?.ends_with(|c: char| c.is_alphabetic());
        let rest = text.get(at + word.len()..).filter(|_| stands_alone)?;
        let rest = rest.strip_prefix(" number").unwrap_or(rest);
        let rest = rest.trim_start_matches([' ', ':', '=', '\'', '"', '(']);
        number(rest)
    })
}

/// `127.0.0.1:8080`, `localhost:8080`, `[::1]:8080`, `:::8080`, `0.0.0.0:8080`.
fn after_address(text: &str) -> Option<u16> {
    text.match_indices(':').find_map(|(at, _)| {
        let before = text.get(..at)?;
        let near = before.get(before.ceil_char_boundary(before.len().saturating_sub(LONGEST_HOST))..)?;
        let ends = |c: char| c.is_whitespace() || matches!(c, '(' | '\'' | '"' | '/' | '@');
        let word = near.rsplit(ends).next()?;
        (is_host(word) || (word.is_empty() && near.ends_with([' ', '('])))
            .then(|| number(text.get(at + 1..)?))?
    })
}

/// What can stand before the colon of a port. `test_a.py:12` is a line of a file.
fn is_host(word: &str) -> bool {
    let last = word.rsplit('.').next().unwrap_or_default();
    let is_file = (1..=4).contains(&last.len()) && last.bytes().any(|b| !b.is_ascii_digit());
    match word {
        "localhost" | "*" => true,
        _ if word.ends_with(']') || word.contains(':') => true,
        _ => word.contains('.') && !is_file && !last.is_empty(),
    }
}

/// `('127.0.0.1', 8080)`.
fn in_pair(text: &str) -> Option<u16> {
    text.match_indices("', ").chain(text.match_indices("\", ")).find_map(|(at, quote)| {
        let rest = text.get(at + quote.len()..)?;
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        rest.get(end..)?.starts_with(')').then(|| number(rest))?
    })
}

/// Of the lines of a trace that bind or listen, the port that one of them names.
fn bound_port(trace: &str) -> Option<u16> {
    let speaks = |line: &&str| ["bind", "listen", "serve", "port"].iter().any(|word| line.contains(word));
    let lower = trace.to_ascii_lowercase();
    lower
        .lines()
        .filter(speaks)
        .find_map(|line| in_pair(line).or_else(|| after_word(line)).or_else(|| in_call(line)))
}

/// `listen(8080)`, `.listen(8080, …)`.
fn in_call(line: &str) -> Option<u16> {
    line.match_indices("listen(").find_map(|(at, call)| number(line.get(at + call.len()..)?))
}

/// A whole number that can be a port.
fn number(text: &str) -> Option<u16> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    // `1` of `::1:6379` and of `1.2.3.4` is no port.
    let mut after = text.get(end..)?.chars();
    let ends_well = match after.next() {
        Some(':' | '.') => !after.next().is_some_and(char::is_alphanumeric),
        next => !next.is_some_and(char::is_alphanumeric),
    };
    text.get(..end)?.parse().ok().filter(|port| *port > 0 && ends_well)
}

/// A path: quoted before unquoted, and with a slash in it, or a name that ends as locks do.
fn path_in(text: &str) -> Option<String> {
    let is_path = |part: &&str| {
        let part = part.trim_end_matches(['.', ',', ';', ':', ')']);
        (part.contains('/') && !part.contains("://") && part.len() > 1)
            || part.contains(":\\")
            || part.ends_with(".lock")
            || part.ends_with(".pid")
    };
    let unquoted = text
        .split(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`' | '(' | ',' | '='))
        .find(is_path);
    quoted(text)
        .find(is_path)
        .or(unquoted)
        .map(|path| named(path.trim_end_matches(['.', ',', ';', ':', ')'])))
}

/// What stands in quotes, left to right.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(['\'', '"', '`'])?;
            let quote = rest.get(start..)?.chars().next()?;
            let after = rest.get(start + 1..)?;
            // `don't` opens no quotation.
            let opens = !rest.get(..start)?.ends_with(|c: char| c.is_alphanumeric());
            match after.find(quote).filter(|_| opens) {
                Some(end) => {
                    rest = after.get(end + 1..)?;
                    let inner = after.get(..end)?;
                    if !inner.is_empty() && !inner.contains('\n') {
                        return Some(inner);
                    }
                }
                None => rest = after,
            }
        }
    })
}

/// Cut, without what could not be shown.
fn named(name: &str) -> String {
    name.chars().filter(|c| !c.is_control() && *c != '`').take(MOST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn group(kind: &str, message: &str, trace: &str) -> FailureGroup {
        FailureGroup {
            fingerprint: String::new(),
            also: Vec::new(),
            kind: kind.into(),
            message: message.into(),
            trace: trace.into(),
            attempts: Vec::new(),
            seeds: Vec::new(),
        }
    }

    #[test]
    fn ports_paths_and_databases_are_found_where_failures_name_them() {
        let path = |path: &str| Some(Resource::Path(path.to_owned()));
        let database = |name: &str| Some(Resource::Database(name.to_owned()));
        let table = [
            ("Error", "listen EADDRINUSE: address already in use :::8080", "", Some(Resource::Port(8080))),
            (
                "Error",
                "listen EADDRINUSE: address already in use 127.0.0.1:3000",
                "",
                Some(Resource::Port(3000)),
            ),
            ("", "listen tcp :8081: bind: address already in use", "", Some(Resource::Port(8081))),
            ("", "listen tcp 127.0.0.1:8081: bind: address already in use", "", Some(Resource::Port(8081))),
            (
                "java.net.BindException",
                "Address already in use",
                "at A.b(A.java:12)",
                Some(Resource::SomePort),
            ),
            ("PortInUseException", "Port 8080 is already in use", "", Some(Resource::Port(8080))),
            (
                "OSError",
                "[Errno 98] Address already in use",
                "t.py:9: in test_serves\n    server.bind((\"127.0.0.1\", 8765))\nE   OSError: [Errno 98] Address already in use",
                Some(Resource::Port(8765)),
            ),
            (
                "OSError",
                "[Errno 98] error while attempting to bind on address ('127.0.0.1', 8080): address already in use",
                "",
                Some(Resource::Port(8080)),
            ),
            ("FileExistsError", "[Errno 17] File exists: '/tmp/orders.lock'", "", path("/tmp/orders.lock")),
            ("Error", "EEXIST: file already exists, mkdir '/tmp/out'", "", path("/tmp/out")),
            ("IOError", "unable to lock cache.lock.", "", path("cache.lock")),
            ("BlockingIOError", "[Errno 11] Resource temporarily unavailable", "", Some(Resource::SomePath)),
            ("OSError", "Directory not empty: /var/data/x", "", path("/var/data/x")),
            ("sqlite3.OperationalError", "database is locked", "", database("")),
            (
                "UniqueViolation",
                "duplicate key value violates unique constraint \"users_pkey\"",
                "",
                database("users_pkey"),
            ),
            ("AssertionError", "1 == 2 at 12:30:11", "", None),
            ("AssertionError", "can't find 'x/y' in port 8080", "", None),
        ];
        for (kind, message, trace, expected) in table {
            assert_eq!(shared_resource(&[group(kind, message, trace)]), expected, "{kind}: {message}");
        }
    }

    #[test]
    fn a_named_resource_counts_more_than_a_more_frequent_one_without_a_name() {
        let groups = [
            group("AssertionError", "no", ""),
            group("OSError", "Address already in use", ""),
            group("E", "address already in use 0.0.0.0:9000", ""),
        ];
        assert_eq!(shared_resource(&groups), Some(Resource::Port(9000)));
        assert_eq!(shared_resource(&groups[..2]), Some(Resource::SomePort));
        assert_eq!(shared_resource(&groups[..1]), None);
        assert_eq!(shared_resource(&[]), None);
    }

    #[test]
    fn resources_are_told_in_words() {
        for (resource, words) in [
            (Resource::Port(8080), "port 8080"),
            (Resource::SomePort, "a port"),
            (Resource::Path("/tmp/x".into()), "`/tmp/x`"),
            (Resource::SomePath, "a file or folder"),
            (Resource::Database(String::new()), "a database"),
            (Resource::Database("users_pkey".into()), "`users_pkey` in a database"),
        ] {
            assert_eq!(resource.to_string(), words);
        }
    }

    #[test]
    fn hostile_texts_take_linear_time() {
        for unit in ["port", "'", "\"a", ":", "1:", "', ", "/", "a.b:", "listen(", "`'\""] {
            let text = format!("address already in use {}", unit.repeat(500_000 / unit.len()));
            let _ = shared_resource(&[
                group("E", &text, &text),
                group("E", &format!("file exists {text}"), &text),
            ]);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(kind: String, message: String, trace: String) {
            for words in ["address already in use ", "file exists ", "database is locked ", ""] {
                let _ = shared_resource(&[group(&kind, &format!("{words}{message}"), &trace)]);
            }
        }
    }
}
