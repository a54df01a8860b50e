//! Why an attempt could not be made. What a test command does is never an error here: see
//! [`Exit`](flaky_core::attempt::Exit).

use std::io;
use std::path::PathBuf;

use flaky_core::report::IsolationUsed;

use crate::capabilities::Obstacle;
use crate::run_as::{RunAs, RunAsProblem};

/// Why an executor could not start or could not make an attempt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecError {
    /// The launcher's program does not run.
    #[error("`{}`: could not start the launcher", program.display())]
    Launcher {
        /// Our own binary, as far as we know.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The launcher or one of its workers ended before its time: killed from outside, or out of memory.
    #[error("the process that runs attempts ended unexpectedly")]
    LauncherLost(#[source] io::Error),
    /// The work tree cannot be used.
    #[error("`{}`: not a usable work tree", path.display())]
    Tree {
        /// The folder asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The scratch folder cannot be used.
    #[error("`{}`: not a usable scratch folder", path.display())]
    Scratch {
        /// The folder asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another executor works in this scratch folder, or one was killed there.
    #[error("`{}`: the scratch folder is in use", .0.display())]
    ScratchInUse(PathBuf),
    /// Attempts would see, and could change, each other's scratch.
    #[error("`{}`: the scratch folder lies inside the work tree", .0.display())]
    ScratchInsideTree(PathBuf),
    /// A folder to be kept visible cannot be used.
    #[error("`{}`: not a folder that attempts could see", path.display())]
    Visible {
        /// The folder asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Commands cannot run as the user asked for.
    #[error("commands cannot run as user {}, group {}: {problem}", user.uid, user.gid)]
    RunAs {
        /// As whom.
        user: RunAs,
        /// What stands in the way.
        problem: RunAsProblem,
    },
    /// The user as whom commands run does not get to a folder.
    #[error("`{}`: user {uid} cannot get there: `{}` is closed", path.display(), closed.display())]
    OutOfReach {
        /// The folder that attempts need.
        path: PathBuf,
        /// As whom commands run.
        uid: u32,
        /// The folder on the way, or itself, that others may not enter.
        closed: PathBuf,
    },
    /// This machine does not allow the level.
    #[error("isolation `{}` cannot be had: {obstacle}", level.name())]
    LevelUnavailable {
        /// What was asked for.
        level: IsolationUsed,
        /// What stands in the way, and how to raise it.
        obstacle: Obstacle,
    },
    /// A pattern of files to collect is malformed.
    #[error("`{pattern}`: not a file pattern: {reason}")]
    Glob {
        /// As given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A path that must stay inside a folder does not.
    #[error("`{}`: must be relative, without `..`", .0.display())]
    PathOutside(PathBuf),
    /// The order was empty.
    #[error("the command is empty")]
    EmptyCommand,
    /// The attempt could not be set up; nothing of the command ran.
    #[error("could not {step}: {reason}")]
    Setup {
        /// What was being done.
        step: String,
        /// What the system said.
        reason: String,
    },
    /// The executor was shut down.
    #[error("the executor is shut down")]
    Closed,
    /// Attempts take name spaces, sub-reapers and more that only Linux has.
    #[error("attempts run on Linux only")]
    Unsupported,
}

impl ExecError {
    /// What the user can do about it, when there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::LevelUnavailable { obstacle, .. } => Some(&obstacle.how_to_raise),
            Self::Unsupported => Some(if cfg!(windows) {
                "use WSL, which runs `flaky` for Linux, or an endpoint (`--backend runpod`)"
            } else {
                "use a container of Linux, or an endpoint (`--backend runpod`)"
            }),
            Self::ScratchInUse(_) => Some("remove the folder if no other run uses it"),
            Self::RunAs { problem, .. } => Some(problem.hint()),
            Self::OutOfReach { .. } => {
                Some("use a folder that others may enter, or `chmod o+x` the one that is closed")
            }
            _ => None,
        }
    }
}
