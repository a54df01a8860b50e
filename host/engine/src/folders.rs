//! Where `flaky` keeps things: never in the repository under test unless asked.
//!
//! | Folder | Variable that overrides it | Default on Linux | On macOS | On Windows |
//! |---|---|---|---|---|
//! | state: run records, journals, the history | `FLAKY_STATE_DIR` | `$XDG_STATE_HOME/flaky` or `~/.local/state/flaky` | `~/Library/Application Support/flaky` | `%LOCALAPPDATA%\flaky\state` |
//! | configuration: the trust file | `FLAKY_CONFIG_DIR` | `$XDG_CONFIG_HOME/flaky` or `~/.config/flaky` | `~/Library/Application Support/flaky` | `%LOCALAPPDATA%\flaky\config` |
//! | cache: fetched and compiled plugins, installed dependencies | `FLAKY_CACHE_DIR` | `$XDG_CACHE_HOME/flaky` or `~/.cache/flaky` | `~/Library/Caches/flaky` | `%LOCALAPPDATA%\flaky\cache` |

use std::ffi::OsString;
use std::path::PathBuf;

/// Where folders are where no variable says so: below what variable, and where there.
struct Places {
    home: &'static str,
    state: &'static str,
    config: &'static str,
    cache: &'static str,
}

const PLACES: Places = if cfg!(windows) {
    Places { home: "LOCALAPPDATA", state: r"flaky\state", config: r"flaky\config", cache: r"flaky\cache" }
} else if cfg!(target_os = "macos") {
    Places {
        home: "HOME",
        state: "Library/Application Support/flaky",
        config: "Library/Application Support/flaky",
        cache: "Library/Caches/flaky",
    }
} else {
    Places { home: "HOME", state: ".local/state/flaky", config: ".config/flaky", cache: ".cache/flaky" }
};

/// The two folders of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// Run records, journals and the history.
    pub state: PathBuf,
    /// Compiled plugins and installed dependencies; deleting it is always safe.
    pub cache: PathBuf,
}

/// No folder can be named: there is neither a variable nor a home folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no folder to keep things in: neither `{0}` nor `{home}` is set", home = PLACES.home)]
pub struct NoFolder(pub &'static str);

/// Where the user's own settings are, the trust file among them: `FLAKY_CONFIG_DIR`, else `$XDG_CONFIG_HOME/flaky` or
/// `~/.config/flaky` (see above for other systems). `None`: there is no home either.
pub fn config_folder(var: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let given = |name: &str| var(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let absolute = |name: &str| given(name).filter(|p| p.is_absolute());
    given("FLAKY_CONFIG_DIR")
        .or_else(|| absolute("XDG_CONFIG_HOME").map(|p| p.join("flaky")))
        .or_else(|| absolute(PLACES.home).map(|p| p.join(PLACES.config)))
}

impl Folders {
    /// Finds the folders by the environment; makes nothing.
    ///
    /// # Errors
    /// When neither the variables nor `HOME` are set.
    pub fn from_environment(var: impl Fn(&str) -> Option<OsString>) -> Result<Self, NoFolder> {
        let absolute =
            |name: &str| var(name).filter(|v| !v.is_empty()).map(PathBuf::from).filter(|p| p.is_absolute());
        let find = |own: &'static str, xdg: &str, below_home: &str| {
            var(own)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
                .or_else(|| absolute(xdg).map(|p| p.join("flaky")))
                .or_else(|| absolute(PLACES.home).map(|p| p.join(below_home)))
                .ok_or(NoFolder(own))
        };
        Ok(Self {
            state: find("FLAKY_STATE_DIR", "XDG_STATE_HOME", PLACES.state)?,
            cache: find("FLAKY_CACHE_DIR", "XDG_CACHE_HOME", PLACES.cache)?,
        })
    }

    /// One folder per run.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.state.join("runs")
    }

    /// What earlier runs found, where nobody says otherwise.
    #[must_use]
    pub fn history(&self) -> PathBuf {
        self.state.join("history.sqlite")
    }

    /// One folder per installation of dependencies.
    #[must_use]
    pub fn environments(&self) -> PathBuf {
        self.cache.join("environments")
    }

    /// Components that were fetched.
    #[must_use]
    pub fn fetched_components(&self) -> PathBuf {
        self.cache.join("plugins")
    }

    /// Components out of other revisions of repositories, by their digests.
    #[must_use]
    pub fn trusted_components(&self) -> PathBuf {
        self.cache.join("trusted-components")
    }

    /// Native code of components.
    #[must_use]
    pub fn components(&self) -> PathBuf {
        self.cache.join("components")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(vars: &[(&str, &str)]) -> Result<Folders, NoFolder> {
        Folders::from_environment(|name| {
            vars.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v))
        })
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn own_variables_win_over_the_platforms_and_those_over_home() {
        let all = find(&[
            ("HOME", "/h"),
            ("XDG_STATE_HOME", "/xs"),
            ("XDG_CACHE_HOME", "relative"),
            ("FLAKY_CACHE_DIR", "/own"),
        ]);
        assert_eq!(all, Ok(Folders { state: "/xs/flaky".into(), cache: "/own".into() }));
        let home = find(&[("HOME", "/h")]);
        assert_eq!(
            home,
            Ok(Folders { state: "/h/.local/state/flaky".into(), cache: "/h/.cache/flaky".into() })
        );
    }

    #[test]
    fn without_a_home_the_variable_to_set_is_named() {
        assert_eq!(find(&[("HOME", "")]), Err(NoFolder("FLAKY_STATE_DIR")));
    }
}
