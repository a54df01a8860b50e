//! What of a test's id is its class and what its name.

/// An id in the two parts that JUnit XML has for it. Reading them gives the id again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts<'i> {
    /// What stands before the test's own name; the id where nothing does.
    pub(super) class: &'i str,
    /// The test's own name where readers join the two by `::`, else the id.
    pub(super) name: &'i str,
}

impl<'i> Parts<'i> {
    pub(super) fn of(id: &'i str) -> Self {
        // Readers leave out a test without a name.
        let id = if id.is_empty() { "(no name)" } else { id };
        let whole = Self { class: id, name: id };
        // Parameters may hold anything, also what separates.
        let plain = id.find(['[', '(', '"', '<', '{']).map_or(id, |at| id.get(..at).unwrap_or_default());
        if let Some(at) = plain.rfind("::") {
            let (class, name) = (id.get(..at).unwrap_or_default(), id.get(at + 2..).unwrap_or_default());
            let parts = Self { class, name };
            return if parts.are_joined() { parts } else { whole };
        }
        match plain.rfind(" > ") {
            Some(at) if at > 0 => Self { class: id.get(..at).unwrap_or_default(), name: id },
            _ => whole,
        }
    }

    /// Whether readers that leave out what is said twice would put `::` between the two.
    fn are_joined(&self) -> bool {
        let is_plain = |text: &str| !text.trim().is_empty() && text.trim() == text;
        is_plain(self.class)
            && is_plain(self.name)
            && !self.name.starts_with(self.class)
            && !(self.class.ends_with(self.name) && self.class.contains(' '))
    }
}
