//! `flaky parse`: what the tool sees in files, for people and for programs.

mod page;

use std::io::{self, BufWriter, Write};

use flaky_config::{InvalidPlugin, PluginRef};
use flaky_core::parse_document::ParseDocument;
use flaky_core::text::visible;
use flaky_engine::parse::{ParseFile, ParseOutcome, parse};
use flaky_engine::plugins::{Candidate, PluginSet};
use flaky_engine::run::RunError;
use flaky_engine::supply::{self, Owner, SupplyPlace};
use serde_json::Value;

use crate::args::{OutputArgs, ParseArgs};
use crate::commands::session::Session;
use crate::error::CliError;
use crate::exit_status::ExitStatus;
use crate::terminal;

/// From what was typed to the exit code. What cannot be read at all is known before anything is printed.
pub(crate) fn execute(args: &ParseArgs) -> Result<ExitStatus, CliError> {
    let mut files = Vec::new();
    for path in &args.files {
        let opened = ParseFile::open(path);
        files.push(
            opened.map_err(|e| {
                CliError::usage_text(format!("`{}` cannot be read: {e}", path.display()), None)
            })?,
        );
    }
    let session = Session::open(&OutputArgs { quiet: true, no_color: args.no_color })?;
    session.block_on(read(args, &session, &files))
}

async fn read(args: &ParseArgs, session: &Session, files: &[ParseFile]) -> Result<ExitStatus, CliError> {
    let address =
        |text: &String| -> Result<PluginRef, InvalidPlugin> { Ok(PluginRef::typed(text.parse()?, &[])) };
    let named = args.plugins.iter().map(address).collect::<Result<Vec<PluginRef>, InvalidPlugin>>();
    let named = named.map_err(|e| CliError::usage(&e, None))?;
    let plugins = session.plugins(&named).await?;
    let parser = args.parser.as_deref().map(|name| parser_named(&plugins, name)).transpose()?;
    let mut status = ExitStatus::Fine;
    let mut out = BufWriter::new(io::stdout().lock());
    for file in files {
        let outcome = parse(&plugins, parser, file).await;
        tell_of_failures(&outcome);
        if let (Some(_), Some(error)) = (parser, outcome.failed.first()) {
            return Err(CliError::fault(error, error.hint()));
        }
        status = worse(status, &outcome.document);
        let written = if args.json {
            as_json(&mut out, &outcome.document)
        } else {
            let layout = page::Layout { width: terminal::width(), colour: session.colour(), all: args.all };
            out.write_all(page::page(&outcome.document, &layout).as_bytes())
        };
        match written.and_then(|()| out.flush()) {
            // A reader that closes early (`| head`) is no failure.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(status),
            Err(error) => return Err(CliError::fault(&error, None)),
            Ok(()) => {}
        }
    }
    Ok(status)
}

fn parser_named<'p>(plugins: &'p PluginSet, name: &str) -> Result<&'p Candidate, CliError> {
    let asked = name.strip_prefix("builtin:").unwrap_or(name);
    plugins.parsers().find(|p| p.name() == asked).ok_or_else(|| {
        let known: Vec<String> = plugins.parsers().map(|p| format!("`{}`", p.name())).collect();
        CliError::usage_text(
            format!("there is no parser `{name}`: expected one of {}", known.join(", ")),
            Some("name a plugin file with `--plugin`"),
        )
    })
}

fn as_json(out: &mut impl Write, document: &ParseDocument) -> io::Result<()> {
    serde_json::to_writer(&mut *out, document)?;
    out.write_all(b"\n")
}

/// A parser that fails is one that did not recognise the file; whoever asked learns of it.
fn tell_of_failures(outcome: &ParseOutcome) {
    for error in &outcome.failed {
        let _ = writeln!(io::stderr().lock(), "warning: {}", visible(&error.to_string()));
    }
}

/// With several files, what says least decides.
fn worse(status: ExitStatus, document: &ParseDocument) -> ExitStatus {
    match (document.parser.is_some(), document.complete, status) {
        (false, _, _) | (_, _, ExitStatus::NotRecognised) => ExitStatus::NotRecognised,
        (true, false, _) => ExitStatus::ReadInPart,
        (true, true, status) => status,
    }
}

impl Session {
    /// The plugins that were named, loaded, and the bundled ones.
    async fn plugins(&self, named: &[PluginRef]) -> Result<PluginSet, CliError> {
        let host = self.plugin_host().map_err(RunError::Host)?;
        let place = SupplyPlace { folder: ".".into(), owner: Owner::User };
        let brought = supply::bring(Some(&self.supply()), &host, named, &place).await;
        let brought = brought.map_err(RunError::Plugin)?;
        Ok(PluginSet::load(&host, named, &brought, |_, _| Value::Null).await.map_err(RunError::Plugin)?)
    }
}

#[cfg(test)]
mod tests {
    use flaky_core::parse_document::{Chosen, ParseDocument};

    use super::*;

    #[test]
    fn with_several_files_what_says_least_decides() {
        let unread = ParseDocument::not_recognised("a");
        let cut = ParseDocument { parser: Some("p".into()), chosen: Some(Chosen::Only), ..unread.clone() };
        let whole = ParseDocument { complete: true, ..cut.clone() };
        for (documents, expected) in [
            (vec![&whole], ExitStatus::Fine),
            (vec![&whole, &cut, &whole], ExitStatus::ReadInPart),
            (vec![&unread, &cut, &whole], ExitStatus::NotRecognised),
            (vec![&cut, &unread], ExitStatus::NotRecognised),
        ] {
            let status = documents.into_iter().fold(ExitStatus::Fine, worse);
            assert_eq!(status, expected);
        }
    }
}
