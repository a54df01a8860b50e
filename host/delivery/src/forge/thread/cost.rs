//! What looking into one pull request has cost: set aside before it is spent, and settled afterwards, so that a detection
//! that is ended from outside counts with all that it might have used.

use super::moved::is_of_ours;
use super::{Mine, Thread, compose, spent};
use crate::forge::ForgeError;
use crate::forge::marker::Memory;
use crate::forge::spending::Spent;

/// The text of a comment that is made before there is anything to tell.
const WAITING: &str = "`flaky` looks into failures of CI in this pull request. What it finds out will stand here; what that has \
                       cost is remembered here.\n";

impl Thread<'_> {
    /// What was spent by everything of ours that speaks in this pull request.
    pub(crate) async fn spent(&self) -> Result<Spent, ForgeError> {
        let author = self.author().await?;
        let mut mine = self.all_mine(&author).await?;
        mine.retain(|mine| is_of_ours(&mine.key));
        Ok(spent(&mine))
    }

    /// Counts this as spent in the comment with this key, which is made when there is none.
    pub(crate) async fn set_aside(&self, key: &str, amount: Spent) -> Result<(), ForgeError> {
        self.rewrite(key, |before| before.plus(amount)).await
    }

    /// Counts what was used in place of what was set aside.
    pub(crate) async fn settle(&self, key: &str, aside: Spent, used: Spent) -> Result<(), ForgeError> {
        self.rewrite(key, |before| before.minus(aside).plus(used)).await
    }

    async fn rewrite(&self, key: &str, change: impl Fn(Spent) -> Spent) -> Result<(), ForgeError> {
        let author = self.author().await?;
        let found = self.mine(key, &author).await?;
        if let Some(Mine { id, text, memory, .. }) = found.first() {
            let memory = Memory { spent: change(memory.spent), ..memory.clone() };
            match self.write(*id, &compose(key, text, None, memory)).await {
                // Somebody has removed it since.
                Err(error) if error.is_not_found() => {}
                done => return done,
            }
        }
        let memory = Memory { spent: change(Spent::default()), ..Memory::default() };
        self.make(key, WAITING, None, memory).await.map(drop)
    }
}
