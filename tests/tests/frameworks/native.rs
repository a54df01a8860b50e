//! All other frameworks.
