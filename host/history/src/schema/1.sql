-- Shape 1. Never changed once released: what comes later is a file of its own.
-- {int}, {bytes} and {clustered} are what each database calls them (src/schema.rs). A `seal` is the beginning of the
-- SHA-256 digest of what a row holds (src/seal.rs): neither database notices a bit that a disk has changed in a text.

CREATE TABLE flaky_series (
    number {int} NOT NULL PRIMARY KEY,
    repository TEXT NOT NULL,
    suite TEXT NOT NULL
);

-- Numbers are small, so that sets of them are short.
CREATE TABLE flaky_tests (
    number {int} NOT NULL PRIMARY KEY,
    series {int} NOT NULL REFERENCES flaky_series (number),
    id TEXT NOT NULL,
    file TEXT,
    line {int},
    seal {bytes} NOT NULL
);
CREATE INDEX flaky_tests_series ON flaky_tests (series);

-- Which tests a run told of, and what is to say of those with nothing particular: shared by runs (src/roster.rs).
CREATE TABLE flaky_rosters (
    number {int} NOT NULL PRIMARY KEY,
    series {int} NOT NULL REFERENCES flaky_series (number),
    digest {bytes} NOT NULL,
    body {bytes} NOT NULL
);
CREATE INDEX flaky_rosters_digest ON flaky_rosters (series, digest);

-- `particular`: numbers of the tests that the roster does not say all of (src/particular.rs); their rows are in
-- flaky_results, and in the seal of the run. `more`: conditions of the run that nobody asks for by column, as JSON.
CREATE TABLE flaky_runs (
    number {int} NOT NULL PRIMARY KEY,
    run TEXT NOT NULL UNIQUE,
    series {int} NOT NULL REFERENCES flaky_series (number),
    roster {int} NOT NULL REFERENCES flaky_rosters (number),
    started {int} NOT NULL,
    branch TEXT,
    pull_request {int},
    url TEXT,
    changed {int} NOT NULL,
    revision TEXT,
    flaky_version TEXT NOT NULL,
    command TEXT NOT NULL,
    isolation TEXT NOT NULL,
    attempts {int} NOT NULL,
    failures {int} NOT NULL,
    tests {int} NOT NULL,
    verdict TEXT NOT NULL,
    cause TEXT,
    severity TEXT,
    wall_seconds DOUBLE PRECISION NOT NULL,
    cpu_seconds DOUBLE PRECISION NOT NULL,
    particular {bytes} NOT NULL,
    more TEXT NOT NULL,
    seal {bytes} NOT NULL
);
CREATE INDEX flaky_runs_started ON flaky_runs (series, started);
CREATE INDEX flaky_runs_roster ON flaky_runs (roster);

CREATE TABLE flaky_groups (
    number {int} NOT NULL PRIMARY KEY,
    test {int} NOT NULL REFERENCES flaky_tests (number),
    fingerprint TEXT NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    trace TEXT NOT NULL,
    last_seen {int} NOT NULL,
    seal {bytes} NOT NULL
);
CREATE INDEX flaky_groups_test ON flaky_groups (test);

-- Only of tests that the roster of their run does not say all of.
CREATE TABLE flaky_results (
    test {int} NOT NULL REFERENCES flaky_tests (number),
    run {int} NOT NULL REFERENCES flaky_runs (number),
    median_seconds DOUBLE PRECISION,
    body {bytes} NOT NULL,
    PRIMARY KEY (test, run)
) {clustered};
CREATE INDEX flaky_results_run ON flaky_results (run);
