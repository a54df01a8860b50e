//! Files, as far as it matters who made them and who may change them. What differs between operating systems is in here
//! and nowhere else.
//!
//! - [`open_regular`]: a file that somebody else may have put there, such as tests or whoever made a repository.
//! - [`write_whole`], [`write_durably`], [`rewrite`]: who reads meanwhile sees the old text or the new one.
//! - [`private_folder`], [`temporary_folder`]: for what this process will run, or what is nobody else's to read.

mod open;
mod private;
mod write;

pub use open::{NotRegular, open_regular, path_of, read_at};
pub use private::{
    NotPrivate, Passing, can_be_changed_by_others, make_private_folder, private_folder, temporary_folder,
};
pub use write::{Readers, rewrite, write_durably, write_whole};
