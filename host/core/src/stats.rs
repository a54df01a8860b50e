//! Statistics of counts: intervals, bounds, exact tests, tests of many things at once and while they
//! come in, and rounding as the original did it.
//!
//! All functions are total. A count over its number of attempts is taken as that number, and a confidence
//! level outside 0 to 1 (or NaN) as 1, for which nothing can be excluded.

mod boschloo;
mod exact;
mod interval;
mod multiple;
mod paired;
mod ranks;
mod rounding;
mod sequential;

pub use boschloo::boschloo_greater;
pub use exact::{fisher_exact, fisher_exact_greater, fisher_mid_p_greater};
pub use interval::{bounds, clopper_pearson, wilson};
pub use multiple::{benjamini_hochberg, holm};
pub use paired::{mcnemar_exact, mcnemar_mid_p};
pub use ranks::MannWhitney;
pub use rounding::python_round;
pub use sequential::{Decision, SequentialTest};
