//! Which endpoint, and as whom.

use flaky_runpod::endpoint::{BaseUrl, EndpointSettings, InvalidBaseUrl};
use flaky_runpod::{EndpointId, InvalidId};

use super::RemoteAccess;

/// Which endpoint, and as whom, is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// No key.
    #[error("there is no key for RunPod: the variable `RUNPOD_API_KEY` is not set")]
    NoKey,
    /// No endpoint.
    #[error("no endpoint is named")]
    NoEndpoint,
    /// Something that is no endpoint's id.
    #[error(transparent)]
    Endpoint(#[from] InvalidId),
    /// Something that is no URL of an API.
    #[error("`RUNPOD_ENDPOINT_BASE_URL`: {0}")]
    BaseUrl(#[from] InvalidBaseUrl),
}

impl AccessError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoKey => {
                "make a key in RunPod's console under Settings, API Keys, and set the variable to it"
            }
            Self::NoEndpoint => {
                "give its id with `--endpoint`, in `RUNPOD_ENDPOINT_ID`, or as `endpoint` under `backend` in the configuration"
            }
            Self::Endpoint(_) => "RunPod's console shows the endpoint's id beside its name",
            Self::BaseUrl(_) => return None,
        })
    }
}

/// Settings win over the surroundings.
///
/// # Errors
/// When something is missing or malformed.
pub(crate) fn settings(access: &RemoteAccess, named: Option<&str>) -> Result<EndpointSettings, AccessError> {
    let key = access.key.clone().ok_or(AccessError::NoKey)?;
    let endpoint = named.or(access.endpoint.as_deref()).map(str::trim).filter(|id| !id.is_empty());
    let endpoint: EndpointId = endpoint.ok_or(AccessError::NoEndpoint)?.parse()?;
    let base: BaseUrl = match access.base_url.as_deref().map(str::trim).filter(|url| !url.is_empty()) {
        Some(url) => url.parse()?,
        None => BaseUrl::default(),
    };
    Ok(EndpointSettings { base, endpoint, key })
}

#[cfg(test)]
mod tests {
    use flaky_runpod::ApiKey;

    use super::*;

    #[test]
    fn what_is_missing_is_named_and_settings_win() {
        let access = |key: &str, endpoint: Option<&str>| RemoteAccess {
            key: ApiKey::new(key),
            endpoint: endpoint.map(str::to_owned),
            ..RemoteAccess::default()
        };
        assert_eq!(settings(&access("", None), Some("e")).unwrap_err(), AccessError::NoKey);
        assert_eq!(settings(&access("k", Some(" ")), None).unwrap_err(), AccessError::NoEndpoint);
        assert!(matches!(settings(&access("k", Some("a/b")), None), Err(AccessError::Endpoint(_))));
        assert_eq!(settings(&access("k", Some("env")), None).unwrap().endpoint.as_str(), "env");
        let both = settings(&access("k", Some("env")), Some("flag")).unwrap();
        assert_eq!((both.endpoint.as_str(), both.base.to_string().as_str()), ("flag", BaseUrl::RUNPOD));
        let clear = RemoteAccess { base_url: Some("http://192.0.2.1".into()), ..access("k", Some("e")) };
        assert!(matches!(settings(&clear, None), Err(AccessError::BaseUrl(_))));
    }
}
