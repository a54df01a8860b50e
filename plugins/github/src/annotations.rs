//! Remarks at the places of flaky and broken tests.

use flaky_plugin_platforms::limits::{
    GITHUB_ANNOTATION_TITLE, GITHUB_ANNOTATIONS_PER_JOB, GITHUB_ANNOTATIONS_PER_LEVEL,
};
use flaky_plugin_platforms::measure::{Unit, cut};
use flaky_plugin_platforms::words::{self, repository_path};
use flaky_plugin_sdk::report::{Category, Report, Test, plural, visible};
use flaky_plugin_sdk::{Annotation, AnnotationLevel};

/// Bytes of a message: far below the limit, which holds for the bytes of a check's annotation.
const MOST_MESSAGE: usize = 2000;

/// Annotations of a check run: the host sends them in batches, and nobody reads more.
const MOST_IN_CHECK: usize = 100;

/// By workflow command, of which GitHub shows a few of each level. The worst tests come first.
pub(crate) fn of_job(report: &Report) -> Vec<Annotation> {
    let mut shown = [0; 2];
    let wanted = all(report).filter(|annotation| {
        let count = &mut shown[usize::from(annotation.level == AnnotationLevel::Failure)];
        *count += 1;
        *count <= GITHUB_ANNOTATIONS_PER_LEVEL
    });
    wanted.take(GITHUB_ANNOTATIONS_PER_JOB).collect()
}

/// Of a check run.
pub(crate) fn of_check(report: &Report) -> Vec<Annotation> {
    all(report).take(MOST_IN_CHECK).collect()
}

/// Of a run that has a result, and of tests whose place is known.
fn all(report: &Report) -> impl Iterator<Item = Annotation> {
    let tests = words::troubled(report).take_while(|_| words::has_result(report));
    tests.filter_map(|test| one(report, test))
}

fn one(report: &Report, test: &Test) -> Option<Annotation> {
    let location = test.location.as_ref()?;
    let file = repository_path(report, location)?;
    let level =
        if test.verdict == Category::Broken { AnnotationLevel::Failure } else { AnnotationLevel::Warning };
    let title = format!("{}: {}", words::verdict(&test.verdict), visible(&test.id));
    let mut message = format!("{} of {} failed", test.failures, plural(test.ran, "attempt"));
    if let Some(group) = test.main_failure() {
        message += &format!(", most often with: {}", visible(&group.headline()));
    }
    Some(Annotation {
        level,
        file,
        line: location.line.filter(|line| *line > 0),
        title: cut(&title, GITHUB_ANNOTATION_TITLE, Unit::CodePoints),
        message: cut(&message, MOST_MESSAGE, Unit::Bytes),
    })
}
