//! One module per command.

mod authority;
pub(crate) mod cache;
pub(crate) mod ci;
pub(crate) mod doctor;
pub(crate) mod help;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod parse;
pub(crate) mod plugin;
pub(crate) mod quarantine;
mod record;
pub(crate) mod report;
pub(crate) mod reproduce;
mod resume;
pub(crate) mod run;
pub(crate) mod session;
mod tell;
pub(crate) mod verify;

pub(crate) use report::settled_file;
