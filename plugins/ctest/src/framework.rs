//! How CMake projects with tests are found, built, run and selected from.

mod detect;
mod instrument;
mod invocation;
mod select;

use flaky_plugin_sdk::{Command, EnvChange, InstallPlan, InstallStep, Project};

pub(crate) use detect::detect;
pub(crate) use instrument::instrument;
pub(crate) use select::select;

/// What describes a project, what a build folder is known by, and what a build is made of.
pub(crate) const PROJECT_FILES: &[&str] = &[
    "**/CMakeLists.txt",
    "**/*.cmake",
    "**/CMakePresets.json",
    "**/*.{c,cc,cpp,cxx,c++,h,hh,hpp,hxx,ipp,inl,in}",
];

/// Where attempts find what was built.
pub(crate) const BUILD_VARIABLE: &str = "FLAKY_CTEST_BUILD";

/// Whether `ctest` runs in the command.
pub(crate) fn recognises(argv: &[String]) -> bool {
    invocation::Invocation::find(argv).is_some()
}

/// Configures and builds once, into the folder of the installation: every attempt runs the same programs. A project
/// that holds a build folder already is left alone, because its author's command runs that.
///
/// The sources are read where they stand, so a test that needs its source folder finds it. `Testing/Temporary` of
/// the build folder is CTest's own and is written by every attempt.
pub(crate) fn install(project: &Project<'_>, root: &str, env_dir: &str) -> InstallPlan {
    if detect::build_folder(project, root).is_some() {
        return InstallPlan::default();
    }
    let build = format!("{env_dir}/build");
    let step = |title: &str, argv: &[&str], network| InstallStep {
        command: Command::new(argv.iter().copied()).cwd(root),
        title: title.to_owned(),
        network,
    };
    // Some projects fetch their test framework while they are configured.
    let steps = vec![
        step("configuring the CMake project", &["cmake", "-S", ".", "-B", &build], true),
        step("building the CMake project", &["cmake", "--build", &build, "--parallel"], true),
    ];
    InstallPlan {
        steps,
        env: vec![(BUILD_VARIABLE.to_owned(), EnvChange::Set(build))],
        cache_key: detect::cache_key(project, root),
    }
}
