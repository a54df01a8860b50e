//! What standard output is: a terminal of some width and with colour, or not.

use std::io::IsTerminal;

/// Columns assumed for a terminal that does not tell.
const USUAL_WIDTH: u32 = 80;

/// Whether standard output takes colour. See <https://no-color.org> for `NO_COLOR`.
pub(crate) fn colour(no_color: bool) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
    !no_color && !set("NO_COLOR") && !dumb && std::io::stdout().is_terminal()
}

/// Columns of standard output; `None` when it is no terminal.
pub(crate) fn width() -> Option<u32> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let told = terminal_size::terminal_size_of(std::io::stdout());
    Some(told.map_or(USUAL_WIDTH, |(width, _)| u32::from(width.0)).max(1))
}
