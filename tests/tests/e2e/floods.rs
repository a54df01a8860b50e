//! Much output costs disk, not memory.

use flaky_core::verdict::Category;
use flaky_tests::Flaky;
use flaky_tests::processes::peak_memory;

/// A third of this is the code of all bundled parsers, which are asked where none is known; 900 MB are printed.
const MOST_MEMORY: u64 = 150_000_000;

#[test]
fn eight_floods_side_by_side_stay_far_from_memory_and_complete() {
    for (args, tests) in [("-- python3 flood.py", 1), ("-- pytest -s", 2)] {
        // A gigabyte each is the benchmark's: `benches/flood.py`.
        let flaky = Flaky::sample("flood").env("FLOOD_BYTES", "64000000");
        let mut most = 0;
        let running = flaky.start_run(&format!("--runs 14 --parallelism 8 {args}"));
        let ended = running.watched(|id| most = most.max(peak_memory(id).unwrap_or(0))).exits(0);
        let report = ended.report();
        assert_eq!((report.total_runs, report.failures, report.verdict), (14, 0, Category::Stable));
        assert_eq!(report.tests.len(), tests, "{}", ended.everything());
        assert!(most > 0, "the memory of a running program can be read");
        assert!(most < MOST_MEMORY, "{args}: {most} bytes of memory at most");
    }
}
