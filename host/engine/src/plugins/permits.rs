//! What a plugin may do beyond returning data: what its manifest asks for and its entry grants.

use flaky_config::{Origin, PluginRef};
use flaky_core::grant::Grant;
use flaky_plugin_host::{Manifest, Want};

/// What was asked for, and what of it is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permits {
    /// Allowed.
    granted: Vec<Grant>,
    /// Asked for in vain.
    denied: Vec<Grant>,
    /// Granted, and not asked for: without effect.
    idle: Vec<Grant>,
    /// Asked for in a way that cannot be granted, for people.
    unreadable: Vec<String>,
    /// Where grants stand; `None` for a bundled plugin that nobody named.
    place: Option<GrantPlace>,
}

/// Where a plugin's grants stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantPlace {
    /// Who named the plugin.
    pub origin: Origin,
    /// Its source, as it was written.
    pub source: String,
}

impl GrantPlace {
    /// The line that grants it.
    #[must_use]
    pub fn line(&self, grant: &Grant) -> String {
        match self.origin {
            Origin::Flag | Origin::Default => format!("add `--grant {grant}`"),
            Origin::File => format!(
                "add `- {}` to `grants:` of the entry `{}` under `plugins:`",
                grant.in_configuration(),
                self.source
            ),
            Origin::Job => {
                format!("add {} to `grants` of the job's plugin `{}`", in_json(grant), self.source)
            }
        }
    }
}

/// As it stands in a job.
fn in_json(grant: &Grant) -> String {
    match grant {
        Grant::Http(origin) => format!("`{{\"http\": \"{origin}\"}}`"),
        Grant::Secret(name) => format!("`{{\"secret\": \"{name}\"}}`"),
        Grant::Commands => "`\"commands\"`".to_owned(),
    }
}

impl Permits {
    /// Of a plugin that somebody named. A bundled one has what it needs, and nothing more: what a file could grant it, it
    /// could be told to send anywhere by its settings.
    pub(crate) fn new(reference: &PluginRef, manifest: &Manifest, bundled: bool) -> Self {
        let place = GrantPlace { origin: reference.origin, source: reference.written.clone() };
        let given = &reference.terms.grants;
        // What the command line grants is for all of its plugins.
        let idle = |asked: &[Grant]| match reference.origin {
            Origin::Flag => Vec::new(),
            _ => given.iter().filter(|grant| !asked.contains(grant)).cloned().collect(),
        };
        if bundled {
            return Self { idle: idle(&[]), place: Some(place), ..Self::default() };
        }
        let (mut asked, mut unreadable) = (Vec::new(), Vec::new());
        for want in &manifest.wants {
            let (grant, text) = match want {
                Want::Http(origin) => (origin.parse().ok().map(Grant::Http), origin.as_str()),
                Want::Secret(name) => (name.parse().ok().map(Grant::Secret), name.as_str()),
                Want::Commands => (Some(Grant::Commands), "commands"),
                Want::ReportFiles(_) | Want::TreeFiles(_) | Want::ProjectFiles(_) => continue,
            };
            match grant {
                Some(grant) if !asked.contains(&grant) => asked.push(grant),
                Some(_) => {}
                None => unreadable.push(text.to_owned()),
            }
        }
        let (granted, denied) = asked.iter().cloned().partition(|grant| given.contains(grant));
        let idle = idle(&asked);
        Self { granted, denied, idle, unreadable, place: Some(place) }
    }

    /// What is allowed.
    #[must_use]
    pub fn granted(&self) -> &[Grant] {
        &self.granted
    }

    /// What was asked for in vain.
    #[must_use]
    pub fn denied(&self) -> &[Grant] {
        &self.denied
    }

    /// Whether commands may be decided.
    #[must_use]
    pub fn commands(&self) -> bool {
        self.granted.contains(&Grant::Commands)
    }

    /// The line that would allow what a delivery lacks.
    #[must_use]
    pub fn line(&self, grant: &Grant) -> Option<String> {
        let line = self.place.as_ref()?.line(grant);
        const ASK: &str = "name it in the `wants` of the plugin's manifest";
        let asked = self.denied.contains(grant) || self.granted.contains(grant);
        Some(match (asked, self.idle.contains(grant)) {
            (true, _) => line,
            (false, true) => format!("{ASK}: granted it is already"),
            (false, false) => format!("{ASK}, and {line}"),
        })
    }

    /// Sentences about what does not go together, for whoever starts a run.
    pub(crate) fn warnings(&self, plugin: &str) -> Vec<String> {
        let Some(place) = &self.place else { return Vec::new() };
        let denied = self.denied.iter().map(|grant| {
            format!(
                "plugin `{plugin}` asks for `{grant}`, which is not granted\n  hint: {}",
                place.line(grant)
            )
        });
        let idle = self.idle.iter().map(|grant| {
            format!(
                "plugin `{plugin}` does not ask for `{grant}`: the grant of the entry `{}` has no effect",
                place.source
            )
        });
        let unreadable = self.unreadable.iter().map(|text| {
            format!("plugin `{plugin}` asks for `{text}`, which nobody can grant: no origin and no name of a variable")
        });
        denied.chain(idle).chain(unreadable).collect()
    }
}

#[cfg(test)]
mod tests {
    use flaky_config::{PluginAddress, PluginTerms};

    use super::*;

    fn reference(origin: Origin, grants: &[&str]) -> PluginRef {
        PluginRef {
            source: PluginAddress::File("teams.wasm".into()),
            sha256: None,
            written: "teams.wasm".into(),
            settings: serde_json::Map::new(),
            terms: PluginTerms {
                grants: grants.iter().map(|grant| grant.parse().unwrap()).collect(),
                ..PluginTerms::default()
            },
            origin,
        }
    }

    fn manifest(wants: Vec<Want>) -> Manifest {
        Manifest {
            name: "teams".into(),
            version: "1".into(),
            summary: String::new(),
            settings_schema: None,
            wants,
        }
    }

    #[test]
    fn only_what_is_both_asked_for_and_granted_counts_and_the_rest_is_told_with_the_line_that_allows_it() {
        let wants = || {
            vec![
                Want::Http("https://a.example.org/".into()),
                Want::Http("https://b.example.org".into()),
                Want::Secret("TOKEN".into()),
                Want::TreeFiles("*.xml".into()),
                Want::Http("b.example.org".into()),
            ]
        };
        let given = ["http:https://a.example.org", "http:https://c.example.org", "commands"];
        let permits = Permits::new(&reference(Origin::File, &given), &manifest(wants()), false);
        let texts = |grants: &[Grant]| grants.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts(permits.granted()), ["http:https://a.example.org"]);
        assert_eq!(texts(permits.denied()), ["http:https://b.example.org", "secret:TOKEN"]);
        assert!(!permits.commands(), "granted, and not asked for");
        let warnings = permits.warnings("teams");
        for text in [
            "asks for `http:https://b.example.org`, which is not granted\n  hint: add `- http: https://b.example.org` to `grants:` of the entry `teams.wasm` under `plugins:`",
            "hint: add `- secret: TOKEN` to `grants:`",
            "does not ask for `http:https://c.example.org`",
            "does not ask for `commands`",
            "asks for `b.example.org`, which nobody can grant",
        ] {
            assert!(warnings.iter().any(|warning| warning.contains(text)), "{text}: {warnings:#?}");
        }
        let elsewhere = permits.line(&"http:https://d.example.org".parse().unwrap()).unwrap();
        assert!(
            elsewhere.starts_with("name it in the `wants` of the plugin's manifest, and add `- http:"),
            "{elsewhere}"
        );

        let bundled = Permits::new(&reference(Origin::File, &given), &manifest(wants()), true);
        assert_eq!((bundled.granted(), bundled.warnings("x").len()), (&[][..], 3), "it has what it needs");
        let typed = Permits::new(&reference(Origin::Flag, &["commands"]), &manifest(wants()), false);
        let warnings = typed.warnings("teams");
        assert!(warnings.iter().any(|w| w.ends_with("hint: add `--grant secret:TOKEN`")), "{warnings:#?}");
        assert!(
            !warnings.iter().any(|w| w.contains("has no effect")),
            "it may be for another: {warnings:#?}"
        );
        let job = Permits::new(&reference(Origin::Job, &[]), &manifest(wants()), false);
        assert!(job.warnings("teams")[1].contains(r#"add `{"http": "https://b.example.org"}` to `grants`"#));
    }
}
