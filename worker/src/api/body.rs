//! Reads a request's body, within bounds of size and time.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use tokio::sync::{Semaphore, SemaphorePermit};

/// For a whole body: 20 MB over a slow forwarded port.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How much more than allowed is read and dropped: a client that is still sending does not see the answer.
const DRAINED_BYTES: usize = 64 << 20;

/// Bodies beyond `SMALL_BYTES` in memory at once: eight of the largest are 160 MB.
const LARGE_AT_ONCE: usize = 8;

/// Bodies up to this size wait for no others, so that slow large ones do not hold them up.
const SMALL_BYTES: usize = 64 << 10;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    TooLarge,
    TooSlow,
    Broken,
}

/// Reads bodies.
#[derive(Debug)]
pub(super) struct Reader {
    large: Semaphore,
}

impl Default for Reader {
    fn default() -> Self {
        Self { large: Semaphore::new(LARGE_AT_ONCE) }
    }
}

impl Reader {
    /// Reads at most `limit` bytes and hands them to `parse`.
    pub(super) async fn read<T>(
        &self,
        body: Body,
        limit: usize,
        parse: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, Unread> {
        let (bytes, _permit) =
            tokio::time::timeout(TIMEOUT, self.collect(body, limit)).await.map_err(|_| Unread::TooSlow)??;
        Ok(parse(&bytes))
    }

    async fn collect(
        &self,
        mut body: Body,
        limit: usize,
    ) -> Result<(Vec<u8>, Option<SemaphorePermit<'_>>), Unread> {
        let (mut bytes, mut length, mut permit) = (Vec::new(), 0_usize, None);
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
            length += data.len();
            if length > SMALL_BYTES && permit.is_none() {
                permit = Some(self.large.acquire().await.map_err(|_| Unread::Broken)?);
            }
            if length <= limit {
                bytes.extend_from_slice(&data);
            } else if length <= limit.saturating_add(DRAINED_BYTES) {
                bytes = Vec::new();
            } else {
                break;
            }
        }
        if length > limit { Err(Unread::TooLarge) } else { Ok((bytes, permit)) }
    }
}

/// Whether the request says that it has a body.
pub(super) fn is_announced(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0")
}

/// Whether it says that the body is JSON: a web page cannot say so to another origin without asking first.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let reader = Reader::default();
        for (size, expected) in [(0, Ok(0)), (10, Ok(10)), (11, Err(Unread::TooLarge))] {
            let read = reader.read(Body::from(vec![0; size]), 10, <[u8]>::len).await;
            assert_eq!(read, expected, "{size}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let (_never_written, reader) = tokio::io::duplex(8);
        let body = Body::from_stream(tokio_util::io::ReaderStream::new(reader));
        assert_eq!(Reader::default().read(body, 10, <[u8]>::len).await, Err(Unread::TooSlow));
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_that_never_end_hold_up_no_small_one() {
        let reader = Reader::default();
        let never_ending = || async {
            let (mut writer, stream) = tokio::io::duplex(2 * SMALL_BYTES);
            tokio::io::AsyncWriteExt::write_all(&mut writer, &[0; SMALL_BYTES + 1]).await.unwrap();
            let body = Body::from_stream(tokio_util::io::ReaderStream::new(stream));
            let read = reader.read(body, usize::MAX, <[u8]>::len).await;
            drop(writer);
            read
        };
        let slow = async { tokio::join!(never_ending(), never_ending(), never_ending()) };
        let more =
            async { tokio::join!(slow, never_ending(), never_ending(), never_ending(), never_ending()) };
        let all = async { tokio::join!(more, never_ending(), never_ending()) };
        let small = async {
            // After the others have begun.
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(reader.large.available_permits(), 0);
            let started = tokio::time::Instant::now();
            assert_eq!(reader.read(Body::from("{}"), 10, <[u8]>::len).await, Ok(2));
            started.elapsed()
        };
        let (all, waited) = tokio::join!(all, small);
        assert_eq!((all.1, waited), (Err(Unread::TooSlow), Duration::ZERO));
    }

    #[test]
    fn what_says_to_be_json_is_told_from_what_forms_can_send() {
        for (value, json) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/problem+json", true),
            ("text/plain", false),
            ("text/plain; x=application/json", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
            assert_eq!(is_json(&headers), json, "{value}");
        }
    }
}
