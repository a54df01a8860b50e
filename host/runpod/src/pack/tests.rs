use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use proptest::prelude::*;
use tar::{EntryType, Header};

use super::*;

/// Every entry below a folder by its path: what it is and what it holds.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let status = fs::symlink_metadata(&path).unwrap();
            let mode = status.permissions().mode() & 0o7777;
            let what = if status.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else if status.is_dir() {
                open.push(path.clone());
                format!("{mode:o}/")
            } else {
                format!("{mode:o} {}", String::from_utf8_lossy(&fs::read(&path).unwrap()))
            };
            found.insert(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned(), what);
        }
    }
    found
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn there_and_back(folder: &Path) -> (PackedFolder, BTreeMap<String, String>) {
    let packed = pack_folder(folder, MAX_PACKED_BYTES).unwrap();
    let into = tempfile::tempdir().unwrap();
    unpack_folder(&packed.bytes, into.path(), UnpackLimits::default()).unwrap();
    (packed, tree(into.path()))
}

fn expected(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(path, what)| ((*path).to_owned(), (*what).to_owned())).collect()
}

#[test]
fn what_git_would_not_see_stays_behind_and_everything_else_travels() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(
        at,
        &[
            (".gitignore", "*.log\n/build/\n!keep.log\n"),
            (".git/config", "secret"),
            ("sub/.git", "gitdir: elsewhere"),
            (".hidden/x", "1"),
            ("a.log", "ignored"),
            ("keep.log", "2"),
            ("build/out", "ignored"),
            ("sub/build/in", "3"),
            ("sub/.gitignore", "only-here\n"),
            ("sub/only-here", "ignored"),
            ("only-here", "4"),
            ("run.sh", "5"),
            // Another tool's file.
            (".ignore", "run.sh\n"),
            ("empty-file", ""),
        ],
    );
    fs::create_dir(at.join("empty")).unwrap();
    fs::set_permissions(at.join("run.sh"), Permissions::from_mode(0o4711)).unwrap();
    fs::set_permissions(at.join("only-here"), Permissions::from_mode(0o600)).unwrap();
    symlink("sub/build", at.join("inner")).unwrap();
    symlink("../keep.log", at.join("sub/up")).unwrap();
    symlink("/etc/passwd", at.join("absolute")).unwrap();
    symlink("../../outside", at.join("sub/outside")).unwrap();
    let _socket = UnixListener::bind(at.join("socket")).unwrap();
    let (packed, unpacked) = there_and_back(at);
    assert_eq!((packed.entries, packed.special, packed.outward_links), (15, 1, 2));
    assert_eq!(
        unpacked,
        expected(&[
            (".gitignore", "644 *.log\n/build/\n!keep.log\n"),
            (".hidden", "755/"),
            (".hidden/x", "644 1"),
            (".ignore", "644 run.sh\n"),
            ("empty", "755/"),
            ("empty-file", "644 "),
            ("inner", "-> sub/build"),
            ("keep.log", "644 2"),
            ("only-here", "644 4"),
            ("run.sh", "755 5"),
            ("sub", "755/"),
            ("sub/.gitignore", "644 only-here\n"),
            ("sub/build", "755/"),
            ("sub/build/in", "644 3"),
            ("sub/up", "-> ../keep.log"),
        ])
    );
}

#[test]
fn only_within_a_repository_do_files_above_count() {
    let above = tempfile::tempdir().unwrap();
    write(above.path(), &[(".gitignore", "*\n"), ("inside/a", "1")]);
    let (packed, _) = there_and_back(&above.path().join("inside"));
    assert_eq!(packed.entries, 1);
    fs::create_dir(above.path().join(".git")).unwrap();
    let (packed, _) = there_and_back(&above.path().join("inside"));
    assert_eq!(packed.entries, 0);
}

/// An index as git writes it (gitformat-index), of version 2 or 4, with nothing in it but paths and modes.
fn index(version: u32, paths: &[(&str, u32)]) -> Vec<u8> {
    let mut bytes =
        [b"DIRC".as_slice(), &version.to_be_bytes(), &(paths.len() as u32).to_be_bytes()].concat();
    let mut before = "";
    for (path, mode) in paths {
        let start = bytes.len();
        bytes.extend([0; 24]);
        bytes.extend(mode.to_be_bytes());
        bytes.extend([0; 32]);
        bytes.extend((path.len() as u16).to_be_bytes());
        if version == 4 {
            let same = path.bytes().zip(before.bytes()).take_while(|(a, b)| a == b).count();
            bytes.push((before.len() - same) as u8);
            bytes.extend(path[same..].bytes());
            bytes.push(0);
        } else {
            bytes.extend(path.bytes());
            bytes.push(0);
            bytes.resize(start + (bytes.len() - start).next_multiple_of(8), 0);
        }
        before = path;
    }
    bytes
}

#[test]
fn what_git_tracks_travels_even_when_it_is_ignored() {
    let (file, link, submodule) = (0o100_644, 0o120_000, 0o160_000);
    let paths = [
        (".gitignore", file),
        ("gone", file),
        ("logs/deep/kept.log", file),
        ("logs/deep/link", link),
        ("logs/sub", submodule),
        ("moved/a", file),
        ("src/kept.tmp", file),
    ];
    for version in [2, 4] {
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            &[
                (".gitignore", "logs\nmoved\nelsewhere\n*.tmp\n"),
                ("src/kept.tmp", "2"),
                ("src/other.tmp", "ignored"),
                ("logs/deep/kept.log", "1"),
                ("logs/deep/other.log", "ignored"),
                ("logs/sub/x", "ignored"),
                ("elsewhere/a", "ignored"),
            ],
        );
        symlink("kept.log", folder.path().join("logs/deep/link")).unwrap();
        // Once a folder, now a link: nothing is taken through it.
        symlink("elsewhere", folder.path().join("moved")).unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        fs::write(folder.path().join(".git/index"), index(version, &paths)).unwrap();
        let (_, unpacked) = there_and_back(folder.path());
        let all = [
            (".gitignore", "644 logs\nmoved\nelsewhere\n*.tmp\n"),
            ("logs", "755/"),
            ("logs/deep", "755/"),
            ("logs/deep/kept.log", "644 1"),
            ("logs/deep/link", "-> kept.log"),
            ("moved", "-> elsewhere"),
            ("src", "755/"),
            ("src/kept.tmp", "644 2"),
        ];
        assert_eq!(unpacked, expected(&all), "version {version}");
        let (_, unpacked) = there_and_back(&folder.path().join("src"));
        assert_eq!(unpacked, expected(&[("kept.tmp", "644 2")]));
        // Who names an ignored folder means it.
        let (_, unpacked) = there_and_back(&folder.path().join("elsewhere"));
        assert_eq!(unpacked, expected(&[("a", "644 ignored")]));
    }
}

#[test]
fn an_index_that_is_not_understood_is_left_alone() {
    let whole = index(4, &[("a/b", 0o100_644), ("a/c", 0o100_644)]);
    let other_version = index(9, &[("a/b", 0o100_644)]);
    let cuts = (0..whole.len()).map(|end| whole[..end].to_vec());
    for bytes in cuts.chain([other_version, b"DIRC\0\0\0\x02\xff\xff\xff\xff".to_vec()]) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &[("a/b", "1"), (".gitignore", "a\n")]);
        fs::create_dir(folder.path().join(".git")).unwrap();
        fs::write(folder.path().join(".git/index"), &bytes).unwrap();
        assert!(pack_folder(folder.path(), MAX_PACKED_BYTES).is_ok());
    }
}

#[test]
fn the_same_folder_packs_to_the_same_bytes() {
    let files = [("b/2", "two"), ("a", "one"), ("b/1", "x"), ("b.c", "y")];
    let pack = |order: &[usize]| {
        let folder = tempfile::tempdir().unwrap();
        order.iter().for_each(|at| write(folder.path(), &files[*at..=*at]));
        pack_folder(folder.path(), MAX_PACKED_BYTES).unwrap().bytes
    };
    assert_eq!(pack(&[0, 1, 2, 3]), pack(&[3, 2, 1, 0]));
}

#[test]
fn long_and_strange_names_travel() {
    let folder = tempfile::tempdir().unwrap();
    let deep = vec!["x".repeat(100); 8].join("/");
    write(folder.path(), &[(&format!("{deep}/file"), "1"), ("new\nline", "2")]);
    symlink(&deep, folder.path().join("l".repeat(200))).unwrap();
    fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"\xff")), "3").unwrap();
    let (_, unpacked) = there_and_back(folder.path());
    assert_eq!(unpacked, tree(folder.path()));
}

#[test]
fn a_folder_is_packed_up_to_its_limit_and_the_error_says_what_is_large() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = 1_u32;
    let mut noise = |size: usize| {
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..size).map(next).collect::<Vec<_>>()
    };
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/a"), noise(150_000)).unwrap();
    fs::write(folder.path().join("data/b"), noise(150_000)).unwrap();
    fs::write(folder.path().join("one"), noise(200_000)).unwrap();
    fs::write(folder.path().join("two"), noise(1_500)).unwrap();
    fs::write(folder.path().join("three"), "x").unwrap();
    let size = pack_folder(folder.path(), u64::MAX).unwrap().bytes.len() as u64;
    for (limit, fits) in [(0, false), (1000, false), (size - 1, false), (size, true), (size + 1, true)] {
        assert_eq!(pack_folder(folder.path(), limit).is_ok(), fits, "{limit} of {size}");
    }
    let error = pack_folder(folder.path(), 100_000).unwrap_err();
    let path = fs::canonicalize(folder.path()).unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "`{}` is too large to be sent: packed it takes more than 0.1 MB; largest are `data/` (0.3 MB), `one` \
             (0.2 MB), `two` (1.5 kB)",
            path.display()
        )
    );
    assert!(error.hint().unwrap().starts_with("push it to a repository"));
}

#[test]
fn a_folder_that_would_not_be_unpacked_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    // Sparse: nothing is on the disk, and it would pack to nearly nothing.
    fs::File::create(folder.path().join("huge")).unwrap().set_len((512 << 20) + 1).unwrap();
    let error = pack_folder(folder.path(), MAX_PACKED_BYTES).unwrap_err().to_string();
    assert!(error.contains("unpacked it takes more than 536.8 MB; largest is `huge` (536.8 MB)"), "{error}");
}

#[test]
fn what_is_no_folder_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let error = pack_folder(&folder.path().join("missing"), 1000).unwrap_err().to_string();
    assert!(error.starts_with("cannot open the folder `"), "{error}");
    fs::write(folder.path().join("file"), "x").unwrap();
    let error = pack_folder(&folder.path().join("file"), 1000).unwrap_err().to_string();
    assert!(error.starts_with("cannot open the folder `"), "{error}");
}

/// Kind, path, target or content, mode.
type Raw<'a> = (EntryType, &'a [u8], &'a [u8], u32);

/// An archive with whatever is in it.
fn archive(entries: &[Raw<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, path, content, mode) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.as_old_mut().name[..path.len()].copy_from_slice(path);
        let is_link = [EntryType::Symlink, EntryType::Link].contains(kind);
        if is_link {
            header.as_old_mut().linkname[..content.len()].copy_from_slice(content);
        }
        header.set_size(if is_link { 0 } else { content.len() as u64 });
        header.set_cksum();
        bytes.extend(header.as_bytes());
        if !is_link {
            bytes.extend(*content);
            bytes.resize(bytes.len().next_multiple_of(512), 0);
        }
    }
    bytes.resize(bytes.len() + 1024, 0);
    zstd::stream::encode_all(bytes.as_slice(), 3).unwrap()
}

#[test]
fn hostile_archives_are_refused_and_nothing_appears_outside() {
    use EntryType as E;
    let long = vec![b'x'; 5000];
    let deep = "d/".repeat(201);
    let table: Vec<(Vec<Raw<'_>>, &str)> = vec![
        (vec![(E::Regular, b"/abs", b"x", 0o644)], "the path `/abs` is not relative"),
        (vec![(E::Regular, b"../up", b"x", 0o644)], "the path `../up` holds `..`"),
        (vec![(E::Regular, b"a/../../up", b"x", 0o644)], "holds `..`"),
        (vec![(E::Directory, b"..", b"", 0o755)], "the path `..` holds `..`"),
        (vec![(E::Regular, b".git/hooks/post-checkout", b"x", 0o755)], "holds `.git`"),
        (vec![(E::Regular, b"", b"x", 0o644)], "names nothing"),
        (vec![(E::Regular, b".", b"x", 0o644)], "names nothing"),
        (vec![(E::Symlink, b"l", b"/etc", 0o777)], "the link `l` leads out of it"),
        (vec![(E::Symlink, b"l", b"..", 0o777)], "the link `l` leads out of it"),
        (vec![(E::Symlink, b"a/l", b"../../x", 0o777)], "the link `a/l` leads out of it"),
        (vec![(E::Symlink, b"l", b"a/../../x", 0o777)], "the link `l` leads out of it"),
        (vec![(E::Symlink, b"l", b"", 0o777)], "the link `l` leads out of it"),
        (vec![(E::Link, b"h", b"/etc/passwd", 0o644)], "`h` is neither file, folder nor link"),
        (vec![(E::Char, b"c", b"", 0o644)], "`c` is neither file, folder nor link"),
        (vec![(E::Block, b"c", b"", 0o644)], "`c` is neither file, folder nor link"),
        (vec![(E::Fifo, b"c", b"", 0o644)], "`c` is neither file, folder nor link"),
        (vec![(E::GNUSparse, b"s", b"", 0o644)], "`s` is neither file, folder nor link"),
        (vec![(E::XHeader, b"p", b"", 0o644)], "`p` is neither file, folder nor link"),
        (vec![(E::XGlobalHeader, b"p", b"11 path=/x\n", 0o644)], "`p` is no file and has content"),
        (vec![(E::Directory, b"d", b"content", 0o755)], "`d` is no file and has content"),
        (vec![(E::GNULongName, b"n", &long, 0o644)], "a path is longer than 4096 bytes"),
        (vec![(E::GNULongName, b"n", b"a\0b\0", 0o644), (E::Regular, b"x", b"", 0o644)], "holds a NUL byte"),
        (
            vec![(E::GNULongName, b"n", b"/etc/x\0", 0o644), (E::Regular, b"x", b"", 0o644)],
            "`/etc/x` is not relative",
        ),
        (
            vec![(E::GNULongName, b"n", b"a", 0o644), (E::GNULongName, b"n", b"b", 0o644)],
            "a path is longer than",
        ),
        (
            vec![(E::GNULongName, b"n", deep.as_bytes(), 0o644), (E::Directory, b"x", b"", 0o644)],
            "is too deep",
        ),
        (
            vec![(E::GNULongLink, b"n", b"/etc", 0o644), (E::Symlink, b"x", b"ok", 0o644)],
            "the link `x` leads out",
        ),
        (vec![(E::Regular, b"a", b"x", 0o644), (E::Regular, b"a", b"y", 0o644)], "`a` is there twice"),
        (vec![(E::Regular, b"a", b"x", 0o644), (E::Regular, b"a/b", b"y", 0o644)], "`a` is there twice"),
        (vec![(E::Regular, b"a", b"x", 0o644), (E::Directory, b"a", b"", 0o755)], "`a` is there twice"),
        (vec![(E::Directory, b"a", b"", 0o755), (E::Regular, b"a", b"y", 0o644)], "`a` is there twice"),
        // Through a link that was made before: links are made last.
        (vec![(E::Symlink, b"l", b"d", 0o777), (E::Regular, b"l/f", b"x", 0o644)], "`l` is there twice"),
        (vec![(E::Symlink, b"l", b"d", 0o777), (E::Symlink, b"l/f", b"..", 0o777)], "`l` is there twice"),
        (vec![(E::Symlink, b"l", b"d", 0o777), (E::Symlink, b"l", b"e", 0o777)], "`l` is there twice"),
    ];
    for (entries, message) in table {
        let outer = tempfile::tempdir().unwrap();
        let into = outer.path().join("into");
        let error =
            unpack_folder(&archive(&entries), &into, UnpackLimits::default()).unwrap_err().to_string();
        assert!(
            error.starts_with("the packed folder cannot be unpacked: ") && error.contains(message),
            "{error}"
        );
        assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 1);
    }
}

#[test]
fn modes_are_plain_and_missing_parents_are_made() {
    use EntryType as E;
    let bytes = archive(&[
        (E::Regular, b"./a//b/suid", b"x", 0o6755),
        (E::Regular, b"secret", b"x", 0o000),
        (E::Directory, b"d/", b"", 0o1777),
        (E::Directory, b"a", b"", 0o000),
    ]);
    let into = tempfile::tempdir().unwrap();
    unpack_folder(&bytes, into.path(), UnpackLimits::default()).unwrap();
    let entries = [("a", "755/"), ("a/b", "755/"), ("a/b/suid", "755 x"), ("d", "755/"), ("secret", "644 x")];
    assert_eq!(tree(into.path()), expected(&entries));
}

#[test]
fn bytes_and_entries_are_unpacked_up_to_their_limits() {
    use EntryType as E;
    let bytes = archive(&[
        (E::Regular, b"a", b"12345", 0o644),
        (E::Regular, b"b/c", b"67890", 0o644),
        (E::Symlink, b"l", b"a", 0o777),
    ]);
    // Two files, a link, and the folder that nobody named.
    for (limit, entries, taken) in
        [(9, 4, false), (10, 4, true), (11, 5, true), (10, 3, false), (10, 0, false), (0, 4, false)]
    {
        let into = tempfile::tempdir().unwrap();
        let limits = UnpackLimits { bytes: limit, entries };
        assert_eq!(unpack_folder(&bytes, into.path(), limits).is_ok(), taken, "{limit} {entries}");
    }
}

#[test]
fn bombs_stop_at_the_limit() {
    // One file of 9 MiB, and folders without end, both of a few kilobytes.
    let mut header = Header::new_gnu();
    header.set_path("huge").unwrap();
    header.set_mode(0o644);
    header.set_size(9 << 20);
    header.set_cksum();
    let mut file = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    io::copy(&mut io::Read::take(io::repeat(0), 9 << 20), &mut file).unwrap();
    let mut header = Header::new_gnu();
    header.set_path("again").unwrap();
    header.set_entry_type(EntryType::Directory);
    header.set_mode(0o755);
    header.set_size(0);
    header.set_cksum();
    let mut folders = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    (0..30_000).for_each(|_| folders.write_all(header.as_bytes()).unwrap());
    for (bytes, message) in [
        (file.finish().unwrap(), "more than 8388608 bytes"),
        (folders.finish().unwrap(), "more than 20000 files"),
    ] {
        assert!(bytes.len() < 100_000, "{}", bytes.len());
        let into = tempfile::tempdir().unwrap();
        let limits = UnpackLimits { bytes: 8 << 20, entries: 20_000 };
        let error = unpack_folder(&bytes, into.path(), limits).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert!(tree(into.path()).len() <= 1);
    }
}

#[test]
fn damaged_archives_and_full_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("a", "content"), ("b", "more")]);
    let packed = pack_folder(folder.path(), MAX_PACKED_BYTES).unwrap();
    for end in 0..packed.bytes.len() {
        let into = tempfile::tempdir().unwrap();
        let result = unpack_folder(&packed.bytes[..end], into.path(), UnpackLimits::default());
        assert!(matches!(result, Err(PackError::Malformed(_))), "{end}: {result:?}");
    }
    let error = unpack_folder(&packed.bytes, folder.path(), UnpackLimits::default()).unwrap_err();
    assert!(matches!(error, PackError::NotEmpty(_)), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nonsense_is_an_error_and_stays_inside(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        use EntryType as E;
        let good = archive(&[
            (E::Directory, b"d", b"", 0o755),
            (E::Regular, b"d/a", b"x", 0o644),
            (E::Symlink, b"d/l", b"../d/a", 0o777),
        ]);
        let mut raw = zstd::stream::decode_all(good.as_slice()).unwrap();
        for (at, byte) in damage {
            let at = at.index(raw.len());
            raw[at] = byte;
        }
        // With checksums that hold, or all of it would end there.
        for header in raw.chunks_exact_mut(512) {
            let sum: u32 = header.iter().enumerate().map(|(at, b)| if (148..156).contains(&at) { 32 } else { u32::from(*b) }).sum();
            if header.iter().any(|b| *b != 0) && header[0] != b'x' {
                header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        let outer = tempfile::tempdir().unwrap();
        let bytes = zstd::stream::encode_all(raw.as_slice(), 1).unwrap();
        let _ = unpack_folder(&bytes, &outer.path().join("into"), UnpackLimits::default());
        prop_assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 1);
    }
}
