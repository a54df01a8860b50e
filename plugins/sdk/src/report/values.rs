//! Values of a closed set, which later hosts may widen: what this version does not know is `Other`.

use std::fmt;

use serde::Deserialize;

macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
        #[serde(from = "String")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A word that this version does not know.
            Other(String),
        }

        impl $name {
            /// The word the report uses.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$variant,)+
                    _ => Self::Other(text),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

open_enum! {
    /// What a change did to a test.
    Change {
        /// It did not fail at the base, and does now.
        Introduced = "introduced",
        /// It fails more often than at the base.
        Worsened = "worsened",
        /// It failed at the base as well.
        WasThereBefore = "was-there-before",
        /// It failed at the base, and surely less often now.
        Fixed = "fixed",
        /// The numbers do not tell.
        NoEvidence = "no-evidence",
    }
}

open_enum! {
    /// What kind of test (or run) this is.
    #[derive(Default)]
    Category {
        /// Fails surely less often than `stable_below`.
        Stable = "stable",
        /// Not enough is known.
        #[default]
        Inconclusive = "inconclusive",
        /// Fails sometimes.
        Flaky = "flaky",
        /// A genuine bug.
        Broken = "broken",
    }
}

open_enum! {
    /// How much a failure matters.
    Severity {
        /// No failure.
        None = "NONE",
        /// Rare.
        Low = "LOW",
        /// One in ten and more.
        Medium = "MEDIUM",
        /// Every second time and more.
        High = "HIGH",
        /// Nearly always.
        Critical = "CRITICAL",
    }
}

/// How seeds were chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "serde_json::Value")]
pub enum Seeds {
    /// Attempt i had this seed plus i.
    First(u64),
    /// Drawn without repeats from `min..=max` by a master seed.
    Drawn {
        /// Give it to `--seed` for the same seeds.
        master: u64,
        /// Least seed.
        min: u64,
        /// Largest seed.
        max: u64,
    },
    /// In a way this version does not know.
    #[default]
    Other,
}

impl From<serde_json::Value> for Seeds {
    fn from(value: serde_json::Value) -> Self {
        if let Some(first) = value.get("first").and_then(serde_json::Value::as_u64) {
            return Self::First(first);
        }
        let drawn = |key| value.get("drawn")?.get(key)?.as_u64();
        match (drawn("master"), drawn("min"), drawn("max")) {
            (Some(master), Some(min), Some(max)) => Self::Drawn { master, min, max },
            _ => Self::Other,
        }
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "serde_json::Value")]
pub enum Exit {
    /// By itself, with this code.
    Code(i64),
    /// By a signal that was not the host's.
    Signal(i64),
    /// Its time was over.
    TimedOut,
    /// It could not be started.
    NotFound,
    /// In a way this version does not know.
    #[default]
    Other,
}

impl From<serde_json::Value> for Exit {
    fn from(value: serde_json::Value) -> Self {
        let number = |key| value.get(key).and_then(serde_json::Value::as_i64);
        match (number("code"), number("signal"), value.as_str()) {
            (Some(code), _, _) => Self::Code(code),
            (_, Some(signal), _) => Self::Signal(signal),
            (_, _, Some("timed-out")) => Self::TimedOut,
            (_, _, Some("not-found")) => Self::NotFound,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::NotFound => f.write_str("command not found"),
            Self::Other => f.write_str("ended in an unknown way"),
        }
    }
}
/// Nothing is known until a report says it.
impl Default for Change {
    fn default() -> Self {
        Self::NoEvidence
    }
}
