use super::*;

fn plugin(name: &str, source: &str) -> LockedPlugin {
    LockedPlugin {
        name: name.parse().unwrap(),
        source: source.parse().unwrap(),
        version: "1.2.0".into(),
        resolved: source.starts_with("oci").then(|| Sha256Digest::new([1; 32])),
        sha256: Sha256Digest::new([2; 32]),
        size: 1234,
        contract: "0.1.0".into(),
        wants: vec!["http https://hooks.example.org".into(), "secret \"TOKEN\"".into()],
    }
}

fn lock() -> Lock {
    let mut lock = Lock::default();
    lock.put(plugin("teams", "https://example.org/teams.wasm")).unwrap();
    lock.put(plugin("infra", "oci://reg.example.org/team/infra:1.2.0")).unwrap();
    lock
}

#[test]
fn what_is_written_is_read_again_in_an_order_of_its_own() {
    let text = lock().text();
    assert_eq!(Lock::parse(&text), Ok(lock()));
    assert!(text.find("\"infra\"").unwrap() < text.find("\"teams\"").unwrap(), "sorted by name\n{text}");
    assert!(text.starts_with("# "), "it says what it is\n{text}");
    let mut other = Lock::default();
    for plugin in lock().plugins().iter().rev() {
        other.put(plugin.clone()).unwrap();
    }
    assert_eq!(other.text(), text, "whatever came first");
}

#[test]
fn an_entry_takes_the_place_of_the_one_with_its_source_and_never_anothers_name() {
    let mut lock = lock();
    let mut newer = plugin("infra", "oci://reg.example.org/team/infra:1.2.0");
    newer.version = "1.2.1".into();
    lock.put(newer.clone()).unwrap();
    assert_eq!(lock.of(&newer.source), Some(&newer));
    assert_eq!(lock.plugins().len(), 2);
    let stranger = plugin("infra", "oci://reg.example.org/other/infra:1.2.0");
    assert_eq!(lock.put(stranger), Err(InvalidLock::TwoOfAName("infra".parse().unwrap())));
    assert!(lock.remove(&newer.name).is_some());
    assert!(lock.remove(&newer.name).is_none());
}

/// What somebody did to the text, the line that is named, and a part of what is said.
type Edit = (fn(&str) -> String, Option<usize>, &'static str);

#[test]
fn what_nobody_could_have_written_is_refused_by_its_line() {
    let edits: [Edit; 16] = [
        (|t| t.replace("version = 1\n", "version = 2\n"), Some(3), "reads up to version 1"),
        (|t| t.replace("version = 1\n", "version = 2\nplugins = 7\n"), Some(3), "reads up to version 1"),
        (|t| t.replace("version = 1\n", "version = 0\n"), Some(3), "no version 0"),
        (|t| t.replace("version = 1\n", ""), Some(1), "version"),
        (|t| t.replace("version = 1\n", "version = \"1\"\n"), Some(3), "string"),
        (|t| t.replace("size = 1234", "size = -1"), Some(11), "-1"),
        (|t| t.replace("size = 1234", "size = 1234\nmode = 1"), None, "mode"),
        (|t| t.replace("teams\"\n", "infra\"\n"), None, "two plugins of the name `infra`"),
        (
            |t| t.replace("https://example.org/teams.wasm", "oci://reg.example.org/team/infra:1.2.0"),
            None,
            "two plugins of the source",
        ),
        (|t| t.replace("02020202", "0202020"), Some(10), "`sha256`"),
        (|t| t.replace("\"sha256:", "\"md5:"), Some(9), "`resolved`"),
        (|t| t.replace("oci://", "ftp://"), Some(7), "`source`"),
        (|t| t.replace("\"infra\"", "\"../infra\""), Some(6), "`name`"),
        (|t| t.replace("\"0.1.0\"", "\"\\u001b[31m\""), Some(12), "control character"),
        (|t| t.replace("[[plugin]]", "<<<<<<< HEAD\n[[plugin]]"), Some(5), ""),
        (|_| "\u{0}".into(), Some(1), ""),
    ];
    for (number, (edit, line, said)) in edits.iter().enumerate() {
        let text = edit(&lock().text());
        let (found, why) = Lock::parse(&text).expect_err(&text);
        let shown = format!("{number}: {found:?} {why}\n{text}");
        assert!(why.to_string().contains(said), "{shown}");
        assert!(found.is_some() && (line.is_none() || found == *line), "{shown}");
    }
}

#[test]
fn a_file_is_written_whole_and_links_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(LOCK_FILE_NAME);
    assert_eq!(Lock::load(&path).unwrap(), None);
    lock().save(&path).unwrap();
    assert_eq!(Lock::load(&path).unwrap(), Some(lock()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let error = Lock::load(&link).unwrap_err();
    assert!(matches!(error.kind, LockErrorKind::NotAFile), "{error}");
    fs::write(&path, vec![b'#'; 2 << 20]).unwrap();
    let error = Lock::load(&path).unwrap_err();
    assert!(matches!(error.kind, LockErrorKind::Invalid(InvalidLock::TooLarge)), "{error}");
}
