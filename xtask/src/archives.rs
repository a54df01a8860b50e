//! `cargo xtask dist`: what a release consists of, the same bytes wherever it is made.
//!
//! Rust, its standard library, all crates, OpenSSL and musl are of fixed versions; the C compiler and linker is zig's of a
//! fixed version and hash, which builds for both machines on either. No path, time or user of the machine gets in.

mod build;
mod elf;
mod macho;
mod notices;
mod order;
mod pack;
mod packages;
mod pe;
mod sbom;
mod tools;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use self::build::Build;
use self::order::{After, Order, has_pages, runs};
use self::pack::Member;
use crate::changelog::Version;
use crate::contract::Contract;
use crate::{Result, read, say, sources, versions};

/// What all of it is released for: attempts are kept apart by Linux's name spaces. The action installs these.
pub(crate) const LINUX: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];

/// What `flaky` alone is released for, for all but attempts (RELEASING.md says more).
pub(crate) const WINDOWS: &str = "x86_64-pc-windows-gnu";

/// What is made by zig, on any machine with Linux, unless something else was asked for.
pub(crate) const TARGETS: [&str; 3] = [LINUX[0], LINUX[1], WINDOWS];

/// The same as for Windows. Apple's SDK is on Apple's machines alone: these are made there, by Apple's compiler.
pub(crate) const MACOS: [&str; 2] = ["x86_64-apple-darwin", "aarch64-apple-darwin"];

/// What a target's programs run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    Linux,
    MacOs,
    Windows,
}

impl System {
    pub(crate) fn of(target: &str) -> Self {
        match target {
            WINDOWS => Self::Windows,
            _ if MACOS.contains(&target) => Self::MacOs,
            _ => Self::Linux,
        }
    }

    /// That of this machine.
    const fn here() -> Self {
        if cfg!(target_os = "macos") {
            Self::MacOs
        } else if cfg!(windows) {
            Self::Windows
        } else {
            Self::Linux
        }
    }
}

/// Most bytes of the program: people download it in every CI job (RELEASING.md says what it consists of).
const MOST_BYTES: u64 = 25 * 1000 * 1000;

/// A program that is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Package {
    /// The tool itself.
    Flaky,
    /// The worker, for its image.
    Worker,
}

impl Package {
    const ALL: [Self; 2] = [Self::Flaky, Self::Worker];

    /// Of the crate and of its program.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Flaky => "flaky",
            Self::Worker => "flaky-worker",
        }
    }

    /// Whether it is released for a machine: the worker makes attempts.
    fn is_for(self, target: &str) -> bool {
        match self {
            Self::Flaky => true,
            Self::Worker => System::of(target) == System::Linux,
        }
    }

    /// Name of the program's file.
    pub(crate) fn program(self, target: &str) -> String {
        let ending = if System::of(target) == System::Windows { ".exe" } else { "" };
        format!("{}{ending}", self.name())
    }

    /// How it is built, by Cargo.toml.
    const fn profile(self) -> &'static str {
        match self {
            Self::Flaky => "dist",
            Self::Worker => "dist-worker",
        }
    }
}

/// The file name of an archive. The action, `install.sh` and `cargo binstall` rely on it.
pub(crate) fn archive_name(package: Package, version: Version, target: &str) -> String {
    let ending = if System::of(target) == System::Windows { "zip" } else { "tar.gz" };
    format!("{}.{ending}", base_name(package, version, target))
}

fn base_name(package: Package, version: Version, target: &str) -> String {
    format!("{}-{version}-{target}", package.name())
}

/// `cargo xtask dist`: archives, their SBOMs, the contract and `SHA256SUMS` into `dist`.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Result<()> {
    let order = Order::parse(arguments)?;
    order.check(System::here())?;
    let into = root.join("dist");
    let sums = make(root, &order, &crate::target_folder(root), &into)?;
    let version = versions::current(root)?;
    let archives = || {
        let names = LINUX.map(|target| archive_name(Package::Flaky, version, target));
        sums.iter()
            .filter(|(file, _)| names.contains(file))
            .map(|(file, sum)| (file.clone(), sum.clone()))
            .collect()
    };
    match order.after {
        After::Nothing => Ok(()),
        After::Verify => verify(&archives(), &versions::listed(root, version)?),
        After::WriteChecksums => versions::list(root, version, &archives()),
        After::CheckReproducible => check_reproducible(root, &order, &sums),
    }
}

/// Fails if something was built that is not what the action takes, or nothing was.
fn verify(built: &BTreeMap<String, String>, listed: &BTreeMap<String, String>) -> Result<()> {
    if built.is_empty() {
        return Err("nothing was built that the action installs".into());
    }
    for (file, sum) in built {
        match listed.get(file) {
            Some(expected) if expected == sum => say(&format!("{file} is what action/checksums.txt says")),
            Some(expected) => {
                return Err(format!(
                    "{file}: built {sum}, action/checksums.txt says {expected}\n\
                     hint: `cargo xtask dist --write-checksums` at the commit that is released"
                )
                .into());
            }
            None => return Err(format!("{file}: action/checksums.txt does not know it").into()),
        }
    }
    Ok(())
}

/// Builds the last commit again, with everything of another name, and compares.
fn check_reproducible(root: &Path, order: &Order, sums: &BTreeMap<String, String>) -> Result<()> {
    let place = crate::target_folder(root).join("reproduce-elsewhere");
    let (copy, target) = (place.join("a/copy"), place.join("other-target"));
    if copy.exists() {
        std::fs::remove_dir_all(&copy)?;
    }
    let clone =
        Command::new("git").args(["clone", "--quiet", "--no-hardlinks"]).arg(root).arg(&copy).status()?;
    if !clone.success() {
        return Err("git could not clone".into());
    }
    let again = make(&copy, order, &target, &place.join("dist"))?;
    let differing: Vec<_> =
        sums.iter().filter(|(file, sum)| again.get(*file) != Some(sum)).map(|(f, _)| f).collect();
    if !differing.is_empty() || again.len() != sums.len() {
        return Err(format!(
            "the last commit gave other bytes in another folder: {differing:?}\n\
             hint: is everything committed? Compare {} with dist",
            place.join("dist").display()
        )
        .into());
    }
    say(&format!("{} files, the same bytes in both folders", sums.len()));
    Ok(())
}

/// Makes everything that was asked for and gives the sums by file.
fn make(root: &Path, order: &Order, target_folder: &Path, into: &Path) -> Result<BTreeMap<String, String>> {
    let version = versions::current(root)?;
    let tools = tools::Tools::install(&crate::target_folder(&crate::root()?), &order.targets)?;
    if into.exists() {
        std::fs::remove_dir_all(into)?;
    }
    let epoch = epoch(root)?;
    let mut built = Vec::new();
    for (package, target) in order.programs() {
        let build = Build { root, target_folder, target, package, epoch, tools: &tools };
        let program = build.run()?;
        check_program(&program, package, target)?;
        built.push((package, target, program));
    }
    let texts = texts(&built)?;
    for (package, target, program) in &built {
        let packages = packages::of(root, *package, target)?;
        let mut members = vec![
            Member::program(&package.program(target), read(program)?),
            Member::file("README.md", read(&root.join("README.md"))?),
            Member::file("LICENSE-APACHE", read(&root.join("LICENSE-APACHE"))?),
            Member::file("LICENSE-MIT", read(&root.join("LICENSE-MIT"))?),
            Member::file("THIRD-PARTY.txt", notices::text(&packages)?),
        ];
        if has_pages(*package, target) {
            members.extend(texts.iter().cloned());
        }
        let packed = match System::of(target) {
            System::Windows => pack::zip(members, epoch)?,
            System::Linux | System::MacOs => pack::archive(members, epoch)?,
        };
        crate::write(&into.join(archive_name(*package, version, target)), &packed)?;
        let sbom = format!("{}.cdx.json", base_name(*package, version, target));
        crate::write(&into.join(sbom), &sbom::document(*package, version, target, &packages)?)?;
    }
    crate::write(&into.join("install.sh"), &read(&root.join("install.sh"))?)?;
    let contract = Contract::load(root)?;
    crate::write(&into.join(contract.file_name()), &contract.encoded)?;
    write_sums(into)
}

/// Seconds since 1970 that files are marked with: the day of the release, or of the last commit before the first.
fn epoch(root: &Path) -> Result<u64> {
    let changelog = String::from_utf8(read(&root.join("CHANGELOG.md"))?)?;
    if let Some(released) = crate::changelog::newest(&changelog)? {
        return Ok(u64::try_from(released.date.seconds())?);
    }
    let mut git = Command::new("git");
    Ok(crate::cargo::output(git.args(["log", "-1", "--format=%ct"]).current_dir(root))?.parse()?)
}

fn check_program(program: &Path, package: Package, target: &str) -> Result<()> {
    let content = read(program)?;
    let wanted = match System::of(target) {
        System::Linux => elf::interpreter(&content)?,
        System::MacOs => macho::library(&content)?,
        System::Windows => pe::library(&content)?,
    };
    if let Some(wanted) = wanted {
        return Err(format!("{}: it wants `{wanted}`, which not all have", program.display()).into());
    }
    let size = content.len() as u64;
    say(&format!("{}: {:.1} MB", package.name(), size as f64 / 1e6));
    if size > MOST_BYTES {
        return Err(format!("{}: {size} bytes, at most {MOST_BYTES}", program.display()).into());
    }
    Ok(())
}

/// Manual page and completions, as the program itself prints them. Every machine's program prints the same, so they
/// are taken from one that runs here.
fn texts(built: &[(Package, &str, PathBuf)]) -> Result<Vec<Member>> {
    const TEXTS: [(&str, &[&str]); 5] = [
        ("man/flaky.1", &["man"]),
        ("completions/flaky.bash", &["completions", "bash"]),
        ("completions/_flaky", &["completions", "zsh"]),
        ("completions/flaky.fish", &["completions", "fish"]),
        ("completions/flaky.elv", &["completions", "elvish"]),
    ];
    let is_it = |(package, target, _): &&(Package, &str, PathBuf)| {
        *package == Package::Flaky && runs(target, System::here())
    };
    // Without one the program is not among what is built: `Order::check`.
    let Some((.., program)) = built.iter().find(is_it) else { return Ok(Vec::new()) };
    let print = |(name, arguments): (&str, &[&str])| {
        let text = crate::cargo::output(Command::new(program).args(arguments))?;
        Ok(Member::file(name, (text + "\n").into_bytes()))
    };
    TEXTS.into_iter().map(print).collect()
}

/// `SHA256SUMS` of all that is in the folder, in alphabetical order.
fn write_sums(into: &Path) -> Result<BTreeMap<String, String>> {
    let mut sums = BTreeMap::new();
    for entry in std::fs::read_dir(into)? {
        let entry = entry?;
        sums.insert(entry.file_name().to_string_lossy().into_owned(), sources::sha256(&read(&entry.path())?));
    }
    let lines: String = sums.iter().map(|(file, sum)| format!("{sum}  {file}\n")).collect();
    crate::write(&into.join("SHA256SUMS"), lines.as_bytes())?;
    lines.lines().for_each(say);
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_built_is_verified_by_each_sum() {
        let sums = |of: &[(&str, &str)]| of.iter().map(|(f, s)| ((*f).to_owned(), (*s).to_owned())).collect();
        let listed: BTreeMap<String, String> = sums(&[("a", "1"), ("b", "2")]);
        verify(&listed, &listed).unwrap();
        verify(&sums(&[("a", "1")]), &listed).unwrap();
        for wrong in [&[("a", "2")][..], &[("a", "1"), ("c", "3")], &[]] {
            assert!(verify(&sums(wrong), &listed).is_err(), "{wrong:?}");
        }
    }
}
