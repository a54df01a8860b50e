//! What a mistyped word was probably meant to be.

/// Words longer than this get no suggestion: no valid key comes near it, and the distance costs the product of
/// both lengths.
const LONGEST: usize = 64;

/// The candidate nearest to `word`, if it is near enough that it was probably meant: at most one edit in three
/// characters. Case and the difference between `-` and `_` cost nothing.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let word = folded(word);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, &folded(candidate)), candidate))
        .filter(|(distance, candidate)| distance * 3 <= candidate.chars().count().max(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn folded(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_typing_error_finds_its_word_and_a_stranger_finds_none() {
        let keys = ["runs", "parallelism", "timeout", "ignore_patterns", "env"];
        for (word, expected) in [
            ("rnus", Some("runs")),
            ("run", Some("runs")),
            ("RUNS", Some("runs")),
            ("paralelism", Some("parallelism")),
            ("ignore-patterns", Some("ignore_patterns")),
            ("time_out", Some("timeout")),
            ("envs", Some("env")),
            ("database", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, keys), expected, "{word}");
        }
        assert_eq!(nearest(&"runs".repeat(100_000), keys), None);
    }
}
