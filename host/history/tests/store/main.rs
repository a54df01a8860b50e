//! The store as its users see it: the same suite on SQLite and on a PostgreSQL that it starts itself.
#![expect(clippy::unwrap_used, clippy::panic, reason = "functions that several tests share fail as tests do")]

mod places;
mod postgres;
mod reports;

mod contents;
mod damage;
mod exchange;
mod processes;
mod refusals;
