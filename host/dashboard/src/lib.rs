//! A page that shows the history of flaky tests: served on this machine, or written as files.
