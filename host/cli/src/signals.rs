//! What asks this process to end: Ctrl-C, and on Unix the request to terminate.

use std::io;

#[cfg(unix)]
pub(crate) use tokio::signal::unix::Signal as Requests;
#[cfg(windows)]
pub(crate) use tokio::signal::windows::CtrlC as Requests;

/// Listens from here on. With each kind of request the number that shells add to 128 for a process that it ended.
///
/// # Errors
/// When the system does not let us listen.
pub(crate) fn to_end() -> io::Result<Vec<(Requests, u8)>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(vec![(signal(SignalKind::interrupt())?, 2), (signal(SignalKind::terminate())?, 15)])
    }
    #[cfg(windows)]
    Ok(vec![(tokio::signal::windows::ctrl_c()?, 2)])
}
