//! Messages of a bot at Slack are changed in place, as long as they speak of the same thing.
//!
//! `chat.postMessage` answers with the channel's id and the message's time stamp; with both, `chat.update` changes it:
//! <https://docs.slack.dev/reference/methods/chat.update>. Both are remembered in the state file. Incoming webhooks return
//! neither.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::courier::Reporter;
use crate::error::HttpError;
use crate::http::{self, Asked};
use crate::world::World;

/// Where messages are made.
const POST: &str = "/api/chat.postMessage";
/// Where they are changed.
const UPDATE: &str = "/api/chat.update";
/// Longest id that is kept: ids and time stamps have about 20 characters.
const MOST_ID: usize = 64;

/// A message of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// What it speaks of: a pull request, or a commit.
    pub(crate) about: String,
    /// The channel as it was asked for.
    pub(crate) asked: String,
    /// Its id.
    pub(crate) channel: String,
    /// Of the message.
    pub(crate) ts: String,
}

/// Whether a path is one of Slack's Web API, which says no in a 200.
pub(crate) fn is_api(path: &str) -> bool {
    matches!(path, POST | UPDATE)
}

/// The channel that a new message is asked for in. `None`: the request is something else.
pub(crate) fn channel(asked: &Asked) -> Option<String> {
    let is_post = asked.method == "POST" && asked.url.ends_with(POST);
    let body: Value = serde_json::from_slice(&asked.body).ok().filter(|_| is_post)?;
    body.get("channel").and_then(Value::as_str).map(str::to_owned)
}

/// Changes the message about the same, or makes one. The message, where Slack said which it is.
pub(crate) async fn send(
    world: &World,
    reporter: &Reporter,
    asked: Asked,
    (about, channel): (&str, String),
    messages: &[Message],
) -> Result<Option<Message>, HttpError> {
    let old = messages.iter().find(|message| message.about == about && message.asked == channel);
    if let Some(old) = old
        && let Some(update) = as_update(&asked, old)
    {
        match http::send(world, reporter, update).await {
            Ok(_) => return Ok(Some(old.clone())),
            // Somebody has removed it, or it is too old to be changed.
            Err(HttpError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let answer = http::send(world, reporter, asked).await?;
    Ok(read(&answer, about, channel))
}

fn as_update(asked: &Asked, message: &Message) -> Option<Asked> {
    let mut body: Value = serde_json::from_slice(&asked.body).ok()?;
    let fields = body.as_object_mut()?;
    fields.insert("channel".into(), message.channel.clone().into());
    fields.insert("ts".into(), message.ts.clone().into());
    let url = format!("{}{UPDATE}", asked.url.strip_suffix(POST)?);
    Some(Asked { url, body: serde_json::to_vec(&body).ok()?, ..asked.clone() })
}

fn read(answer: &[u8], about: &str, asked: String) -> Option<Message> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let text = |name: &str| {
        let text = answer.get(name).and_then(Value::as_str)?;
        (!text.is_empty() && text.len() <= MOST_ID).then(|| text.to_owned())
    };
    Some(Message { about: about.to_owned(), asked, channel: text("channel")?, ts: text("ts")? })
}
