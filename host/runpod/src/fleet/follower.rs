//! One shard, from its first job to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio::time::{sleep, timeout};

use super::conductor::Context;
use super::gathering::Gathering;
use super::hearing::Trouble;
use super::jobs::Jobs;
use super::{FleetError, FleetEvent, Shard};
use crate::JobId;
use crate::endpoint::pace::Backoff;
use crate::endpoint::{EndpointError, JobRequest, JobState, JobStatus};

mod job;

/// A submission that fails for this long while the endpoint answers others will not succeed.
const TROUBLE: Duration = Duration::from_secs(180);
/// An answer to a submission that is on its way is worth waiting for: it names the job that has to be cancelled.
const SUBMISSION_ENDS: Duration = Duration::from_secs(10);
/// Queued jobs are cancelled this much later than running ones, which cost money.
const AFTER_RUNNING: Duration = Duration::from_millis(200);
/// Tries to cancel one job.
const CANCEL_TRIES: u32 = 5;

/// Where a job comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// This client has submitted it.
    Own,
    /// An earlier one.
    Known,
}

/// What became of a job.
enum JobEnd {
    /// Everything is there that will ever be.
    Done,
    /// Something is missing.
    Useless { why: String, then: Then },
    /// It was called back.
    Halted,
}

/// What to do about a job that was of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Submit again, if that was not done too often.
    Again,
    /// Submit again: nobody knew that the job was gone.
    AgainFree,
    /// Leave it.
    GiveUp,
}

/// What became of a submission.
enum Submission {
    Taken(JobId),
    Failed(String),
    Halted,
}

/// Follows one shard.
struct Follower<J> {
    context: Arc<Context<J>>,
    number: u32,
    gathering: Gathering,
    /// Where its current job was when last seen.
    state: JobState,
    /// The last that was said of its last job.
    last: Option<JobStatus>,
}

/// Sees a shard through, whatever it takes. `known`: its jobs of an earlier client, oldest first.
pub(super) async fn follow<J: Jobs>(
    context: Arc<Context<J>>,
    shard: Shard,
    known: Vec<JobId>,
) -> Result<(), FleetError> {
    let gathering = Gathering::new(&shard);
    let shared = Arc::clone(&context);
    let mut follower =
        Follower { context, number: shard.number, gathering, state: JobState::InQueue, last: None };
    {
        let mut books = shared.books();
        known.iter().for_each(|job| books.known(job));
    }
    let Some(_place) = place(&shared).await else {
        for job in known {
            follower.call_back(&job).await;
        }
        return follower.stopped().await;
    };
    follower.go(known).await
}

/// Waits for a place among the jobs on the endpoint; `None` when the fleet is called back first.
async fn place<J>(context: &Context<J>) -> Option<SemaphorePermit<'_>> {
    tokio::select! {
        biased;
        () = context.halt.cancelled() => None,
        permit = context.in_flight.acquire() => permit.ok(),
    }
}

impl<J: Jobs> Follower<J> {
    async fn go(&mut self, mut known: Vec<JobId>) -> Result<(), FleetError> {
        let newest = known.pop();
        for older in known {
            self.glean(&older).await?;
        }
        let mut next = newest.map(|job| (job, Origin::Known));
        if self.gathering.is_complete()
            && let Some((job, _)) = next.take()
        {
            self.call_back(&job).await;
            return self.ended().await;
        }
        let (mut again, mut left) = (false, self.context.settings.resubmissions);
        loop {
            let (job, origin) = match next.take() {
                Some(next) => next,
                None => match self.submit(again).await? {
                    Submission::Taken(job) => (job, Origin::Own),
                    Submission::Failed(why) => return self.lost(why).await,
                    Submission::Halted => return self.stopped().await,
                },
            };
            match self.see_through(&job, origin).await? {
                JobEnd::Done => return self.ended().await,
                JobEnd::Halted => {
                    self.call_back(&job).await;
                    return self.stopped().await;
                }
                JobEnd::Useless { why, then: Then::Again } if left > 0 => {
                    left -= 1;
                    self.context.say(FleetEvent::Resubmitted { shard: self.number, why }).await;
                }
                JobEnd::Useless { why, then: Then::AgainFree } => {
                    self.context.say(FleetEvent::Resubmitted { shard: self.number, why }).await;
                }
                JobEnd::Useless { why, .. } => return self.lost(why).await,
            }
            again = true;
        }
    }
}

impl<J: Jobs> Follower<J> {
    /// Submits what is missing, for as long as that may take.
    async fn submit(&mut self, again: bool) -> Result<Submission, FleetError> {
        let context = Arc::clone(&self.context);
        let permit = tokio::select! {
            biased;
            () = context.halt.cancelled() => None,
            permit = context.submissions.acquire() => permit.ok(),
        };
        let Some(_permit) = permit else { return Ok(Submission::Halted) };
        let request = JobRequest { input: self.input().await?, policy: context.settings.policy };
        let (mut backoff, mut trouble) = (Backoff::new(), Trouble::none());
        while !context.halt.is_cancelled() {
            let sent = tokio::select! {
                sent = context.jobs.run(&request) => sent,
                () = halted_for(&context.halt, SUBMISSION_ENDS) => return Ok(Submission::Halted),
            };
            let error = match sent {
                Ok(job) => {
                    context.hearing.heard();
                    context.books().submitted(&job, again);
                    self.last = None;
                    context.say(FleetEvent::Submitted { shard: self.number, job: job.clone() }).await;
                    return Ok(Submission::Taken(job));
                }
                Err(error) if error.is_passing() => error,
                Err(error) => return Err(error.into()),
            };
            self.bear(&error)?;
            if trouble.again(&context.hearing) > TROUBLE {
                return Ok(Submission::Failed(format!("it cannot be submitted: {error}")));
            }
            self.pause(backoff.pause()).await;
        }
        Ok(Submission::Halted)
    }

    /// The input of a job for what is missing.
    async fn input(&self) -> Result<serde_json::Value, FleetError> {
        let (orders, shard, missing) =
            (Arc::clone(&self.context.orders), self.number, self.gathering.missing());
        let made = tokio::task::spawn_blocking(move || orders.input(shard, &missing)).await;
        made.map_err(|e| FleetError::Broken { why: e.to_string() })?
            .map_err(|why| FleetError::Order { shard, why })
    }

    /// Something passing went wrong: fails when nothing was heard of the endpoint for too long.
    fn bear(&self, error: &EndpointError) -> Result<(), FleetError> {
        // Being told to wait is being answered. Only that: what makes no sense may come from anyone on the way.
        if matches!(error, EndpointError::Throttled { .. }) {
            self.context.hearing.heard();
        }
        match self.context.hearing.too_silent() {
            Some(after) => Err(FleetError::Silent { after, why: error.to_string() }),
            None => Ok(()),
        }
    }

    /// Sleeps, but not when called back.
    async fn pause(&self, time: Duration) {
        // Either way it goes on.
        let _ = timeout(time, self.context.halt.cancelled()).await;
    }

    /// Looks once at a job that was replaced by an earlier client, takes what it made, and cancels it if it still is there.
    async fn glean(&mut self, job: &JobId) -> Result<(), FleetError> {
        match self.look_once(job).await? {
            Some(status) if status.state.is_final() => {
                self.harvest(job, status).await?;
            }
            Some(_) => self.call_back(job).await,
            None => self.context.books().closed(job, None),
        }
        Ok(())
    }

    /// The status of a job, `None` when it is not known; also when nothing can be learnt for a while.
    async fn look_once(&self, job: &JobId) -> Result<Option<JobStatus>, FleetError> {
        let mut backoff = Backoff::new();
        for _ in 0..CANCEL_TRIES {
            match self.context.jobs.status(job).await {
                Ok(status) => {
                    self.context.hearing.heard();
                    return Ok(Some(status));
                }
                Err(error @ (EndpointError::Unauthorized | EndpointError::Forbidden)) => {
                    return Err(error.into());
                }
                Err(error) if error.is_passing() => self.bear(&error)?,
                Err(_) => return Ok(None),
            }
            self.pause(backoff.pause()).await;
        }
        Ok(None)
    }

    /// Cancels a job, and learns what it cost. What does not succeed after a few tries stays in the books as left.
    async fn call_back(&self, job: &JobId) {
        if self.state == JobState::InQueue {
            sleep(AFTER_RUNNING).await;
        }
        let mut backoff = Backoff::new();
        for _ in 0..CANCEL_TRIES {
            match self.context.jobs.cancel(job).await {
                Err(error) if error.is_passing() => {}
                Err(EndpointError::NotFound { .. }) => return self.context.books().closed(job, None),
                // Refused: it may have ended in the meantime.
                refused => {
                    let status = self.context.jobs.status(job).await.ok();
                    let is_over = refused.is_ok() || status.as_ref().is_some_and(|s| s.state.is_final());
                    if is_over {
                        self.context.books().closed(job, status.as_ref());
                    }
                    return;
                }
            }
            sleep(backoff.pause()).await;
        }
    }

    async fn ended(&mut self) -> Result<(), FleetError> {
        self.release().await;
        let (execution, delay, worker) =
            self.last.take().map_or((None, None, None), |s| (s.execution, s.delay, s.worker));
        self.context.say(FleetEvent::Ended { shard: self.number, execution, delay, worker }).await;
        Ok(())
    }

    async fn lost(&mut self, why: String) -> Result<(), FleetError> {
        self.release().await;
        let attempts = self.gathering.not_handed_over();
        self.context.say(FleetEvent::Lost { shard: self.number, attempts, why }).await;
        Ok(())
    }

    async fn stopped(&mut self) -> Result<(), FleetError> {
        self.release().await;
        let attempts = self.gathering.not_handed_over();
        self.context.say(FleetEvent::Stopped { shard: self.number, attempts }).await;
        Ok(())
    }

    /// Hands over what was held back in the hope of a better copy.
    async fn release(&mut self) {
        while self.gathering.holds() {
            // First the place, then the attempt: whoever is interrupted in between has lost nothing.
            let Ok(place) = self.context.events.reserve().await else {
                return self.context.halt.cancel();
            };
            if let Some(event) = self.gathering.release() {
                place.send(event);
            }
        }
    }
}

/// Resolves some time after the token was cancelled.
async fn halted_for(halt: &tokio_util::sync::CancellationToken, time: Duration) {
    halt.cancelled().await;
    sleep(time).await;
}
