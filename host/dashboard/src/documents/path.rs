//! Paths of documents: each means one document or none, and no text of a repository is part of one.

use std::fmt;

use flaky_core::ids::RunId;

use crate::period::Period;

/// Where views of all branches stand; no key of a branch is this short.
const ALL_BRANCHES: &str = "all";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DocumentPath {
    Version,
    Index,
    View {
        series: String,
        /// `None`: all.
        branch: Option<String>,
        period: Period,
    },
    Runs(String),
    Run(RunId),
    Test(String),
}

impl DocumentPath {
    /// The one that is written this way.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let inside = path.strip_prefix("data/")?.strip_suffix(".json")?;
        let key = |text: &str| {
            let hexadecimal = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            (text.len() == 32 && text.bytes().all(hexadecimal)).then(|| text.to_owned())
        };
        let parts: Vec<&str> = inside.split('/').collect();
        match *parts.as_slice() {
            ["version"] => Some(Self::Version),
            ["index"] => Some(Self::Index),
            ["view", series, branch, period] => Some(Self::View {
                series: key(series)?,
                branch: if branch == ALL_BRANCHES { None } else { Some(key(branch)?) },
                period: Period::named(period)?,
            }),
            ["runs", series] => key(series).map(Self::Runs),
            ["run", run] => run.parse().ok().map(Self::Run),
            ["test", test] => key(test).map(Self::Test),
            _ => None,
        }
    }
}

impl fmt::Display for DocumentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version => f.write_str("data/version.json"),
            Self::Index => f.write_str("data/index.json"),
            Self::View { series, branch, period } => {
                let branch = branch.as_deref().unwrap_or(ALL_BRANCHES);
                write!(f, "data/view/{series}/{branch}/{}.json", period.name())
            }
            Self::Runs(series) => write!(f, "data/runs/{series}.json"),
            Self::Run(run) => write!(f, "data/run/{run}.json"),
            Self::Test(key) => write!(f, "data/test/{key}.json"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn paths_are_read_as_they_are_written() {
        let series = || KEY.to_owned();
        for path in [
            DocumentPath::Version,
            DocumentPath::Index,
            DocumentPath::View { series: series(), branch: None, period: Period::All },
            DocumentPath::View { series: series(), branch: Some(series()), period: Period::Week },
            DocumentPath::Runs(series()),
            DocumentPath::Run("run-1".parse().unwrap()),
            DocumentPath::Test(series()),
        ] {
            assert_eq!(DocumentPath::parse(&path.to_string()), Some(path));
        }
    }

    #[test]
    fn whatever_else_there_is_means_nothing() {
        for path in [
            "",
            "data/",
            "data/.json",
            "data/version",
            "data/../data/version.json",
            "data//version.json",
            "/data/version.json",
            "data/run/../version.json",
            "data/run/..json",
            "data/run/A.json",
            "data/runs/short.json",
            "data/test/0123456789ABCDEF0123456789ABCDEF.json",
            "data/view/0123456789abcdef0123456789abcdef/all/decade.json",
            "data/version.json/",
            "data/version.json\0",
        ] {
            assert_eq!(DocumentPath::parse(path), None, "{path:?}");
        }
    }
}
