//! Running commands as another user: who that is, and whether this process can do it.
//!
//! A test that runs as the user of its parent can read the parent's memory and environment, and signal it. Another
//! user without capabilities, who cannot gain any (`no_new_privs`), can do neither, name spaces or not: ptrace(2),
//! "Ptrace access mode checking", and kill(2).

#[cfg(not(target_os = "linux"))]
mod nobody;
#[cfg(target_os = "linux")]
mod user;

use serde::{Deserialize, Serialize};

/// Another user, as whom commands run: one that can neither read our memory nor our files.
///
/// Whose own the folders of attempts are. `HOME`, `TMPDIR` and `XDG_CACHE_HOME` of attempts are private at every level
/// of isolation then: ours are no use to another user. Attempts of all slots run as the same user, so below
/// [`FullSharedNetwork`](flaky_core::report::IsolationUsed::FullSharedNetwork) they can see each other's processes;
/// whoever runs several executors for people who do not trust each other gives each another user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunAs {
    /// User id, not 0.
    pub uid: u32,
    /// Group id, not 0; the only group.
    pub gid: u32,
}

/// Why commands cannot run as another user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunAsProblem {
    /// That would be as ourselves, with all rights.
    #[error("0 is root, who may read everything")]
    Root,
    /// Only root can become somebody else.
    #[error("this process runs as user {0}, and only root can become another user")]
    NotRoot(u32),
    /// We are root of a user name space that does not know the id.
    #[error("{kind} {id} does not exist in this user name space; it has {known}")]
    NotMapped {
        /// `user` or `group`.
        kind: &'static str,
        /// The id asked for.
        id: u32,
        /// The ids that exist: `0`, say, or `0-65535`.
        known: String,
    },
    /// The user name space does not allow groups to be dropped.
    #[error("this user name space denies `setgroups`, so groups of ours cannot be dropped")]
    GroupsKept,
    /// A container took rights from root.
    #[error("root lacks {} here", .0.join(", "))]
    Lacks(Vec<&'static str>),
}

impl RunAsProblem {
    pub(crate) const fn hint(&self) -> &'static str {
        match self {
            Self::Root => "name a user without rights, such as 65534 (`nobody`)",
            Self::NotRoot(_) => "start as root, or leave the user out",
            Self::NotMapped { .. } => {
                "name an id that exists here, or map a range of ids (rootless containers: `/etc/subuid`, `/etc/subgid`)"
            }
            Self::GroupsKept => "map ids with `newgidmap`, as rootless container engines do",
            Self::Lacks(_) => {
                "start the container with these capabilities (`--cap-add`); Docker's defaults have them"
            }
        }
    }
}
