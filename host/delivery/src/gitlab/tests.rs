use super::*;
use crate::forge::ForgeErrorKind;
use crate::testing::{leads_to, world};

const JOB: [(&str, &str); 8] = [
    ("GITLAB_CI", "true"),
    ("CI_SERVER_URL", "https://gitlab.example.org/"),
    ("CI_PROJECT_PATH", "group/sub/project"),
    ("CI_PROJECT_ID", "42"),
    ("CI_JOB_URL", "https://gitlab.example.org/group/sub/project/-/jobs/1"),
    ("CI_COMMIT_SHA", "merged"),
    ("CI_COMMIT_BRANCH", ""),
    ("CI_MERGE_REQUEST_PROJECT_ID", "42"),
];

fn ci(more: &[(&str, &str)]) -> Ci {
    by_variables(&world(&[&JOB, more].concat(), leads_to(&[])).0.environment)
}

#[test]
fn a_job_of_a_merge_request_speaks_for_its_source() {
    let merge_request = [
        ("CI_MERGE_REQUEST_IID", "3"),
        ("CI_MERGE_REQUEST_PROJECT_URL", "https://gitlab.example.org/group/sub/project"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "fix"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "source"),
        ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "43"),
        ("CI_MERGE_REQUEST_DRAFT", "true"),
    ];
    let ci = ci(&merge_request);
    assert_eq!((ci.platform, ci.server.as_str()), (Platform::Gitlab, "https://gitlab.example.org"));
    assert_eq!((ci.commit.as_deref(), ci.branch.as_deref()), (Some("source"), Some("fix")));
    let expected = PullRequest {
        number: 3,
        head: "source".into(),
        url: "https://gitlab.example.org/group/sub/project/-/merge_requests/3".into(),
        draft: true,
        fork: true,
    };
    assert_eq!(ci.pull_request, Some(expected));
}

#[test]
fn a_job_of_a_branch_has_no_merge_request() {
    let ci = ci(&[("CI_COMMIT_BRANCH", "main")]);
    assert_eq!(
        (ci.commit.as_deref(), ci.branch.as_deref(), ci.pull_request),
        (Some("merged"), Some("main"), None)
    );
}

#[tokio::test]
async fn without_a_token_the_job_still_knows_itself() {
    let world = world(&[&JOB[..], &[("CI_MERGE_REQUEST_IID", "3")]].concat(), leads_to(&[])).0;
    let (surroundings, lost) = crate::look_around(&world).await;
    assert!(lost.is_empty() && surroundings.earlier.is_empty());
    assert_eq!(surroundings.ci.unwrap().repository, "group/sub/project");
    let error = Gitlab::new(&world).unwrap_err();
    assert_eq!((error.what.as_str(), error.kind), ("`CI_API_V4_URL`", ForgeErrorKind::Missing));
}
