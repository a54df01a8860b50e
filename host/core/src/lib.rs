//! What `flaky` knows, without knowing how it came to know it.
//!
//! This crate is pure and total: no clock, file, network, process, randomness of its own, and no panic on any
//! input. Everything here is a value, or a function from values to values.
//!
//! Reading order: [`ids`] and [`settings`] (the newtypes all other crates speak in), [`attempt`] (what an
//! executor hands over), [`parsed`] (what a parser made of it), [`ledger`] (every outcome of a run),
//! [`evidence`] (the numbers about one test), [`verdict`] (what a policy says of them), [`report`] (the
//! versioned document that reporters read), [`surroundings`] (where it is told), [`delivery`] (what reporters ask
//! for), [`remote_plugin`] (where a plugin comes from that is not on this machine), [`history`] (what earlier runs say), [`date`] (days of the calendar).

pub mod attempt;
pub mod cause;
pub mod claim;
pub mod cluster;
pub mod compare;
pub mod date;
pub mod delivery;
pub mod digest;
pub mod evidence;
pub mod fingerprint;
pub mod grant;
pub mod history;
pub mod ids;
pub mod ledger;
pub mod moment;
pub mod notify;
pub mod origin;
pub mod parse_document;
pub mod parsed;
pub mod period;
pub mod refute;
pub mod remote_plugin;
pub mod report;
pub mod seeds;
pub mod settings;
pub mod stats;
pub mod stop;
pub mod surroundings;
pub mod text;
pub mod verdict;
