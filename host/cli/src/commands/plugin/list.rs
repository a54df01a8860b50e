//! `flaky plugin list`.

use flaky_config::{PluginAddress, PluginEntry};
use flaky_plugin_registry::{LockedPlugin, Network, VENDOR_FOLDER};
use serde_json::{Value, json};

use super::shelf::{Shelf, say};
use crate::args::plugin::source::ListArgs;
use crate::error::CliError;
use crate::exit_status::ExitStatus;

/// From what was typed to the exit code.
pub(super) fn execute(args: &ListArgs) -> Result<ExitStatus, CliError> {
    let shelf = Shelf::open(&args.config, Network::Offline)?;
    let rows: Vec<Row> = shelf.entries.iter().map(|entry| Row::of(entry, &shelf)).collect();
    if args.json {
        let all: Vec<Value> = rows.iter().map(Row::json).collect();
        say(&json!({ "plugins": all }).to_string());
    } else if rows.is_empty() {
        say(&format!("`{}` names no plugin", shelf.config.display()));
    } else {
        rows.iter().for_each(|row| say(&row.line()));
    }
    Ok(ExitStatus::Fine)
}

/// One plugin of the configuration.
struct Row {
    source: String,
    locked: Option<LockedPlugin>,
    stand: Stand,
}

/// Where a plugin would come from in the next run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    Builtin,
    File,
    Vendored,
    Stored,
    /// It would be fetched.
    Away,
    NotLocked,
}

impl Stand {
    const fn name(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::File => "file",
            Self::Vendored => "vendored",
            Self::Stored => "stored",
            Self::Away => "to be fetched",
            Self::NotLocked => "not locked",
        }
    }
}

impl Row {
    fn of(entry: &PluginEntry, shelf: &Shelf) -> Self {
        let source = entry.source.to_string();
        let (locked, stand) = match &entry.source {
            PluginAddress::Builtin(_) => (None, Stand::Builtin),
            PluginAddress::File(_) => (None, Stand::File),
            PluginAddress::Remote(remote) => match shelf.supply.lock.of(remote) {
                None => (None, Stand::NotLocked),
                Some(locked) => {
                    let vendored = shelf.folder.join(VENDOR_FOLDER).join(format!("{}.wasm", locked.name));
                    let stand = match (vendored.is_file(), shelf.supply.store.has(&locked.sha256)) {
                        (true, _) => Stand::Vendored,
                        (false, true) => Stand::Stored,
                        (false, false) => Stand::Away,
                    };
                    (Some(locked.clone()), stand)
                }
            },
        };
        Self { source, locked, stand }
    }

    fn line(&self) -> String {
        let Self { source, locked, stand } = self;
        match locked {
            None => format!("{source}  ({})", stand.name()),
            Some(locked) => {
                let digest = locked.sha256.short();
                format!("{} {}  {source}  sha256 {digest}…  ({})", locked.name, locked.version, stand.name())
            }
        }
    }

    fn json(&self) -> Value {
        let locked = self.locked.as_ref().map(|locked| {
            json!({
                "name": locked.name.as_str(),
                "version": locked.version,
                "sha256": locked.sha256,
                "resolved": locked.resolved.map(|digest| format!("sha256:{digest}")),
                "size": locked.size,
                "contract": locked.contract,
                "wants": locked.wants,
            })
        });
        json!({ "source": self.source, "stand": self.stand.name(), "locked": locked })
    }
}
