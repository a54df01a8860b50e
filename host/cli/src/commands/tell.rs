//! Telling a report: every reporter that was asked renders it, and what they ask for is carried out.

mod outputs;
mod suites;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flaky_config::{OnError, ReporterEntry};
use flaky_core::delivery::Delivery;
use flaky_core::grant::Grant;
use flaky_core::notify::{News, Notify};
use flaky_core::report::RunReport;
use flaky_core::surroundings::Surroundings;
use flaky_core::text::visible;
use flaky_delivery::{
    Courier, DeliveryError, Environment, Errand, Grants, Lost, Origin, RealClock, Reporter, State, Target,
    Trouble, World, check_writable, look_around,
};
use flaky_engine::plugins::{Member, PluginSet};
use flaky_engine::run::Finished;
use flaky_plugin_host::RenderContext;

pub(crate) use outputs::Outputs;
pub(crate) use suites::{SharedComment, Suite, SuiteName};

use self::outputs::without_outputs;
use super::session::Session;
use crate::args::{ReportArg, TellArgs};
use crate::error::CliError;
use crate::in_ci;
use crate::terminal;

/// One reporter that was asked, and where its text and files go.
#[derive(Debug, Clone, PartialEq)]
struct Voice {
    name: String,
    target: Target,
    /// Origins that the configuration names for it.
    named: Vec<Origin>,
}

/// What the command line says of telling; checked before anything runs.
#[derive(Debug)]
pub(crate) struct Telling {
    voices: Vec<Voice>,
    /// Whether the command line says whom to tell: then the configuration does not.
    chosen: bool,
    /// The suite that the result is of, where there are several.
    suite: Option<Suite>,
    /// Where outputs wait for those of the other results; without it, they are handed on at once.
    outputs: Option<Arc<Outputs>>,
    state: Option<State>,
    dry_run: bool,
}

/// A report to be told, and what belongs to it.
pub(crate) struct Told<'a> {
    pub(crate) report: &'a RunReport,
    /// The loaded plugins; `None`: the bundled ones.
    pub(crate) plugins: Option<&'a PluginSet>,
    /// Who tells it in CI, by the configuration.
    pub(crate) reporters: &'a [ReporterEntry],
    /// Which results are sent to people.
    pub(crate) notify: Option<Notify>,
    pub(crate) origin: ReportOrigin,
}

impl<'a> Told<'a> {
    /// A run of our own.
    pub(crate) fn of(finished: &'a Finished) -> Self {
        Self {
            report: &finished.report,
            plugins: finished.plugins.as_ref(),
            reporters: &finished.reporters,
            notify: finished.notify.clone(),
            origin: ReportOrigin::Trusted,
        }
    }
}

/// Where a report comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportOrigin {
    /// Made by us, or said to be by the user.
    Trusted,
    /// From where untrusted code ran; checked.
    Untrusted,
    /// It was refused: there is no result, and that is what is told.
    Refused,
}

impl Telling {
    /// A path that cannot be written, or a state file that is none, is known before a run.
    pub(crate) fn new(args: &TellArgs, suite: Option<Suite>) -> Result<Self, CliError> {
        let of_suite = |path: &PathBuf, renamed: fn(&Suite, &Path) -> PathBuf| match &suite {
            Some(suite) => renamed(suite, path),
            None => path.clone(),
        };
        let mut voices = Vec::new();
        for ReportArg { kind, file } in &args.reports {
            let file = file.as_ref().map(|path| of_suite(path, Suite::file));
            if let Some(path) = &file {
                check_writable(path)
                    .map_err(|e| CliError::usage(&e, Some("choose another path for `--report`".into())))?;
            }
            voices.push(Voice::new(kind, file.map_or(Target::Stdout, Target::File)));
        }
        if !voices.iter().any(|voice| voice.target == Target::Stdout) {
            voices.insert(0, Voice::new("terminal", Target::Stdout));
        }
        voices.extend(args.to.iter().map(|name| Voice::new(name, here())));
        let state = args.state.as_ref().map(|path| State::read(&of_suite(path, Suite::own))).transpose();
        Ok(Self {
            voices,
            chosen: !args.to.is_empty(),
            suite,
            outputs: None,
            state: state.map_err(|e| CliError::usage(&e, None))?,
            dry_run: args.dry_run,
        })
    }

    /// With outputs that are handed on when all results were told.
    pub(crate) fn with_outputs(self, outputs: &Arc<Outputs>) -> Self {
        Self { outputs: Some(Arc::clone(outputs)), ..self }
    }

    /// Names of the reporters, so that a mistyped one is known before a run.
    pub(crate) fn names(&self) -> Vec<String> {
        self.voices.iter().map(|voice| voice.name.clone()).collect()
    }

    /// Those of the configuration speak in CI only, so that nobody at a terminal tells a whole team by accident.
    fn take_configured(&mut self, reporters: &[ReporterEntry], environment: &Environment) {
        if !self.chosen && in_ci::is_ci(&|name| environment.get(name)) {
            self.voices.extend(reporters.iter().map(Voice::configured));
        } else {
            // What the configuration says of one that was asked for holds.
            for voice in &mut self.voices {
                let said = reporters.iter().find(|reporter| reporter.name == voice.name);
                voice.named.extend(said.and_then(named_origin));
            }
        }
    }

    /// Whether any of them sends a message.
    fn sends(&self) -> bool {
        self.voices.iter().any(Voice::sends)
    }

    /// Whether anything is told beyond files and this terminal.
    fn goes_out(&self) -> bool {
        self.voices.iter().any(|voice| matches!(voice.target, Target::Folder(_)))
    }
}

impl Voice {
    fn new(name: &str, target: Target) -> Self {
        Self { name: name.to_owned(), target, named: Vec::new() }
    }

    /// Whether a message goes to a chat or a webhook: not what forges are told by their own API.
    fn sends(&self) -> bool {
        matches!(self.target, Target::Folder(_)) && !matches!(self.name.as_str(), "github" | "gitlab")
    }

    fn configured(entry: &ReporterEntry) -> Self {
        let target = entry.file.clone().map_or_else(here, Target::File);
        Self { name: entry.name.clone(), target, named: named_origin(entry).into_iter().collect() }
    }
}

/// The URL that the configuration names for a webhook is the user's own word.
fn named_origin(entry: &ReporterEntry) -> Option<Origin> {
    Origin::of_url(entry.settings.get("url")?.as_str()?).ok()
}

fn here() -> Target {
    Target::Folder(PathBuf::from("."))
}

/// What every reporter is given, as JSON: written once for all of them.
struct Document {
    report: Arc<[u8]>,
    surroundings: String,
}

impl Document {
    fn of(report: &RunReport, surroundings: &Surroundings) -> serde_json::Result<Self> {
        Ok(Self {
            report: serde_json::to_vec(report)?.into(),
            surroundings: serde_json::to_string(surroundings)?,
        })
    }
}

impl Session {
    /// Tells the report everywhere; what goes wrong is printed, and the number of failures returned.
    pub(crate) async fn tell(&self, mut telling: Telling, told: Told<'_>) -> usize {
        let environment = Environment::of_process();
        telling.take_configured(told.reporters, &environment);
        let world = World::new(environment, Arc::new(RealClock), seed_of(told.report));
        let mut surroundings = match telling.goes_out() {
            true => {
                let (found, lost) = look_around(&world).await;
                lost.into_iter().for_each(|lost: Lost| warn(&lost.to_string()));
                found
            }
            false => Surroundings::default(),
        };
        surroundings.untrusted = told.origin != ReportOrigin::Trusted;
        surroundings.suite = telling.suite.as_ref().map(|suite| suite.name.as_str().to_owned());
        surroundings.room = telling.suite.as_ref().and_then(Suite::room);
        let news = News::of(told.report, &surroundings);
        let courier = Courier::new(
            &world,
            Errand {
                surroundings: surroundings.clone(),
                news: (told.origin != ReportOrigin::Refused).then_some(news),
                notify: told.notify.clone(),
                state: telling.state.take(),
                dry_run: telling.dry_run,
            },
        );
        // Whoever asked a chat to be told and sees nothing there wants to know why.
        if let Some(silence) = courier.silence().filter(|_| telling.sends()) {
            let _ = writeln!(std::io::stderr().lock(), "note: {silence}");
        }
        // The same run told again takes the place of what it said.
        surroundings.earlier.retain(|earlier| earlier.run != told.report.run.as_str());
        if let Some(suite) = &telling.suite {
            suite.keep_own(&mut surroundings.earlier);
        }
        let document = match Document::of(told.report, &surroundings) {
            Ok(document) => document,
            Err(error) => {
                print_error(&format!("the report cannot be written as JSON: {error}"));
                return telling.voices.len();
            }
        };
        let (mut failures, mut unsent) = (0, 0);
        let keep = |deliveries: Vec<Delivery>| match &telling.outputs {
            Some(kept) => without_outputs(deliveries, |outputs| kept.keep(told.report, outputs)),
            None => deliveries,
        };
        for voice in &telling.voices {
            let adapt = |deliveries| keep(as_of_suite(deliveries, telling.suite.as_ref(), told.report));
            let failed = self.speak(voice, told.plugins, &document, &courier, &adapt).await;
            failures += failed;
            unsent += if voice.sends() { failed } else { 0 };
        }
        // What never got as far as being sent was not told either.
        if unsent == 0
            && let Err(error) = courier.finish()
        {
            failures += 1;
            print_error(&error.to_string());
        }
        failures
    }

    async fn speak(
        &self,
        voice: &Voice,
        plugins: Option<&PluginSet>,
        document: &Document,
        courier: &Courier,
        adapt: &dyn Fn(Vec<Delivery>) -> Vec<Delivery>,
    ) -> usize {
        let failed = |error: String| {
            print_error(&format!("report `{}`: {error}", voice.name));
            1
        };
        let members = match self.reporters(plugins, &voice.name).await {
            Ok(found) => found,
            Err(error) => return failed(error),
        };
        let to_terminal = voice.target == Target::Stdout;
        let context = RenderContext {
            width: if to_terminal { terminal::width() } else { None },
            colour: to_terminal && self.colour(),
            more: document.surroundings.clone(),
        };
        for member in &members {
            let deliveries = match member.plugin.render(Arc::clone(&document.report), context.clone()).await {
                Ok(deliveries) => deliveries,
                Err(error) => {
                    match member.on_error {
                        None | Some(OnError::Fail) => return failed(error.to_string()),
                        Some(OnError::Warn) => warn(&format!("report `{}`: {error}", voice.name)),
                        Some(OnError::Fallback) => {}
                    }
                    continue;
                }
            };
            let deliveries = adapt(deliveries);
            let reporter = Reporter { name: voice.name.clone(), grants: grants(voice, member) };
            let mut stdout = std::io::stdout();
            let troubles = courier.carry_out(&reporter, deliveries, &voice.target, &mut stdout).await;
            for trouble in &troubles {
                match trouble {
                    Trouble::Failed(error) => drop(failed(with_hint(error, member))),
                    Trouble::Lost(lost) => warn(&format!("report `{}`: {lost}", voice.name)),
                }
            }
            return troubles.iter().filter(|trouble| trouble.counts()).count();
        }
        0
    }

    /// A reporter that the user named wins over a bundled one of the same name, which is behind it.
    async fn reporters(&self, named: Option<&PluginSet>, kind: &str) -> Result<Vec<Member>, String> {
        let bundled;
        let set = match named {
            Some(set) => set,
            None => {
                bundled = PluginSet::bundled(&self.plugin_host().map_err(|e| e.to_string())?);
                &bundled
            }
        };
        let mut members = Vec::new();
        for reporter in set.reporters().filter(|reporter| reporter.name() == kind) {
            let member = reporter.member().await.map_err(ToString::to_string)?;
            members.push(member.clone());
            if member.on_error.is_none_or(|rule| rule != OnError::Fallback) {
                break;
            }
        }
        if members.is_empty() { Err("no reporter of that name is loaded".to_owned()) } else { Ok(members) }
    }
}

/// What a reporter may do. To a bundled one the configuration names origins by its settings; another may do what it asks
/// for and is granted, and nothing else.
fn grants(voice: &Voice, member: &Member) -> Grants {
    let mut grants = match member.bundled {
        true => Grants { named: voice.named.clone(), ..Grants::of_bundled(&voice.name) },
        false => Grants::default(),
    };
    for grant in member.permits.granted() {
        match grant {
            Grant::Http(origin) => grants.named.push(origin.clone()),
            Grant::Secret(name) => grants.secrets.push(name.to_string()),
            Grant::Commands => {}
        }
    }
    grants
}

/// With the line that would allow what was refused.
fn with_hint(error: &DeliveryError, member: &Member) -> String {
    let line = error.lacks().and_then(|grant| member.permits.line(&grant));
    line.map_or_else(|| error.to_string(), |line| format!("{error}\n  hint: {line}"))
}

/// Of several suites each has a check of its own, and a section of the comment.
fn as_of_suite(deliveries: Vec<Delivery>, suite: Option<&Suite>, report: &RunReport) -> Vec<Delivery> {
    let Some(suite) = suite else { return deliveries };
    let adapted = |delivery| match delivery {
        Delivery::PullRequestComment { key, body } => {
            let body = suite.in_comment(&key, report, body);
            Delivery::PullRequestComment { key, body }
        }
        Delivery::CheckRun { name, conclusion, title, summary, annotations } => {
            let name = format!("{name} ({})", suite.name.as_str());
            Delivery::CheckRun { name, conclusion, title, summary, annotations }
        }
        delivery => delivery,
    };
    deliveries.into_iter().map(adapted).collect()
}

/// Any number that differs between runs will do: it scatters those who wait for the same thing.
fn seed_of(report: &RunReport) -> u64 {
    report.run.as_str().bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

pub(super) fn warn(text: &str) {
    let text: Vec<String> = text.lines().map(visible).collect();
    let _ = writeln!(std::io::stderr().lock(), "warning: {}", text.join("\n"));
}

fn print_error(text: &str) {
    let text: Vec<String> = text.lines().map(visible).collect();
    let _ = writeln!(std::io::stderr().lock(), "error: {}", text.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reporters_of_the_configuration_speak_in_ci_and_only_where_nobody_else_was_chosen() {
        let entry = |name: &str| -> ReporterEntry {
            let mut file =
                flaky_config::parse(Path::new("a.yml"), format!("reporters: [{name}]").as_bytes()).unwrap();
            file.settings.reporters.take().unwrap().remove(0)
        };
        let names = |to: &[&str], ci: &'static str| {
            let args = TellArgs { to: to.iter().map(|n| (*n).to_owned()).collect(), ..TellArgs::default() };
            let mut telling = Telling::new(&args, None).unwrap();
            telling.take_configured(
                &[entry("slack")],
                &Environment::new(move |name| (name == "CI").then(|| ci.to_owned())),
            );
            telling.names()
        };
        assert_eq!(names(&[], "true"), ["terminal", "slack"]);
        assert_eq!(names(&[], ""), ["terminal"]);
        assert_eq!(names(&["github"], "true"), ["terminal", "github"]);
    }
}
