//! Statistics of counts: intervals, bounds, an exact test, and rounding as the original did it.
//!
//! All functions are total. A count over its number of attempts is taken as that number, and a confidence
//! level outside 0 to 1 (or NaN) as 1, for which nothing can be excluded.

mod exact;
mod interval;
mod rounding;

pub use exact::fisher_exact_greater;
pub use interval::{bounds, clopper_pearson, wilson};
pub use rounding::python_round;
