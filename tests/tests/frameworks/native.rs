//! All other frameworks.

use std::env;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use flaky_core::report::IsolationUsed;
use flaky_tests::Flaky;

use crate::case::{Case, PATIENT, ran, slow};

const GO: Case = Case {
    folder: "examples/go",
    command: "",
    framework: "go",
    flaky: "TestOrderIsProcessedInTime",
    broken: "TestReservingTheLastPieceLeavesNothing",
    stable: "TestDiscountIsTakenFromTheTotal",
};

const RUST: Case = Case {
    folder: "examples/rust",
    command: "",
    framework: "cargo-test",
    flaky: "order_is_processed_in_time",
    broken: "tests::reserving_the_last_piece_leaves_nothing",
    stable: "tests::discount_is_taken_from_the_total",
};

const RSPEC: Case = Case {
    folder: "tests/samples/frameworks/rspec",
    command: "",
    framework: "rspec",
    flaky: "shop delivers in time",
    broken: "shop leaves nothing",
    stable: "shop adds prices",
};

const PHPUNIT: Case = Case {
    folder: "tests/samples/frameworks/phpunit",
    command: "",
    framework: "phpunit",
    flaky: "Shop\\ShopTest::testDeliversInTime",
    broken: "Shop\\ShopTest::testLeavesNothing",
    stable: "Shop\\ShopTest::testAddsPrices",
};

const UNITTEST: Case = Case {
    folder: "tests/samples/frameworks/unittest",
    // pytest runs such tests as well, and is proposed for them.
    command: "python3 -m unittest",
    framework: "python",
    flaky: "Shop.test_delivers_in_time",
    broken: "Shop.test_leaves_nothing",
    stable: "Shop.test_adds_prices",
};

const BATS: Case = Case {
    folder: "tests/samples/frameworks/bats",
    command: "",
    framework: "bats",
    flaky: "delivers in time",
    broken: "leaves nothing",
    stable: "adds prices",
};

const CTEST: Case = Case {
    folder: "tests/samples/frameworks/ctest",
    command: "",
    framework: "ctest",
    flaky: "delivers_in_time",
    broken: "leaves_nothing",
    stable: "adds_prices",
};

const GOOGLETEST: Case = Case {
    folder: "tests/samples/frameworks/ctest-gtest",
    command: "",
    framework: "ctest",
    flaky: "Shop.DeliversInTime",
    broken: "Shop.LeavesNothing",
    stable: "Shop.AddsPrices",
};

const NEXTEST: Case = Case {
    folder: "tests/samples/frameworks/nextest",
    // `cargo test` is proposed for every crate.
    command: "cargo nextest run",
    framework: "nextest",
    flaky: "shop::tests::delivers_in_time",
    broken: "shop::tests::leaves_nothing",
    stable: "shop::tests::adds_prices",
};

const MAVEN: Case = Case {
    folder: "tests/samples/frameworks/maven",
    // What Debian's packages hold, so that nothing has to be fetched.
    command: "mvn -B -o -Dmaven.repo.local=/usr/share/maven-repo test",
    framework: "maven",
    flaky: "shop.ShopTest::deliversInTime",
    broken: "shop.ShopTest::leavesNothing",
    stable: "shop.ShopTest::addsPrices",
};

const GRADLE: Case = Case {
    folder: "tests/samples/frameworks/gradle",
    command: "",
    framework: "gradle",
    flaky: "shop.ShopTest::deliversInTime",
    broken: "shop.ShopTest::leavesNothing",
    stable: "shop.ShopTest::addsPrices",
};

/// What holds of every framework, whether it knows an order by seed or not.
fn holds(case: &Case, flaky: &Flaky) {
    let report = case.gives_the_right_verdicts(flaky);
    // Nothing that the installation leaves is missing where attempts have a network and a home of their own.
    assert_ne!(report.isolation.used, IsolationUsed::FullSharedNetwork, "{:?}", report.isolation.why);
    case.runs_one_test_alone(flaky, &report);
}

/// With Cargo as its users have it: by the proxies of rustup, which look for toolchains in the home folder, or, where
/// these tests run without rustup, as it is.
fn with_cargo(flaky: Flaky) -> Flaky {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from);
    let cargo = variable("CARGO").unwrap_or_default();
    let mut folder = cargo.parent().map(Path::to_owned).unwrap_or_default();
    let mut flaky = flaky;
    if let (Some(rustup), Some(home)) = (variable("RUSTUP_HOME"), variable("CARGO_HOME")) {
        symlink(&rustup, flaky.home().join(".rustup")).unwrap();
        folder = home.join("bin");
        let toolchain = env::var_os("RUSTUP_TOOLCHAIN").unwrap_or_default();
        flaky = flaky.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    flaky.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display()))
}

#[test]
fn go_is_prepared_seeded_shuffled_and_selected_from() {
    let flaky = GO.project();
    holds(&GO, &flaky);
    GO.shuffles_by_the_seed(&flaky);
}

#[test]
fn cargo_test_is_prepared_and_selected_from() {
    holds(&RUST, &with_cargo(RUST.project()));
}

#[test]
fn rspec_is_seeded_shuffled_and_selected_from() {
    let flaky = RSPEC.project();
    holds(&RSPEC, &flaky);
    RSPEC.shuffles_by_the_seed(&flaky);
}

#[test]
fn phpunit_is_seeded_shuffled_and_selected_from() {
    let flaky = PHPUNIT.project();
    holds(&PHPUNIT, &flaky);
    PHPUNIT.shuffles_by_the_seed(&flaky);
}

#[test]
fn unittest_is_shuffled_and_selected_from() {
    let flaky = UNITTEST.project();
    holds(&UNITTEST, &flaky);
    UNITTEST.shuffles_by_the_seed(&flaky);
}

#[test]
fn bats_is_selected_from() {
    holds(&BATS, &BATS.project());
}

#[test]
fn ctest_is_built_and_selected_from() {
    holds(&CTEST, &CTEST.project());
}

#[test]
fn googletest_below_ctest_is_built_and_selected_from() {
    holds(&GOOGLETEST, &GOOGLETEST.project());
}

#[test]
fn nextest_is_prepared_and_selected_from() {
    if slow() {
        holds(&NEXTEST, &with_cargo(NEXTEST.project()));
    }
}

#[test]
fn maven_is_seeded_shuffled_and_selected_from() {
    if slow() {
        let flaky = MAVEN.project().file(".flaky-detector.yml", "auto_install_dependencies: false\n");
        holds(&MAVEN, &flaky);
        MAVEN.shuffles_by_the_seed(&flaky);
        let flaky = flaky.with_copy_of("tests/samples/frameworks/maven-names".as_ref());
        MAVEN.runs_each_alone(&flaky, "NamesTest", |chosen, other| {
            let ((class, name), (others, others_name)) = (method(chosen), method(other));
            // Surefire looks for a class in every package whose name ends as its own.
            name == others_name && (class == others || others.ends_with(&format!(".{class}")))
        });
    }
}

#[test]
fn gradle_is_selected_from() {
    if slow() {
        let flaky = GRADLE.project();
        holds(&GRADLE, &flaky);
        let flaky = flaky.with_copy_of("tests/samples/frameworks/gradle-names".as_ref());
        GRADLE.runs_each_alone(&flaky, "Test", |chosen, other| method(chosen) == method(other));
    }
}

/// Class and method: what is selected of the JVM's tests. Of a test that runs with several arguments all are taken.
fn method(id: &str) -> (&str, &str) {
    let (class, name) = id.split_once("::").unwrap_or((id, ""));
    let end = name.find(['(', '[', '{']).unwrap_or(name.len());
    (class, name.get(..end).unwrap_or(name))
}

/// Maven's repositories may be named by its user's settings alone, which attempts with a home of their own do not see; nor
/// may they see a repository of their user's.
#[test]
fn maven_fetches_once_all_that_tests_run_with() {
    if slow() {
        let settings = "<settings><mirrors><mirror><id>here</id><mirrorOf>*</mirrorOf>
            <url>file:///usr/share/maven-repo</url></mirror></mirrors></settings>";
        let flaky = MAVEN.project().own_cache().home_file(".m2/settings.xml", settings);
        // Java asks the system, not `HOME`.
        let home = format!("-Duser.home={}", flaky.home().display());
        let flaky = flaky.env("MAVEN_OPTS", home);
        fetches_once(&Case { command: "", ..MAVEN }, &flaky);
    }
}

/// What tests need only when they run is fetched as well.
#[test]
fn gradle_fetches_once_all_that_tests_run_with() {
    if slow() {
        let repository = Served::new("/usr/share/maven-repo");
        let build = format!(
            "apply plugin: 'java'
            repositories {{ maven {{ url 'http://127.0.0.1:{}/' }} }}
            dependencies {{ testCompile 'junit:junit:4.13.2'; testRuntime 'commons-io:commons-io:2.11.0' }}",
            repository.port()
        );
        let test = "package shop;
            public class RunTest {
                @org.junit.Test public void finds() throws Exception {
                    Class.forName(\"org.apache.commons.io.IOUtils\");
                }
            }";
        let flaky = GRADLE.project().own_cache().file("build.gradle", build);
        let flaky = flaky.file("src/test/java/shop/RunTest.java", test);
        fetches_once(&GRADLE, &flaky);
    }
}

/// Everything is there where attempts have a network and a home of their own, and the second run fetches nothing.
fn fetches_once(case: &Case, flaky: &Flaky) {
    let runs = format!("--first-seed 1 --runs 3 {PATIENT}");
    let title = "fetching what the";
    let first = flaky.run(&runs).warns(title);
    let report = first.report();
    assert_eq!(report.isolation.used, IsolationUsed::Full, "{}", first.everything());
    let failed: Vec<_> = report.tests.iter().filter(|test| test.failures > 0).collect();
    assert!(failed.len() == 2, "the flaky one and the broken one: {failed:#?}\n{}", first.everything());
    assert_eq!(report.subject.framework, case.framework);
    let again = flaky.run(&runs);
    assert_eq!(ran(&again), ran(&first), "{}", again.everything());
    assert!(!again.stderr.contains(title), "served from cache\n{}", again.everything());
}

/// A folder behind HTTP on loopback.
struct Served(Child, u16);

impl Served {
    fn new(folder: &str) -> Self {
        let script = "import functools, http.server, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
print(server.server_port, flush=True)
server.serve_forever()";
        let mut command = Command::new("python3");
        command.args(["-c", script, folder]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(server, line.trim().parse().unwrap())
    }

    fn port(&self) -> u16 {
        self.1
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
