//! The harness of the end-to-end tests: a builder that owns a project, a home, an environment and what is expected
//! of the real `flaky` binary. It fails as tests do, by a panic that shows everything the program said.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a harness fails by panicking; everything here runs inside of tests"
)]

pub mod chats;
pub mod docker_registry;
pub mod ended;
pub mod flaky;
pub mod github;
pub mod origin;
pub mod place;
pub mod platform;
pub mod processes;
pub mod python;
pub mod running;
pub mod worker;

pub use chats::Chats;
pub use docker_registry::{Access, DockerRegistry};
pub use ended::Ended;
pub use flaky::{Flaky, Who};
pub use github::Github;
pub use origin::Origin;
pub use platform::Platform;
pub use running::Running;
pub use worker::Worker;

/// The policy in the documents compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/plugins.md")]
pub struct PluginsPage;
