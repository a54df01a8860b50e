//! File names relative to the project.

/// Folders that hold the tests of a project, and are not the project themselves.
const INNER: [&str; 17] = [
    "test",
    "tests",
    "__tests__",
    "spec",
    "specs",
    "__specs__",
    "e2e",
    "it",
    "unit",
    "integration",
    "functional",
    "acceptance",
    "src",
    "lib",
    "app",
    "packages",
    "apps",
];

/// Whether a name is one of a file with JavaScript or TypeScript in it, or of a component with scripts.
#[must_use]
pub fn is_script(file: &str) -> bool {
    let end = file.rsplit('.').next().unwrap_or_default();
    end.len() < file.len()
        && matches!(
            end,
            "js" | "jsx"
                | "ts"
                | "tsx"
                | "mjs"
                | "cjs"
                | "mts"
                | "cts"
                | "mjsx"
                | "vue"
                | "svelte"
                | "coffee"
        )
}

/// The folder that file names are relative to.
///
/// Reports name files absolutely, and attempts run in folders of their own. Text names them relative to the project.
/// Where nothing says which folder is the project's, it is the deepest that all files share, less the usual names of
/// folders with tests: then ids are the same as in the text.
#[derive(Debug, Default, Clone)]
pub struct Root(String);

impl Root {
    /// Of this folder.
    #[must_use]
    pub fn at(folder: &str) -> Self {
        Self(with_slash(&folder.replace('\\', "/")))
    }

    /// Of these files.
    pub fn of<'f>(files: impl IntoIterator<Item = &'f str>) -> Self {
        let mut shared: Option<String> = None;
        for file in files {
            let file = file.replace('\\', "/");
            if !is_absolute(&file) {
                continue;
            }
            let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            shared = Some(match shared {
                None => folder.to_owned(),
                Some(before) => common(&before, folder),
            });
        }
        let Some(shared) = shared else { return Self::default() };
        let mut root = shared.as_str();
        // Ids of `a/src/x.test.js` are the same whether or not `a/lib/y.test.js` ran too.
        while let Some((above, name)) = root.rsplit_once('/').filter(|(_, name)| INNER.contains(name)) {
            let _ = name;
            root = above;
        }
        Self(with_slash(root))
    }

    /// The file as it is named in ids.
    #[must_use]
    pub fn relative(&self, file: &str) -> String {
        let file = file.replace('\\', "/");
        let file = file.strip_prefix("file://").unwrap_or(&file);
        let short = file.strip_prefix(self.0.as_str()).unwrap_or(file);
        short.trim_start_matches("./").to_owned()
    }
}

fn with_slash(folder: &str) -> String {
    if folder.is_empty() || folder.ends_with('/') { folder.to_owned() } else { format!("{folder}/") }
}

fn is_absolute(file: &str) -> bool {
    file.starts_with('/') || file.get(1..3) == Some(":/")
}

fn common(left: &str, right: &str) -> String {
    let mut all = Vec::new();
    for (left, right) in left.split('/').zip(right.split('/')) {
        if left != right {
            break;
        }
        all.push(left);
    }
    all.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_the_folder_that_is_the_project() {
        let cases: &[(&[&str], &[&str])] = &[
            (&["/tmp/x/a.test.js"], &["a.test.js"]),
            (&["/tmp/x/tests/a.test.js"], &["tests/a.test.js"]),
            (
                &["/tmp/x/tests/a.test.js", "/tmp/x/src/__tests__/b.js"],
                &["tests/a.test.js", "src/__tests__/b.js"],
            ),
            (&["/tmp/x/src/__tests__/b.js"], &["src/__tests__/b.js"]),
            (&["C:\\x\\test\\a.js", "C:\\x\\test\\b\\c.js"], &["test/a.js", "test/b/c.js"]),
            (&["tests/a.js"], &["tests/a.js"]),
            (&["/ab/c.js", "/abc/c.js"], &["/ab/c.js", "/abc/c.js"]),
        ];
        for (files, expected) in cases {
            let root = Root::of(files.iter().copied());
            let names: Vec<_> = files.iter().map(|file| root.relative(file)).collect();
            assert_eq!(names, *expected);
        }
        assert_eq!(Root::at("/srv/p").relative("file:///srv/p/a.js"), "a.js");
    }
}
