//! How much platforms take. Every number has its source beside it; what is said of "characters" without more is
//! measured in the [`Unit`] that is safe whichever way the platform counts.
//!
//! Sources, as of 2026-08:
//! - GitHub, comments: the API answers 422 `body is too long (maximum is 65536 characters)`.
//! - GitHub, workflow commands and job summaries: docs.github.com, "Workflow commands" (step isolation and limits),
//!   and `actions/toolkit`, `docs/problem-matchers.md` (limitations).
//! - GitHub, check runs: docs.github.com, REST API, "Create a check run".
//! - GitLab: docs.gitlab.com, "GitLab application limits", size of comments.
//! - Slack: docs.slack.dev, reference of Block Kit blocks, elements and composition objects; "Rate limits".
//! - Discord: discord.com/developers, "Channel", embed limits; "Webhook", execute webhook.

use crate::measure::Unit;

/// Most of a GitHub comment, in code points.
pub const GITHUB_COMMENT: usize = 65_536;

/// What reporters use of it: the host adds its marker with the results told earlier.
pub const GITHUB_COMMENT_USED: usize = 60_000;

/// Most of all job summaries of one step, in bytes.
pub const GITHUB_SUMMARY_BYTES: usize = 1024 * 1024;

/// What reporters use of it: other reporters write into the same step's summary.
pub const GITHUB_SUMMARY_USED: usize = 512 * 1024;

/// Annotations by workflow command that are shown, of each level and step.
pub const GITHUB_ANNOTATIONS_PER_LEVEL: usize = 10;

/// Annotations by workflow command that are shown, of each job.
pub const GITHUB_ANNOTATIONS_PER_JOB: usize = 50;

/// Annotations of one request that creates or updates a check run.
pub const GITHUB_CHECK_ANNOTATIONS_PER_REQUEST: usize = 50;

/// Title of an annotation, in code points.
pub const GITHUB_ANNOTATION_TITLE: usize = 255;

/// Message of an annotation, in bytes.
pub const GITHUB_ANNOTATION_MESSAGE_BYTES: usize = 64 * 1024;

/// Summary of a check run, in code points.
pub const GITHUB_CHECK_SUMMARY: usize = 65_535;

/// A GitLab comment, in code points.
pub const GITLAB_NOTE: usize = 1_000_000;

/// Slack does not say how it counts; UTF-16 units are never fewer than code points.
pub const SLACK_UNIT: Unit = Unit::Utf16;

/// `text` of a Slack message that is shown whole.
pub const SLACK_MESSAGE_TEXT: usize = 4000;

/// Blocks of a message or attachment.
pub const SLACK_BLOCKS: usize = 50;

/// Text of a section.
pub const SLACK_SECTION_TEXT: usize = 3000;

/// Fields of a section.
pub const SLACK_FIELDS: usize = 10;

/// Text of a field.
pub const SLACK_FIELD_TEXT: usize = 2000;

/// Text of a header, which is plain.
pub const SLACK_HEADER_TEXT: usize = 150;

/// Elements of a block of actions.
pub const SLACK_ACTIONS: usize = 25;

/// Elements of a block of context.
pub const SLACK_CONTEXT: usize = 10;

/// A block's id, and an action's.
pub const SLACK_ID: usize = 255;

/// Text of a button.
pub const SLACK_BUTTON_TEXT: usize = 75;

/// URL of a button.
pub const SLACK_BUTTON_URL: usize = 3000;

/// Discord does not say how it counts; UTF-16 units are never fewer than code points.
pub const DISCORD_UNIT: Unit = Unit::Utf16;

/// `content` of a message.
pub const DISCORD_CONTENT: usize = 2000;

/// Embeds of a message.
pub const DISCORD_EMBEDS: usize = 10;

/// Titles, descriptions, fields, footers and authors of all embeds of a message together.
pub const DISCORD_ALL_EMBEDS: usize = 6000;

/// Title of an embed.
pub const DISCORD_TITLE: usize = 256;

/// Description of an embed.
pub const DISCORD_DESCRIPTION: usize = 4096;

/// Fields of an embed.
pub const DISCORD_FIELDS: usize = 25;

/// Name of a field.
pub const DISCORD_FIELD_NAME: usize = 256;

/// Value of a field.
pub const DISCORD_FIELD_VALUE: usize = 1024;

/// Text of a footer.
pub const DISCORD_FOOTER: usize = 2048;

/// Name of an author.
pub const DISCORD_AUTHOR: usize = 256;

/// Name that a webhook posts under.
pub const DISCORD_USERNAME: usize = 80;
