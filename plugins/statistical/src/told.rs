//! What else the numbers show, clause by clause. Every clause has its n.

use flaky_plugin_sdk::report::seconds;
use flaky_plugin_sdk::{Base, Change, Evidence};

/// Where a difference between conditions is worth a clause; the host has corrected for how many were compared.
const EFFECT_P: f64 = 0.05;

/// Where being slower is: stricter, because every test of a suite is looked at and nobody corrects for that.
const SLOWER_P: f64 = 0.01;

/// From which difference on, in nanoseconds: writing an assertion's message takes a framework some milliseconds.
const SLOWER_NS: u64 = 50_000_000;

/// A test that fails at its surely least rate would pass so often on its own with less than this probability.
const CHANCE: f64 = 0.05;

/// In the order in which a reader needs them.
pub(crate) fn clauses(evidence: &Evidence) -> Vec<String> {
    let by_ci =
        || (evidence.failed_in_ci && evidence.failures > 0).then(|| "failed in CI as well".to_owned());
    [
        change(evidence),
        by_ci(),
        without_others(evidence),
        under_conditions(evidence),
        slower(evidence),
        ways(evidence),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn change(evidence: &Evidence) -> Option<String> {
    let Base { ran, failed, change, .. } = evidence.base?;
    // Where copies disturb each other, `counts` are of other attempts than those that were compared.
    let (now, of) = match evidence.side_by_side {
        Some(beside) => (beside.failed, beside.ran),
        None => (evidence.failures, evidence.counts.ran),
    };
    let both = format!("{failed} of {ran} at the base, {now} of {of} now");
    match change {
        Change::Introduced if ran == 0 => Some("new with the change: it did not run at the base".to_owned()),
        Change::Introduced => Some(format!("introduced by the change: {both}")),
        Change::Worsened => Some(format!("worsened by the change: {both}")),
        Change::Fixed if now == 0 => Some(format!("fixed by the change: {both}")),
        Change::Fixed => Some(format!("fails less often since the change: {both}")),
        Change::WasThereBefore => Some(format!("was there before: {failed} of {ran} at the base")),
        Change::NoEvidence if now == 0 && failed == 0 => None,
        Change::NoEvidence => Some(format!("no evidence that the change did anything: {both}")),
    }
}

fn without_others(evidence: &Evidence) -> Option<String> {
    let selected = evidence.selected.filter(|selected| selected.ran > 0)?;
    let numbers = format!("{} of {}", selected.failed, selected.ran);
    let exponent = i32::try_from(selected.ran).unwrap_or(i32::MAX);
    if evidence.failures == 0 && selected.failed > 0 {
        return Some(format!("only without the other tests: failed {numbers}"));
    }
    if evidence.failures == 0 {
        return Some(format!("without the other tests it failed {numbers}"));
    }
    if selected.failed == 0 && (1.0 - evidence.interval.low).powi(exponent) < CHANCE {
        return Some(format!("only together with the other tests: {numbers} without them"));
    }
    Some(format!("without the other tests it failed {numbers}"))
}

fn under_conditions(evidence: &Evidence) -> Option<String> {
    let rate = |failed: u32, ran: u32| f64::from(failed) / f64::from(ran.max(1));
    let sure = evidence.effects.iter().filter(|effect| effect.p_value <= EFFECT_P);
    // The surest; of the two values of a condition, the one under which it fails.
    let effect = sure.min_by(|a, b| {
        a.p_value.total_cmp(&b.p_value).then_with(|| rate(b.failed, b.ran).total_cmp(&rate(a.failed, a.ran)))
    })?;
    let others = evidence
        .effects
        .iter()
        .filter(|other| other.condition == effect.condition && other.value != effect.value)
        .fold((0_u32, 0_u32), |(failed, ran), other| {
            (failed.saturating_add(other.failed), ran.saturating_add(other.ran))
        });
    let (word, (failed, ran)) = match rate(effect.failed, effect.ran) > rate(others.0, others.1) {
        true => ("more", others),
        false => ("less", others),
    };
    Some(format!(
        "fails {word} often with `{}` {}: {} of {} against {failed} of {ran}",
        effect.condition, effect.value, effect.failed, effect.ran
    ))
}

fn slower(evidence: &Evidence) -> Option<String> {
    let durations = evidence.durations?;
    let sure = durations.slower_when_failing.is_some_and(|p| p <= SLOWER_P);
    // The median of all is that of the passing ones as long as these are the most.
    let is_rare = evidence.failures.saturating_mul(2) < evidence.counts.ran;
    let slower = |failed: &u64| *failed > durations.median_ns.saturating_add(SLOWER_NS);
    let failed = durations.median_failed_ns.filter(|failed| sure && is_rare && slower(failed))?;
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of an attempt, shown with three digits")]
    let told = |ns: u64| seconds(ns as f64 / 1e9);
    Some(format!("slower when it fails: median {} against {}", told(failed), told(durations.median_ns)))
}

/// Failures that are none of assertions.
fn ways(evidence: &Evidence) -> Option<String> {
    let counts = evidence.counts;
    let named = [
        (counts.timed_out, "timed out"),
        (counts.crashed, "crashed"),
        (counts.errored, "failed outside the test itself"),
        (counts.unexpected_passes, "passed though meant to fail"),
    ];
    let told: Vec<String> =
        named.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    (!told.is_empty()).then(|| told.join(", "))
}
