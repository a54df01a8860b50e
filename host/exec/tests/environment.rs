//! Which variables tests inherit.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use flaky_exec::environment::inherited;

fn divided(names: &[&str]) -> (Vec<String>, Vec<String>) {
    let divided = inherited(names.iter().map(|n| (OsString::from(n), OsString::from("value"))));
    let passed = divided.variables.iter().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    (passed, divided.withheld)
}

#[test]
fn secrets_of_ours_of_ci_and_of_clouds_are_withheld() {
    let names = [
        "RUNPOD_API_KEY",
        "RUNPOD_ENDPOINT_ID",
        "RUNPOD_WEBHOOK_GET_JOB",
        "FLAKY_GIT_TOKEN",
        "FLAKY_HISTORY_DB_PASSWORD",
        "FLAKY_KNOWN_HOSTS",
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "GH_PAT",
        "INPUT_GITHUB-TOKEN",
        "INPUT_REPO",
        "ACTIONS_RUNTIME_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_CACHE_URL",
        "GITHUB_ENV",
        "GITHUB_PATH",
        "GITHUB_OUTPUT",
        "GITHUB_STATE",
        "GITHUB_STEP_SUMMARY",
        "SLACK_WEBHOOK_URL",
        "DISCORD_WEBHOOK_URL",
        "TEAMS_WEBHOOK",
        "CI_JOB_TOKEN",
        "CI_REGISTRY_PASSWORD",
        "CI_DEPLOY_PASSWORD",
        "CI_JOB_JWT_V2",
        "SYSTEM_ACCESSTOKEN",
        "DOCKER_AUTH_CONFIG",
        "NPM_TOKEN",
        "NODE_AUTH_TOKEN",
        "CARGO_REGISTRY_TOKEN",
        "TWINE_PASSWORD",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AZURE_CLIENT_SECRET",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "OPENAI_API_KEY",
        "STRIPE_SECRET_KEY",
        "DEPLOY_PRIVATE_KEY",
        "SIGNING_PASSPHRASE",
        "SSH_AUTH_SOCK",
        "GPG_AGENT_INFO",
        "TOKEN",
        "API_KEY",
        "npm_config__authToken",
        "github_token",
    ];
    for name in names {
        assert_eq!(divided(&[name]), (vec![], vec![name.to_owned()]), "{name}");
    }
}

#[test]
fn what_suites_need_is_passed_on() {
    let names = [
        "PATH",
        "HOME",
        "LANG",
        "CI",
        "GITHUB_ACTIONS",
        "GITHUB_SHA",
        "GITHUB_REPOSITORY",
        "GITHUB_WORKSPACE",
        "RUNNER_TEMP",
        "PYTHONPATH",
        "VIRTUAL_ENV",
        "JAVA_HOME",
        "GOPATH",
        "NODE_OPTIONS",
        "DATABASE_URL",
        "POSTGRES_PASSWORD",
        "PGPASSWORD",
        "MYSQL_ROOT_PASSWORD",
        "DB_PASSWORD",
        "TEST_DB_PASSWORD",
        "APP_DB_PASSWORD",
        "REDIS_PASSWORD",
        "TEST_API_KEY",
        "TEST_COMMAND",
        "AWS_REGION",
        "HTTPS_PROXY",
        "SSL_CERT_FILE",
        "TOKENIZERS_PARALLELISM",
        "MAX_TOKENS",
        "KEYBOARD",
        "MYTOKEN",
        "SECRETARY",
        "XPAT",
        "",
    ];
    for name in names {
        assert_eq!(divided(&[name]), (vec![name.to_owned()], vec![]), "{name}");
    }
}

#[test]
fn the_order_is_kept_and_withheld_names_are_sorted_without_values() {
    let variables =
        [("B", "1"), ("X_TOKEN", "s3cret"), ("A", "2"), ("A_TOKEN", "s3cret"), ("A_TOKEN", "again")];
    let divided = inherited(variables.into_iter().map(|(n, v)| (n.into(), v.into())));
    assert_eq!(divided.variables, [("B".into(), "1".into()), ("A".into(), "2".into())]);
    assert_eq!(divided.withheld, ["A_TOKEN", "X_TOKEN"]);
    assert!(!format!("{divided:?}").contains("s3cret"));
}

#[test]
fn names_and_values_need_not_be_unicode() {
    let (odd, odd_secret) =
        (OsString::from_vec(b"A\xff".to_vec()), OsString::from_vec(b"\xff_TOKEN".to_vec()));
    let divided = inherited([(odd.clone(), odd.clone()), (odd_secret, "x".into())].into_iter());
    assert_eq!(divided.variables, [(odd.clone(), odd)]);
    assert_eq!(divided.withheld, ["\u{fffd}_TOKEN"]);
}
