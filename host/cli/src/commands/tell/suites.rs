//! Where one CI run has results of several suites: how each of them is named, and the one comment that holds them all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use flaky_core::report::RunReport;
use flaky_core::surroundings::EarlierResult;
use flaky_core::verdict::{Category, Severity};
use flaky_delivery::COMMENT_ROOM;

/// Characters of a name: it stands in titles and names of files. Reporters rely on it.
const MOST_NAME: usize = 40;

/// Characters that are kept for what the comment says of suites that are not in it.
const ROOM_FOR_NOTES: usize = 1000;

/// A suite's name as titles, checks and files take it: letters, digits and single dashes between them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SuiteName(String);

impl SuiteName {
    /// Of all suites of a configuration, in its order; no two are the same.
    pub(crate) fn of_all<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let mut taken = BTreeSet::new();
        let mut unique = |(at, name): (usize, &str)| {
            let plain = plain(name);
            let (name, mut next) = (if plain.is_empty() { "suite" } else { &plain }, at + 1);
            let mut unique = Self(name.to_owned());
            while unique.0.eq("suite") || !taken.insert(unique.clone()) {
                unique = Self(format!("{name}-{next}"));
                next += 1;
            }
            unique
        };
        names.into_iter().enumerate().map(&mut unique).collect()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Room is left for a number behind it.
fn plain(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let plain: String = words.collect::<Vec<_>>().join("-").chars().take(MOST_NAME - 4).collect();
    plain.trim_end_matches('-').to_owned()
}

/// How loudly a result speaks among others.
pub(super) type Rank = (Category, Option<Severity>);

pub(super) const fn rank(report: &RunReport) -> Rank {
    (report.verdict, report.severity)
}

/// The suite that a result is of, where there are several.
#[derive(Debug, Clone)]
pub(crate) struct Suite {
    pub(crate) name: SuiteName,
    pub(crate) comment: Arc<SharedComment>,
}

impl Suite {
    /// Of a report: where no other suite has one, as it was named.
    pub(super) fn file(&self, path: &Path) -> PathBuf {
        if self.comment.suites.len() < 2 { path.to_owned() } else { self.own(path) }
    }

    /// `out.json` of suite `shop` is `out.shop.json`: of what is read again in later runs.
    pub(super) fn own(&self, path: &Path) -> PathBuf {
        match path.extension().and_then(|end| end.to_str()) {
            Some(end) => path.with_extension(format!("{}.{end}", self.name.0)),
            None => path.with_extension(&self.name.0),
        }
    }

    /// Characters for its section of the comment.
    pub(super) fn room(&self) -> Option<u32> {
        let room = (COMMENT_ROOM - ROOM_FOR_NOTES) / self.comment.suites.len().max(1);
        u32::try_from(room).ok().filter(|_| self.comment.suites.len() > 1)
    }

    /// Of what was told before: not what the other sections say, nor what belongs to them. Suites that have no section
    /// this time are remembered in the first.
    pub(super) fn keep_own(&self, earlier: &mut Vec<EarlierResult>) {
        let is_first = self.comment.suites.first() == Some(&self.name);
        earlier.retain(|result| match result.suite.as_deref() {
            Some(suite) if suite == self.name.0 => true,
            Some(suite) => is_first && self.comment.suites.iter().all(|told| told.0 != suite),
            None => is_first,
        });
    }

    /// The comment, now that this is known.
    pub(super) fn in_comment(&self, key: &str, report: &RunReport, body: String) -> String {
        let section = Section { key: key.to_owned(), suite: self.name.clone(), rank: rank(report), body };
        self.comment.with(section)
    }
}

/// One comment for the results of several suites, each a section of it.
#[derive(Debug)]
pub(crate) struct SharedComment {
    /// Those that a comment is to tell of, in the order in which they are looked into.
    suites: Vec<SuiteName>,
    sections: Mutex<Vec<Section>>,
}

#[derive(Debug)]
struct Section {
    /// Of the comment: reporters may have others than ours.
    key: String,
    suite: SuiteName,
    rank: Rank,
    body: String,
}

impl SharedComment {
    pub(crate) fn of(suites: Vec<SuiteName>) -> Arc<Self> {
        Arc::new(Self { suites, sections: Mutex::default() })
    }

    fn with(&self, section: Section) -> String {
        let key = section.key.clone();
        let mut sections = self.sections.lock().unwrap_or_else(PoisonError::into_inner);
        sections.retain(|old| (&old.key, &old.suite) != (&section.key, &section.suite));
        sections.push(section);
        sections.sort_by_key(|section| std::cmp::Reverse(section.rank));
        self.composed(sections.iter().filter(|section| section.key == key))
    }

    /// The worst first; those for which there is no room are named.
    fn composed<'s>(&self, sections: impl Iterator<Item = &'s Section>) -> String {
        let mut waiting: Vec<&SuiteName> = self.suites.iter().collect();
        let (mut parts, mut left_out) = (Vec::new(), Vec::new());
        let mut room = COMMENT_ROOM - ROOM_FOR_NOTES;
        for section in sections {
            waiting.retain(|name| **name != section.suite);
            let size = section.body.chars().count() + 1;
            if size > room && self.suites.len() > 1 {
                left_out.push(&section.suite);
                continue;
            }
            room = room.saturating_sub(size);
            parts.push(format!("{}\n", section.body.trim_end_matches('\n')));
        }
        if !left_out.is_empty() {
            let names = listed(&left_out);
            parts.push(format!("For want of room, not all is here: {names} stands in the job's summary.\n"));
        }
        if !waiting.is_empty() {
            let names = listed(&waiting);
            parts.push(format!(
                "Jobs of {names} failed as well: what is found out of that will stand here.\n"
            ));
        }
        parts.join("\n")
    }
}

/// As many as anybody reads; the names hold nothing that Markdown reads.
fn listed(names: &[&SuiteName]) -> String {
    const MOST: usize = 10;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{}`", name.0)).collect();
    match names.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use flaky_core::verdict::Cause;

    use super::*;

    fn suites(names: &[&str]) -> Vec<Suite> {
        let names = SuiteName::of_all(names.iter().copied());
        let comment = SharedComment::of(names.clone());
        names.into_iter().map(|name| Suite { name, comment: Arc::clone(&comment) }).collect()
    }

    fn report(verdict: Category, severity: Option<Severity>) -> RunReport {
        RunReport { verdict, severity, ..RunReport::without_result(Cause::Infrastructure, "") }
    }

    #[test]
    fn names_are_plain_and_no_two_are_the_same() {
        let long = "x".repeat(100);
        let given =
            ["shop", "Web App!", "web/app", "web app", "--", "測試", "suite", "../../etc", &long, &long];
        let cut = "x".repeat(MOST_NAME - 4);
        let expected = [
            "shop",
            "Web-App",
            "web-app",
            "web-app-4",
            "suite-5",
            "suite-6",
            "suite-7",
            "etc",
            &cut,
            &format!("{cut}-10"),
        ];
        let names = SuiteName::of_all(given);
        assert_eq!(names.iter().map(SuiteName::as_str).collect::<Vec<_>>(), expected);
        assert!(names.iter().all(|name| name.0.len() <= MOST_NAME));
    }

    #[test]
    fn of_several_each_has_files_of_its_own_and_one_alone_has_those_that_were_named() {
        let several = suites(&["shop", "web app"]);
        for (path, suite, expected) in [
            ("out/report.json", &several[0], "out/report.shop.json"),
            ("report", &several[1], "report.web-app"),
            ("report.json", &suites(&["shop"])[0], "report.json"),
        ] {
            assert_eq!(suite.file(Path::new(path)), Path::new(expected));
        }
        assert_eq!(suites(&["shop"])[0].own(Path::new("state.json")), Path::new("state.shop.json"));
    }

    #[test]
    fn the_comment_begins_with_the_worst_and_says_what_is_still_to_come() {
        let several = suites(&["api", "shop", "web"]);
        let [api, shop, web] = several.as_slice() else { unreachable!() };
        let stable = report(Category::Stable, Some(Severity::None));
        assert_eq!(
            api.in_comment("flaky", &stable, "of api\n".into()),
            "of api\n\nJobs of `shop`, `web` failed as well: what is found out of that will stand here.\n"
        );
        let flaky = report(Category::Flaky, Some(Severity::Low));
        assert_eq!(
            shop.in_comment("flaky", &flaky, "of shop".into()),
            "of shop\n\nof api\n\nJobs of `web` failed as well: what is found out of that will stand here.\n"
        );
        // Another comment of a reporter is another comment.
        assert!(shop.in_comment("mine", &flaky, "else".into()).starts_with("else\n\nJobs of `api`, `web`"));
        let unclear = report(Category::Inconclusive, None);
        assert_eq!(web.in_comment("flaky", &unclear, "of web".into()), "of shop\n\nof web\n\nof api\n");
        // Told again, it takes its own place.
        let broken = report(Category::Broken, Some(Severity::High));
        assert_eq!(api.in_comment("flaky", &broken, "again".into()), "again\n\nof shop\n\nof web\n");
        let alone = suites(&["api"]);
        assert_eq!(alone[0].in_comment("flaky", &broken, "of api\n".into()), "of api\n");
    }

    #[test]
    fn what_has_no_room_is_named_and_all_that_keep_to_their_room_have_it() {
        let names: Vec<String> = (0..50).map(|n| format!("suite number {n:02} of a great many")).collect();
        let several = suites(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let flaky = report(Category::Flaky, Some(Severity::Low));
        let room = usize::try_from(several[0].room().unwrap()).unwrap();
        let tell = |size: usize| {
            let of = |suite: &Suite| suite.in_comment("flaky", &flaky, "😀".repeat(size));
            several.iter().map(of).fold(String::new(), |_, told| told)
        };
        let all = tell(room - 2);
        assert!(!all.contains("For want of room"), "{}", all.chars().count());
        assert!(all.chars().count() <= COMMENT_ROOM);
        let most = tell(COMMENT_ROOM / 2);
        assert!(
            most.contains("`suite-number-01-of-a-great-many`") && most.contains(" and 39 more"),
            "{most}"
        );
        assert!(most.chars().count() <= COMMENT_ROOM);
    }

    #[test]
    fn what_was_told_before_stands_in_the_section_that_it_belongs_to() {
        let several = suites(&["api", "shop"]);
        let of = |suite: Option<&str>| EarlierResult {
            suite: suite.map(str::to_owned),
            ..EarlierResult::of(
                &report(Category::Stable, None),
                &flaky_core::surroundings::Surroundings::default(),
            )
        };
        let all = vec![of(Some("api")), of(Some("shop")), of(Some("web")), of(None)];
        for (suite, expected) in
            [(&several[0], vec![Some("api"), Some("web"), None]), (&several[1], vec![Some("shop")])]
        {
            let mut earlier = all.clone();
            suite.keep_own(&mut earlier);
            let left: Vec<_> = earlier.iter().map(|result| result.suite.as_deref()).collect();
            assert_eq!(left, expected);
        }
    }
}
