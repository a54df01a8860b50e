//! One job, from its delivery to its answer.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::held::Ticket;
use super::http::Http;
use super::post;
use super::result::{self, Body, RESULT_LIMIT};
use super::settings::Settings;
use super::updates::Delivery;
use crate::job::{Answer, Job, JobContext, JobHandler, UPDATES_WAITING, Update};
use crate::logs;

/// What all jobs of a worker share.
pub(super) struct Shop<H> {
    pub(super) settings: Arc<Settings>,
    pub(super) handler: Arc<H>,
    pub(super) http: Http,
    pub(super) slots: Semaphore,
    /// The worker shall end: what has not begun does not begin.
    pub(super) closing: CancellationToken,
    /// Its grace is over: what runs is stopped.
    pub(super) too_late: CancellationToken,
    /// The worker ends now: what is still posted is let go of.
    pub(super) over: CancellationToken,
}

const NOT_BEGUN: &str = "the worker is shutting down and has not begun this job; send it again";
const CUT_SHORT: &str = "the worker was shut down before this job had ended; send it again";
const PANICKED: &str = "the worker failed while it did this job: a fault of the worker's, not of the tests; its log \
                        says where";
const STOPPED_ITSELF: &str = "the job was stopped inside the worker";

/// Why a job's work is to end before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Early {
    /// The platform wants it stopped.
    Stopped,
    /// The worker's grace is over.
    TooLate,
}

impl<H: JobHandler> Shop<H> {
    /// Deals with what was delivered: a job, or why there is none.
    pub(super) async fn deal(&self, ticket: Ticket, job: Result<Job, String>) {
        let id = ticket.id().clone();
        let dealt = async {
            match job {
                Ok(job) => self.job(ticket, job).await,
                Err(reason) => self.refuse(&ticket, &reason).await,
            }
        };
        tokio::select! {
            biased;
            () = dealt => {}
            () = self.over.cancelled() => {
                logs::error(Some(&id), "the worker ends, and the platform has not taken this job's result");
            }
        }
    }

    /// Does a job and answers for it, whatever happens.
    async fn job(&self, ticket: Ticket, job: Job) {
        let stopped = ticket.stopped().clone();
        let slot = tokio::select! {
            biased;
            () = stopped.cancelled() => return logs::info(Some(ticket.id()), "stopped before it began"),
            () = self.closing.cancelled() => return self.refuse(&ticket, NOT_BEGUN).await,
            slot = async { ticket.alone().await; self.slots.acquire().await } => slot,
        };
        logs::info(Some(ticket.id()), "begun");
        let (updates, received) = mpsc::channel(UPDATES_WAITING);
        let delivery = Delivery::start(&self.http, &self.settings, ticket.id(), &stopped, received);
        let answer = self.work(&ticket, job, updates).await;
        // A job that waits may begin: the answer needs no slot.
        drop(slot);
        let body = result::body(&answer, RESULT_LIMIT);
        drop(answer);
        let is_stream = delivery.finish().await;
        if let Some(body) = body {
            self.answer(&ticket, body, is_stream).await;
        }
    }

    /// Answers for a job that is not done.
    async fn refuse(&self, ticket: &Ticket, why: &str) {
        logs::warn(Some(ticket.id()), format_args!("not done: {why}"));
        self.answer(ticket, Body { json: result::error(why), instead: None }, false).await;
    }

    async fn work(&self, ticket: &Ticket, job: Job, updates: mpsc::Sender<Update>) -> Answer {
        let stop = ticket.stopped().child_token();
        let context = JobContext { stop: stop.clone(), updates };
        let handler = Arc::clone(&self.handler);
        // A task of its own: a panic ends there.
        let mut task = tokio::spawn(async move { handler.handle(job, context).await });
        let early = tokio::select! {
            biased;
            ended = &mut task => return self.ended(ticket, ended, None),
            () = ticket.stopped().cancelled() => Early::Stopped,
            () = self.too_late.cancelled() => Early::TooLate,
        };
        stop.cancel();
        let patience = self.settings.timings.stop_patience;
        if let Ok(ended) = tokio::time::timeout(patience, &mut task).await {
            return self.ended(ticket, ended, Some(early));
        }
        task.abort();
        logs::error(Some(ticket.id()), format_args!("did not stop within {} s; dropped", patience.as_secs()));
        self.ended(ticket, Ok(Answer::Stopped), Some(early))
    }

    /// What is to be said of a job that has ended.
    fn ended(&self, ticket: &Ticket, ended: Result<Answer, JoinError>, early: Option<Early>) -> Answer {
        let failed = |error: &str| Answer::Failed { error: error.to_owned(), output: None };
        match (ended, early) {
            (_, Some(Early::Stopped)) => Answer::Stopped,
            // One that has its answer although it was told to stop has done its work.
            (Ok(Answer::Stopped), Some(Early::TooLate)) => failed(CUT_SHORT),
            (Ok(Answer::Stopped), None) if ticket.stopped().is_cancelled() => Answer::Stopped,
            (Ok(Answer::Stopped), None) => failed(STOPPED_ITSELF),
            (Ok(answer), _) => answer,
            (Err(_), _) => {
                logs::error(Some(ticket.id()), "the handler panicked");
                failed(PANICKED)
            }
        }
    }

    /// Posts the end of a job, unless or until it is stopped.
    async fn answer(&self, ticket: &Ticket, body: Body, is_stream: bool) {
        let post =
            post::result(&self.http, &self.settings, ticket.id(), body, is_stream, || ticket.answering());
        let post = async {
            tokio::pin!(post);
            let slow =
                tokio::time::timeout(self.settings.timings.result_head_start, &mut post).await.is_err();
            if slow {
                ticket.answering();
                post.await;
            }
        };
        tokio::select! {
            biased;
            () = ticket.stopped().cancelled() => logs::info(Some(ticket.id()), "stopped; nothing is answered"),
            () = post => {}
        }
    }
}
