//! What differed between attempts, by number, and what it does to a test.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::evidence::{ConditionEffect, Tried};
use crate::stats::{fisher_exact, holm};

use super::columns::Row;

/// Values of one condition that are compared. Conditions are made to have two or a handful; one that has a value of its
/// own for nearly every attempt (a seed, a date) explains nothing.
const MOST_VALUES: usize = 16;

/// Numbers for (condition, value), and one copy of every set of them.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    levels: Vec<(String, String)>,
    numbers: HashMap<(String, String), u32>,
    sets: HashSet<Arc<[u32]>>,
}

impl Conditions {
    /// The set of one attempt. Of a condition that stands there twice, the first value counts.
    pub(super) fn set(&mut self, mut conditions: Vec<(String, String)>) -> Arc<[u32]> {
        conditions.sort_by(|a, b| a.0.cmp(&b.0));
        conditions.dedup_by(|a, b| a.0 == b.0);
        let set: Vec<u32> = conditions.into_iter().map(|level| self.number(level)).collect();
        if let Some(known) = self.sets.get(set.as_slice()) {
            return Arc::clone(known);
        }
        let new: Arc<[u32]> = Arc::from(set);
        self.sets.insert(Arc::clone(&new));
        new
    }

    fn number(&mut self, level: (String, String)) -> u32 {
        if let Some(number) = self.numbers.get(&level) {
            return *number;
        }
        let number = u32::try_from(self.levels.len()).unwrap_or(u32::MAX);
        self.levels.push(level.clone());
        self.numbers.insert(level, number);
        number
    }

    /// What is worth comparing over these rows.
    pub(super) fn compared<'a>(&'a self, rows: &[&Row]) -> Compared<'a> {
        let mut values: BTreeMap<&str, BTreeMap<&str, u32>> = BTreeMap::new();
        let used: HashSet<u32> = rows.iter().flat_map(|row| row.levels.iter().copied()).collect();
        for (condition, value, number) in used.iter().filter_map(|number| {
            self.levels.get(*number as usize).map(|(condition, value)| (condition, value, *number))
        }) {
            values.entry(condition).or_default().insert(value, number);
        }
        values.retain(|_, values| (2..=MOST_VALUES).contains(&values.len()));
        let mut compared = Compared { levels: Vec::new(), position: HashMap::new(), known: HashMap::new() };
        for (condition, values) in values {
            for (value, number) in values {
                compared.position.insert(number, compared.levels.len());
                compared.levels.push((condition, value));
            }
        }
        compared
    }
}

/// Conditions with several values each.
pub(super) struct Compared<'a> {
    /// By condition, then value.
    levels: Vec<(&'a str, &'a str)>,
    position: HashMap<u32, usize>,
    /// Many tests have the same counts.
    known: HashMap<[u32; 4], f64>,
}

impl Compared<'_> {
    /// Positions of a row's levels among those compared.
    pub(super) fn positions(&self, row: &Row) -> Vec<usize> {
        row.levels.iter().filter_map(|number| self.position.get(number).copied()).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.levels.len()
    }

    /// Every value against the other values of its condition, in the order of `tried`, which has what the test did
    /// under each level. Corrected (Holm) for how many comparisons were made; the two values of a condition that has two
    /// are one.
    pub(super) fn effects(&mut self, tried: &[Tried]) -> Vec<ConditionEffect> {
        let mut effects: Vec<ConditionEffect> = Vec::with_capacity(tried.len());
        // Index of the comparison that each effect is about.
        let mut comparison: Vec<usize> = Vec::new();
        let mut chances: Vec<f64> = Vec::new();
        let mut rest = tried;
        let levels = std::mem::take(&mut self.levels);
        for values in levels.chunk_by(|a, b| a.0 == b.0) {
            let (of_condition, after) = rest.split_at(values.len().min(rest.len()));
            rest = after;
            let ran: u32 = of_condition.iter().map(|t| t.ran).sum();
            let failed: u32 = of_condition.iter().map(|t| t.failed).sum();
            for (place, ((condition, value), under)) in values.iter().zip(of_condition).enumerate() {
                let is_mirror = place == 1 && values.len() == 2;
                if !is_mirror {
                    chances.push(
                        self.chance(*under, Tried { ran: ran - under.ran, failed: failed - under.failed }),
                    );
                }
                comparison.push(chances.len() - 1);
                effects.push(ConditionEffect {
                    condition: (*condition).to_owned(),
                    value: (*value).to_owned(),
                    ran: under.ran,
                    failed: under.failed,
                    p_value: 1.0,
                });
            }
        }
        self.levels = levels;
        let corrected = holm(&chances);
        for (effect, comparison) in effects.iter_mut().zip(comparison) {
            effect.p_value = corrected.get(comparison).copied().unwrap_or(1.0);
        }
        effects.retain(|effect| effect.ran > 0);
        effects.sort_by(|a, b| {
            a.p_value
                .total_cmp(&b.p_value)
                .then_with(|| (&a.condition, &a.value).cmp(&(&b.condition, &b.value)))
        });
        effects
    }

    fn chance(&mut self, under: Tried, others: Tried) -> f64 {
        let counts = [under.failed, under.ran, others.failed, others.ran];
        let [a, b, c, d] = counts;
        *self.known.entry(counts).or_insert_with(|| fisher_exact(a, b, c, d))
    }
}
