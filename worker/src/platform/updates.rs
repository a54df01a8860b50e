//! What a job says while it runs, on its way to the platform: one after the other, and all of it before the result.
//!
//! RunPod takes the last thing posted for the truth, so that progress which arrives after the result makes a finished
//! job look unfinished. Here the result is not posted before this task has ended.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::http::Http;
use super::post::{self, Budget, NotPosted};
use super::result;
use super::settings::Settings;
use crate::job::{UPDATES_WAITING, Update};
use crate::logs;
use flaky_runpod::JobId;

/// The running delivery of one job's updates.
#[derive(Debug)]
pub(super) struct Delivery {
    task: JoinHandle<bool>,
    closing: CancellationToken,
}

impl Delivery {
    /// Delivers until [`Self::finish`], or until the job is stopped: nothing is posted about it thereafter.
    pub(super) fn start(
        http: &Http,
        settings: &Arc<Settings>,
        job: &JobId,
        stopped: &CancellationToken,
        updates: mpsc::Receiver<Update>,
    ) -> Self {
        let closing = CancellationToken::new();
        let courier = Courier {
            http: http.clone(),
            settings: Arc::clone(settings),
            job: job.clone(),
            streamed: false,
            late: false,
        };
        let (stopped, closed) = (stopped.clone(), closing.clone());
        let task = tokio::spawn(async move {
            tokio::select! {
                biased;
                () = stopped.cancelled() => false,
                streamed = courier.deliver(updates, closed) => streamed,
            }
        });
        Self { task, closing }
    }

    /// The job has ended: parts that wait are still delivered, progress is not. Whether any part has arrived.
    pub(super) async fn finish(self) -> bool {
        self.closing.cancel();
        self.task.await.unwrap_or(false)
    }
}

struct Courier {
    http: Http,
    settings: Arc<Settings>,
    job: JobId,
    /// Whether a part has arrived.
    streamed: bool,
    /// Whether the last part took all its time in vain: the next ones get one attempt, so that a platform that is gone
    /// does not hold the job up for ever.
    late: bool,
}

impl Courier {
    async fn deliver(mut self, mut updates: mpsc::Receiver<Update>, closing: CancellationToken) -> bool {
        let mut closed = false;
        let mut waiting = Vec::with_capacity(UPDATES_WAITING);
        loop {
            tokio::select! {
                biased;
                () = closing.cancelled(), if !closed => {
                    // Clones of the sender may be anywhere; from here on they bring nothing.
                    updates.close();
                    closed = true;
                }
                count = updates.recv_many(&mut waiting, UPDATES_WAITING) => {
                    if count == 0 {
                        return self.streamed;
                    }
                    let newest = waiting.iter().rposition(|update| matches!(update, Update::Progress(_)));
                    for (at, update) in waiting.drain(..).enumerate() {
                        match update {
                            Update::Chunk(value) => self.chunk(&value).await,
                            // Older progress is overtaken, and all of it is by the result.
                            Update::Progress(value) if newest == Some(at) && !closing.is_cancelled() => {
                                self.progress(&value).await;
                            }
                            Update::Progress(_) => {}
                        }
                    }
                }
            }
        }
    }

    async fn progress(&self, value: &Value) {
        let job = Some(&self.job);
        let Some(body) = result::progress(value) else {
            return logs::warn(job, "progress is too large to be posted");
        };
        let Ok(url) = post::destination(&self.settings, &self.settings.result, &self.job, false) else {
            return;
        };
        match self.http.post(url, &self.job, body, self.settings.timings.progress_try).await {
            Ok(status) if status.is_success() => {}
            // Newer progress will come.
            Ok(status) => logs::debug(job, format_args!("progress was not taken: status {status}")),
            Err(e) => logs::debug(job, format_args!("progress was not taken: {e}")),
        }
    }

    async fn chunk(&mut self, value: &Value) {
        let posted = self.try_chunk(value).await;
        self.late = matches!(posted, Err(NotPosted::GivenUp { .. }));
        match posted {
            Ok(()) => self.streamed = true,
            // Said once, when the worker began.
            Err(NotPosted::Nowhere) => {}
            Err(why) => {
                logs::warn(Some(&self.job), format_args!("a part is only in the result: {why}"));
            }
        }
    }

    async fn try_chunk(&self, value: &Value) -> Result<(), NotPosted> {
        let template = self.settings.stream.as_ref().ok_or(NotPosted::Nowhere)?;
        // The platform says "false" here, and "true" with the result.
        let url = post::destination(&self.settings, template, &self.job, false);
        let url = url.map_err(|_| NotPosted::Nowhere)?;
        let body = result::chunk(value).ok_or(NotPosted::Refused(reqwest::StatusCode::PAYLOAD_TOO_LARGE))?;
        let mut budget = Budget::of_chunks(&self.settings.timings);
        if self.late {
            budget.all = std::time::Duration::ZERO;
        }
        post::until_accepted(&self.http, &url, &self.job, &body, budget, || {}).await
    }
}
