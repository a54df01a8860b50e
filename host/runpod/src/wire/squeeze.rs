//! What is left out when not everything fits.
//!
//! Worth most: how every attempt ended, which is never left out. Then report files, whole or not at all, small ones
//! first: without them an attempt's tests are unknown. Then what was printed: its beginning says what was run, its
//! end what failed. All attempts share alike: what is small stays whole.

use super::WireStream;

/// Kept of a stream before a report file stays for which there is room: reports show the last 4 KiB of an attempt's
/// output, and its beginning should be there as well.
const STREAM_BEFORE_FILES: u64 = 8 << 10;
/// But all streams together get no more than this part of the room before files do.
const STREAMS_BEFORE_FILES: u64 = 4;
/// Streams shorter than this say nothing: either as much is kept, or nothing.
const LEAST_STREAM: u64 = 256;
/// Quotas are powers of two up to this one.
const LARGEST_QUOTA: u32 = 40;

/// What an attempt may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Squeeze {
    /// Bytes of each of its streams.
    pub(super) stream: u64,
    /// Bytes of each of its files.
    pub(super) file: u64,
    /// Bytes of files of up to twice that size that may stay nevertheless, first come, first served: when reports are
    /// all of one size, some of them are better than none.
    pub(super) extra: u64,
    /// What is said of the rest.
    pub(super) words: Words,
}

/// What is said of an attempt beside its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// The name of every file that is left out, and errors in full.
    Full,
    /// Their number, and the beginning of errors.
    Short,
}

impl Squeeze {
    /// Everything is kept.
    pub(super) const NONE: Self = Self { stream: u64::MAX, file: u64::MAX, extra: 0, words: Words::Full };
    /// No more can be left out.
    const MOST: Self = Self { stream: 0, file: 0, extra: 0, words: Words::Short };

    /// Whether a file stays; takes from the extra if it must.
    pub(super) fn keeps_file(&mut self, size: u64) -> bool {
        if size <= self.file {
            return true;
        }
        let within_extra = size <= self.extra && size <= self.file.saturating_mul(2);
        self.extra -= if within_extra { size } else { 0 };
        within_extra
    }
}

/// Sizes of what was packed, counted by powers of two: enough to tell what a quota would leave of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    streams: Sizes,
    files: Sizes,
    words: u64,
}

impl Tally {
    pub(super) const fn stream(&mut self, size: u64) {
        self.streams.add(size);
    }

    pub(super) const fn file(&mut self, size: u64) {
        self.files.add(size);
    }

    /// Bytes that are neither of a stream nor of a file.
    pub(super) const fn words(&mut self, size: u64) {
        self.words += size;
    }

    /// Adds what another counted.
    pub(super) fn merge(&mut self, other: &Self) {
        self.streams.merge(&other.streams);
        self.files.merge(&other.files);
        self.words += other.words;
    }

    /// Of everything.
    pub(super) fn total(&self) -> u64 {
        self.words + self.files.total() + self.streams.total()
    }

    /// The mildest squeeze that brings everything to about `bytes`, and to less than it is in any case; never milder than
    /// `now`. `None` when nothing more can be left out.
    pub(super) fn squeeze(&self, bytes: u64, now: Squeeze) -> Option<Squeeze> {
        if (now.stream, now.file, now.words) == (0, 0, Words::Short) {
            return None;
        }
        // Of nothing nothing can be left out, and what is mildest would be no step at all.
        let less = self.total().checked_sub(1);
        let found = less.map_or(Squeeze::MOST, |less| self.mildest(bytes.min(less)));
        let words = if now.words == Words::Short { now.words } else { found.words };
        // Files over the quota are there because they once had the extra; now they have it again.
        let (file, extra) = if found.file > now.file {
            (now.file, self.files.next_class(now.file).1)
        } else {
            (found.file, found.extra)
        };
        Some(Squeeze { stream: found.stream.min(now.stream), file, extra, words })
    }

    fn mildest(&self, bytes: u64) -> Squeeze {
        let Some(room) = bytes.checked_sub(self.words) else { return Squeeze::MOST };
        let streams_first = self.streams.cut_to(STREAM_BEFORE_FILES).min(room / STREAMS_BEFORE_FILES);
        let for_files = room - streams_first;
        let file = quotas(0).find(|file| self.files.up_to(*file) <= for_files).unwrap_or(0);
        let in_files = self.files.up_to(file);
        let extra = self.files.some_of_next_class(file, for_files.saturating_sub(in_files));
        let for_streams = room.saturating_sub(in_files).saturating_sub(extra);
        let fits = |stream: &u64| self.streams.cut_to(*stream) <= for_streams;
        let stream = quotas(LEAST_STREAM).find(fits).unwrap_or(0);
        Squeeze { stream, file, extra, words: Words::Full }
    }
}

/// From everything over powers of two down to nothing.
fn quotas(least: u64) -> impl Iterator<Item = u64> {
    let powers = (0..=LARGEST_QUOTA).rev().map(|power| 1 << power).filter(move |quota| *quota >= least);
    std::iter::once(u64::MAX).chain(powers).chain(std::iter::once(0))
}

/// Number and sum of sizes, by the power of two that they do not exceed.
#[derive(Debug, Clone)]
struct Sizes {
    classes: [(u64, u64); 64],
}

impl Default for Sizes {
    fn default() -> Self {
        Self { classes: [(0, 0); 64] }
    }
}

impl Sizes {
    const fn add(&mut self, size: u64) {
        // Sizes are of what is in memory, far below the last class.
        let class = match size.checked_next_power_of_two() {
            Some(power) => power.trailing_zeros() as usize,
            None => 63,
        };
        if let Some((count, sum)) = self.classes.split_at_mut(class).1.first_mut() {
            *count += 1;
            *sum = sum.saturating_add(size);
        }
    }

    fn merge(&mut self, other: &Self) {
        for (own, other) in self.classes.iter_mut().zip(&other.classes) {
            *own = (own.0 + other.0, own.1.saturating_add(other.1));
        }
    }

    fn total(&self) -> u64 {
        self.classes.iter().map(|(_, sum)| sum).sum()
    }

    /// Sum of the sizes that do not exceed the quota.
    fn up_to(&self, quota: u64) -> u64 {
        self.within(quota).map(|(_, sum)| sum).sum()
    }

    /// Sum of the sizes when what exceeds the quota is cut to it.
    fn cut_to(&self, quota: u64) -> u64 {
        let over: u64 = self.classes.iter().map(|(count, _)| count).sum::<u64>()
            - self.within(quota).map(|(count, _)| count).sum::<u64>();
        self.up_to(quota).saturating_add(over.saturating_mul(quota))
    }

    /// How many exceed the quota by no more than itself, and their sum.
    fn next_class(&self, quota: u64) -> (u64, u64) {
        let class = if quota == 0 { 0 } else { quota.ilog2() as usize + 1 };
        self.classes.get(class).copied().unwrap_or_default()
    }

    /// At most `bytes`, and about a whole number of such sizes.
    fn some_of_next_class(&self, quota: u64, bytes: u64) -> u64 {
        let (count, sum) = self.next_class(quota);
        let each = sum.div_ceil(count.max(1)).max(1);
        bytes.min(sum) / each * each
    }

    fn within(&self, quota: u64) -> impl Iterator<Item = &(u64, u64)> {
        // Zero and one share a class: at no quota at all, nothing is within.
        let classes = if quota == 0 { 0 } else { quota.ilog2() as usize + 1 };
        self.classes.iter().take(classes)
    }
}

/// A stream as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CutStream<'a> {
    pub(super) head: &'a [u8],
    pub(super) tail: &'a [u8],
    pub(super) cut: Option<(u64, u64)>,
}

impl WireStream {
    /// At most `quota` bytes, half of them from the end where both sides have as much. What was cut out before lies in
    /// what is cut out now.
    pub(super) fn cut_to(&self, quota: u64) -> CutStream<'_> {
        let size = self.bytes.len();
        // Where the stream was cut before, its two parts meet.
        let cut_before = self.cut.filter(|(from, to)| from < to);
        let seam = cut_before.map(|(from, _)| usize::try_from(from).unwrap_or(size).min(size));
        let quota = usize::try_from(quota).unwrap_or(usize::MAX);
        if size <= quota {
            let (head, tail) = self.bytes.split_at(seam.unwrap_or(size));
            return CutStream { head, tail, cut: cut_before };
        }
        let (most_head, most_tail) = seam.map_or((size, size), |seam| (seam, size - seam));
        let tail = most_tail.min(quota - most_head.min(quota / 2));
        let head = most_head.min(quota - tail);
        let printed = cut_before.map_or(0, |(from, to)| to - from).saturating_add(size as u64);
        let cut = (head as u64, printed - tail as u64);
        let tail = self.bytes.split_at(size - tail).1;
        CutStream { head: self.bytes.split_at(head).0, tail, cut: Some(cut) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stream(bytes: &[u8], cut: Option<(u64, u64)>) -> WireStream {
        WireStream { bytes: bytes.to_vec(), cut }
    }

    #[test]
    fn a_cut_stream_keeps_head_and_tail() {
        for (cut, quota, head, tail, cut_now) in [
            (None, 10, "0123456789", "", None),
            (None, 11, "0123456789", "", None),
            (None, 9, "0123", "56789", Some((4, 5))),
            (None, 4, "01", "89", Some((2, 8))),
            (None, 1, "", "9", Some((0, 9))),
            (None, 0, "", "", Some((0, 10))),
            // Of 110 bytes, the 100 after the first five were missing already.
            (Some((5, 105)), 10, "01234", "56789", Some((5, 105))),
            (Some((5, 105)), 4, "01", "89", Some((2, 108))),
            (Some((5, 105)), 0, "", "", Some((0, 110))),
            // The shorter side leaves its share to the other.
            (Some((2, 102)), 8, "01", "456789", Some((2, 104))),
            (Some((8, 108)), 8, "012345", "89", Some((6, 108))),
            (Some((0, 7)), 6, "", "456789", Some((0, 11))),
            (Some((10, 17)), 6, "012345", "", Some((6, 17))),
            // Nothing was cut out.
            (Some((3, 3)), 10, "0123456789", "", None),
        ] {
            let whole = stream(b"0123456789", cut);
            let kept = CutStream { head: head.as_bytes(), tail: tail.as_bytes(), cut: cut_now };
            assert_eq!(whole.cut_to(quota), kept, "{cut:?} to {quota}");
        }
    }

    proptest! {
        /// `printed` is the whole stream; what a cut keeps must be what stands there.
        #[test]
        fn cuts_of_cuts_are_places_in_the_whole_stream(
            printed in proptest::collection::vec(any::<u8>(), 0..80),
            quotas in proptest::collection::vec(0_u64..90, 1..5),
        ) {
            let mut now = stream(&printed, None);
            for quota in quotas {
                let kept = now.cut_to(quota);
                let size = kept.head.len() + kept.tail.len();
                prop_assert_eq!(size as u64, quota.min(now.bytes.len() as u64));
                prop_assert!(printed.starts_with(kept.head) && printed.ends_with(kept.tail));
                match kept.cut {
                    None => prop_assert_eq!(kept.head, &printed),
                    Some((from, to)) => {
                        prop_assert_eq!(from, kept.head.len() as u64);
                        prop_assert_eq!(to, (printed.len() - kept.tail.len()) as u64);
                    }
                }
                now = stream(&[kept.head, kept.tail].concat(), kept.cut);
            }
        }
    }

    fn tally(streams: &[u64], files: &[u64], words: u64) -> Tally {
        let mut tally = Tally::default();
        streams.iter().for_each(|size| tally.stream(*size));
        files.iter().for_each(|size| tally.file(*size));
        tally.words(words);
        tally
    }

    #[test]
    fn reports_that_fit_are_kept_before_output_and_small_ones_before_large_ones() {
        let (mib, kib) = (1 << 20, 1 << 10);
        let all = u64::MAX;
        let table = [
            // Output alone has to give way.
            (tally(&[mib; 10], &[mib; 10], 100), 12 * mib, (128 * kib, all)),
            (tally(&[mib; 10], &[mib; 10], 100), 11 * mib, (64 * kib, all)),
            // Small outputs stay whole.
            (tally(&[mib, 10, 2000], &[], 0), 100 * kib, (64 * kib, all)),
            // A file that cannot stay, whatever is done with the output.
            (tally(&[mib; 10], &[30 * mib, mib, mib], 100), 8 * mib, (512 * kib, 16 * mib)),
            // Not even the least of output.
            (tally(&[mib; 10], &[mib; 10], 100), 50 * kib, (4 * kib, 512 * kib)),
            (tally(&[mib; 10], &[mib; 10], 100), 1000, (0, 512 * kib)),
        ];
        for (tally, bytes, (stream, file)) in table {
            let found = tally.squeeze(bytes, Squeeze::NONE).unwrap();
            let expected = Squeeze { stream, file, extra: found.extra, words: Words::Full };
            assert_eq!(found, expected, "{bytes}");
        }
    }

    #[test]
    fn of_files_of_one_size_as_many_stay_as_there_is_room_for() {
        let mut found = tally(&[1000; 10], &[20_000; 100], 0).squeeze(1_000_000, Squeeze::NONE).unwrap();
        assert_eq!((found.stream, found.file), (u64::MAX, 16 << 10));
        assert_eq!((0..100).filter(|_| found.keeps_file(20_000)).count(), 49);
        assert!(found.keeps_file(16 << 10) && !found.keeps_file(40_000));
    }

    #[test]
    fn where_there_is_nothing_one_step_is_the_last() {
        let nothing = tally(&[], &[], 0);
        let last = nothing.squeeze(0, Squeeze::NONE);
        assert_eq!(last, Some(Squeeze::MOST));
        assert_eq!(nothing.squeeze(0, Squeeze::MOST), None);
    }

    proptest! {
        /// Squeezed again and again, whatever there is gets smaller each time, until nothing can be left out.
        #[test]
        fn squeezing_always_gets_on_and_comes_to_an_end(
            streams in proptest::collection::vec(0_u64..1 << 30, 0..20),
            files in proptest::collection::vec(0_u64..1 << 30, 0..20),
            words in 0_u64..2000,
            aim_percent in 1_u64..200,
        ) {
            let (mut streams, mut files) = (streams, files);
            let mut now = Squeeze::NONE;
            let mut steps = 0;
            loop {
                let before = tally(&streams, &files, words);
                let aim = before.total() / 100 * aim_percent;
                let Some(next) = before.squeeze(aim, now) else { break };
                prop_assert!(next.stream <= now.stream && next.file <= now.file, "{now:?} {next:?}");
                now = next;
                let mut left = next;
                streams.iter_mut().for_each(|size| *size = (*size).min(next.stream));
                files.retain(|size| left.keeps_file(*size));
                let after = tally(&streams, &files, words).total();
                prop_assert!(after < before.total() || next.words == Words::Short, "{next:?}");
                prop_assert!(after <= aim.max(words) || aim_percent >= 100);
                steps += 1;
                prop_assert!(steps < 2000);
            }
        }
    }
}
