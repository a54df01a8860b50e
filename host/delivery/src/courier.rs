//! Carries out the deliveries of one report, whichever reporters ask for them.

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flaky_core::delivery::{Annotation, Delivery};
use flaky_core::notify::{News, Notify};
use flaky_core::surroundings::{Ci, Platform, PullRequest, Surroundings};
use flaky_core::verdict::Category;

use crate::error::{DeliveryError, HttpError, Lost, Trouble};
use crate::forge::thread::Saying;
use crate::github::Github;
use crate::github::check::{self, Check};
use crate::github::workflow::{self, Shown};
use crate::gitlab::Gitlab;
use crate::http::{self, Asked};
use crate::slack::{self, Message};
use crate::state::State;
use crate::web::Origin;
use crate::world::World;
use crate::{Target, dry, files, local};

/// A reporter, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reporter {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub grants: Grants,
}

/// What a reporter may do beyond files and what the CI platform shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Origins that it may send to, at public addresses. A URL that is one secret as a whole needs none: that secret is
    /// the user's own word for where it leads.
    pub origins: Vec<Origin>,
    /// Origins that the user has named (configuration, command line): wherever they lead, `http` on this machine included.
    pub named: Vec<Origin>,
    /// Secrets that may be filled into URL and headers.
    pub secrets: Vec<String>,
    /// Secrets that may be filled into bodies. What tests are called stands in bodies too, and a test may be called like a
    /// placeholder: name a secret here only where there is no other way.
    pub body_secrets: Vec<String>,
}

impl Grants {
    /// Those of a reporter that is part of this program. Others have none but what the user says.
    #[must_use]
    pub fn of_bundled(name: &str) -> Self {
        let (origin, secrets): (Option<&str>, &[&str]) = match name {
            "slack" => (Some("https://slack.com"), &["SLACK_WEBHOOK_URL", "SLACK_BOT_TOKEN"]),
            "discord" => (None, &["DISCORD_WEBHOOK_URL"]),
            "webhook" => (None, &["FLAKY_WEBHOOK_URL"]),
            _ => (None, &[]),
        };
        Self {
            origins: origin.into_iter().filter_map(|origin| origin.parse().ok()).collect(),
            secrets: secrets.iter().map(|name| (*name).to_owned()).collect(),
            ..Self::default()
        }
    }
}

/// What is told, where, and to whom.
#[derive(Debug, Default)]
pub struct Errand {
    /// Where the report is told.
    pub surroundings: Surroundings,
    /// What of the report decides. `None`: there is no result, because it was refused; nobody is notified.
    pub news: Option<News>,
    /// Which results are sent by HTTP; `None`: all.
    pub notify: Option<Notify>,
    /// Remembers what was sent.
    pub state: Option<State>,
    /// Print what would be sent.
    pub dry_run: bool,
}

/// Why nothing is sent by HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// There is no result.
    NoResult,
    /// `notify` asks for others.
    NotAskedFor,
    /// The same was told before.
    ToldBefore,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoResult => "nobody is notified: there is no result",
            Self::NotAskedFor => "nobody is notified: `notify` asks for other results",
            Self::ToldBefore => "nobody is notified: the same was told before",
        })
    }
}

/// Carries deliveries out.
#[derive(Debug)]
pub struct Courier {
    world: Arc<World>,
    errand: Errand,
    silence: Option<Silence>,
    shown: Mutex<Shown>,
    messages: Mutex<Vec<Message>>,
    http_failed: AtomicBool,
}

impl Courier {
    /// For one report.
    #[must_use]
    pub fn new(world: &Arc<World>, errand: Errand) -> Self {
        let silence = silence(&errand);
        let messages = errand.state.as_ref().map(|state| state.messages().to_vec()).unwrap_or_default();
        Self {
            world: Arc::clone(world),
            errand,
            silence,
            shown: Mutex::default(),
            messages: Mutex::new(messages),
            http_failed: AtomicBool::new(false),
        }
    }

    /// Why HTTP deliveries are left out, when they are.
    #[must_use]
    pub const fn silence(&self) -> Option<Silence> {
        self.silence
    }

    /// Carries out all that a reporter asks for. One that fails hides no other.
    pub async fn carry_out(
        &self,
        reporter: &Reporter,
        mut deliveries: Vec<Delivery>,
        target: &Target,
        stdout: &mut (dyn Write + Send),
    ) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        if !self.errand.dry_run {
            self.annotate(&mut deliveries, stdout, &mut troubles);
        }
        for delivery in deliveries {
            if let Err(trouble) = self.one(reporter, delivery, target, stdout).await {
                troubles.push(trouble);
            }
        }
        troubles
    }

    /// To be called when all reporters have had their turn: remembers what was told.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> Result<(), DeliveryError> {
        let Errand { news: Some(news), state: Some(state), dry_run: false, .. } = &self.errand else {
            return Ok(());
        };
        // An inconclusive result that nobody wants to hear of says nothing new of the tests.
        let nothing_new =
            self.silence == Some(Silence::NotAskedFor) && news.result.verdict == Category::Inconclusive;
        let told = !nothing_new && !self.http_failed.load(Ordering::Relaxed);
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !told && messages == state.messages() {
            return Ok(());
        }
        state.remember(told.then_some(&news.result), messages)
    }

    async fn one(
        &self,
        reporter: &Reporter,
        delivery: Delivery,
        target: &Target,
        stdout: &mut (dyn Write + Send),
    ) -> Result<(), Trouble> {
        let is_http = matches!(delivery, Delivery::Http { .. });
        if is_http && self.silence.is_some() {
            return Ok(());
        }
        // A file that the user named is what they asked for; nobody is told by it.
        let named = matches!((&delivery, target), (Delivery::File { .. }, Target::File(_)));
        if self.errand.dry_run
            && !named
            && let Some(text) = dry::describe(&reporter.name, &delivery)
        {
            return Ok(self.print(&text, stdout)?);
        }
        match delivery {
            Delivery::Stdout(text) if !matches!(target, Target::File(_)) => Ok(self.print(&text, stdout)?),
            Delivery::PullRequestComment { key, body } => self.comment(&key, &body).await,
            Delivery::JobSummary(body) => Ok(workflow::summary(&self.world.environment, &body)?),
            Delivery::Outputs(outputs) => Ok(workflow::outputs(&self.world.environment, &outputs)?),
            Delivery::CheckRun { name, conclusion, title, summary, annotations } => {
                self.check(Check { name, conclusion, title, summary, annotations }).await
            }
            other if is_http => {
                let Some(asked) = Asked::of(other) else { return Ok(()) };
                let sent = self.send(reporter, asked).await;
                self.http_failed.fetch_or(sent.is_err(), Ordering::Relaxed);
                Ok(sent.map_err(DeliveryError::from)?)
            }
            other => Ok(local::carry_out(other, target, stdout)?),
        }
    }

    fn print(&self, text: &str, stdout: &mut dyn Write) -> Result<(), DeliveryError> {
        files::to_stdout(stdout, workflow::harmless(&self.world.environment, text).as_bytes())
    }

    async fn send(&self, reporter: &Reporter, asked: Asked) -> Result<(), HttpError> {
        let (Some(about), Some(channel)) = (self.about(), slack::channel(&asked)) else {
            return http::send(&self.world, reporter, asked).await.map(drop);
        };
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sent = slack::send(&self.world, reporter, asked, (&about, channel), &messages).await?;
        let Some(message) = sent else { return Ok(()) };
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        messages.retain(|old| (&old.about, &old.asked) != (&message.about, &message.asked));
        messages.push(message);
        Ok(())
    }

    /// What messages speak of, where they are remembered.
    fn about(&self) -> Option<String> {
        let ci = self.errand.surroundings.ci.as_ref().filter(|_| self.errand.state.is_some())?;
        match (&ci.pull_request, &ci.commit) {
            (Some(pull_request), _) => Some(format!("pull {}", pull_request.number)),
            (None, Some(commit)) => Some(format!("commit {commit}")),
            (None, None) => None,
        }
    }

    /// Shows annotations; those that the job has no room for go to the check that the same reporter asks for.
    fn annotate(&self, deliveries: &mut Vec<Delivery>, stdout: &mut dyn Write, troubles: &mut Vec<Trouble>) {
        let mut asked = Vec::new();
        deliveries.retain_mut(|delivery| match delivery {
            Delivery::Annotations(annotations) => {
                asked.append(annotations);
                false
            }
            _ => true,
        });
        if asked.is_empty() {
            return;
        }
        if self.platform() != Some(Platform::Github) {
            troubles.push(not_here("annotations", "GITHUB_ACTIONS").into());
            return;
        }
        let (text, left) =
            workflow::commands(asked, &mut self.shown.lock().unwrap_or_else(PoisonError::into_inner));
        if let Err(error) = files::to_stdout(stdout, text.as_bytes()) {
            troubles.push(error.into());
        }
        let check = deliveries.iter_mut().find_map(|delivery| match delivery {
            Delivery::CheckRun { annotations, .. } => Some(annotations),
            _ => None,
        });
        let count = left.len();
        match check {
            Some(there) => {
                let new: Vec<Annotation> = left.into_iter().filter(|one| !there.contains(one)).collect();
                there.extend(new);
            }
            None if count > 0 => {
                let why = "a step shows 10 of each level, and no check was asked for";
                troubles.push(Lost::Annotations { left: count, why }.into());
            }
            None => {}
        }
    }

    async fn comment(&self, key: &str, body: &str) -> Result<(), Trouble> {
        let ci = self.ci("pull-request-comment")?;
        let PullRequest { number, head, .. } = ci.pull_request.as_ref().ok_or(Lost::NoPullRequest)?;
        let result = self.errand.news.as_ref().map(|news| &news.result);
        let commit = result.and_then(|result| result.commit.as_deref()).or(ci.commit.as_deref());
        let saying = Saying { result, commit, head };
        match ci.platform {
            Platform::Github => Github::new(&self.world)?.thread(*number).tell(key, body, saying).await,
            Platform::Gitlab => Gitlab::new(&self.world)?.thread(*number).tell(key, body, saying).await,
        }
    }

    async fn check(&self, check: Check) -> Result<(), Trouble> {
        let ci = self.ci("check-run")?;
        if ci.platform != Platform::Github {
            return Err(not_here("check-run", "GITHUB_ACTIONS").into());
        }
        let commit = ci.commit.as_deref().ok_or_else(|| not_here("check-run", "GITHUB_SHA"))?;
        check::tell(&Github::new(&self.world)?, commit, check, self.errand.surroundings.untrusted).await
    }

    fn platform(&self) -> Option<Platform> {
        self.errand.surroundings.ci.as_ref().map(|ci| ci.platform)
    }

    fn ci(&self, kind: &'static str) -> Result<&Ci, DeliveryError> {
        self.errand.surroundings.ci.as_ref().ok_or_else(|| not_here(kind, "GITHUB_ACTIONS` or `GITLAB_CI"))
    }
}

const fn not_here(kind: &'static str, needs: &'static str) -> DeliveryError {
    DeliveryError::NotHere { kind, needs }
}

/// What was told last of the same suite is what the state file says or, without one, what the comment does.
fn silence(errand: &Errand) -> Option<Silence> {
    let Some(news) = &errand.news else { return Some(Silence::NoResult) };
    if errand.notify.as_ref().is_some_and(|notify| !notify.wants(news)) {
        return Some(Silence::NotAskedFor);
    }
    let last = match &errand.state {
        Some(state) => state.last(),
        None => errand.surroundings.earlier.iter().find(|told| told.suite == news.result.suite),
    };
    last.is_some_and(|last| last.says_the_same_as(&news.result)).then_some(Silence::ToldBefore)
}

#[cfg(test)]
mod tests;
