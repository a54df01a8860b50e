//! Answers as HTTP.

use axum::body::Body;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::guard::Intruder;
use super::store::{Refused, RetryRefused, Status};
use super::submission::Invalid;

/// Why a request is not done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Problem {
    Intruder(Intruder),
    NoSuchRoute,
    OtherEndpoint,
    Method(&'static [Method]),
    UnknownJob,
    Invalid(Invalid),
    /// Of a parameter.
    Parameter(String),
    TooLarge {
        limit: usize,
    },
    TooSlow,
    Broken,
    Refused(Refused),
    NotRetried(Status),
}

impl From<Refused> for Problem {
    fn from(why: Refused) -> Self {
        Self::Refused(why)
    }
}

impl From<RetryRefused> for Problem {
    fn from(why: RetryRefused) -> Self {
        match why {
            RetryRefused::Unknown => Self::UnknownJob,
            RetryRefused::NotFailed(status) => Self::NotRetried(status),
            RetryRefused::Refused(why) => Self::Refused(why),
        }
    }
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::Intruder(_) => StatusCode::FORBIDDEN,
            Self::NoSuchRoute | Self::OtherEndpoint | Self::UnknownJob => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Parameter(_) | Self::NotRetried(_) | Self::Broken => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Refused(Refused::Full) => StatusCode::TOO_MANY_REQUESTS,
            Self::Refused(Refused::ShuttingDown) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Intruder(why) => why.to_string(),
            // In the words of the SDK's local server.
            Self::NoSuchRoute => "Not Found".to_owned(),
            Self::Method(_) => "Method Not Allowed".to_owned(),
            Self::OtherEndpoint => "this server answers for another endpoint id".to_owned(),
            Self::UnknownJob => "Job ID not found".to_owned(),
            Self::Invalid(_) => String::new(),
            Self::Parameter(why) => why.clone(),
            Self::TooLarge { limit } => format!("the body is larger than {limit} bytes"),
            Self::TooSlow => "the body did not come in time".to_owned(),
            Self::Broken => "the body broke off".to_owned(),
            Self::Refused(Refused::Full) => "too many jobs wait or are held: try again later".to_owned(),
            Self::Refused(Refused::ShuttingDown) => "the server is shutting down".to_owned(),
            Self::NotRetried(status) => {
                let status = serde_json::to_value(status).unwrap_or_default();
                format!("only a job that is FAILED or TIMED_OUT can be retried: this one is {status}")
                    .replace('"', "")
            }
        }
    }

    /// The answer. Clients of the SDK's server read `detail`, those of the platform `error`.
    pub(super) fn response(&self) -> Response {
        let sentence = self.sentence();
        let mut response = match self {
            Self::Invalid(invalid) => json_response(self.status(), &invalid.document()),
            Self::NoSuchRoute | Self::Method(_) => {
                json_response(self.status(), &json!({ "detail": sentence }))
            }
            _ => json_response(self.status(), &json!({ "detail": sentence, "error": sentence })),
        };
        if let Self::Method(allowed) = self {
            let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
            if let Ok(value) = HeaderValue::from_str(&names.join(", ")) {
                response.headers_mut().insert(ALLOW, value);
            }
        }
        if matches!(self, Self::Refused(Refused::Full)) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// An answer in compact JSON.
pub(super) fn json_response(status: StatusCode, document: &impl Serialize) -> Response {
    match serde_json::to_vec(document) {
        Ok(bytes) => with_type(status, "application/json", Body::from(bytes)),
        // Nothing that is answered here has keys other than texts.
        Err(error) => {
            with_type(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", Body::from(error.to_string()))
        }
    }
}

/// An answer that is nobody's business but the caller's, and not to be taken for another type than it says.
pub(super) fn with_type(status: StatusCode, kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
