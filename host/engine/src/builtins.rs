//! The bundled plugins: what `cargo xtask plugins` built into `plugins/dist`, with what each says of itself. Nothing
//! lists them by hand, and nothing of them is unpacked, compiled or asked before it is needed.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::LazyLock;

use flaky_plugin_host::{ComponentBytes, Manifest, PackedComponent, PluginSource, Roles};
use serde::Deserialize;

/// What the components are, in the order in which they stand in [`COMPONENTS`].
const MANIFEST: &str = include_str!("../bundled/manifest.json");

/// The components, packed as one.
const COMPONENTS: &[u8] = include_bytes!("../bundled/components.zst");

/// A component that is part of the program.
#[derive(Debug)]
pub struct Builtin {
    /// What stands behind `builtin:`.
    pub name: &'static str,
    /// What it can be asked.
    pub roles: Roles,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Digest of the component, in hexadecimal.
    pub sha256: String,
    component: PackedComponent,
    /// Bytes of the components before it, unpacked.
    begins: u64,
    /// Its bytes, unpacked.
    size: usize,
}

/// All bundled plugins, by name.
#[must_use]
pub fn all() -> &'static [Builtin] {
    &BUILTINS
}

/// The one of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Builtin> {
    all().binary_search_by(|builtin| builtin.name.cmp(name)).ok().and_then(|at| all().get(at))
}

impl Builtin {
    /// As the plugin host takes it.
    #[must_use]
    pub fn source(&self) -> PluginSource {
        PluginSource {
            label: format!("builtin:{}", self.name),
            bytes: ComponentBytes::Packed(self.component),
            trusted: true,
        }
    }
}

/// `manifest.json`, as far as it is needed here.
#[derive(Debug, Deserialize)]
struct Dist {
    #[serde(borrow)]
    plugins: BTreeMap<&'static str, Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    sha256: String,
    size: usize,
    roles: Vec<String>,
    manifest: Manifest,
}

#[expect(clippy::expect_used, reason = "text of this program; the tests below read it")]
static BUILTINS: LazyLock<Vec<Builtin>> = LazyLock::new(|| {
    let dist: Dist = serde_json::from_str(MANIFEST).expect("the manifest of the bundled plugins");
    let mut begins = 0;
    let builtin = |(number, (name, entry)): (usize, (&'static str, Entry))| {
        let roles = entry.roles.iter().map(String::as_str);
        let builtin = Builtin {
            name,
            roles: Roles::from_names(roles).expect("roles of the contract"),
            manifest: entry.manifest,
            component: PackedComponent { sha256: digest(&entry.sha256).expect("a digest"), number, unpack },
            sha256: entry.sha256,
            begins,
            size: entry.size,
        };
        begins += entry.size as u64;
        builtin
    };
    dist.plugins.into_iter().enumerate().map(builtin).collect()
});

/// The component of this number. What stands before it is unpacked as well, which takes some hundredths of what compiling it
/// takes, and is not kept.
fn unpack(number: usize) -> io::Result<Vec<u8>> {
    let builtin = all().get(number).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    let mut all = zstd::stream::Decoder::new(COMPONENTS)?;
    io::copy(&mut all.by_ref().take(builtin.begins), &mut io::sink())?;
    let mut component = vec![0; builtin.size];
    all.read_exact(&mut component)?;
    Ok(component)
}

/// From hexadecimal.
fn digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let pairs = text.as_bytes().chunks_exact(2);
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use flaky_plugin_host::{HostSettings, PluginHost};

    use super::*;

    #[test]
    fn bundled_plugins_stand_in_the_order_of_their_names_and_are_found_by_them() {
        assert!(all().is_sorted_by(|a, b| a.name < b.name));
        assert!(all().len() >= 6);
        for builtin in all() {
            assert_eq!(named(builtin.name).map(|b| b.name), Some(builtin.name));
            assert_eq!(builtin.manifest.name, builtin.name);
        }
        assert!(named("nobody").is_none());
    }

    /// What is known without loading a component is what it says when it is asked.
    #[tokio::test]
    async fn what_is_kept_of_every_bundled_plugin_is_what_it_says() {
        let cache = tempfile::tempdir().unwrap();
        let settings = HostSettings { cache: Some(cache.path().to_owned()), ..HostSettings::default() };
        let host = PluginHost::new(settings).unwrap();
        for builtin in all() {
            let plugin = host.load(builtin.source()).await.unwrap();
            assert_eq!(plugin.manifest(), &builtin.manifest);
            assert_eq!(plugin.roles(), &builtin.roles, "{}", builtin.name);
            assert_eq!(plugin.sha256(), builtin.sha256);
        }
    }

    #[test]
    fn a_digest_is_sixty_four_hexadecimal_digits() {
        assert_eq!(digest(&"0f".repeat(32)), Some([15; 32]));
        for bad in ["", "0f", &"0".repeat(63), &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(digest(bad), None, "{bad}");
        }
    }
}
