//! When to ask again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::world::Chance;

/// First pause after a failure. RunPod's client beside this one begins the same.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause after a failure: more would only make people wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Pauses between tries: doubling, each scattered.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    pub(crate) fn pause(&mut self, chance: &Chance) -> Duration {
        let pause = self.0;
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
        chance.scatter(pause)
    }
}

/// The rest that `Retry-After` asks for: seconds, or a date (RFC 9110, section 10.2.3). Slack sends fractions for
/// webhooks of its gateway, Discord does for all.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// The rest until a moment given in seconds since 1970, rounded up to the next second.
pub(crate) fn until_epoch(seconds: u64, now: SystemTime) -> Duration {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Duration::from_secs(seconds.saturating_sub(now).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_is_asked_for_in_seconds_or_by_a_date() {
        // RFC 9110's own example of a date, and ten seconds before it.
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777 - 10);
        for (text, expected) in [
            ("120", Some(120.0)),
            (" 0 ", Some(0.0)),
            ("0.75", Some(0.75)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(10.0)),
            ("Sun, 06 Nov 1994 08:49:20 GMT", Some(0.0)),
            ("-1", None),
            ("NaN", None),
            ("1e400", None),
            ("soon", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now).map(|d| d.as_secs_f64()), expected, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_moment_that_has_passed_is_a_second_away() {
        let now = UNIX_EPOCH + Duration::from_millis(100_900);
        for (at, rest) in [(160, 61), (100, 1), (0, 1)] {
            assert_eq!(until_epoch(at, now), Duration::from_secs(rest));
        }
    }

    #[test]
    fn pauses_double_up_to_a_bound() {
        let (mut backoff, chance) = (Backoff::new(), Chance::new(1));
        for full in [500, 1000, 2000, 4000, 8000, 8000] {
            let (pause, full) = (backoff.pause(&chance), Duration::from_millis(full));
            assert!(pause >= full / 2 && pause <= full, "{pause:?} of {full:?}");
        }
    }
}
