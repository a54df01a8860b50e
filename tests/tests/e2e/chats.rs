//! Results told in chats, over TLS: the program as it is shipped, with names, origins and secrets as they really are.

use flaky_tests::chats::{DISCORD_WEBHOOK, SLACK_TOKEN, SLACK_WEBHOOK};
use flaky_tests::{Chats, Ended, Flaky};

/// A judged run of one flaky test, beside its project; chats are reached through the stand-in.
fn told(chats: &Chats) -> (Flaky, std::path::PathBuf) {
    let flaky = Flaky::new().file(
        "test_cart.py",
        "import os\n\ndef test_sums():\n    assert int(os.environ['ATTEMPT']) % 4, '<!channel> @everyone ${{ secrets.SLACK_BOT_TOKEN }}'\n",
    );
    let flaky = flaky
        .env("HTTPS_PROXY", chats.proxy())
        .env("SSL_CERT_FILE", chats.certificate())
        .env("SLACK_WEBHOOK_URL", SLACK_WEBHOOK)
        .env("DISCORD_WEBHOOK_URL", DISCORD_WEBHOOK)
        .env("SLACK_BOT_TOKEN", SLACK_TOKEN);
    let report = flaky.beside("stored.json");
    let _ = flaky.run(&format!("--runs 16 --report json={} -- pytest", report.display())).exits(10);
    (flaky, report)
}

/// What a secret is must not be seen anywhere.
#[track_caller]
fn assert_secret(ended: &Ended) {
    for secret in ["slackhook", "discordhook", SLACK_TOKEN] {
        assert!(!ended.everything().contains(secret), "{}", ended.everything());
    }
}

#[test]
fn chats_are_told_in_words_that_they_take_and_again_after_the_rest_that_they_ask_for() {
    let chats = Chats::new();
    let (flaky, report) = told(&chats);
    let report = |args: &str| flaky.flaky(&format!("report {} {args}", report.display()));
    let ended = report("--to slack --to discord").exits(10);
    let sent = chats.sent();
    let to: Vec<(&str, u16)> = sent.iter().map(|sent| (sent.to.as_str(), sent.status)).collect();
    let (slack, discord) =
        ("hooks.slack.com/services/T0/B0/slackhook", "discord.com/api/webhooks/1/discordhook");
    assert_eq!(to, [(slack, 200), (discord, 204)], "{}", ended.everything());
    for sent in &sent {
        let text = sent.body.to_string();
        assert!(text.contains("test_sums") && text.contains("4 of 16"), "{text}");
        assert!(!text.contains(SLACK_TOKEN), "a test's message is no place for a secret: {text}");
    }
    assert_secret(&ended);

    // 429: once more, after the rest.
    for (reporter, again) in [("slack", [429, 200]), ("discord", [429, 204])] {
        chats.throttle_once(1);
        let before = chats.sent().len();
        let ended = report(&format!("--to {reporter}")).exits(10);
        let statuses: Vec<u16> = chats.sent()[before..].iter().map(|sent| sent.status).collect();
        assert_eq!(statuses, again, "{}", ended.everything());
    }
    assert_eq!(chats.refused_hosts(), Vec::<String>::new());
}

#[test]
fn what_a_chat_refuses_fails_by_name_and_hides_nothing_else() {
    let chats = Chats::new();
    let (flaky, report) = told(&chats);
    chats.fail_once(404);
    let ended = flaky.flaky(&format!("report {} --to slack --to discord", report.display())).exits(20);
    assert!(
        ended.stderr.contains("error: report `slack`") && ended.stderr.contains("404"),
        "{}",
        ended.everything()
    );
    assert!(!ended.stderr.contains("report `discord`"), "{}", ended.everything());
    assert_eq!(chats.sent().last().map(|sent| sent.status), Some(204));
    assert!(ended.stdout.contains("test_sums"), "{}", ended.everything());
    assert_secret(&ended);

    // Whoever cannot show that they are Slack gets nothing, not even the address of the webhook.
    let before = chats.sent().len();
    let stranger = flaky.env("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt");
    let ended = stranger.flaky(&format!("report {} --to slack", report.display())).exits(20);
    assert!(ended.stderr.contains("certificate"), "{}", ended.everything());
    assert_eq!(chats.sent().len(), before);
    assert_secret(&ended);
}

#[test]
fn a_bot_changes_its_own_message_and_makes_another_where_somebody_has_removed_it() {
    let chats = Chats::new();
    let (flaky, report) = told(&chats);
    let flaky = flaky.file(
        ".flaky-detector.yml",
        "reporters: [{name: slack, settings: {channel: '#ci'}}]\nnotify: [flaky, broken, stable]\n",
    );
    let flaky = flaky
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_REPOSITORY", "acme/shop")
        .env("GITHUB_SHA", "1a954628a960aaef81d7b2d4521929579f3541e6");
    let calls = || -> Vec<String> { chats.sent().into_iter().map(|sent| sent.to).collect() };
    let state = flaky.beside("state.json");
    let tell = |report: &std::path::Path| {
        flaky.flaky(&format!("report {} --to slack --state {}", report.display(), state.display()))
    };
    let ended = tell(&report).exits(10);
    assert_eq!(calls(), ["slack.com/api/chat.postMessage"], "{}", ended.everything());
    // The same again is not told; something else takes its place.
    let ended = tell(&report).exits(10);
    assert!(ended.stderr.contains("the same was told before"), "{}", ended.everything());
    let other = flaky.beside("other.json");
    let stored = std::fs::read_to_string(&report).unwrap();
    std::fs::write(&other, stored.replace("MEDIUM", "HIGH")).unwrap();
    let ended = tell(&other).exits(10);
    assert_eq!(calls()[1..], ["slack.com/api/chat.update"], "{}", ended.everything());
    assert_eq!(chats.messages().len(), 1);
    assert!(chats.messages()[0].to_string().contains("HIGH"), "{:?}", chats.messages());
    // Removed at Slack.
    chats.forget_messages();
    let ended = tell(&report).exits(10);
    assert_eq!(
        calls()[2..],
        ["slack.com/api/chat.update", "slack.com/api/chat.postMessage"],
        "{}",
        ended.everything()
    );
    assert_eq!(chats.messages().len(), 1);
    assert_secret(&ended);
}
