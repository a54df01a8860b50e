//! Domain enums as the database holds them: names where people may look, bytes where many are.

use flaky_core::report::IsolationUsed;
use flaky_core::verdict::{Category, Cause, Severity};

use crate::bytes::Broken;

const ISOLATIONS: [IsolationUsed; 4] =
    [IsolationUsed::Full, IsolationUsed::FullSharedNetwork, IsolationUsed::Copy, IsolationUsed::Shared];

pub(crate) const fn category_byte(category: Category) -> u8 {
    match category {
        Category::Stable => 0,
        Category::Inconclusive => 1,
        Category::Flaky => 2,
        Category::Broken => 3,
    }
}

pub(crate) fn category(byte: u8) -> Result<Category, Broken> {
    let found = Category::ALL.into_iter().find(|category| category_byte(*category) == byte);
    found.ok_or(Broken("holds an unknown verdict"))
}

/// 0 is none said, which is not [`Severity::None`].
pub(crate) const fn severity_byte(severity: Option<Severity>) -> u8 {
    match severity {
        None => 0,
        Some(Severity::None) => 1,
        Some(Severity::Low) => 2,
        Some(Severity::Medium) => 3,
        Some(Severity::High) => 4,
        Some(Severity::Critical) => 5,
    }
}

pub(crate) fn severity(byte: u8) -> Result<Option<Severity>, Broken> {
    let said = Severity::ALL.into_iter().map(Some);
    let found = said.chain([None]).find(|severity| severity_byte(*severity) == byte);
    found.ok_or(Broken("holds an unknown severity"))
}

pub(crate) fn category_named(name: &str) -> Result<Category, Broken> {
    named(&Category::ALL, name).ok_or(Broken("holds an unknown verdict"))
}

pub(crate) fn severity_named(name: &str) -> Result<Severity, Broken> {
    named(&Severity::ALL, name).ok_or(Broken("holds an unknown severity"))
}

pub(crate) fn cause_named(name: &str) -> Result<Cause, Broken> {
    named(&Cause::ALL, name).ok_or(Broken("holds an unknown cause"))
}

pub(crate) fn isolation_named(name: &str) -> Result<IsolationUsed, Broken> {
    let found = ISOLATIONS.into_iter().find(|i| i.name() == name);
    found.ok_or(Broken("holds an unknown isolation"))
}

/// The value that is shown so.
fn named<T: Copy + std::fmt::Display>(all: &[T], name: &str) -> Option<T> {
    all.iter().copied().find(|value| value.to_string() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back() {
        for c in Category::ALL {
            assert_eq!((category(category_byte(c)), category_named(&c.to_string())), (Ok(c), Ok(c)));
        }
        for s in Severity::ALL {
            assert_eq!(severity(severity_byte(Some(s))), Ok(Some(s)));
            assert_eq!(severity_named(&s.to_string()), Ok(s));
        }
        assert_eq!(severity(severity_byte(None)), Ok(None));
        assert!(category(4).is_err() && severity(6).is_err() && category_named("?").is_err());
        assert!(Cause::ALL.into_iter().all(|c| cause_named(c.name()) == Ok(c)));
        assert!(ISOLATIONS.into_iter().all(|i| isolation_named(i.name()) == Ok(i)));
    }
}
