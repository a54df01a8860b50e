//! From a refused step to what the user can do about it.

use std::fs;
use std::path::Path;

use super::stage::{Refused, Step};
use crate::capabilities::Obstacle;

/// Names the obstacle and the line that raises it.
pub(crate) fn describe(refused: &Refused, scratch: &Path) -> Obstacle {
    let what = format!("{}: {}", name(refused.step), refused.message);
    Obstacle { what, how_to_raise: how_to_raise(refused, &Switches::read(), scratch) }
}

fn name(step: Step) -> &'static str {
    match step {
        Step::NameSpaces => "new name spaces are refused",
        Step::UserMap => "the user cannot be mapped into a name space",
        Step::PrivateMounts => "mounts cannot be made private",
        Step::HiddenFolder => "`/tmp` cannot be replaced",
        Step::Overlay => "an overlay cannot be mounted",
        Step::Bind => "a folder cannot be mounted elsewhere",
        Step::Proc => "a `/proc` of its own cannot be mounted",
        Step::Loopback => "a network of its own cannot be set up",
    }
}

/// Settings of the kernel that refuse name spaces.
#[derive(Debug, Default)]
struct Switches {
    unprivileged_userns_clone: Option<i64>,
    apparmor_restricts: Option<i64>,
    max_user_namespaces: Option<i64>,
    container: bool,
}

impl Switches {
    fn read() -> Self {
        let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse().ok();
        Self {
            unprivileged_userns_clone: number("/proc/sys/kernel/unprivileged_userns_clone"),
            apparmor_restricts: number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
            max_user_namespaces: number("/proc/sys/user/max_user_namespaces"),
            container: ["/.dockerenv", "/run/.containerenv"].iter().any(|path| Path::new(path).exists()),
        }
    }
}

fn how_to_raise(refused: &Refused, switches: &Switches, scratch: &Path) -> String {
    if switches.max_user_namespaces == Some(0) || refused.errno == Some(libc::ENOSPC) {
        return "sudo sysctl -w user.max_user_namespaces=15000".to_owned();
    }
    if switches.unprivileged_userns_clone == Some(0) {
        return "sudo sysctl -w kernel.unprivileged_userns_clone=1".to_owned();
    }
    let denied = matches!(refused.errno, Some(libc::EPERM | libc::EACCES));
    if denied && switches.apparmor_restricts == Some(1) && refused.step != Step::Overlay {
        return "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0".to_owned();
    }
    let container = "start the container with `--security-opt seccomp=unconfined --cap-add SYS_ADMIN`";
    match refused.step {
        Step::Overlay if !denied => format!(
            "put the scratch folder on ext4, xfs, btrfs or tmpfs: `{}` is not on a file system that carries overlays",
            scratch.display()
        ),
        Step::Overlay if !switches.container => "a Linux kernel of 5.11 or later, or root".to_owned(),
        Step::Proc => {
            format!("{container} `--security-opt systempaths=unconfined`")
        }
        _ if switches.container => container.to_owned(),
        _ => format!("run as root, or allow user name spaces (in a container: {container})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_names_its_own_way_out() {
        let free = || Switches { max_user_namespaces: Some(15000), ..Switches::default() };
        let cases = [
            (Step::NameSpaces, libc::ENOSPC, free(), "user.max_user_namespaces"),
            (
                Step::NameSpaces,
                libc::EPERM,
                Switches { unprivileged_userns_clone: Some(0), ..free() },
                "unprivileged_userns_clone=1",
            ),
            (
                Step::PrivateMounts,
                libc::EACCES,
                Switches { apparmor_restricts: Some(1), ..free() },
                "apparmor_restrict_unprivileged_userns=0",
            ),
            (Step::NameSpaces, libc::EPERM, Switches { container: true, ..free() }, "seccomp=unconfined"),
            (Step::NameSpaces, libc::EPERM, free(), "run as root"),
            (Step::Proc, libc::EPERM, free(), "systempaths=unconfined"),
            (Step::Overlay, libc::EINVAL, free(), "/some/scratch"),
            (Step::Overlay, libc::EPERM, free(), "5.11"),
        ];
        for (step, errno, switches, expected) in cases {
            let refused = Refused::new(step, std::io::Error::from_raw_os_error(errno));
            let line = how_to_raise(&refused, &switches, Path::new("/some/scratch"));
            assert!(line.contains(expected), "{step:?} {errno}: {line}");
        }
    }
}
