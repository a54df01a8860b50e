//! A report beside whatever the user asked for, and the installed packages where tests look for them.

use flaky_plugin_sdk::{AttemptContext, Command, EnvChange, Instrumented, SupportFile};

use super::install::IS_OURS;
use crate::report::FOLDER;

/// What all our reporters begin with.
const WRITER: &str = include_str!("../report/writer.cjs");

/// Puts links to the installed packages into the work tree, whose root is `$0`, unless it has packages of its own; then
/// runs the command. Attempts may share a tree: links of an earlier run lie there, of another installation maybe, other
/// attempts do the same at this moment, and what is interrupted may leave nothing that looks like packages. So a folder is
/// made under another name, and has its own when it is whole.
const LINKS: &str = r#"put() {
  for left in "$2".flaky-*; do
    if [ -e "$left" ] && ! kill -0 "${left##*-}" 2>/dev/null; then rm -rf "$left"; fi
  done
  if [ -e "$2" ]; then mv -T "$2" "$2.flaky-old-$$" 2>/dev/null || true; rm -rf "$2.flaky-old-$$"; fi
  mkdir -p "${2%/*}" && cp -RP "$1" "$2.flaky-$$" && mv -T "$2.flaky-$$" "$2" 2>/dev/null
  rm -rf "$2.flaky-$$"
}
own="$0/${FLAKY_NODE_ROOT}node_modules"
if [ -n "$FLAKY_NODE_TREE" ] && [ -e "$FLAKY_NODE_TREE/folders" ] && { [ ! -e "$own" ] || is_ours "$own"; }; then
  while read -r folder; do
    from="$FLAKY_NODE_TREE/links/$folder"; at="$0/$folder"; here=
    read -r wanted <"$from/.flaky-links"
    if [ -e "$at" ]; then
      if ! is_ours "$at"; then continue; fi
      read -r here <"$at/.flaky-links"
    fi
    if [ "$here" != "$wanted" ]; then put "$from" "$at"; fi
  done <"$FLAKY_NODE_TREE/folders"
fi
exec "$@""#;

/// The command with our reporter: a module that Node.js loads first, through `NODE_OPTIONS`. The arguments stay as they
/// are, so no option of the user's or of the project's is overridden, and it does not matter where in the command the tool
/// is. `command.env` holds the user's value of `NODE_OPTIONS`.
#[must_use]
pub fn instrument(command: Command, context: &AttemptContext, file: &str, reporter: &str) -> Instrumented {
    let before = command.env.iter().rev().find_map(|(name, change)| match (name.as_str(), change) {
        ("NODE_OPTIONS", EnvChange::Set(value) | EnvChange::Prepend(value)) => Some(value.clone()),
        _ => None,
    });
    let before = before.unwrap_or_default();
    let path = format!("{}/{file}", context.support_dir).replace('\\', "\\\\").replace('"', "\\\"");
    let options = format!("--require=\"{path}\" {before}");
    let command = command
        .env("NODE_OPTIONS", EnvChange::Set(options.trim_end().to_owned()))
        .env("FLAKY_NODE_OPTIONS", EnvChange::Set(before));
    with_report(command, context, file, reporter)
}

/// The command with the reporter's file and the folder that it writes into.
#[must_use]
pub fn with_report(command: Command, context: &AttemptContext, file: &str, reporter: &str) -> Instrumented {
    let command =
        command.env("FLAKY_JAVASCRIPT_REPORT", EnvChange::Set(format!("{}/{FOLDER}", context.report_dir)));
    let content = format!("{WRITER}{reporter}").into_bytes();
    Instrumented {
        command: with_modules(command),
        support_files: vec![SupportFile { path: file.to_owned(), content }],
    }
}

/// The command, started where the installed packages are found: Node.js looks for packages in `node_modules` beside and
/// above a file, and modules of the new kind look nowhere else.
#[must_use]
pub fn with_modules(mut command: Command) -> Command {
    let depth = command.cwd.split('/').filter(|part| !part.is_empty() && *part != ".").count();
    let root = format!(".{}", "/..".repeat(depth));
    let given = std::mem::take(&mut command.argv);
    let wrapper = ["sh".to_owned(), "-c".to_owned(), format!("{IS_OURS}{LINKS}"), root];
    command.argv = wrapper.into_iter().chain(given).collect();
    command
}
