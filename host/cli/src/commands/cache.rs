//! `flaky cache`: what lies in the cache folder, and taking it away.

use std::fmt::Write as _;
use std::io::{self, Write};

use flaky_core::text::visible;
use flaky_engine::cache::Part;
use flaky_engine::folders::Folders;

use super::session;
use crate::args::{CacheArgs, CleanArgs, KeptCommand};
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code.
pub(crate) fn execute(args: &CacheArgs) -> Result<ExitStatus, CliError> {
    let folders = session::folders()?;
    let text = match &args.command {
        KeptCommand::Info => info(&folders)?,
        KeptCommand::Clean(args) => clean(&folders, args)?,
    };
    let _ = io::stdout().lock().write_all(text.as_bytes());
    Ok(ExitStatus::Fine)
}

fn info(folders: &Folders) -> Result<String, CliError> {
    let mut text = format!("cache folder: {}\n", visible(&folders.cache.display().to_string()));
    for part in Part::ALL {
        let size = part.size(folders).map_err(|e| unable(part, folders, &e))?;
        let (files, size) = (size.files, bytes(size.bytes));
        let _ = writeln!(text, "  {:<22} {size:>9}  {files:>7} files", part.title());
    }
    Ok(text)
}

fn clean(folders: &Folders, args: &CleanArgs) -> Result<String, CliError> {
    let parts: &[Part] = if args.plugins { &[Part::Components] } else { &Part::ALL };
    let mut text = String::new();
    for part in parts {
        let cleaned = part.clean(folders).map_err(|e| unable(*part, folders, &e))?;
        let _ = write!(text, "{}: {} removed", part.title(), bytes(cleaned.bytes));
        if cleaned.in_use > 0 {
            let _ = write!(text, ", {} in use by a run stay", cleaned.in_use);
        }
        text.push('\n');
    }
    Ok(text)
}

fn unable(part: Part, folders: &Folders, error: &io::Error) -> CliError {
    let path = part.path(folders);
    CliError::usage_text(
        format!("`{}`: {error}", path.display()),
        Some("set `FLAKY_CACHE_DIR` to a folder of yours"),
    )
}

/// In the unit that leaves few digits.
fn bytes(number: u64) -> String {
    let number = number as f64;
    match number {
        n if n < 1e6 => format!("{:.1} kB", n / 1e3),
        n if n < 1e9 => format!("{:.1} MB", n / 1e6),
        n => format!("{:.1} GB", n / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_few_digits() {
        for (number, expected) in
            [(0, "0.0 kB"), (4096, "4.1 kB"), (34_100_000, "34.1 MB"), (1 << 31, "2.1 GB")]
        {
            assert_eq!(bytes(number), expected);
        }
    }
}
