//! What looking into one pull request has cost: set aside before it is spent, and settled afterwards, so that a detection
//! that is ended from outside counts with all that it might have used.

use super::{Mine, Thread, compose, spent};
use crate::COMMENT_KEY;
use crate::forge::ForgeError;
use crate::forge::marker::Memory;
use crate::forge::spending::Spent;

/// The text of a comment that is made before there is anything to tell.
const WAITING: &str = "`flaky` looks into failures of CI in this pull request. What it finds out will stand here; what that has \
                       cost is remembered here.\n";

impl Thread<'_> {
    /// What was spent, by our comment on this pull request.
    pub(crate) async fn spent(&self) -> Result<Spent, ForgeError> {
        let author = self.author().await?;
        Ok(spent(&self.mine(COMMENT_KEY, &author).await?))
    }

    /// Counts this as spent in our comment, which is made when there is none.
    pub(crate) async fn set_aside(&self, amount: Spent) -> Result<(), ForgeError> {
        self.rewrite(|before| before.plus(amount)).await
    }

    /// Counts what was used in place of what was set aside.
    pub(crate) async fn settle(&self, aside: Spent, used: Spent) -> Result<(), ForgeError> {
        self.rewrite(|before| before.minus(aside).plus(used)).await
    }

    async fn rewrite(&self, change: impl Fn(Spent) -> Spent) -> Result<(), ForgeError> {
        let author = self.author().await?;
        let found = self.mine(COMMENT_KEY, &author).await?;
        if let Some(Mine { id, text, memory, .. }) = found.first() {
            let memory = Memory { spent: change(memory.spent), ..memory.clone() };
            match self.write(*id, &compose(COMMENT_KEY, text, None, memory)).await {
                // Somebody has removed it since.
                Err(error) if error.is_not_found() => {}
                done => return done,
            }
        }
        let memory = Memory { spent: change(Spent::default()), ..Memory::default() };
        self.make(COMMENT_KEY, WAITING, None, memory).await.map(drop)
    }
}
