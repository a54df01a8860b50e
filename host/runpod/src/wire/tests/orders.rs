//! What a host orders.

use super::super::envelope;
use super::super::record::{self, Outgoing};
use super::*;

fn command() -> WireCommand {
    WireCommand {
        argv: vec!["pytest".into(), format!("--junitxml={}/j.xml", placeholder::REPORT_DIR)],
        env: vec![
            ("TEST_SEED".into(), WireEnv::Set("7".into())),
            ("HOME".into(), WireEnv::Remove),
            ("PATH".into(), WireEnv::Prepend("/x".into())),
        ],
        cwd: "sub/folder".into(),
    }
}

fn wire_order(index: u32) -> WireOrder {
    WireOrder {
        index: AttemptIndex(index),
        seed: Seed(u64::MAX),
        command: command(),
        support: vec![("plugin/conftest.py".into(), 0), ("b".into(), 1)],
    }
}

fn order() -> ShardOrder {
    ShardOrder {
        version: WIRE_VERSION,
        run: "r-1".parse().unwrap(),
        shard: 2,
        source: WireSource::Repository {
            url: "https://example.org/a.git".into(),
            reference: Some("main".into()),
            commit: None,
        },
        install: Some(WireInstall {
            cache_key: "k".into(),
            steps: vec![WireStep { title: "Install".into(), command: command() }],
            env: vec![("VIRTUAL_ENV".into(), WireEnv::Set(placeholder::ENV_DIR.into()))],
            timeout: Duration::from_secs(600),
        }),
        isolation: IsolationUsed::FullSharedNetwork,
        parallelism: 4,
        timeout: Duration::from_millis(1500),
        report_globs: vec!["**/*.xml".into()],
        tree_globs: vec![],
        output_quota: 1 << 20,
        env: vec![("A".into(), "b=c\n".into())],
        blobs: vec![b"\xff\0blob".to_vec(), vec![]],
        attempts: vec![wire_order(0), wire_order(9)],
    }
}

fn with(change: impl FnOnce(&mut ShardOrder)) -> ShardOrder {
    let mut order = order();
    change(&mut order);
    order
}

#[test]
fn orders_come_back_as_they_were() {
    for order in [
        order(),
        with(|o| o.source = WireSource::Packed(b"\x28\xb5 not really".to_vec())),
        with(|o| o.attempts.clear()),
        with(|o| (o.install, o.blobs) = (None, vec![b"1".to_vec(), b"2".to_vec(), b"3".to_vec()])),
        with(|o| o.attempts[0].command.cwd.clear()),
    ] {
        let packed = pack_order(&order).unwrap();
        assert_eq!(unpack_order(&packed).unwrap(), order);
    }
}

#[test]
fn orders_that_cannot_be_done_are_refused_with_one_sentence_on_both_sides() {
    type Change = Box<dyn Fn(&mut ShardOrder)>;
    let first = |change: fn(&mut WireOrder)| -> Change { Box::new(move |o| change(&mut o.attempts[0])) };
    let repository = |url: &'static str, reference: &'static str| -> Change {
        let source =
            WireSource::Repository { url: url.into(), reference: Some(reference.into()), commit: None };
        Box::new(move |o| o.source = source.clone())
    };
    let table: Vec<(Change, &str)> = vec![
        (Box::new(|o| o.parallelism = 0), "0 attempts side by side; expected 1 to 256"),
        (Box::new(|o| o.parallelism = 257), "257 attempts side by side; expected 1 to 256"),
        (Box::new(|o| o.timeout = Duration::ZERO), "the time for an attempt is 0ns; expected more than 0 s"),
        (Box::new(|o| o.timeout = Duration::MAX), "expected more than 0 s, at most 604800 s"),
        (Box::new(|o| o.output_quota = (1 << 30) + 1), "it wants 1073741825 bytes of output kept"),
        (Box::new(|o| o.source = WireSource::Packed(vec![])), "the packed folder is empty"),
        (repository("", "x"), "the repository's URL is empty"),
        (repository("--upload-pack=x", "x"), "the repository's URL starts with `-`"),
        (repository("https://a\nb", "x"), "the repository's URL holds control characters"),
        (repository("https://a", "-x"), "the reference starts with `-`"),
        (
            Box::new(|o| o.report_globs = vec!["/etc/*".into()]),
            "the pattern `/etc/*` of report files: it is not relative",
        ),
        (
            Box::new(|o| o.tree_globs = vec!["../*".into()]),
            "the pattern `../*` of files of the work tree: it holds `..`",
        ),
        (
            Box::new(|o| o.tree_globs = vec!["x".into(); 1001]),
            "more than 1000 patterns of files of the work tree",
        ),
        (Box::new(|o| o.env = vec![("".into(), "v".into())]), "the variable `` of the order has no name"),
        (
            Box::new(|o| o.env = vec![("A=B".into(), "v".into())]),
            "the variable `A=B` of the order has `=` or NUL in its name",
        ),
        (
            Box::new(|o| o.env = vec![("A".into(), "SECRET\0".into())]),
            "the variable `A` of the order has NUL in its value",
        ),
        (Box::new(|o| o.attempts[1].index = AttemptIndex(0)), "attempt 0 is there twice"),
        (first(|a| a.command.argv.clear()), "the command of attempt 0 names no program"),
        (first(|a| a.command.argv = vec!["".into()]), "the command of attempt 0 names no program"),
        (first(|a| a.command.argv[1].push('\0')), "an argument of the command of attempt 0 holds a NUL byte"),
        (first(|a| a.command.cwd = "../x".into()), "the folder `../x` of attempt 0: it holds `..`"),
        (first(|a| a.command.cwd = "/".into()), "the folder `/` of attempt 0: it is not relative"),
        (first(|a| a.command.env[0].0 = "".into()), "the variable `` of attempt 0 has no name"),
        (
            first(|a| a.support[0].0 = "a/../../b".into()),
            "the support file `a/../../b` of attempt 0: it holds `..`",
        ),
        (first(|a| a.support[0].0 = "".into()), "the support file `` of attempt 0: it names nothing"),
        (
            first(|a| a.support[0].1 = 2),
            "the support file `plugin/conftest.py` of attempt 0 is number 2, but there are 2",
        ),
        (
            Box::new(|o| o.install.as_mut().unwrap().steps[0].command.argv.clear()),
            "the command of installation step 1 names no program",
        ),
        (
            Box::new(|o| o.install.as_mut().unwrap().timeout = Duration::ZERO),
            "the time for an installation step is 0ns",
        ),
        (
            Box::new(|o| o.install.as_mut().unwrap().cache_key = "\n".into()),
            "the key of the installation is too long or holds control characters",
        ),
    ];
    for (change, message) in table {
        let order = with(change);
        for error in [pack_order(&order).unwrap_err(), unpack_order(&unchecked(&order)).unwrap_err()] {
            let error = error.to_string();
            assert!(
                error.starts_with("the shard's order is refused: ") && error.contains(message),
                "{error}"
            );
            assert!(!error.contains("SECRET"));
        }
    }
    let error = pack_order(&with(|o| o.version = 2)).unwrap_err();
    assert_eq!(error.to_string(), "the shard's order is refused: its version is 2, this side knows 1");
}

/// The order as a writer packs it that does not check.
fn unchecked(order: &ShardOrder) -> serde_json::Value {
    let source = match &order.source {
        WireSource::Repository { url, reference, commit } => {
            json!({"repository": {"url": url, "reference": reference, "commit": commit}})
        }
        WireSource::Packed(bytes) => json!({"packed": bytes.len()}),
    };
    let description = json!({
        "run": order.run, "shard": order.shard, "source": source, "install": order.install,
        "isolation": order.isolation, "parallelism": order.parallelism, "timeout": order.timeout,
        "report_globs": order.report_globs, "tree_globs": order.tree_globs,
        "output_quota": order.output_quota, "env": order.env,
        "blobs": order.blobs.iter().map(Vec::len).collect::<Vec<_>>(), "attempts": order.attempts,
        "of_a_later_writer": [1, 2],
    });
    sealed(&description, &order.blobs.concat())
}

fn sealed(description: &serde_json::Value, data: &[u8]) -> serde_json::Value {
    let description = serde_json::to_vec(description).unwrap();
    let record = Outgoing { kind: record::ORDER, description, data: vec![data] };
    envelope::seal(&record.compressed().unwrap())
}

#[test]
fn fields_of_a_later_writer_are_left_alone() {
    assert_eq!(unpack_order(&unchecked(&order())).unwrap(), order());
}

#[test]
fn what_is_no_order_is_told_so() {
    let empty = envelope::seal(&envelope::compress(b"").unwrap());
    let cut = sealed(&json!({"run": "r"}), b"");
    let (_, output) = packed(PackerLimits::default(), &[attempt(1)]);
    let bomb = {
        let mut raw = Vec::new();
        let record = Outgoing { kind: record::ORDER, description: vec![], data: vec![] };
        record.write(&mut raw).unwrap();
        raw.splice(5..13, (65_u64 << 20).to_le_bytes());
        raw.resize(65 << 20, 0);
        envelope::seal(&envelope::compress(&raw).unwrap())
    };
    for (value, message) in [
        (json!("x"), "expected an object with `version` and `data`"),
        (
            json!({"version": 9, "data": ""}),
            "the host speaks version 9 of the wire format, this side knows 1",
        ),
        (empty, "there is no order in it"),
        (output, "there is no order in it"),
        (cut, "the description of the shard's order is not understood at byte "),
        (bomb, "the shard's order: more than 67108864 bytes when decompressed"),
        (
            json!({"version": 1, "data": "A".repeat(10_000_001)}),
            "the shard's order: more than 10000000 bytes of text",
        ),
        (json!({"version": 1, "data": "AAAA"}), "the host sent something that cannot be read"),
    ] {
        let error = unpack_order(&value).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let mut blobs = unchecked(&order());
    for sizes in [json!([6]), json!([7, 0]), json!([u64::MAX, 1])] {
        let description = json!({
            "run": "r", "shard": 0, "source": {"packed": 1}, "install": null, "isolation": "copy",
            "parallelism": 1, "timeout": {"secs": 1, "nanos": 0}, "report_globs": [], "tree_globs": [],
            "output_quota": 0, "env": [], "blobs": sizes, "attempts": [],
        });
        blobs = sealed(&description, b"123456");
        let error = unpack_order(&blobs).unwrap_err().to_string();
        assert!(error.contains("it holds less data than it says"), "{error}");
    }
    assert!(blobs.is_object());
}

#[test]
fn orders_are_sent_up_to_what_the_platform_takes() {
    // Nothing in it can be compressed but the description.
    let noise = noisy(1, 7_300_000, 0).stdout.bytes;
    let of = |size: usize| with(|o| o.source = WireSource::Packed(noise[..size].to_vec()));
    let fits = |size: usize| pack_order(&of(size)).is_ok();
    let per_byte_of_text = |size: usize| size / 4 * 3;
    // What the description and zstd's own words take, give or take a block.
    let around = per_byte_of_text(size(&pack_order(&of(7_000_000)).unwrap())) - 7_000_000;
    let guess = per_byte_of_text(MAX_ORDER_TEXT) - around;
    let (mut low, mut high) = (guess - 64, guess + 64);
    assert!(fits(low) && !fits(high));
    while high - low > 1 {
        let middle = low.midpoint(high);
        if fits(middle) { low = middle } else { high = middle }
    }
    let packed = pack_order(&of(low)).unwrap();
    assert!((MAX_ORDER_TEXT - 60..=MAX_ORDER_TEXT).contains(&size(&packed)), "{}", size(&packed));
    assert_eq!(unpack_order(&packed).unwrap(), of(low));
    let error = pack_order(&of(high)).unwrap_err();
    assert_eq!(error.to_string(), "the shard's order: more than 9500000 bytes of text");
    // A packed folder at its limit leaves room for a thousand attempts.
    let largest = usize::try_from(crate::pack::MAX_PACKED_BYTES).unwrap();
    let many = with(|o| {
        o.source = WireSource::Packed(noise[..largest].to_vec());
        o.attempts = (0..1000).map(wire_order).collect();
    });
    assert!(size(&pack_order(&many).unwrap()) < 8_500_000);
}
