//! What a fleet needs of an endpoint.

use std::time::Duration;

use crate::JobId;
use crate::endpoint::{Endpoint, EndpointError, JobRequest, JobStatus, StreamAnswer};

/// One try of each operation. Trying again is the fleet's: it knows what else is heard of the endpoint, and may be called
/// back in between.
pub(super) trait Jobs: Send + Sync + 'static {
    fn run(&self, request: &JobRequest) -> impl Future<Output = Result<JobId, EndpointError>> + Send;
    fn status(&self, job: &JobId) -> impl Future<Output = Result<JobStatus, EndpointError>> + Send;
    fn stream(&self, job: &JobId) -> impl Future<Output = Result<StreamAnswer, EndpointError>> + Send;
    fn cancel(&self, job: &JobId) -> impl Future<Output = Result<(), EndpointError>> + Send;
}

/// An endpoint that tries once.
pub(super) struct Once(Endpoint);

impl Once {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        Self(endpoint.trying_for(Duration::ZERO))
    }
}

impl Jobs for Once {
    async fn run(&self, request: &JobRequest) -> Result<JobId, EndpointError> {
        self.0.run(request).await
    }

    async fn status(&self, job: &JobId) -> Result<JobStatus, EndpointError> {
        self.0.status(job).await
    }

    async fn stream(&self, job: &JobId) -> Result<StreamAnswer, EndpointError> {
        self.0.stream(job).await
    }

    async fn cancel(&self, job: &JobId) -> Result<(), EndpointError> {
        self.0.cancel(job).await
    }
}
