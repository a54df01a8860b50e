//! The store as its users see it: the same suite on SQLite and on a PostgreSQL that it starts itself.

mod places;
mod postgres;
mod reports;

mod contents;
mod damage;
mod exchange;
mod processes;
mod refusals;
