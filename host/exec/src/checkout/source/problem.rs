//! Why a text names no repository.

use super::LONGEST_URL;

/// How much of a refused text an error repeats.
const LONGEST_SHOWN: usize = 100;

/// Text that names no repository which we would fetch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid repository URL: `{shown}`: {problem}")]
pub struct SourceError {
    shown: String,
    problem: SourceProblem,
}

impl SourceError {
    pub(super) fn new(text: &str, problem: SourceProblem) -> Self {
        Self { shown: shown(text), problem }
    }

    /// What is wrong.
    #[must_use]
    pub const fn problem(&self) -> &SourceProblem {
        &self.problem
    }

    /// What to do instead.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self.problem {
            SourceProblem::Empty | SourceProblem::Neither => {
                "give a folder, or a URL such as `https://host/team/project.git` or `git@host:team/project.git`"
            }
            SourceProblem::LeadingDash => "for a folder of this name write `./` before it",
            SourceProblem::File => "give the folder itself, without `file://`",
            SourceProblem::Credentials => {
                "take them out of the URL; put an access token into the variable `FLAKY_GIT_TOKEN`"
            }
            SourceProblem::PlainHttp | SourceProblem::GitProtocol => "use `https://` or `ssh://`",
            SourceProblem::Helper | SourceProblem::UnknownScheme(_) => {
                "use `https://`, `ssh://`, `user@host:path` or a folder"
            }
            _ => return None,
        })
    }
}

/// What is wrong with the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceProblem {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Programs that are handed such a text may take it for an option.
    #[error("it starts with a dash, like an option")]
    LeadingDash,
    /// Line breaks and the like: they forge lines of logs and of protocols.
    #[error("it contains a control character")]
    ControlCharacter,
    /// A URL has no blanks.
    #[error("it contains a blank")]
    Blank,
    /// Too long.
    #[error("it is longer than {LONGEST_URL} bytes")]
    TooLong,
    /// `file://` would read any folder of the machine that fetches.
    #[error("`file://` is not fetched")]
    File,
    /// `ext::` and other transports that start programs.
    #[error("transports that start a program are not used")]
    Helper,
    /// `git://` proves neither who answers nor what was sent.
    #[error("`git://` is not authenticated: anybody on the way could change the code that would be run")]
    GitProtocol,
    /// The same.
    #[error(
        "plain `http://` is used for this machine alone: anybody on the way could change the code that would be run"
    )]
    PlainHttp,
    /// A scheme nobody fetches.
    #[error("the scheme `{0}` is not supported")]
    UnknownScheme(String),
    /// A password or an access token.
    #[error("credentials in the URL would end up in logs and in process lists")]
    Credentials,
    /// User names are letters, digits and `. _ ~ + - %`.
    #[error("the user name is malformed")]
    User,
    /// Missing, too long, or with characters that no host name has.
    #[error("the host is missing or malformed")]
    Host,
    /// Not a number from 1 to 65535.
    #[error("the port is malformed")]
    Port,
    /// Missing, or starting with a dash.
    #[error("the path is missing or malformed")]
    Path,
    /// A query may carry secrets, and no repository needs one.
    #[error("a repository URL has neither query nor fragment")]
    Query,
    /// Neither a folder nor a URL.
    #[error("there is no such folder, and it is not a URL")]
    Neither,
}

/// The text as an error may repeat it: without what may be a secret, on one line, not endless.
fn shown(text: &str) -> String {
    let (start, rest) = match text.find("://") {
        Some(at) => text.split_at(at + 3),
        None => ("", text),
    };
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let hidden = match rest[..authority_end].rfind('@') {
        Some(at) if !start.is_empty() || rest[..at].contains(':') => format!("{start}…{}", &rest[at..]),
        _ => text.to_owned(),
    };
    // A query is where other secrets are put.
    let hidden = hidden.split_inclusive('?').next().unwrap_or_default();
    let mut out: String = hidden.chars().take(LONGEST_SHOWN).flat_map(char::escape_debug).collect();
    if hidden.len() < text.len() && hidden.ends_with('?') || hidden.chars().count() > LONGEST_SHOWN {
        out.push('…');
    }
    out
}
