//! What a failure's words say about its cause: the resource that attempts fought over, and the probable cause of many.
//!
//! Both are guesses from a small table of words that systems and libraries print. They are told with what was seen, and
//! nothing is decided by them.

mod resource;

use crate::evidence::FailureGroup;

pub use resource::{Resource, shared_resource};

/// What probably made tests fail, by what they said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbableCause {
    /// One word of the table of causes.
    pub cause: &'static str,
    /// What was seen of it, e.g. `port 5432`.
    pub seen: Option<String>,
}

/// A cause and the words that speak for it, in lower case; the first cause with a word in the text is taken, so that
/// what is special stands before what is general (a database is reached by a network, and both time out).
const CAUSES: &[(&str, &[&str])] = &[
    (
        "memory",
        &["out of memory", "outofmemory", "memoryerror", "cannot allocate memory", "enomem", "oomkilled"],
    ),
    (
        "disk",
        &[
            "no space left",
            "enospc",
            "disk quota",
            "edquot",
            "read-only file system",
            "erofs",
            "disk full",
            "disk i/o error",
        ],
    ),
    ("open files", &["too many open files", "emfile", "enfile"]),
    (
        "port",
        &[
            "address already in use",
            "eaddrinuse",
            "port is already allocated",
            "only one usage of each socket address",
        ],
    ),
    (
        "database",
        &[
            "database",
            "psycopg",
            "sqlite",
            "postgres",
            "mysql",
            "mariadb",
            "mongo",
            "sqlstate",
            "jdbc",
            "ora-0",
            "deadlock detected",
            "could not serialize access",
            "redis",
        ],
    ),
    (
        "name resolution",
        &[
            "getaddrinfo",
            "name resolution",
            "name or service not known",
            "nodename nor servname",
            "enotfound",
            "unknownhost",
            "no such host",
            "gaierror",
        ],
    ),
    (
        "certificate",
        &["certificate verify failed", "certificate has expired", "sslhandshake", "sslerror", "x509:"],
    ),
    (
        "network",
        &[
            "connection refused",
            "connectionrefused",
            "econnrefused",
            "connection reset",
            "connectionreset",
            "econnreset",
            "broken pipe",
            "brokenpipe",
            "epipe",
            "network is unreachable",
            "enetunreach",
            "no route to host",
            "ehostunreach",
            "connection aborted",
            "connectionaborted",
            "remote end closed",
            "remotedisconnected",
            "socket hang up",
            "connecterror",
            "connectexception",
            "connectionerror",
            "bad gateway",
            "service unavailable",
        ],
    ),
    (
        "permission",
        &["permission denied", "permissionerror", "eacces", "operation not permitted", "access is denied"],
    ),
    (
        "files",
        &[
            "filenotfounderror",
            "no such file or directory",
            "enoent",
            "nosuchfileexception",
            "fileexistserror",
            "eexist",
        ],
    ),
    ("clock", &["clock", "timezone", "time zone", "daylight saving", "datetime", "utc offset"]),
    (
        "timeout",
        &[
            "timed out",
            "timed-out",
            "timeout",
            "timeouterror",
            "deadline exceeded",
            "etimedout",
            "took too long",
        ],
    ),
    (
        "concurrency",
        &["data race", "deadlock", "concurrentmodification", "race condition", "database is locked"],
    ),
];

/// What the kind and message of a failure speak for, if for anything.
#[must_use]
pub fn probable_cause(kind: &str, message: &str) -> Option<ProbableCause> {
    let text = format!("{}: {}", resource::capped(kind), resource::capped(message)).to_ascii_lowercase();
    let found = CAUSES.iter().find(|(_, words)| words.iter().any(|word| text.contains(word)));
    found.map(|(cause, _)| {
        let seen = match *cause {
            "port" | "database" | "network" | "timeout" => {
                resource::port_in(&text).map(|port| format!("port {port}"))
            }
            _ => None,
        };
        ProbableCause { cause, seen }
    })
}

/// The same of the most frequent failure of a test.
#[must_use]
pub fn probable_cause_of(group: &FailureGroup) -> Option<ProbableCause> {
    probable_cause(&group.kind, &group.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_by_the_words_of_systems_and_libraries() {
        type Expected = Option<(&'static str, Option<&'static str>)>;
        let table: &[(&str, &str, Expected)] = &[
            (
                "ConnectionRefusedError",
                "[Errno 111] Connection refused by 127.0.0.1:5432",
                Some(("network", Some("port 5432"))),
            ),
            (
                "psycopg.OperationalError",
                "connection to server at \"127.0.0.1\", port 5432 failed: Connection refused",
                Some(("database", Some("port 5432"))),
            ),
            ("Error", "connect ECONNREFUSED ::1:6379", Some(("network", Some("port 6379")))),
            ("OSError", "[Errno 98] Address already in use", Some(("port", None))),
            ("OSError", "[Errno 28] No space left on device", Some(("disk", None))),
            ("java.net.UnknownHostException", "db.internal", Some(("name resolution", None))),
            ("TimeoutError", "no answer within 3 s", Some(("timeout", None))),
            ("java.lang.OutOfMemoryError", "Java heap space", Some(("memory", None))),
            ("AssertionError", "1 == 2", None),
            ("", "", None),
        ];
        for (kind, message, expected) in table {
            let found = probable_cause(kind, message);
            let told = found.as_ref().map(|found| (found.cause, found.seen.as_deref()));
            assert_eq!(told, *expected, "{kind}: {message}");
        }
    }

    #[test]
    fn words_of_the_table_are_in_lower_case_and_stand_once() {
        let words: Vec<&str> = CAUSES.iter().flat_map(|(_, words)| words.iter().copied()).collect();
        assert!(words.iter().all(|word| *word == word.to_ascii_lowercase()));
    }
}
