//! What a worker sends back.

use std::io::Write as _;

use super::super::envelope;
use super::super::record::{self, Outgoing};
use super::super::squeeze::{Squeeze, Tally};
use super::*;

const fn assert_send<T: Send>() {}
const _: () = assert_send::<Packer>();
const _: () = assert_send::<Parts>();

#[test]
fn a_head_and_attempts_come_back_as_they_were() {
    let all = [attempt(0), attempt(7)];
    let (chunks, output) = packed(PackerLimits::default(), &all);
    let mut expected: Vec<Part> = vec![Part::Head(Box::new(head()))];
    expected.extend(all.iter().cloned().map(|a| Part::Attempt(Box::new(a))));
    assert_eq!(unpack_part(&output, PartLimits::default()).unwrap(), expected);
    assert_eq!(chunks.len(), 1);
    assert_eq!(attempts(&chunks[0]), all);
    let alone = Packer::new(PackerLimits::default()).head_chunk(&head()).unwrap();
    assert_eq!(unpack_part(&alone, PartLimits::default()).unwrap(), [Part::Head(Box::new(head()))]);
}

#[test]
fn an_attempt_is_packed_alone_with_as_much_of_it_as_fits() {
    let limits = PackerLimits { chunk: 5_000, ..PackerLimits::default() };
    assert_eq!(attempts(&pack_attempt(&attempt(3), limits).unwrap()), [attempt(3)]);
    let cut = attempts(&pack_attempt(&noisy(4, 50_000, 1_000), limits).unwrap()).remove(0);
    assert!(!cut.is_whole() && cut.reports[0].bytes.len() == 1_000);
    assert_eq!(pack_attempt(&attempt(3), PackerLimits { chunk: 80, ..limits }), None);
}

#[test]
fn without_attempts_the_output_is_the_head() {
    let mut packer = Packer::new(PackerLimits::default());
    assert_eq!(packer.flush(), None);
    let output = packer.finish(&head()).unwrap();
    assert_eq!(unpack_part(&output, PartLimits::default()).unwrap(), [Part::Head(Box::new(head()))]);
}

#[test]
fn small_attempts_share_a_chunk_and_none_is_in_two() {
    let mut packer = Packer::new(PackerLimits::default());
    for index in 0..10 {
        assert_eq!(packer.push(attempt(index)), Vec::<serde_json::Value>::new());
    }
    let first = packer.flush().unwrap();
    assert_eq!((attempts(&first).len(), packer.flush()), (10, None));
    packer.push(attempt(10));
    let second = packer.flush().unwrap();
    assert_eq!(attempts(&second), [attempt(10)]);
}

#[test]
fn chunks_that_cannot_be_compressed_stay_under_their_limit() {
    let limits = PackerLimits { chunk: 100_000, ..PackerLimits::default() };
    for each in [1_000, 50_000, 72_000, 73_000, 74_000, 75_000, 76_000, 300_000] {
        let count = 4_000_000 / each.max(100_000) as u32;
        let all: Vec<_> = (0..count).map(|index| noisy(index, each, 0)).collect();
        let (chunks, output) = packed(limits, &all);
        assert!(chunks.iter().all(|chunk| size(chunk) <= limits.chunk), "{each}");
        let sent: Vec<_> = chunks.iter().flat_map(attempts).collect();
        assert_eq!(sent.iter().map(|a| a.index.0).collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
        assert!(attempts(&output) == all, "{each}: the output holds what chunks could not");
        if each <= 72_000 {
            assert!(sent == all, "{each}");
        } else if each >= 76_000 {
            assert!(sent.iter().all(|a| !a.is_whole()), "{each}");
            assert!(all.iter().zip(&sent).all(|(whole, cut)| whole.holds_more_than(cut)));
            assert!(sent.iter().all(|cut| cut.stdout.bytes.len() > 30_000), "half of the room is used");
        }
    }
}

/// What is kept must be what stands at the ends of the stream, and the cut must say where.
fn check_cut(whole: &WireStream, kept: &WireStream) {
    match kept.cut {
        None => assert_eq!(whole, kept),
        Some((from, to)) => {
            let tail = whole.bytes.len() - usize::try_from(to).unwrap();
            let (head, end) = kept.bytes.split_at(usize::try_from(from).unwrap());
            assert_eq!(end.len(), tail);
            assert!(whole.bytes.starts_with(head) && whole.bytes.ends_with(end));
        }
    }
}

#[test]
fn an_output_over_its_limit_keeps_every_attempt_and_the_ends_of_its_streams() {
    let limits = PackerLimits { chunk: 100_000, output: 400_000, ..PackerLimits::default() };
    // Half a megabyte in small outputs beside some large ones: of 5 MB, 0.3 MB can stay.
    let all: Vec<_> = (0..100).map(|i| noisy(i, if i % 10 == 0 { 500_000 } else { 1_000 }, 0)).collect();
    let (_, output) = packed(limits, &all);
    assert!(size(&output) <= limits.output && size(&output) > limits.output / 3, "{}", size(&output));
    let kept = attempts(&output);
    assert_eq!(kept.len(), 100);
    for (whole, kept) in all.iter().zip(&kept) {
        assert_eq!(
            (whole.index, whole.seed, whole.exit, whole.usage),
            (kept.index, kept.seed, kept.exit, kept.usage)
        );
        check_cut(&whole.stdout, &kept.stdout);
        // All give alike: the small ones are not touched.
        let small = whole.stdout.bytes.len() <= 1_000;
        assert_eq!(kept.is_whole(), small);
        assert!(small || (8_000..40_000).contains(&kept.stdout.bytes.len()), "{}", kept.stdout.bytes.len());
    }
}

#[test]
fn report_files_outlive_output_and_small_files_outlive_large_ones() {
    let limits = PackerLimits { output: 400_000, ..PackerLimits::default() };
    let all: Vec<_> = (0..50).map(|i| noisy(i, 100_000, if i % 10 == 0 { 400_000 } else { 4_000 })).collect();
    let (_, output) = packed(limits, &all);
    assert!(size(&output) <= limits.output);
    for (whole, kept) in all.iter().zip(&attempts(&output)) {
        let expected = if whole.reports[0].bytes.len() > 4_000 {
            WireFile { name: "r.xml".into(), bytes: vec![], left_out: true }
        } else {
            whole.reports[0].clone()
        };
        assert!(kept.reports == [expected]);
        check_cut(&whole.stdout, &kept.stdout);
        assert!(kept.stdout.bytes.len() >= 1024);
    }
}

#[test]
fn an_output_is_cut_at_its_limit_and_not_before() {
    let all = [noisy(1, 90_000, 0)];
    let whole = size(&packed(PackerLimits::default(), &all).1);
    // What is reserved for braces, and for how a compressed stream ends, is the only room that is not used.
    for (output, uncut) in [(whole - 1, false), (whole + 200, true), (whole + 201, true)] {
        let limits = PackerLimits { output, ..PackerLimits::default() };
        let output = packed(limits, &all).1;
        assert!(size(&output) <= limits.output);
        assert_eq!(attempts(&output)[0].is_whole(), uncut, "{} of {whole}", limits.output);
    }
}

#[test]
fn what_the_host_would_not_decompress_is_not_sent() {
    // A megabyte of blanks is a few hundred bytes on the way.
    let limits = PackerLimits { raw: 4 << 20, ..PackerLimits::default() };
    let blank = |index| WireAttempt {
        stdout: WireStream { bytes: vec![b' '; 1 << 20], cut: None },
        ..noisy(index, 0, 0)
    };
    let mut all: Vec<_> = (0..20).map(blank).collect();
    all.push(WireAttempt { stdout: WireStream { bytes: vec![b' '; 5 << 20], cut: None }, ..noisy(20, 0, 0) });
    let (chunks, output) = packed(limits, &all);
    let reader = PartLimits { raw: limits.raw, ..PartLimits::default() };
    let count = |value: &serde_json::Value| unpack_part(value, reader).unwrap().len();
    assert_eq!(count(&output), 22);
    assert_eq!(chunks.iter().map(count).sum::<usize>(), 21);
    attempts(&output).iter().zip(&all).for_each(|(kept, whole)| check_cut(&whole.stdout, &kept.stdout));
}

#[test]
fn one_flood_does_not_cut_the_others() {
    let mut all: Vec<_> = (0..20).map(|index| noisy(index, 5_000, 2_000)).collect();
    all.insert(3, noisy(99, 20_000_000, 0));
    let (_, output) = packed(PackerLimits::default(), &all);
    let kept = attempts(&output);
    assert!(kept.iter().filter(|a| a.index.0 != 99).all(WireAttempt::is_whole));
    assert!(kept[3].stdout.bytes.len() > 2_000_000, "{}", kept[3].stdout.bytes.len());
}

#[test]
fn at_worst_only_how_attempts_ended_is_left() {
    let limits = PackerLimits { chunk: 2_000, output: 30_000, ..PackerLimits::default() };
    let worst = |index| WireAttempt {
        reports: (0..200).map(|n| file(&format!("{index}/{n}-{}", n * 7919 * (index + 3)), b"x")).collect(),
        error: Some(format!("{index}").repeat(900)),
        ..noisy(index, 50_000, 0)
    };
    let all: Vec<_> = (0..200).map(worst).collect();
    let (chunks, output) = packed(limits, &all);
    assert!(size(&output) <= limits.output);
    let kept = attempts(&output);
    assert_eq!(kept.iter().map(|a| a.index.0).collect::<Vec<_>>(), (0..200).collect::<Vec<_>>());
    assert!(kept.iter().all(|a| a.exit == Exit::Code(1) && !a.is_whole()));
    assert!(kept.iter().all(|a| a.notes.contains(&("files-left-behind".into(), 200))));
    assert!(chunks.iter().all(|chunk| size(chunk) <= limits.chunk));
}

#[test]
fn when_not_even_that_fits_it_is_said() {
    let mut packer = Packer::new(PackerLimits { output: 1_000, ..PackerLimits::default() });
    (0..200).for_each(|index| drop(packer.push(noisy(index, 10, 0))));
    let error = packer.finish(&head()).unwrap_err();
    assert_eq!(error.to_string(), "how the attempts ended: more than 1000 bytes of text");
}

#[test]
fn names_that_lead_out_are_not_passed_on() {
    let hostile = WireAttempt {
        reports: vec![file("../x", b"1"), file("ok", b"2"), file("/abs", b"3"), file("", b"4")],
        notes: vec![("files-left-behind".into(), 5)],
        ..noisy(0, 0, 0)
    };
    let (_, output) = packed(PackerLimits::default(), &[hostile]);
    let kept = attempts(&output).remove(0);
    assert_eq!(kept.reports, [file("ok", b"2")]);
    assert_eq!(kept.notes, [("files-left-behind".to_owned(), 8)]);
}

#[test]
fn endless_texts_of_a_head_are_cut() {
    let long = ShardHead {
        notes: vec![("c".into(), "ä".repeat(1 << 20)); 1000],
        failure: Some(ShardFailure {
            kind: ShardFailureKind::Infrastructure,
            why: "x".repeat(1 << 20),
            hint: None,
        }),
        ..head()
    };
    let chunk = Packer::new(PackerLimits::default()).head_chunk(&long).unwrap();
    let parts = unpack_part(&chunk, PartLimits::default()).unwrap();
    let [Part::Head(read)] = parts.as_slice() else { panic!("{parts:?}") };
    assert_eq!(read.notes.len(), 100);
    assert!(read.notes.iter().all(|(_, text)| text.len() <= (16 << 10) + 3 && text.ends_with('…')));
    let tiny = Packer::new(PackerLimits { chunk: 100, ..PackerLimits::default() });
    assert!(matches!(tiny.head_chunk(&head()), Err(WireError::TooLarge { .. })));
}

/// Sealed as a worker would, with whatever is in it.
fn sealed(records: &[Outgoing<'_>]) -> serde_json::Value {
    let mut raw = Vec::new();
    records.iter().for_each(|record| record.write(&mut raw).unwrap());
    envelope::seal(&envelope::compress(&raw).unwrap())
}

fn described(kind: u8, description: &serde_json::Value, data: &'static [u8]) -> Outgoing<'static> {
    Outgoing { kind, description: serde_json::to_vec(description).unwrap(), data: vec![data] }
}

fn plain() -> serde_json::Value {
    json!({
        "index": 1, "seed": 2, "exit": {"code": 0},
        "usage": {"wall": {"secs": 1, "nanos": 0}, "cpu": {"secs": 0, "nanos": 1}, "peak_memory": 3},
        "stdout": {"size": 2}, "stderr": {"size": 0},
    })
}

#[test]
fn malformed_attempts_are_told_by_what_is_wrong_with_them() {
    let with = |field: &str, value: serde_json::Value| {
        let mut description = plain();
        description[field] = value;
        description
    };
    let many_files = json!(vec![json!({"name": "x"}); 4097]);
    let file = |name: &str, size: u64| json!([{ "name": name, "size": size }]);
    for (description, message) in [
        (json!([]), "is not understood"),
        (json!({}), "is not understood"),
        (with("exit", json!({"maybe": 1})), "is not understood"),
        (with("usage", json!({"wall": -1})), "is not understood"),
        (with("index", json!(1_u64 << 40)), "is not understood"),
        (with("stdout", json!({"size": 3})), "attempt 1 holds less data than it says"),
        (with("stdout", json!({"size": u64::MAX})), "attempt 1 holds less data than it says"),
        (with("stderr", json!({"size": 1})), "attempt 1 holds less data than it says"),
        (with("reports", file("x", 1)), "attempt 1 holds less data than it says"),
        (with("stdout", json!({"size": 2, "cut": [3, 9]})), "cut where it cannot be"),
        (with("stdout", json!({"size": 2, "cut": [1, 1]})), "cut where it cannot be"),
        (with("stdout", json!({"size": 2, "cut": [2, 1]})), "cut where it cannot be"),
        (with("tree", file("../x", 0)), "file `../x` of attempt 1: it holds `..`"),
        (with("tree", file("/x", 0)), "file `/x` of attempt 1: it is not relative"),
        (with("tree", file("a\u{0}", 0)), "of attempt 1: it holds a NUL byte"),
        (with("tree", many_files), "an attempt: more than 4096 files"),
        (with("notes", json!(vec![("a", 1); 65])), "notes or error of attempt 1 are too long"),
        (with("notes", json!([["a".repeat(65), 1]])), "notes or error of attempt 1 are too long"),
        (with("error", json!("x".repeat(5000))), "notes or error of attempt 1 are too long"),
    ] {
        let value = sealed(&[described(record::ATTEMPT, &description, b"ab")]);
        let error = unpack_part(&value, PartLimits::default()).unwrap_err().to_string();
        assert!(error.contains(message), "{description}: {error}");
    }
    let nested = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes();
    let nested = Outgoing { kind: record::ATTEMPT, description: nested, data: vec![] };
    let error = unpack_part(&sealed(&[nested]), PartLimits::default()).unwrap_err().to_string();
    assert!(error.contains("is not understood"), "{error}");
}

#[test]
fn a_later_writer_of_the_same_version_may_say_more() {
    let mut description = plain();
    description["later"] = json!({"a": [1]});
    description["stdout"]["later"] = json!(true);
    let value = sealed(&[
        described(b'Z', &json!("?"), b"?"),
        described(record::ATTEMPT, &description, b"ab and more"),
    ]);
    let read = attempts(&value);
    assert_eq!((read.len(), read[0].stdout.bytes.as_slice()), (1, b"ab".as_slice()));
    assert!(read[0].is_whole());
}

#[test]
fn another_version_is_refused_and_both_are_named() {
    let (_, mut output) = packed(PackerLimits::default(), &[]);
    output["version"] = json!(2);
    let error = unpack_part(&output, PartLimits::default()).unwrap_err();
    assert_eq!(error, WireError::Version { writer: Side::Worker, found: 2 });
    assert_eq!(error.to_string(), "the worker speaks version 2 of the wire format, this side knows 1");
    assert!(error.hint().is_some());
    let mut head = serde_json::to_value(head()).unwrap();
    head["version"] = json!(7);
    let error = unpack_part(&sealed(&[described(record::HEAD, &head, b"")]), PartLimits::default());
    assert_eq!(error, Err(WireError::Version { writer: Side::Worker, found: 7 }));
}

#[test]
fn attempts_and_bytes_are_read_up_to_their_limits() {
    let (_, output) = packed(PackerLimits::default(), &[attempt(0), attempt(1), attempt(2)]);
    for (limit, taken) in [(2, false), (3, true), (4, true)] {
        let limits = PartLimits { attempts: limit, ..PartLimits::default() };
        assert_eq!(unpack_part(&output, limits).is_ok(), taken, "{limit}");
    }
    let size = [sealed_size(&head().record().unwrap()), 3 * sealed_size(&described_attempt())].iter().sum();
    for (raw, taken) in [(size - 1, false), (size, true), (size + 1, true)] {
        let limits = PartLimits { raw, ..PartLimits::default() };
        assert_eq!(unpack_part(&output, limits).is_ok(), taken, "{raw}");
    }
    let text = output["data"].as_str().unwrap().len();
    for (limit, taken) in [(text - 1, false), (text, true), (text + 1, true)] {
        let limits = PartLimits { text: limit, ..PartLimits::default() };
        assert_eq!(unpack_part(&output, limits).is_ok(), taken, "{limit}");
    }
}

const fn sealed_size(record: &Outgoing<'_>) -> u64 {
    record.description.len() as u64 + 13 + DATA * (record.kind == record::ATTEMPT) as u64
}

/// Bytes of streams and files of [`attempt`].
const DATA: u64 = 5 + 4;

fn described_attempt() -> Outgoing<'static> {
    let attempt = Box::leak(Box::new(attempt(0)));
    attempt.record(&mut { Squeeze::NONE }, 100, &mut Tally::default()).unwrap()
}

#[test]
fn bombs_are_refused_before_they_take_memory() {
    // An attempt of 32 MiB of zeros is 2 kB on the way; as many as would fit into a chunk are 15 GB.
    let mut compressor = envelope::compressor().unwrap();
    let zeros = vec![0; 32 << 20];
    let record = Outgoing { kind: record::ATTEMPT, description: b"{}".to_vec(), data: vec![&zeros] };
    record.write(&mut compressor).unwrap();
    let value = envelope::seal(&compressor.finish().unwrap());
    assert!(size(&value) < 5_000, "{}", size(&value));
    let limits = PartLimits { raw: 32 << 20, ..PartLimits::default() };
    let error = unpack_part(&value, limits).unwrap_err();
    assert_eq!(error.to_string(), "the shard's data: more than 33554432 bytes when decompressed");
}

#[test]
fn frames_that_want_more_memory_than_ours_are_refused() {
    let mut compressor = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    compressor.window_log(27).unwrap();
    compressor.write_all(b"x").unwrap();
    let value = envelope::seal(&compressor.finish().unwrap());
    let error = unpack_part(&value, PartLimits::default()).unwrap_err();
    assert!(matches!(error, WireError::Malformed { .. }), "{error:?}");
}

#[test]
fn damage_is_noticed_wherever_it_is() {
    let (_, output) = packed(PackerLimits::default(), &[noisy(1, 500, 0)]);
    let compressed = envelope::open(&output, Side::Worker, "", usize::MAX).unwrap();
    let whole = unpack_part(&output, PartLimits::default());
    for at in 0..compressed.len() {
        let mut damaged = compressed.clone();
        damaged[at] ^= 0x10;
        let read = unpack_part(&envelope::seal(&damaged), PartLimits::default());
        // Some bits only say how much memory to take.
        assert!(read.is_err() || read == whole, "byte {at} of {}", compressed.len());
        let _ = unpack_part(&envelope::seal(&compressed[..at]), PartLimits::default());
    }
}

/// What a run of pytest with a hundred tests prints: the same every time but for times, order and one failure.
fn like_pytest(index: u32) -> WireAttempt {
    let line = |test: u32| {
        let outcome = if (test * 31 + index).is_multiple_of(97) { "FAILED" } else { "PASSED" };
        let (took, done) = ((test * 7919 + index * 104_729) % 1000, test / 2);
        let module = test % 7;
        format!(
            "tests/test_module_{module}.py::TestThings::test_thing_{test}[param-{test}] {outcome} [{done:3}%] 0.{took:03}s\n"
        )
    };
    let text: String = (0..220).map(|test| line((test * 13 + index) % 220)).collect();
    let report: String = (0..100)
        .map(|test| {
            format!(
                "<testcase classname=\"tests.test_module\" name=\"test_thing_{test}\" time=\"0.{:03}\"/>",
                (test * 7919 + index * 104_729) % 1000
            )
        })
        .collect();
    WireAttempt {
        stdout: WireStream { bytes: text.into_bytes(), cut: None },
        stderr: WireStream::default(),
        reports: vec![file("junit.xml", report.as_bytes())],
        tree: vec![],
        notes: vec![],
        error: None,
        ..attempt(index)
    }
}

#[test]
fn a_thousand_attempts_that_resemble_each_other_fit_far_below_the_limit() {
    let all: Vec<_> = (0..1000).map(like_pytest).collect();
    let raw: usize = all.iter().map(|a| a.stdout.bytes.len() + a.reports[0].bytes.len()).sum();
    let (chunks, output) = packed(PackerLimits::default(), &all);
    assert!(attempts(&output) == all && chunks.iter().flat_map(attempts).collect::<Vec<_>>() == all);
    let (size, in_chunks) = (size(&output), chunks.iter().map(size).sum::<usize>());
    println!(
        "{raw} bytes of output and reports: {size} in the output, {in_chunks} in {} chunks",
        chunks.len()
    );
    assert!(raw > 20_000_000 && size < 2_500_000, "{raw} to {size}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_attempts_come_back_in_chunks_and_output(all in vec(any_attempt(), 0..6)) {
        let (chunks, output) = packed(PackerLimits::default(), &all);
        prop_assert_eq!(attempts(&output), all.clone());
        prop_assert_eq!(chunks.iter().flat_map(attempts).collect::<Vec<_>>(), all);
    }

    #[test]
    fn any_limit_is_kept_and_no_attempt_lost(
        all in vec(any_attempt(), 1..12),
        chunk in 1_500_usize..4_000,
        output in 4_000_usize..10_000,
    ) {
        let limits = PackerLimits { chunk, output, ..PackerLimits::default() };
        let (chunks, output) = packed(limits, &all);
        prop_assert!(size(&output) <= limits.output);
        prop_assert!(chunks.iter().all(|chunk| size(chunk) <= limits.chunk));
        let kept = attempts(&output);
        let ended = |all: &[WireAttempt]| all.iter().map(|a| (a.index, a.seed, a.exit, a.usage)).collect::<Vec<_>>();
        prop_assert_eq!(ended(&kept), ended(&all));
        for (kept, whole) in kept.iter().zip(&all) {
            prop_assert!(!kept.holds_more_than(whole));
            let printed = |s: &WireStream| s.bytes.len() as u64 + s.cut.map_or(0, |(from, to)| to - from);
            prop_assert_eq!(printed(&kept.stdout), printed(&whole.stdout));
            prop_assert_eq!(printed(&kept.stderr), printed(&whole.stderr));
        }
    }

    #[test]
    fn nonsense_is_an_error_and_nothing_else(bytes in vec(any::<u8>(), 0..200), compressed in any::<bool>()) {
        let bytes = if compressed { envelope::compress(&bytes).unwrap() } else { bytes };
        let value = envelope::seal(&bytes);
        let _ = unpack_part(&value, PartLimits::default());
        let _ = unpack_order(&value);
    }

    #[test]
    fn nonsense_in_a_description_is_an_error_and_nothing_else(
        at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let whole = attempt(1);
        let mut record = whole.record(&mut { Squeeze::NONE }, 100, &mut Tally::default()).unwrap();
        let at = at.index(record.description.len());
        record.description[at] = byte;
        let _ = unpack_part(&sealed(&[record]), PartLimits::default());
    }
}

#[test]
fn the_largest_description_that_is_written_is_read() {
    // Control characters take six bytes in JSON.
    let name = |n: usize| format!("{}{n}", "\u{1}".repeat(250));
    let whole = WireAttempt {
        reports: (0..2000).map(|n| file(&name(n), b"")).collect(),
        notes: (0..100).map(|_| ("\u{1}".repeat(64), u64::MAX)).collect(),
        error: Some("\u{1}".repeat(10_000)),
        ..attempt(1)
    };
    let (_, output) = packed(PackerLimits::default(), &[whole]);
    let kept = attempts(&output).remove(0);
    assert!(kept.reports.len() > 1000 && kept.notes.len() == 64);
}
