//! The worker against a platform that answers by a script.

mod ending;
mod heartbeats;
mod results;
mod scripted;
mod taking;
mod updating;
