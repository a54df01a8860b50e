//! What the plugins for JavaScript frameworks share: JSON among printed text, lines as a terminal shows them, file
//! names relative to the project, errors as JavaScript prints them, the report of our own.

mod failure;
pub mod framework;
mod ids;
mod json;
mod lines;
mod paths;
mod report;
mod sources;

pub use failure::{failure, first_paragraph, nanoseconds_of_millis, strip_colours};
pub use ids::{SEPARATOR, Test, id_of, one_line, push, push_as};
pub use json::{Document, documents};
pub use lines::{Lines, Shown};
pub use paths::{Root, is_script};
pub use report::{FOLDER, REPORTS, read_report};
pub use sources::{Kept, sources};
