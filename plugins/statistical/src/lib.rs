//! The policy that `flaky` uses when nobody chose another: the gates of `thresholds`, severities on the rate or on an end
//! of its interval, and a sentence that tells what else the numbers show.

mod component;
pub mod judge;
pub mod run;
pub mod settings;
mod told;
