//! Golden cases: what a plugin is given, and what it is expected to answer.
//!
//! A case is a folder. What stands in it says for which role it is: `evidence.json` for a policy, `report.json` for a
//! reporter, and `stdout`, `stderr`, `report/` or `tree/` for a parser. `settings.json` is optional in all of them, and
//! `expected.json` holds the answer.

mod difference;
mod files;
pub mod parser;
pub mod policy;
pub mod reporter;

use std::fs;
use std::path::{Path, PathBuf};

use flaky_plugin_host::{Plugin, PluginError, PluginErrorKind};
use serde_json::{Value, json};

pub use self::files::CaseError;
use self::files::{json_file, wrong};
use crate::Kind;
use crate::check::{Check, Meter, Outcome};

/// A folder with a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Name of the folder.
    pub name: String,
    /// The folder.
    pub folder: PathBuf,
    /// The role that it is for.
    pub kind: Kind,
}

/// What is done where an answer is not the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bless {
    /// It is a difference.
    No,
    /// It becomes the expected one.
    Yes,
}

/// An answer as it is kept: the JSON document, and for reporters the files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// What `expected.json` holds.
    pub document: Value,
    /// What `expected/` holds: path and content.
    pub files: Vec<(String, Vec<u8>)>,
}

const EXPECTED: &str = "expected.json";
const EXPECTED_FILES: &str = "expected";

/// The cases in a folder, by name; none where there is no such folder.
///
/// # Errors
/// A folder that cannot be read, or that is no case.
pub fn cases(folder: &Path) -> Result<Vec<Case>, CaseError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| wrong(folder, e))? {
        let path = entry.map_err(|e| wrong(folder, e))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Tests of the language itself may stand beside the cases; their caches too.
        if path.is_dir() && !name.starts_with(['.', '_']) {
            let kind = kind(&path).ok_or_else(|| CaseError::NoInput(path.clone()))?;
            cases.push(Case { name, folder: path, kind });
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

fn kind(folder: &Path) -> Option<Kind> {
    let has = |name: &str| folder.join(name).exists();
    if has("evidence.json") {
        Some(Kind::Policy)
    } else if has("report.json") {
        Some(Kind::Reporter)
    } else {
        ["stdout", "stderr", "report", "tree"].into_iter().any(has).then_some(Kind::Parser)
    }
}

impl Case {
    /// Asks the plugin, and holds its answer against the expected one.
    ///
    /// # Errors
    /// A case that cannot be read or written.
    pub async fn check(&self, plugin: &Plugin, bless: Bless) -> Result<Check, CaseError> {
        let name = format!("{}: {}", self.kind, self.name);
        let configured = match self.configured(plugin).await? {
            Ok(plugin) => plugin,
            Err(error) => return Ok(Check::failed(name, vec![told(&error)])),
        };
        let meter = Meter::start(plugin);
        let answer = self.ask(&configured).await?;
        let taken = meter.stop();
        let outcome = match answer {
            Ok(answer) => self.compare(&answer, bless)?,
            Err(error) => Outcome::Failed(vec![told(&error)]),
        };
        Ok(Check { name, outcome, taken })
    }

    /// The plugin with the case's settings.
    pub(crate) async fn configured(&self, plugin: &Plugin) -> Result<Result<Plugin, PluginError>, CaseError> {
        let path = self.folder.join("settings.json");
        let settings = if path.exists() { json_file(&path)? } else { Value::Null };
        Ok(plugin.configured(&settings).await)
    }

    async fn ask(&self, plugin: &Plugin) -> Result<Result<Answer, PluginError>, CaseError> {
        let answer = match self.kind {
            Kind::Parser => plugin.parse(&parser::input(&self.folder)?).await.map(parser::answer),
            Kind::Policy => policy::answer(plugin, &policy::input(&self.folder)?).await,
            Kind::Reporter => {
                let (report, context) = reporter::input(&self.folder)?;
                plugin.render_input(&report, context).await.map(reporter::answer)
            }
        };
        Ok(answer.or_else(|error| own_error(&error).ok_or(error)))
    }

    fn compare(&self, answer: &Answer, bless: Bless) -> Result<Outcome, CaseError> {
        let (document, folder) = (self.folder.join(EXPECTED), self.folder.join(EXPECTED_FILES));
        // A reporter's case may keep files alone.
        let keeps_files = folder.is_dir();
        let keeps_document = document.exists() || !keeps_files;
        let mut differences = Vec::new();
        if keeps_document {
            if document.exists() {
                differences.extend(difference::values(&json_file(&document)?, &answer.document));
            } else {
                differences.push(format!("{EXPECTED} is missing: `--bless` writes it"));
            }
        }
        if keeps_files {
            differences.extend(difference::files(&files::tree(&folder)?, &answer.files));
        }
        if differences.is_empty() {
            return Ok(Outcome::Held);
        }
        if bless == Bless::No {
            return Ok(Outcome::Failed(differences));
        }
        if keeps_document {
            files::write(&document, files::pretty(&answer.document).as_bytes())?;
        }
        if keeps_files {
            files::replace(&folder, &answer.files)?;
        }
        Ok(Outcome::Blessed)
    }
}

/// An error that a plugin returned is an answer like others.
fn own_error(error: &PluginError) -> Option<Answer> {
    let PluginErrorKind::Guest(own) = error.kind() else { return None };
    let at = own.at.as_ref().map(|at| json!({ "source": at.source, "byte": at.offset }));
    let document =
        json!({ "error": { "code": own.code, "message": own.message, "hint": own.hint, "at": at } });
    Some(Answer { document, files: Vec::new() })
}

/// The error with what the plugin printed: a person looks for the reason there.
pub(crate) fn told(error: &PluginError) -> String {
    match error.guest_stderr() {
        Some(printed) => format!("{error}\n{printed}"),
        None => error.to_string(),
    }
}
