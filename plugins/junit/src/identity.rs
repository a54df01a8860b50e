//! The id of a test: one text that stays the same across attempts, whatever the dialect.

use crate::case::Case;

/// How ids are made of what a report says.
#[derive(Clone, Copy, Default)]
pub enum Identity<'a> {
    /// By the dialect that each suite shows itself to be. pytest's ids need the `file` attribute; without it
    /// the dotted class name is split behind what is named like a file of tests (`test_cart`, `cart_test`), and
    /// where nothing is, they are `dotted.class::name`.
    #[default]
    Auto,
    /// The report is pytest's. Where it has no `file` attribute, the dotted class name is split where a prefix
    /// of it is a file of the project, as the function says of paths such as `tests/test_cart.py`.
    Pytest {
        /// Whether a path, relative to the project's root, is a file that tests were collected from.
        is_file: &'a dyn Fn(&str) -> bool,
    },
}

/// Whether the rules of pytest's own reports apply to a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Pytest,
    Other,
}

/// How much of the end of an id is the test's own name; 0 where the id is all there is. What stands before it names
/// classes, files or suites.
pub(crate) fn name_length(id: &str, case: &Case) -> usize {
    let name = case.name.trim();
    if id.ends_with(name) && id.len() > name.len() {
        return name.len();
    }
    // Writers that repeat the class in front of the name.
    let class = case.class.as_deref().unwrap_or_default().trim();
    match id.strip_prefix(class).filter(|_| !class.is_empty()) {
        Some(rest) => {
            rest.trim_start_matches(|c: char| is_boundary(c) && !matches!(c, '[' | '(' | '"')).len()
        }
        None => 0,
    }
}

/// Makes the id; `None` when the case has neither a name nor a class.
pub(crate) fn id_of(
    case: &Case,
    suites: &[String],
    dialect: Dialect,
    identity: Identity<'_>,
) -> Option<String> {
    let name = case.name.trim();
    let class = case.class.as_deref().map(str::trim);
    if dialect == Dialect::Pytest
        && let Some(id) = pytest_id(class.unwrap_or_default(), name, case.file.as_deref(), identity)
    {
        return Some(on_one_line(id));
    }
    let id = match class {
        Some(class) => joined(class, name),
        None => joined(&suite_path(suites), name),
    };
    (!id.is_empty()).then(|| on_one_line(id))
}

/// Some writers leave raw line ends in attributes; an XML reader has to make spaces of them.
fn on_one_line(id: String) -> String {
    // Without branches, so that it compiles to vector instructions: this is done for every test.
    if id.bytes().fold(false, |found, b| found | (b == b'\n') | (b == b'\r') | (b == b'\t')) {
        return id.replace("\r\n", " ").replace(['\n', '\r', '\t'], " ");
    }
    id
}

/// `class::name`, without saying twice what one of the two says already: several writers put the whole title
/// into both, or repeat the class in front of the name.
fn joined(class: &str, name: &str) -> String {
    if class.is_empty() || class == name || continues(name, class) {
        return name.to_owned();
    }
    // A class with spaces is a title; a dotted one that happens to end in the name is a class.
    if name.is_empty() || (ends_in(class, name) && class.contains(' ')) {
        return class.to_owned();
    }
    let mut id = String::with_capacity(class.len() + 2 + name.len());
    id.push_str(class);
    id.push_str("::");
    id.push_str(name);
    id
}

/// Whether `text` is `start` and more, with a boundary between.
fn continues(text: &str, start: &str) -> bool {
    text.strip_prefix(start).is_some_and(|rest| rest.starts_with(is_boundary))
}

fn ends_in(text: &str, end: &str) -> bool {
    text.strip_suffix(end).is_some_and(|rest| rest.ends_with(is_boundary))
}

fn is_boundary(c: char) -> bool {
    !c.is_alphanumeric() && c != '_'
}

/// Names of the suites around a case without a class, outermost first; a suite that repeats the one around it
/// stands for both.
fn suite_path(suites: &[String]) -> String {
    let mut path: Vec<&str> = Vec::new();
    for suite in suites.iter().map(|suite| suite.trim()).filter(|suite| !suite.is_empty()) {
        if path.last().is_some_and(|outer| *outer == suite || continues(suite, outer)) {
            path.pop();
        }
        path.push(suite);
    }
    path.join(" > ")
}

/// pytest's node id: `path/to/module.py::Class::name`.
fn pytest_id(class: &str, name: &str, file: Option<&str>, identity: Identity<'_>) -> Option<String> {
    if let Some(file) = file {
        let file = file.trim().replace('\\', "/");
        let module = file.strip_suffix(".py").unwrap_or(&file).replace('/', ".");
        if class.is_empty() && name == module {
            // A module that could not be collected: pytest's id for it is the file itself.
            return Some(file);
        }
        let classes = match class.strip_prefix(module.as_str()) {
            Some("") => Some(""),
            Some(rest) => rest.strip_prefix('.'),
            None => None,
        };
        return classes.map(|classes| node_id(&file, classes, name));
    }
    if let Some(file) = doctest_file(class, name) {
        return Some(node_id(&file, "", name));
    }
    let is_file: &dyn Fn(&str) -> bool = match identity {
        Identity::Auto => &is_test_file,
        Identity::Pytest { is_file } => is_file,
    };
    let full = if class.is_empty() { name } else { class };
    let ends = full.match_indices('.').map(|(at, _)| at).chain([full.len()]);
    let mut prefixes: Vec<usize> = ends.collect();
    prefixes.reverse();
    for end in prefixes {
        let (module, rest) = full.split_at(end);
        let file = format!("{}.py", module.replace('.', "/"));
        if is_file(&file) {
            let classes = rest.trim_start_matches('.');
            return Some(if class.is_empty() {
                node_id(&file, "", classes)
            } else {
                node_id(&file, classes, name)
            });
        }
    }
    None
}

/// The file of a doctest: of a module's, the name begins with the dotted module; of a text file, the dotted path ends in
/// the name.
fn doctest_file(class: &str, name: &str) -> Option<String> {
    if class.is_empty() {
        return None;
    }
    if class == name && is_text_file(name) {
        return Some(name.to_owned());
    }
    if name.strip_prefix(class).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
        return Some(format!("{}.py", class.replace('.', "/")));
    }
    let folder = class.strip_suffix(name)?.strip_suffix('.')?;
    is_text_file(name).then(|| format!("{}/{name}", folder.replace('.', "/")))
}

fn is_text_file(name: &str) -> bool {
    [".txt", ".rst", ".md"].iter().any(|end| name.ends_with(end))
}

/// In `tests.test_cart.TestSum` nothing says where the module ends and a class begins; without the project's files
/// at hand, modules are told by how pytest finds them.
fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".py").is_some_and(|stem| stem.starts_with("test_") || stem.ends_with("_test"))
}

fn node_id(file: &str, classes: &str, name: &str) -> String {
    let mut id = file.to_owned();
    for part in classes.split('.').chain([name]).filter(|part| !part.is_empty()) {
        id.push_str("::");
        id.push_str(part);
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(
        class: Option<&str>,
        name: &str,
        file: Option<&str>,
        dialect: Dialect,
        identity: Identity<'_>,
    ) -> Option<String> {
        let case = Case {
            class: class.map(str::to_owned),
            name: name.to_owned(),
            file: file.map(str::to_owned),
            ..Case::default()
        };
        id_of(&case, &["all".to_owned(), "all > inner".to_owned(), "deep".to_owned()], dialect, identity)
    }

    #[test]
    fn ids_of_the_generic_dialect() {
        let cases = [
            (Some("com.acme.CartTest"), "addsUp", "com.acme.CartTest::addsUp"),
            (Some("math adds"), "math adds", "math adds"),
            (Some("math"), "math adds", "math adds"),
            (Some("math adds"), "adds", "math adds"),
            (Some("mathematics"), "math", "mathematics::math"),
            (Some("math"), "mathematics", "math::mathematics"),
            (Some("tests.add"), "add", "tests.add::add"),
            (Some("tests::cart"), "adds_up", "tests::cart::adds_up"),
            (Some(""), "tests.test_broken", "tests.test_broken"),
            (Some("OnlyClass"), "", "OnlyClass"),
            (None, "adds", "all > inner > deep::adds"),
            (Some("c"), "two\r\nlines\tand tab", "c::two lines and tab"),
        ];
        for (class, name, expected) in cases {
            assert_eq!(id(class, name, None, Dialect::Other, Identity::Auto).as_deref(), Some(expected));
        }
        assert_eq!(id(Some(" "), " ", None, Dialect::Other, Identity::Auto), None);
    }

    #[test]
    fn ids_of_pytest_come_from_the_file_attribute_or_the_files_of_the_project() {
        let is_file = |path: &str| ["tests/test_a.py", "test_b.py"].contains(&path);
        let files = Identity::Pytest { is_file: &is_file };
        let cases = [
            (
                "tests.test_a",
                "test_x[1-2]",
                Some("tests/test_a.py"),
                Identity::Auto,
                "tests/test_a.py::test_x[1-2]",
            ),
            (
                "tests.test_a.TestC.TestD",
                "test_x",
                Some("tests/test_a.py"),
                Identity::Auto,
                "tests/test_a.py::TestC::TestD::test_x",
            ),
            (
                "tests.test_a.TestC",
                "test_x",
                Some(r"tests\test_a.py"),
                Identity::Auto,
                "tests/test_a.py::TestC::test_x",
            ),
            ("tests.test_a.TestC", "test_x", None, Identity::Auto, "tests/test_a.py::TestC::test_x"),
            ("tests.checks", "test_x", None, Identity::Auto, "tests.checks::test_x"),
            ("shop.prices", "shop.prices.sum", None, Identity::Auto, "shop/prices.py::shop.prices.sum"),
            ("docs.usage.rst", "usage.rst", None, Identity::Auto, "docs/usage.rst::usage.rst"),
            ("tests.test_a", "test_x", None, files, "tests/test_a.py::test_x"),
            ("tests.test_a.TestC", "test_x", None, files, "tests/test_a.py::TestC::test_x"),
            ("test_b", "test_x", None, files, "test_b.py::test_x"),
            ("", "tests.test_a", None, files, "tests/test_a.py"),
            ("elsewhere.test_c", "test_x", None, files, "elsewhere.test_c::test_x"),
            ("inherited.Base", "test_x", Some("tests/test_a.py"), Identity::Auto, "inherited.Base::test_x"),
        ];
        for (class, name, file, identity, expected) in cases {
            assert_eq!(
                id(Some(class), name, file, Dialect::Pytest, identity).as_deref(),
                Some(expected),
                "{class} {name}"
            );
        }
    }
}
