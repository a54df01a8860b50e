//! Who is spoken to in a chat.

use flaky_plugin_sdk::surroundings::{Commit, Surroundings};

/// The id in a chat of a commit's author. Only the login that the forge vouches for counts: the name in a commit is
/// whatever its author wrote.
#[must_use]
pub fn chat_id<'a>(
    surroundings: &'a Surroundings,
    commit: &Commit,
    is_id: fn(&str) -> bool,
) -> Option<&'a str> {
    let login = commit.login.as_deref()?;
    // Logins are the same in either case.
    let found = surroundings.mentions.iter().find(|(known, _)| known.eq_ignore_ascii_case(login));
    found.map(|(_, id)| id.as_str()).filter(|id| is_id(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_known_by_the_login_that_the_forge_tells_and_nothing_else() {
        let surroundings = Surroundings {
            mentions: [("ann".to_owned(), "U1".to_owned()), ("eve".to_owned(), "!channel".to_owned())].into(),
            ..Surroundings::default()
        };
        let id = |author: &str, login: Option<&str>| {
            let commit =
                Commit { author: author.into(), login: login.map(ToOwned::to_owned), ..Commit::default() };
            chat_id(&surroundings, &commit, |id| id.starts_with('U')).map(ToOwned::to_owned)
        };
        assert_eq!(id("whoever", Some("Ann")).as_deref(), Some("U1"));
        assert_eq!(id("ann", None), None);
        assert_eq!(id("ann", Some("bob")), None);
        assert_eq!(id("eve", Some("eve")), None);
    }
}
