//! What a run looks like while it goes on: a bar on a terminal, plain lines elsewhere. On standard error only.

mod shards;

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use flaky_core::text::visible;
use flaky_engine::event::{AttemptVerdict, RunEvent};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use shards::Shards;

/// Plain lines come at most this often: a log of an hour stays readable.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Draws the events of a run.
pub(crate) struct Progress {
    look: Look,
    shards: Shards,
    done: u32,
    failed: u32,
    set_aside: u32,
    total: u32,
    started: Instant,
    last_line: Option<Instant>,
}

enum Look {
    Quiet,
    /// The run's own bar, and all bars together.
    Bar(ProgressBar, MultiProgress),
    Lines,
}

impl Progress {
    /// Chooses the look by what standard error is.
    pub(crate) fn new(quiet: bool, colour: bool) -> Self {
        let look = if quiet {
            Look::Quiet
        } else if std::io::stderr().is_terminal() {
            let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
            Look::Bar(bar(&bars, colour), bars)
        } else {
            Look::Lines
        };
        let (done, failed, set_aside, total) = (0, 0, 0, 0);
        let (started, last_line, shards) = (Instant::now(), None, Shards::default());
        Self { look, shards, done, failed, set_aside, total, started, last_line }
    }

    /// Takes one event.
    pub(crate) fn take(&mut self, event: RunEvent) {
        match event {
            RunEvent::Stage(text) => self.stage(&visible(&text)),
            RunEvent::Command(text) => self.line(&format!("  $ {}", visible(&text))),
            RunEvent::Warning(text) => {
                // A hint has a line of its own.
                let lines: Vec<String> = text.lines().map(visible).collect();
                self.line(&format!("warning: {}", lines.join("\n")));
            }
            RunEvent::Planned { run, attempts, parallelism, master_seed } => {
                self.total = attempts;
                self.started = Instant::now();
                let seed = master_seed.map(|s| format!(", --seed {s}")).unwrap_or_default();
                self.line(&format!(
                    "run {run}: {attempts} attempt{}, {parallelism} side by side{seed}",
                    if attempts == 1 { "" } else { "s" }
                ));
                if let Look::Bar(bar, _) = &self.look {
                    bar.set_length(u64::from(attempts));
                    bar.reset();
                }
            }
            RunEvent::AttemptFinished { verdict, .. } => self.attempt(verdict),
            RunEvent::Shard(event) => {
                let bars = if let Look::Bar(_, bars) = &self.look { Some(bars) } else { None };
                if let Some(line) = self.shards.take(event, bars) {
                    self.line(&visible(&line));
                }
            }
            RunEvent::Confirming { at_most } => {
                self.line(&format!(
                    "failures seen: repeating up to {at_most} attempts with nothing beside them"
                ));
            }
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        if let Look::Bar(bar, bars) = self.look {
            bar.finish_and_clear();
            // Bars of shards that never came to an end. A closed standard error is no reason to stop.
            let _ = bars.clear();
        }
    }

    fn stage(&self, text: &str) {
        match &self.look {
            Look::Bar(bar, _) => bar.set_message(text.to_owned()),
            Look::Lines => print_line(text),
            Look::Quiet => {}
        }
    }

    fn line(&self, text: &str) {
        match &self.look {
            Look::Bar(bar, _) => bar.println(text),
            Look::Lines => print_line(text),
            Look::Quiet => {}
        }
    }

    fn attempt(&mut self, verdict: AttemptVerdict) {
        self.done += 1;
        match verdict {
            AttemptVerdict::Passed => {}
            AttemptVerdict::Failed => self.failed += 1,
            AttemptVerdict::SetAside => self.set_aside += 1,
        }
        match &self.look {
            Look::Bar(bar, _) => {
                bar.set_position(u64::from(self.done.min(self.total)));
                bar.set_message(self.counts());
            }
            Look::Lines if self.line_is_due() => {
                self.last_line = Some(Instant::now());
                let left =
                    self.time_left().map(|t| format!(", about {} left", in_words(t))).unwrap_or_default();
                print_line(&format!("{} of {} attempts, {}{left}", self.done, self.total, self.counts()));
            }
            Look::Lines | Look::Quiet => {}
        }
    }

    fn counts(&self) -> String {
        let mut text = format!("{} failed", self.failed);
        if self.set_aside > 0 {
            text.push_str(&format!(", {} set aside", self.set_aside));
        }
        if let Some(shards) = self.shards.counts() {
            text.push_str(&format!(", {shards}"));
        }
        text
    }

    fn line_is_due(&self) -> bool {
        self.last_line.unwrap_or(self.started).elapsed() >= LINE_EVERY
    }

    /// By the mean of the attempts that are done.
    fn time_left(&self) -> Option<Duration> {
        let left = self.total.checked_sub(self.done)?;
        (self.done > 0).then(|| self.started.elapsed() / self.done * left)
    }
}

fn bar(bars: &MultiProgress, colour: bool) -> ProgressBar {
    let template = if colour {
        "{bar:30.cyan/dim} {pos}/{len}  {msg}  {elapsed} (about {eta} left)"
    } else {
        "{bar:30} {pos}/{len}  {msg}  {elapsed} (about {eta} left)"
    };
    let bar = bars.add(ProgressBar::new(0));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━━╌"));
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// A closed standard error is no reason to stop.
fn print_line(text: &str) {
    let text: Vec<String> = text.lines().map(visible).collect();
    let _ = writeln!(std::io::stderr().lock(), "{}", text.join("\n"));
}

fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        for (seconds, text) in [(5, "5 s"), (65, "1 min 5 s"), (7260, "2 h 1 min")] {
            assert_eq!(in_words(Duration::from_secs(seconds)), text);
        }
    }
}
