//! What `.gitmodules` says. Its syntax is that of git-config(1), "Syntax", without includes: a file of the repository
//! must not name files of this machine.

/// A submodule as the file describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Module {
    name: String,
    /// Relative to the work tree.
    pub(super) path: String,
    /// Absolute, or relative to the address of the repository.
    pub(super) url: String,
    /// `none` asks for it to be left alone.
    pub(super) update: String,
}

/// All that have a name. Lines that are none of git's syntax say nothing; of two values the later one holds.
pub(super) fn parse(text: &str) -> Vec<Module> {
    let mut modules: Vec<Module> = Vec::new();
    let mut current: Option<usize> = None;
    for line in logical_lines(text) {
        let line = line.trim_start();
        if let Some(header) = line.strip_prefix('[') {
            current = subsection(header).map(|name| match modules.iter().position(|m| m.name == name) {
                Some(known) => known,
                None => {
                    modules.push(Module { name, ..Module::default() });
                    modules.len() - 1
                }
            });
            continue;
        }
        let Some(module) = current.and_then(|at| modules.get_mut(at)) else { continue };
        let Some((key, text)) = line.split_once('=') else { continue };
        let Some(text) = value(text) else { continue };
        match key.trim_end().to_ascii_lowercase().as_str() {
            "path" => module.path = text,
            "url" => module.url = text,
            "update" => module.update = text,
            _ => {}
        }
    }
    modules
}

/// Lines, joined where one ends with a backslash that is no escaped one.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        let continued = backslashes % 2 == 1;
        let part = if continued { &line[..line.len() - 1] } else { line };
        match lines.last_mut() {
            Some(last) if goes_on => last.push_str(part),
            _ => lines.push(part.to_owned()),
        }
        goes_on = continued;
    }
    lines
}

/// The name in `submodule "NAME"]`.
fn subsection(header: &str) -> Option<String> {
    let (section, rest) = header.split_once('"')?;
    if !section.trim().eq_ignore_ascii_case("submodule") {
        return None;
    }
    let mut name = String::new();
    let mut characters = rest.chars();
    loop {
        match characters.next()? {
            '"' => break,
            '\\' => name.push(characters.next()?),
            other => name.push(other),
        }
    }
    (characters.next() == Some(']') && !name.is_empty()).then_some(name)
}

/// A value without quotes, escapes, comment, and blanks around.
fn value(text: &str) -> Option<String> {
    let mut value = String::new();
    // What is known to stay when blanks at the end are cut off.
    let mut kept = 0;
    let mut quoted = false;
    let mut characters = text.trim_start().chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => quoted = !quoted,
            '#' | ';' if !quoted => break,
            '\\' => value.push(match characters.next()? {
                'n' => '\n',
                't' => '\t',
                'b' => '\u{8}',
                same @ ('"' | '\\') => same,
                _ => return None,
            }),
            c => value.push(c),
        }
        if quoted || !c.is_whitespace() {
            kept = value.len();
        }
    }
    value.truncate(kept);
    (!quoted).then_some(value)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Everything that git's syntax has.
    const ODD: &str = "# comment\n[core]\n\tpath = no\n[Submodule \"a b\"] ; comment\n path=plain # comment\n\tURL = \"https://x/y;z#1\" \n\
        [submodule \"q\\\"u\\\\o\"]\n  path = \"  kept  \"and more  \n url = one\n url = ../two\\\n.git\n update = none\n\
        [submodule \"a b\"]\n branch = main\n novalue\n[submodule \"tab\"]\n path = a\\tb\n url = x\n";

    #[test]
    fn every_form_of_gits_syntax_is_understood_as_git_does() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("modules"), ODD).unwrap();
        let git = |key: &str| {
            let output = Command::new("git")
                .args(["config", "-f", "modules", "--get", key])
                .current_dir(folder.path())
                .output()
                .unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            text.strip_suffix('\n').unwrap_or_default().to_owned()
        };
        let modules = parse(ODD);
        assert_eq!(modules.len(), 3);
        for module in modules {
            let of_git = |key: &str| git(&format!("submodule.{}.{key}", module.name));
            let said = [&module.path, &module.url, &module.update];
            assert_eq!(said, [&of_git("path"), &of_git("url"), &of_git("update")], "{module:?}");
            assert!(!module.path.is_empty() && !module.url.is_empty());
        }
    }

    #[test]
    fn what_is_not_gits_syntax_says_nothing() {
        let cases = [
            "",
            "path = x\nurl = y",
            "[submodule]\npath = x",
            "[submodule \"a]\npath = x",
            "[submodule \"\"]\npath = x",
            "[include]\n path = /etc/passwd",
            "[include \"x\"]\n path = /etc/passwd",
            "[submodule \"a\" path = x",
        ];
        for text in cases {
            assert_eq!(parse(text), [], "{text:?}");
        }
        let unfinished = parse("[submodule \"a\"]\npath = \"x\nurl = \\q\nurl");
        assert_eq!(unfinished, [Module { name: "a".into(), ..Module::default() }]);
    }
}
