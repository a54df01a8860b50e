//! The worker and the client of RunPod, against the stand-in platform of [`flaky_tests::platform`].
//!
//! First RunPod's own Python worker and Python client meet it (`real_worker`, `real_client`): what they do there is
//! what they were seen to do elsewhere, which shows that the stand-in is faithful. Then ours meet the same.
#![expect(clippy::unwrap_used, clippy::panic, reason = "functions that several tests share fail as tests do")]

mod after_ci;
mod canaries;
mod common;
mod fan_out;
mod full_job;
mod local_server;
mod our_worker;
mod real_client;
mod real_worker;
