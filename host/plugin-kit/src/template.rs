//! Files of new projects: embedded text with a few values to fill in.
//!
//! A template is a list of [`TemplateFile`], taken in with `include_str!`, so that `flaky plugin new` needs nothing but
//! the program. Golden cases are the same in every language: they stand in `templates/cases/KIND/` once, and the plugins
//! of the templates do the same things, so that they all pass them.

use crate::{Kind, PluginName};

/// One file of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateFile {
    /// Relative to the project, with `/`; may hold values as the content does.
    pub path: &'static str,
    /// Text with `{{name}}`, `{{snake}}` and `{{flaky_version}}` where values go.
    pub content: &'static str,
}

/// What is filled in.
#[derive(Debug, Clone)]
pub struct Values {
    name: String,
    snake: String,
}

impl Values {
    /// For a plugin of this name.
    #[must_use]
    pub fn new(name: &PluginName) -> Self {
        Self { name: name.as_str().to_owned(), snake: name.snake() }
    }

    /// The text with its values. What only looks like one stays: other languages have braces of their own.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        text.replace("{{name}}", &self.name)
            .replace("{{snake}}", &self.snake)
            .replace("{{flaky_version}}", env!("CARGO_PKG_VERSION"))
    }
}

/// A file of a folder of templates under the same path in the project.
macro_rules! files {
    ($folder:literal: $($path:literal),+ $(,)?) => {
        &[$($crate::template::TemplateFile {
            path: $path,
            content: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/", $folder, "/", $path)),
        }),+]
    };
}
pub(crate) use files;

/// The golden case of a kind, for projects in any language.
#[must_use]
pub fn cases(kind: Kind) -> &'static [TemplateFile] {
    match kind {
        Kind::Policy => {
            files!("cases/policy": "tests/database-away/evidence.json", "tests/database-away/expected.json")
        }
        Kind::Parser => files!(
            "cases/parser":
            "tests/one-fails/stdout", "tests/one-fails/attempt.json", "tests/one-fails/expected.json"
        ),
        Kind::Reporter => files!(
            "cases/reporter":
            "tests/one-flaky-test/report.json", "tests/one-flaky-test/expected.json"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_filled_in_and_other_braces_stay() {
        let values = Values::new(&"my-own".parse().unwrap());
        assert_eq!(values.fill("{{name}} {{snake}} {{other}} ${{ x }}"), "my-own my_own {{other}} ${{ x }}");
    }
}
