//! A full job: a whole run, judged here.

use std::ffi::OsString;
use std::pin::pin;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flaky_config::job::JobInput;
use flaky_config::{FlagSettings, PluginAddress};
use flaky_core::ids::RunId;
use flaky_core::report::Note;
use flaky_core::text::visible;
use flaky_engine::attempt::command_in_words;
use flaky_engine::cancel::Cancel;
use flaky_engine::event::{AttemptVerdict, Events, RunEvent};
use flaky_engine::plugins::LoadError;
use flaky_engine::run::{AttemptChoice, Finished, RunError, RunRequest};
use flaky_engine::trust::Authority;
use flaky_exec::checkout::{CheckoutSettings, CommitId, RefName, RepositorySource, SourceProblem};
use serde_json::json;
use tokio::sync::mpsc;

use super::place::Place;
use super::settings::{Settings, Use};
use super::{failed, output, stopping, with_hint};
use crate::chance::random;
use crate::job::{Answer, JobContext};

/// Memory that outputs of a job's attempts may take together; far more than can be sent, so that attempts share it
/// unevenly where only few print much.
const OUTPUT_MEMORY: u64 = 64 << 20;
/// Of one stream: no more could be sent.
const STREAM_AT_MOST: u64 = 4 << 20;
/// Of one stream where the repository's file may still say that there are a thousand attempts.
const STREAM_UNKNOWN: u64 = 128 << 10;

pub(super) async fn run(settings: &Settings, mut input: JobInput, context: &JobContext) -> Answer {
    let subject = match Subject::of(settings, &input) {
        Ok(subject) => subject,
        Err(message) => return failed(message),
    };
    let place = match Place::make(settings) {
        Ok(place) => place,
        Err(error) => return failed(format!("no folder for the job: {error}")),
    };
    let framework = input.framework;
    let cancel = Cancel::default();
    // For fetching, and for nothing that lives longer.
    let token = input.git_token.take();
    let checkout = place.checkout(settings, token.as_ref());
    drop(token);
    let environment = place.environment(settings);
    let request = request(settings, subject, input, checkout, environment, &cancel);
    let run = request.run.clone();
    let finished = conduct(request, &cancel, context).await;
    place.close();
    if settings.usage == Use::Platform {
        // Nobody can ask a worker for the record of a run later, and it holds what the job put into the environment.
        let _ = std::fs::remove_dir_all(settings.folders.runs().join(run.as_str()));
    }
    match finished {
        _ if context.stop.is_cancelled() => Answer::Stopped,
        Err(error) => failed(message(&error)),
        Ok(Finished { mut report, outputs, .. }) => {
            report.notes.extend(user_note(settings));
            report.execution.reproduce = reproduce(&report);
            output::answer(report, outputs, framework, output::OUTPUT_BYTES)
        }
    }
}

/// What is to be run, checked.
struct Subject {
    source: RepositorySource,
    reference: Option<RefName>,
    commit: Option<CommitId>,
}

impl Subject {
    fn of(settings: &Settings, input: &JobInput) -> Result<Self, String> {
        let source = source(settings, &input.repo)?;
        let local = matches!(source, RepositorySource::Local(_));
        if local && (input.reference.is_some() || input.commit.is_some()) {
            let message = "`ref` and `commit` need the URL of a repository; a folder is tested as it stands";
            return Err(message.to_owned());
        }
        let path = input.plugins.iter().find(|plugin| matches!(plugin.source, PluginAddress::File(_)));
        if let (Some(plugin), Use::Platform) = (path, settings.usage) {
            let shown = visible(&plugin.source.to_string());
            return Err(format!(
                "plugins: `{shown}` is a path on the worker, which counts only where it was started for local use\nhint: name \
                 a bundled plugin as `builtin:NAME`"
            ));
        }
        let fetched = input.plugins.iter().find(|plugin| matches!(plugin.source, PluginAddress::Remote(_)));
        if let Some(plugin) = fetched {
            return Err(format!(
                "plugins: `{}` would have to be fetched, which a worker does not do\nhint: name a bundled plugin as \
                 `builtin:NAME`",
                visible(&plugin.source.to_string())
            ));
        }
        let reference = input.reference.as_deref().map(RefName::parse).transpose();
        let commit = input.commit.as_deref().map(CommitId::parse).transpose();
        Ok(Self {
            source,
            reference: reference.map_err(|error| format!("ref: {error}"))?,
            commit: commit.map_err(|error| format!("commit: {error}"))?,
        })
    }
}

/// For others than its owner a worker says the same of paths that exist and of those that do not.
fn source(settings: &Settings, repo: &str) -> Result<RepositorySource, String> {
    let elsewhere = || {
        let shown: String = visible(repo).chars().take(100).collect();
        format!(
            "Invalid repository URL: `{shown}`: expected a URL such as `https://host/team/project.git` or \
             `git@host:team/project.git`"
        )
    };
    match (RepositorySource::parse(repo), settings.usage) {
        (Ok(RepositorySource::Local(_)), Use::Platform) => Err(elsewhere()),
        (Ok(source), _) => Ok(source),
        (Err(error), Use::Platform) if *error.problem() == SourceProblem::Neither => Err(elsewhere()),
        (Err(error), _) => Err(with_hint(&error.to_string(), error.hint())),
    }
}

fn request(
    settings: &Settings,
    subject: Subject,
    input: JobInput,
    checkout: CheckoutSettings,
    environment: Vec<(OsString, OsString)>,
    cancel: &Cancel,
) -> RunRequest {
    let keep = match input.runs {
        Some(runs) => (OUTPUT_MEMORY / (2 * u64::from(runs.get()))).min(STREAM_AT_MOST),
        None => STREAM_UNKNOWN,
    };
    RunRequest {
        // What is fetched is fetched where it is locked: beside the configuration of whoever asks.
        past: None,
        supply: None,
        run: fresh_run_id(),
        source: subject.source,
        reference: subject.reference,
        commit: subject.commit,
        checkout,
        flags: FlagSettings::default(),
        job: Some(input),
        base: None,
        config: None,
        attempts: AttemptChoice::Planned,
        fresh_seed: random() % 1_000_000_000,
        folders: settings.folders.clone(),
        reporters: Vec::new(),
        ci: None,
        environment,
        withheld: Vec::new(),
        launcher: settings.launcher.clone(),
        cancel: cancel.clone(),
        keep_output: Some(keep),
        run_as: settings.run_as,
        fetched: settings.fetched,
        // A local folder is named only where the worker was started for local use: by its owner.
        authority: Authority::everything(),
        remote: None,
    }
}

async fn conduct(request: RunRequest, cancel: &Cancel, context: &JobContext) -> Result<Finished, RunError> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let events = Events::new(sender);
    let mut running = pin!(flaky_engine::run::run(request, &events));
    let mut stop = pin!(stopping(&context.stop, cancel));
    let mut progress = Progress::default();
    loop {
        tokio::select! {
            Some(event) = receiver.recv() => progress.take(&event, context),
            ended = &mut running => return ended,
            () = &mut stop => {}
        }
    }
}

/// How often a caller hears of attempts that ended: about as often as it could ask.
const SAID_EVERY: Duration = Duration::from_secs(1);

/// How far a run is, for whoever asks the platform.
#[derive(Debug, Default)]
struct Progress {
    stage: String,
    planned: u32,
    done: u32,
    failures: u32,
    said: Option<Instant>,
}

impl Progress {
    fn take(&mut self, event: &RunEvent, context: &JobContext) {
        match event {
            RunEvent::Stage(stage) => self.begin(stage, context),
            RunEvent::Planned { attempts, .. } => {
                self.planned = *attempts;
                self.begin("running attempts", context);
            }
            RunEvent::Confirming { .. } => self.begin("repeating failures alone", context),
            RunEvent::AttemptFinished { verdict, .. } => {
                self.done += 1;
                self.failures += u32::from(*verdict == AttemptVerdict::Failed);
                if self.said.is_none_or(|said| said.elapsed() >= SAID_EVERY) {
                    self.say(context);
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, stage: &str, context: &JobContext) {
        stage.clone_into(&mut self.stage);
        self.say(context);
    }

    fn say(&mut self, context: &JobContext) {
        self.said = Some(Instant::now());
        context.progress(json!({
            "stage": self.stage,
            "attempts_planned": self.planned,
            "attempts_done": self.done,
            "failures": self.failures,
        }));
    }
}

/// An error and what to do about it, without the folder that the sources happened to be in.
fn message(error: &RunError) -> String {
    let hint = match error {
        RunError::Config(error) => error.hint(),
        RunError::Settings(error) => error.hint(),
        RunError::Plugin(LoadError::Plugin(error)) => error.hint(),
        RunError::Isolation(error) => error.hint.clone(),
        RunError::Exec(error) => error.hint().map(str::to_owned),
        _ => None,
    };
    without_folder(&with_hint(&error.to_string(), hint.as_deref()))
}

/// `/tmp/flaky-checkout-…/tree/x` means `x` to whoever sent the job.
fn without_folder(text: &str) -> String {
    let start = format!("{}/flaky-checkout-", std::env::temp_dir().display());
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(&start) {
        let (before, from) = rest.split_at(at);
        shown.push_str(before);
        match from.find("/tree/") {
            Some(tree) => rest = from.split_at(tree + "/tree/".len()).1,
            None => {
                shown.push_str(&start);
                rest = from.split_at(start.len()).1;
            }
        }
    }
    shown + rest
}

fn user_note(settings: &Settings) -> Option<Note> {
    (settings.usage == Use::Platform && settings.run_as.is_none()).then(|| Note {
        code: "tests-share-the-workers-user".into(),
        text: "the worker is not root, so tests ran as the same user as the worker itself".into(),
    })
}

/// The attempt to repeat, on a machine that knows nothing of this run.
fn reproduce(report: &flaky_core::report::RunReport) -> Option<String> {
    let (_, seed) = report.execution.reproduce.as_deref()?.rsplit_once("--seed ")?;
    let word = str::to_owned;
    let mut words = vec![word("flaky"), word("run"), report.subject.source.clone()];
    let fetched = report.subject.source.contains(':');
    if let Some(commit) = report.subject.commit.as_deref().filter(|_| fetched) {
        words.extend([word("--commit"), word(commit)]);
    }
    words.extend(["--first-seed", seed, "--runs", "1", "--"].map(word));
    words.extend(report.subject.command.iter().cloned());
    Some(command_in_words(&words))
}

/// Seconds, so that runs sort by age, and enough chance that two never share an id.
fn fresh_run_id() -> RunId {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
    let text = format!("w{seconds:011}-{:08x}", random() & 0xFFFF_FFFF);
    #[expect(clippy::expect_used, reason = "a letter, digits and a dash: always a run id")]
    text.parse().expect("a run id by construction")
}
