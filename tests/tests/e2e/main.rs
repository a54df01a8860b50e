//! End-to-end tests: the real `flaky`, real frameworks, projects that plant one thing each (`tests/samples`).
//! One binary with a module per subject: linking it once is faster than linking a dozen.
#![expect(clippy::unwrap_used, clippy::panic, reason = "functions that several tests share fail as tests do")]

mod acceptance;
mod causes;
mod chats;
mod commits;
mod documents;
mod endings;
mod examples;
mod exit_codes;
mod floods;
mod history;
mod inputs;
mod interference;
mod isolation;
mod output;
mod parse;
mod planted;
mod plugins;
mod quarantine;
mod reading;
mod repositories;
mod schema;
mod secrets;
mod stopping;
mod telling;
mod verify;
