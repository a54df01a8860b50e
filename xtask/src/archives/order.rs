//! What of a release is to be built.

use super::{MACOS, Package, System, TARGETS};
use crate::Result;

/// What was asked for.
pub(super) struct Order {
    pub(super) targets: Vec<String>,
    pub(super) packages: Vec<Package>,
    pub(super) after: After,
}

/// What is done with the sums of what was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Nothing,
    /// Compared with those that the action holds for this version.
    Verify,
    /// Written into the action.
    WriteChecksums,
    /// Compared with those of a second build, of the last commit, in another folder.
    CheckReproducible,
}

impl Order {
    pub(super) fn parse(arguments: &[&str]) -> Result<Self> {
        let mut order = Self { targets: Vec::new(), packages: Vec::new(), after: After::Nothing };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().copied().ok_or_else(|| format!("`{argument}` needs a value"));
            match *argument {
                "--target" => {
                    let target = value()?;
                    let all = [&TARGETS[..], &MACOS].concat();
                    if !all.contains(&target) {
                        return Err(format!("nothing is released for `{target}`: {}", all.join(", ")).into());
                    }
                    order.targets.push(target.to_owned());
                }
                "--package" => {
                    let name = value()?;
                    let package = Package::ALL.into_iter().find(|package| package.name() == name);
                    order.packages.push(package.ok_or_else(|| format!("`{name}` is not released"))?);
                }
                "--verify" => order.after = After::Verify,
                "--write-checksums" => order.after = After::WriteChecksums,
                "--check-reproducible" => order.after = After::CheckReproducible,
                other => return Err(format!("unexpected argument `{other}`").into()),
            }
        }
        if order.targets.is_empty() {
            order.targets = TARGETS.map(str::to_owned).to_vec();
        }
        if order.packages.is_empty() {
            order.packages = Package::ALL.to_vec();
        }
        if order.programs().next().is_none() {
            return Err("the worker is released for Linux alone".into());
        }
        Ok(order)
    }

    /// Each program that is to be built.
    pub(super) fn programs(&self) -> impl Iterator<Item = (Package, &str)> {
        let all = self
            .targets
            .iter()
            .flat_map(|target| self.packages.iter().map(|package| (*package, target.as_str())));
        all.filter(|(package, target)| package.is_for(target))
    }

    /// Said before anything is built, which takes half an hour. Manual page and completions, which all archives but that for
    /// Windows hold, are printed by the program itself: one that runs here has to be among them.
    pub(super) fn check(&self, here: System) -> Result<()> {
        if let Some(target) = self.targets.iter().find(|target| System::of(target) == System::MacOs)
            && here != System::MacOs
        {
            return Err(format!("`{target}` is built on macOS alone: the SDK is Apple's").into());
        }
        let printed = self.programs().filter(|(package, target)| has_pages(*package, target));
        let printed: Vec<&str> = printed.map(|(_, target)| target).collect();
        if !printed.is_empty() && !printed.iter().any(|target| runs(target, here)) {
            return Err(format!(
                "no program would be built that runs here, to print its manual page\n\
                 hint: the target of this machine, {}, as well",
                std::env::consts::ARCH
            )
            .into());
        }
        Ok(())
    }
}

/// Whether the archive holds manual page and completions.
pub(super) fn has_pages(package: Package, target: &str) -> bool {
    package == Package::Flaky && System::of(target) != System::Windows
}

/// Whether the target's programs run on a machine like this one with this system.
pub(super) fn runs(target: &str, here: System) -> bool {
    System::of(target) == here && target.starts_with(&format!("{}-", std::env::consts::ARCH))
}

#[cfg(test)]
mod tests {
    use super::super::{LINUX, WINDOWS};
    use super::*;

    #[test]
    fn a_program_that_runs_nowhere_here_is_not_built_alone() {
        let elsewhere = LINUX.iter().find(|target| !runs(target, System::Linux)).unwrap();
        let apple = MACOS.iter().find(|target| runs(target, System::MacOs)).unwrap();
        for (arguments, here, fine) in [
            (&["--target", WINDOWS][..], System::Linux, true),
            (&["--target", elsewhere, "--package", "flaky"], System::Linux, false),
            (&["--target", elsewhere, "--package", "flaky-worker"], System::Linux, true),
            (&["--package", "flaky"], System::Linux, true),
            // Apple's SDK is nowhere else.
            (&["--package", "flaky", "--target", apple], System::Linux, false),
            (&["--package", "flaky", "--target", apple], System::MacOs, true),
            (&["--package", "flaky"], System::MacOs, false),
        ] {
            assert_eq!(Order::parse(arguments).unwrap().check(here).is_ok(), fine, "{arguments:?} {here:?}");
        }
    }

    fn order_names(arguments: &[&str]) -> Vec<(String, String)> {
        let order = Order::parse(arguments).unwrap();
        order.programs().map(|(package, target)| (package.program(target), target.to_owned())).collect()
    }

    #[test]
    fn orders_are_for_what_is_released_only() {
        let order = Order::parse(&[]).unwrap();
        assert_eq!(
            (order.targets, order.packages),
            (TARGETS.map(str::to_owned).to_vec(), Package::ALL.to_vec())
        );
        let names: Vec<_> = order_names(&[]);
        assert_eq!(names.len(), 5, "the worker is for Linux alone: {names:?}");
        assert!(names.contains(&("flaky.exe".to_owned(), WINDOWS.to_owned())), "{names:?}");
        let order = Order::parse(&["--target", TARGETS[1], "--package", "flaky-worker", "--verify"]).unwrap();
        assert_eq!(
            (order.targets.len(), order.packages, order.after),
            (1, vec![Package::Worker], After::Verify)
        );
        for wrong in [
            &["--target", "x86_64-pc-windows-msvc"][..],
            &["--target"],
            &["--package", "xtask"],
            &["--fast"],
            &["--target", WINDOWS, "--package", "flaky-worker"],
            &["--target", MACOS[0], "--package", "flaky-worker"],
        ] {
            assert!(Order::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
