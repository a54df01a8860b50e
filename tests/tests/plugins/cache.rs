//! The cache of compiled plugins, with real processes: what is kept, what is taken away, and what becomes of it where a
//! disk is full or somebody else writes there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use flaky_tests::{Flaky, Who, place};

fn guest() -> String {
    place::guest("hostile").display().to_string()
}

/// Needs compiled code of a component, kept or new.
fn uses_a_plugin(flaky: &Flaky) -> Output {
    let mut command = flaky.command(&["plugin", "precompile", &guest()]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
}

fn entries(flaky: &Flaky) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        fs::read_dir(flaky.cache().join("components")).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

fn only_entry(flaky: &Flaky) -> PathBuf {
    let all = entries(flaky);
    assert_eq!(all.len(), 1, "{all:?}");
    all.into_iter().next().unwrap()
}

#[test]
fn what_was_compiled_once_is_there_the_next_time() {
    let flaky = Flaky::new().empty_cache();
    let precompile = format!("plugin precompile {} builtin:tap", guest());
    let _ =
        flaky.flaky(&precompile).exits(0).says("hostile.wasm: compiled, ").says("builtin:tap: compiled, ");
    assert_eq!(entries(&flaky).len(), 2);
    let again = flaky.flaky(&precompile).exits(0);
    let _ = again.says("hostile.wasm: was compiled already, ").says("builtin:tap: was compiled already, ");
    // A command that uses the plugin finds it.
    let written = |path: &PathBuf| fs::metadata(path).unwrap().modified().unwrap();
    let before: Vec<_> = entries(&flaky).iter().map(written).collect();
    let flaky = flaky.file("log", "TAP version 13\n1..1\nok 1 - a\n");
    let _ = flaky.flaky("parse --parser tap log").exits(0);
    let after: Vec<_> = entries(&flaky).iter().map(written).collect();
    assert_eq!(before, after);
}

#[test]
fn what_cannot_be_compiled_is_refused_before_anything_is_kept() {
    let flaky = Flaky::new().empty_cache().file("text.wasm", "not WebAssembly");
    let _ = flaky
        .flaky("plugin precompile text.wasm")
        .exits(2)
        .warns("text.wasm")
        .warns("is not a WebAssembly component");
    let _ =
        flaky.flaky("plugin precompile builtin:nobody").exits(2).warns("there is no bundled plugin `nobody`");
    let _ = flaky.flaky("plugin precompile").exits(2).warns("<PLUGIN>");
    let version = place::guest("version-2").display().to_string();
    let _ =
        flaky.flaky(&format!("plugin precompile {version}")).exits(2).warns("0.2.0").warns("upgrade `flaky`");
    assert!(entries_or_none(&flaky).is_empty());
}

fn entries_or_none(flaky: &Flaky) -> Vec<PathBuf> {
    if flaky.cache().join("components").exists() { entries(flaky) } else { Vec::new() }
}

#[test]
fn the_cache_is_told_and_taken_away_and_nothing_else() {
    let flaky = Flaky::new().empty_cache();
    let _ = flaky.flaky("cache info").exits(0).says("cache folder: ").says("compiled plugins").says("0.0 kB");
    let _ = flaky.flaky(&format!("plugin precompile {}", guest())).exits(0);
    fs::create_dir_all(flaky.cache().join("environments/some")).unwrap();
    fs::write(flaky.cache().join("environments/some/file"), [1; 10_000]).unwrap();
    fs::write(flaky.cache().join("mine"), "mine").unwrap();
    let _ = flaky.flaky("cache info").exits(0).says("1 files").says("installed dependencies");
    let _ = flaky.flaky("cache clean --plugins").exits(0).says("compiled plugins: ").says("removed");
    assert!(entries_or_none(&flaky).is_empty());
    assert!(flaky.cache().join("environments/some/file").exists());
    let _ = flaky.flaky("cache clean").exits(0).says("installed dependencies: ");
    assert!(!flaky.cache().join("environments/some").exists());
    assert_eq!(fs::read_to_string(flaky.cache().join("mine")).unwrap(), "mine");
}

#[test]
fn an_entry_that_was_harmed_between_two_processes_is_made_again() {
    let flaky = Flaky::new().empty_cache();
    assert!(uses_a_plugin(&flaky).status.success());
    let entry = only_entry(&flaky);
    let whole = fs::read(&entry).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 3] ^= 0x10;
    for harmed in [&whole[..0], &whole[..40], &whole[..whole.len() - 1], &flipped] {
        fs::write(&entry, harmed).unwrap();
        let used = uses_a_plugin(&flaky);
        assert!(used.status.success(), "{used:?}");
        assert!(String::from_utf8_lossy(&used.stdout).contains(": compiled, "), "{used:?}");
        assert!(fs::read(only_entry(&flaky)).unwrap() == whole);
    }
    // Somebody else's file, however intact. Only root can give one away; others can open theirs to all.
    if std::os::unix::fs::chown(&entry, Some(12_345), None).is_err() {
        fs::set_permissions(&entry, fs::Permissions::from_mode(0o666)).unwrap();
    }
    assert!(String::from_utf8_lossy(&uses_a_plugin(&flaky).stdout).contains(": compiled, "));
    assert!(String::from_utf8_lossy(&uses_a_plugin(&flaky).stdout).contains(": was compiled already, "));
}

#[test]
fn processes_that_compile_the_same_at_once_leave_one_whole_entry() {
    let flaky = Flaky::new().empty_cache();
    let start = || {
        let mut command = flaky.command(&["plugin", "precompile", &guest()]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..4).map(|_| start()).collect();
    for child in children {
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
    }
    only_entry(&flaky);
    assert!(String::from_utf8_lossy(&uses_a_plugin(&flaky).stdout).contains(": was compiled already, "));
}

/// While processes use it, somebody writes whatever into the entry: each of them compiles for itself or reads what is
/// whole, and none crashes.
#[test]
fn an_entry_that_changes_all_the_time_harms_no_process() {
    let flaky = Flaky::new().empty_cache();
    assert!(uses_a_plugin(&flaky).status.success());
    let entry = only_entry(&flaky);
    let whole = fs::read(&entry).unwrap();
    std::thread::scope(|scope| {
        let users = scope.spawn(|| {
            for _ in 0..6 {
                let used = uses_a_plugin(&flaky);
                assert!(used.status.success(), "{used:?}");
            }
        });
        let mut round = 0;
        while !users.is_finished() {
            round += 1;
            let mut bytes = whole.clone();
            let at = round * 7919 % bytes.len();
            bytes[at] ^= 1;
            bytes.truncate(if round % 3 == 0 { at } else { bytes.len() });
            // It may just be replaced; the next round comes.
            let _ = fs::write(&entry, bytes);
        }
    });
}

#[test]
fn a_folder_that_cannot_be_written_keeps_nothing_and_stops_nobody() {
    // Root may write everywhere.
    let flaky = Flaky::of(Who::User).empty_cache().file("log", "TAP version 13\n1..1\nok 1 - a\n");
    fs::set_permissions(flaky.cache(), fs::Permissions::from_mode(0o555)).unwrap();
    let _ = flaky.flaky("parse --parser tap log").exits(0);
    let _ = flaky.flaky("plugin precompile builtin:tap").exits(1).warns("its compiled code is not kept");
    fs::set_permissions(flaky.cache(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_full_disk_keeps_nothing_and_stops_nobody() {
    let flaky = Flaky::new().empty_cache().file("log", "TAP version 13\n1..1\nok 1 - a\n");
    // A disk of 64 kB, seen by these processes alone; it goes with them.
    let script =
        format!("mount -t tmpfs -o size=64k,mode=700 none '{}' || exit 99; \"$@\"", flaky.cache().display());
    let on_it = |args: &[&str]| -> Output {
        let own = flaky.command(args);
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script, "sh"]).arg(own.get_program()).args(own.get_args());
        command.current_dir(flaky.project()).env_clear();
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?)))).output().unwrap()
    };
    let used = on_it(&["parse", "--parser", "tap", "log"]);
    if !nix::unistd::geteuid().is_root()
        || used.status.code() == Some(99)
        || !Path::new("/usr/bin/unshare").exists()
    {
        eprintln!("no disk can be mounted here: a full one was not tried");
        return;
    }
    assert!(used.status.success(), "{used:?}");
    let precompile = on_it(&["plugin", "precompile", "builtin:tap"]);
    assert_eq!(precompile.status.code(), Some(1), "{precompile:?}");
    let said = String::from_utf8_lossy(&precompile.stderr).into_owned();
    assert!(said.contains("its compiled code is not kept") && said.contains("No space left"), "{said}");
}
