//! Where this process tells its report: in a job of GitHub, of GitLab, or nowhere in particular.

use std::collections::BTreeMap;
use std::sync::Arc;

use flaky_core::surroundings::Surroundings;

use crate::error::Lost;
use crate::world::{Environment, World};
use crate::{github, gitlab};

/// Logins that may be in a map of mentions; more is no map of a team.
const MOST_MENTIONS: usize = 10_000;

/// Looks around. Nothing in here fails: what is not known is left out, and why is said.
pub async fn look_around(world: &Arc<World>) -> (Surroundings, Vec<Lost>) {
    let is_set = |name| world.environment.get(name).is_some_and(|value| value == "true");
    let (mut surroundings, mut lost) = if is_set("GITHUB_ACTIONS") {
        github::surroundings::look_around(world).await
    } else if is_set("GITLAB_CI") {
        gitlab::look_around(world).await
    } else {
        (Surroundings::default(), Vec::new())
    };
    match mentions(&world.environment) {
        Ok(mentions) => surroundings.mentions = mentions,
        Err(why) => lost.push(Lost::Variable { name: MENTIONS, why }),
    }
    (surroundings, lost)
}

/// Login at GitHub to id at Slack, as JSON: the name and shape that the tool before this one used.
const MENTIONS: &str = "GITHUB_SLACK_MAP";

fn mentions(environment: &Environment) -> Result<BTreeMap<String, String>, String> {
    let Some(text) = environment.get(MENTIONS) else { return Ok(BTreeMap::new()) };
    let map: BTreeMap<String, String> = serde_json::from_str(&text)
        .map_err(|e| format!("it is no JSON object of texts (line {}, column {})", e.line(), e.column()))?;
    if map.len() > MOST_MENTIONS {
        return Err(format!("it has more than {MOST_MENTIONS} entries"));
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_are_a_json_object_or_nothing() {
        let read = |text: &'static str| mentions(&Environment::new(move |_| Some(text.to_owned())));
        assert_eq!(read(r#"{"octocat": "U1"}"#).unwrap()["octocat"], "U1");
        assert_eq!(read(" ").unwrap().len(), 0);
        // The value is not shown: somebody may have put a token there.
        assert_eq!(read("xoxb-secret").unwrap_err(), "it is no JSON object of texts (line 1, column 1)");
        read(r#"{"octocat": 1}"#).unwrap_err();
        for (size, fine) in [(MOST_MENTIONS - 1, true), (MOST_MENTIONS, true), (MOST_MENTIONS + 1, false)] {
            let map: BTreeMap<_, _> = (0..size).map(|n| (n.to_string(), "U1")).collect();
            let text = serde_json::to_string(&map).unwrap();
            assert_eq!(mentions(&Environment::new(move |_| Some(text.clone()))).is_ok(), fine, "{size}");
        }
    }
}
