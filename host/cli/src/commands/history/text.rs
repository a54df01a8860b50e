//! The history as people read it: functions from what the store said to text of a width.

mod columns;
mod list;
mod show;
#[cfg(test)]
mod tests;

pub(super) use self::list::{comparison, list, runs};
pub(super) use self::show::show;
