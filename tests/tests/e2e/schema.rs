//! The published schema of the report holds for reports of every kind.

use boon::{Compiler, Schemas};
use flaky_tests::{Flaky, place};

#[test]
fn reports_are_what_the_published_schema_says() {
    let path = place::repository().join("docs/schema/report.schema.json");
    let mut schemas = Schemas::new();
    let schema = Compiler::new()
        .compile(&path.display().to_string(), &mut schemas)
        .unwrap_or_else(|e| panic!("{e:#}"));
    let cases = [
        ("unrecognised", "--first-seed 1 --runs 4 -- ./check.sh"),
        ("always-fails", "--runs 14 -- pytest"),
        ("killed-midrun", "--first-seed 1 --runs 4 -- pytest"),
        ("always-passes", "--runs 1 -- pytset"),
        ("always-passes", "https://127.0.0.1:1/no/project"),
    ];
    for (sample, args) in cases {
        let ended = Flaky::sample(sample).run(args);
        let report = ended.report_as_json();
        if let Err(error) = schemas.validate(&report, schema) {
            panic!("{sample} {args}: {error:#}\n{report:#}");
        }
        for key in [
            "report_version",
            "total_runs",
            "failures",
            "repro_rate",
            "verdict",
            "cause",
            "severity",
            "isolation",
            "tests",
        ] {
            assert!(report.get(key).is_some(), "{sample} {args}: the top of the report has `{key}`");
        }
    }
}
