//! The folders of one slot: what an attempt finds, and what becomes of it afterwards.
//!
//! ```text
//! scratch/attempt            mount point: `own` of whichever slot the attempt runs in
//! scratch/done/SLOT-W-N      what is kept of an attempt: spooled output, collected files
//! scratch/empty              stands for output that was never printed
//! scratch/slots/SLOT/own     report, support, tmp, cache, home
//!                   /tree    the slot's copy of the work tree, where overlays cannot be had
//!                   /layers  upper and work folders of overlays
//!                   /system  private stand-ins for /tmp and the like
//! ```

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flaky_core::report::IsolationUsed;
use nix::unistd::{getegid, geteuid};

use super::protocol::{Failure, Order, Setup};
use super::stage::{Layered, Privilege, Replacement, Stage};
use crate::attempt::{AttemptNote, Purpose};
use crate::capabilities::{Obstacle, TreeMethod};
use crate::collect::{Collected, Collector, Globs, Source, Taken};
use crate::run_as::RunAs;
use crate::tree::{TreeCopy, empty, remove};

/// Folders of the system that tests write to under fixed names.
const REPLACED: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// Folders that an attempt gets in place of the user's own.
const PRIVATE: [&str; 3] = ["tmp", "cache", "home"];

/// File times come from a clock that ticks every 10 ms at the slowest (`CONFIG_HZ=100`): a file written
/// just after a moment may carry a time just before it.
const CLOCK_TICK: Duration = Duration::from_millis(10);

/// See the module.
pub(crate) struct SlotFolders {
    pub(crate) tree: PathBuf,
    scratch: PathBuf,
    visible: Vec<PathBuf>,
    name: String,
    slot: PathBuf,
    globs: Globs,
    copy: Option<TreeCopy>,
    made: Made,
    began: SystemTime,
    /// As whom commands run, if not as ourselves.
    pub(crate) run_as: Option<RunAs>,
}

/// Which folders exist already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Made {
    Nothing,
    ForShared,
    All,
}

impl SlotFolders {
    pub(crate) fn new(setup: Setup) -> Self {
        let scratch = setup.scratch.into_path();
        Self {
            tree: setup.tree.into_path(),
            visible: setup.visible.into_iter().map(super::text::Text::into_path).collect(),
            slot: scratch.join("slots").join(setup.slot.to_string()),
            scratch,
            name: format!("{}-{}", setup.slot, setup.worker),
            globs: Globs::compile(&setup.report_globs, &setup.tree_globs),
            copy: None,
            made: Made::Nothing,
            began: SystemTime::UNIX_EPOCH,
            run_as: setup.run_as,
        }
    }

    /// Makes everything ready for an attempt.
    pub(crate) fn prepare(&mut self, order: &Order) -> Result<Vec<AttemptNote>, Failure> {
        let mut notes = Vec::new();
        self.make_folders(order.level).map_err(|e| Failure::new("make the attempt's folders", e))?;
        if let (Purpose::Install, Some(user)) = (order.purpose, self.run_as) {
            user.take_empty(&self.visible)
                .map_err(|e| Failure::new("give folders to the user of the command", e))?;
        }
        if order.level != IsolationUsed::Shared {
            match order.method {
                TreeMethod::Overlay => {
                    self.make_layers(order.purpose)
                        .map_err(|e| Failure::new("make the attempt's layers", e))?;
                }
                method => notes.extend(self.ready_copy(method)?),
            }
        }
        self.write_support(order).map_err(|e| Failure::new("write support files", e))?;
        self.began = SystemTime::now().checked_sub(CLOCK_TICK).unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(notes)
    }

    fn make_folders(&mut self, level: IsolationUsed) -> io::Result<()> {
        // Another user has no use for our `HOME` and the like.
        let few = level == IsolationUsed::Shared && self.run_as.is_none();
        let wanted = if few { Made::ForShared } else { Made::All };
        if self.made >= wanted {
            return Ok(());
        }
        if self.made == Made::Nothing {
            // What a worker before this one has left, should it have been killed.
            remove(&self.slot)?;
        }
        let own = self.own();
        make(&own.join("report"), 0o755)?;
        make(&own.join("support"), 0o755)?;
        if wanted == Made::All {
            for name in PRIVATE {
                make(&own.join(name), 0o700)?;
            }
            fs::set_permissions(own.join("tmp"), fs::Permissions::from_mode(0o1777))?;
            if let Some(user) = self.run_as {
                // Not the support folder: what we write there must not be led elsewhere by links.
                PRIVATE
                    .iter()
                    .chain(["report"].iter())
                    .try_for_each(|name| user.take_folder(&own.join(name)))?;
            }
            for index in 0..REPLACED.len() {
                let folder = self.slot.join("system").join(index.to_string());
                make(&folder, 0o755)?;
                fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777))?;
            }
        }
        self.made = wanted;
        Ok(())
    }

    fn make_layers(&self, purpose: Purpose) -> io::Result<()> {
        for layer in self.layers(TreeMethod::Overlay, purpose) {
            make(&layer.upper, 0o755)?;
            make(&layer.work, 0o755)?;
            // The upper folder's owner and mode are what the attempt sees of the folder itself.
            let original = fs::metadata(&layer.folder)?;
            fs::set_permissions(&layer.upper, original.permissions())?;
            if geteuid().is_root() {
                use std::os::unix::fs::MetadataExt;
                std::os::unix::fs::chown(&layer.upper, Some(original.uid()), Some(original.gid()))?;
            }
        }
        Ok(())
    }

    fn ready_copy(&mut self, method: TreeMethod) -> Result<Option<AttemptNote>, Failure> {
        if let Some(copy) = &mut self.copy {
            let failed = copy.restore().map_err(|e| Failure::new("restore the copy of the work tree", e))?;
            return Ok((failed > 0).then_some(AttemptNote::NotRestored(failed)));
        }
        let target = self.slot.join("tree");
        // What a copy that failed half-way has left.
        remove(&target).map_err(|e| Failure::new("copy the work tree", e))?;
        let copy = TreeCopy::make(&self.tree, &target, method, self.run_as)
            .map_err(|e| Failure::new("copy the work tree", e))?;
        let skipped = copy.skipped();
        self.copy = Some(copy);
        Ok((skipped > 0).then_some(AttemptNote::NotCopied(skipped)))
    }

    fn write_support(&self, order: &Order) -> io::Result<()> {
        for (name, content) in &order.support_files {
            let path = self.own().join("support").join(name.path());
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(path, &content.0)?;
        }
        Ok(())
    }

    fn own(&self) -> PathBuf {
        self.slot.join("own")
    }

    fn layers(&self, method: TreeMethod, purpose: Purpose) -> Vec<Layered> {
        if method != TreeMethod::Overlay {
            return Vec::new();
        }
        let visible = self.visible.iter().filter(|path| !path.starts_with(&self.tree));
        let visible = visible.filter(|_| purpose == Purpose::Test);
        let folders = std::iter::once(&self.tree).chain(visible);
        let layer = |(index, folder): (usize, &PathBuf)| {
            let layer = self.slot.join("layers").join(index.to_string());
            Layered { folder: folder.clone(), upper: layer.join("upper"), work: layer.join("work") }
        };
        folders.enumerate().map(layer).collect()
    }

    /// What an isolated attempt sees; `None` where nothing needs a name space.
    pub(crate) fn stage(&self, order: &Order) -> Option<Stage> {
        let staged = match order.level {
            IsolationUsed::Full | IsolationUsed::FullSharedNetwork => true,
            IsolationUsed::Copy => order.method == TreeMethod::Overlay,
            IsolationUsed::Shared => false,
        };
        if !staged {
            return None;
        }
        let home = order.env.iter().rev().find(|(name, _)| name.0 == b"HOME").map(|(_, value)| value.path());
        Some(self.stage_of(order.level, order.method, order.privilege, order.purpose, home))
    }

    /// As [`stage`](Self::stage), for a level that is only tried.
    pub(crate) fn stage_of(
        &self,
        level: IsolationUsed,
        method: TreeMethod,
        privilege: Privilege,
        purpose: Purpose,
        home: Option<&Path>,
    ) -> Stage {
        let mut binds = Vec::new();
        if method != TreeMethod::Overlay {
            binds.push((self.slot.join("tree"), self.tree.clone()));
        }
        if purpose == Purpose::Install {
            binds.extend(self.visible.iter().map(|path| (path.clone(), path.clone())));
        }
        binds.push((self.own(), self.scratch.join("attempt")));
        let mut kept = vec![self.tree.clone(), self.scratch.clone()];
        kept.extend(self.visible.iter().cloned());
        if level == IsolationUsed::FullSharedNetwork {
            kept.extend(home.filter(|home| home.is_dir()).map(Path::to_path_buf));
        }
        Stage {
            level,
            privilege,
            uid: geteuid().as_raw(),
            gid: getegid().as_raw(),
            binds,
            layers: self.layers(method, purpose),
            kept,
            replaced: self.replaced(),
            hidden: ["slots", "done"].map(|name| self.scratch.join(name)).to_vec(),
            nothing: self.scratch.join("attempt"),
            run_as: self.run_as,
        }
    }

    fn replaced(&self) -> Vec<(PathBuf, Replacement)> {
        let folders = REPLACED.iter().map(Path::new).enumerate();
        // A link (some systems have `/var/tmp` so) leads to a folder that has its own line.
        let folders =
            folders.filter(|(_, path)| fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()));
        let stand_in = |(index, path): (usize, &Path)| {
            let memory = path == Path::new("/dev/shm");
            let folder = self.slot.join("system").join(index.to_string());
            (path.to_path_buf(), if memory { Replacement::Memory } else { Replacement::Folder(folder) })
        };
        folders.map(stand_in).collect()
    }

    /// Where the command starts, as it sees it.
    pub(crate) fn working_directory(&self, order: &Order) -> PathBuf {
        self.seen_tree(order).join(order.working_directory.path())
    }

    fn seen_tree(&self, order: &Order) -> PathBuf {
        let copied = order.level == IsolationUsed::Copy && order.method != TreeMethod::Overlay;
        if copied { self.slot.join("tree") } else { self.tree.clone() }
    }

    /// Where the files of the slot's `attempt`th attempt are kept.
    pub(crate) fn kept_folder(&self, attempt: u64) -> PathBuf {
        self.scratch.join("done").join(format!("{}-{attempt}", self.name))
    }

    /// Moves matching files into `kept`.
    pub(crate) fn collect(&self, order: &Order, kept: &Path) -> Collected {
        let mut collector = Collector::new(kept, self.run_as);
        if order.purpose == Purpose::Install {
            return collector.finish();
        }
        let report = self.own().join("report");
        collector.take(
            &Source { root: &report, prefix: "report", globs: &self.globs.report, taken: Taken::Moved },
            |_, _| true,
        );
        let tree = &self.globs.tree;
        match (order.level, order.method, &self.copy) {
            (IsolationUsed::Shared, ..) => {
                let source = Source { root: &self.tree, prefix: "tree", globs: tree, taken: Taken::Copied };
                collector.take(&source, |_, found| crate::tree::modified(found) >= self.began);
            }
            (_, TreeMethod::Overlay, _) => {
                let upper = self.slot.join("layers/0/upper");
                let source = Source { root: &upper, prefix: "tree", globs: tree, taken: Taken::Moved };
                collector.take(&source, |_, _| true);
            }
            (_, _, Some(copy)) => {
                let source = Source { root: copy.root(), prefix: "tree", globs: tree, taken: Taken::Moved };
                collector.take(&source, |name, found| copy.differs(name, found));
            }
            (_, _, None) => {}
        }
        collector.finish()
    }

    /// Empties what the attempt has used.
    pub(crate) fn clean(&self, order: &Order) {
        let own = self.own();
        // What cannot be removed now is tried again with the scratch folder; the next attempt might see it,
        // as it might see what another user's processes do.
        let _ = empty(&own.join("report"));
        if !order.support_files.is_empty() {
            let _ = empty(&own.join("support"));
        }
        if self.made == Made::All {
            for name in PRIVATE {
                let _ = empty(&own.join(name));
            }
        }
        if order.level == IsolationUsed::Shared {
            return;
        }
        let _ = empty(&own.join("support"));
        if order.method == TreeMethod::Overlay {
            let _ = remove(&self.slot.join("layers"));
        }
        if matches!(order.level, IsolationUsed::Full | IsolationUsed::FullSharedNetwork) {
            for index in 0..REPLACED.len() {
                let _ = empty(&self.slot.join("system").join(index.to_string()));
            }
        }
    }

    /// As [`clean`](Self::clean), and removes what was kept.
    pub(crate) fn discard(&self, order: &Order, kept: &Path) {
        self.clean(order);
        let _ = remove(kept);
    }

    /// Makes what [`stage_of`](Self::stage_of) needs, to try a level.
    pub(crate) fn prepare_trial(&mut self, level: IsolationUsed, method: TreeMethod) -> io::Result<()> {
        self.make_folders(level)?;
        match method {
            TreeMethod::Overlay => self.make_layers(Purpose::Test),
            _ => make(&self.slot.join("tree"), 0o755),
        }
    }

    /// Removes what a trial has left.
    pub(crate) fn clean_trial(&self) {
        let _ = remove(&self.slot.join("layers"));
    }

    /// Where the tree is not the user's as whom commands run: a layer would show it as it is, so that commands could
    /// not write to it.
    pub(crate) fn strangers_tree(&self) -> Option<Obstacle> {
        let user = self.run_as.filter(|user| !user.owns(&self.tree))?;
        Some(Obstacle {
            what: format!("the work tree does not belong to user {}, as whom commands run", user.uid),
            how_to_raise: format!("chown -R {}:{} {}", user.uid, user.gid, self.tree.display()),
        })
    }

    /// Whether files of the tree can share blocks with copies in the slot.
    pub(crate) fn can_reflink(&self) -> bool {
        crate::tree::can_reflink(&self.tree, &self.slot)
    }

    /// Where tree and scratch are, for messages.
    pub(crate) fn scratch(&self) -> &Path {
        &self.scratch
    }
}

fn make(folder: &Path, mode: u32) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(mode).create(folder)
}
