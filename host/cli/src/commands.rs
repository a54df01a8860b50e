//! One module per command.

pub(crate) mod doctor;
pub(crate) mod help;
pub(crate) mod reproduce;
pub(crate) mod run;
pub(crate) mod session;
