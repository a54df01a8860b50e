//! `flaky parse`.

use std::path::PathBuf;

use clap::Args;

/// Say what the tool sees in files that test frameworks printed or wrote.
///
/// Every parser is asked, and refuses what is not its own. Exit code 3 says that a file ends before the framework
/// did, 4 that no parser recognised it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flaky parse target/surefire-reports/TEST-com.example.CartTest.xml
  go test -json ./... | flaky parse -
  flaky parse --json ci.log | jq -r '.tests[] | select(.outcome == \"failed\") | .id'")]
pub(crate) struct ParseArgs {
    /// Printed output or report files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Ask this parser alone
    #[arg(long, value_name = "NAME")]
    pub(crate) parser: Option<String>,

    /// Ask a parser plugin first: a component file, or `builtin:NAME`
    #[arg(long = "plugin", value_name = "FILE")]
    pub(crate) plugins: Vec<String>,

    /// One JSON document per file and line, for other programs (docs/schema/parse.schema.json)
    #[arg(long)]
    pub(crate) json: bool,

    /// List every test, however many there are
    #[arg(long, conflicts_with = "json")]
    pub(crate) all: bool,

    /// No colour (as `NO_COLOR` does)
    #[arg(long)]
    pub(crate) no_color: bool,
}
