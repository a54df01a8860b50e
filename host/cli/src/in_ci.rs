//! Whether nobody sits here: one answer for all that is decided by it.

/// Platforms that set `CI` set it to `true`, a few to `1` or to their name; who wants none of it at a terminal sets it to
/// nothing, `false` or `0`. The two whose events are read are known by their own variable, too.
pub(crate) fn is_ci(get: &dyn Fn(&str) -> Option<String>) -> bool {
    let value = |name: &str| get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    value("CI").is_some_and(|ci| ci != "false" && ci != "0")
        || ["GITHUB_ACTIONS", "GITLAB_CI"].iter().any(|name| value(name).is_some())
}

/// By the environment of this process.
pub(crate) fn this_process() -> bool {
    is_ci(&|name| std::env::var(name).ok())
}

#[cfg(test)]
mod tests {
    use super::is_ci;

    #[test]
    fn a_value_that_is_no_refusal_is_ci() {
        let by = |name: &'static str, value: &'static str| {
            is_ci(&move |asked| (asked == name).then(|| value.to_owned()))
        };
        for value in ["true", "1", "woodpecker", " true "] {
            assert!(by("CI", value), "{value}");
        }
        for value in ["", " ", "false", "0"] {
            assert!(!by("CI", value), "{value}");
        }
        assert!(by("GITHUB_ACTIONS", "true") && by("GITLAB_CI", "true") && !by("HOME", "true"));
    }
}
