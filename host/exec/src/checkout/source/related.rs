//! Addresses that a repository names: where its submodules are.

use std::net::IpAddr;

use super::{RepositorySource, RepositoryUrl, Scheme, SourceProblem, is_loopback, scheme};

/// Why an address that a repository names is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::checkout) enum NotAsked {
    /// Git asks it neither, by its defaults: nobody's tests can need what is there.
    ByNobody(String),
    /// Others may have the right to.
    ByUs(String),
}

impl RepositoryUrl {
    /// The addresses under which a submodule of this repository can be asked for, best first. `named` is the repository
    /// that the user named: only its server is asked over SSH, or at an address of this machine.
    ///
    /// Where a server can be reached in two ways, the other one is tried too: repositories name submodules in the way
    /// that their authors write to them.
    pub(in crate::checkout) fn submodule(&self, text: &str, named: &Self) -> Result<Vec<Self>, NotAsked> {
        if text.starts_with("./") || text.starts_with("../") {
            let url = self.relative(text);
            return url
                .map(|url| vec![url])
                .ok_or_else(|| NotAsked::ByNobody("it leads above the server".into()));
        }
        let url = match RepositorySource::parse(&over_tls(text, named)) {
            Ok(RepositorySource::Remote(url)) => url,
            Ok(RepositorySource::Local(_)) => {
                return Err(NotAsked::ByNobody(SourceProblem::File.to_string()));
            }
            Err(error) => return Err(not_asked(error.problem())),
        };
        url.ways(named)
    }

    fn ways(self, named: &Self) -> Result<Vec<Self>, NotAsked> {
        let same_host = self.host == named.host;
        match self.scheme {
            Scheme::Https | Scheme::Http => {
                let same = self.scheme == named.scheme && same_host && self.port() == named.port();
                if !same && (self.scheme == Scheme::Http || is_inner(&self.host)) {
                    return Err(NotAsked::ByUs("it is at an address of this machine or its network".into()));
                }
                let other = (same_host && named.scheme == Scheme::Ssh).then(|| self.over_ssh(named));
                Ok([self].into_iter().chain(other).collect())
            }
            Scheme::Ssh if same_host && named.scheme == Scheme::Ssh && self.port() == named.port() => {
                Ok(vec![self])
            }
            Scheme::Ssh
                if self.port() != Scheme::Ssh.default_port() || (is_inner(&self.host) && !same_host) =>
            {
                Err(NotAsked::ByUs("over SSH only the server of the repository itself is asked".into()))
            }
            Scheme::Ssh if same_host => Ok(vec![self.over_https(named), self]),
            // Without credentials: good for what is public.
            Scheme::Ssh => Ok(vec![self.over_https(named)]),
        }
    }

    fn over_ssh(&self, named: &Self) -> Self {
        let path = self.path.clone();
        Self {
            scheme: Scheme::Ssh,
            user: named.user.clone(),
            port: named.port,
            path,
            host: self.host.clone(),
            scp: false,
        }
    }

    fn over_https(&self, named: &Self) -> Self {
        let (scheme, port) = if self.host == named.host && named.scheme != Scheme::Ssh {
            (named.scheme, named.port)
        } else {
            (Scheme::Https, None)
        };
        let path = format!("/{}", self.path.trim_start_matches('/'));
        Self { scheme, user: None, host: self.host.clone(), port, path, scp: false }
    }

    /// What a relative address means: gitmodules(5), `submodule.<name>.url`. `None` where it leads above the server or
    /// is no path.
    fn relative(&self, text: &str) -> Option<Self> {
        let mut path = self.path.trim_end_matches('/').to_owned();
        let mut rest = text.trim_end_matches('/');
        loop {
            if let Some(next) = rest.strip_prefix("../") {
                match path.rfind('/') {
                    Some(at) => path.truncate(at),
                    None if !path.is_empty() => path.clear(),
                    None => return None,
                }
                rest = next;
            } else if let Some(next) = rest.strip_prefix("./") {
                rest = next;
            } else {
                break;
            }
        }
        if rest.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return None;
        }
        let absolute = self.path.starts_with('/');
        let path = if path.is_empty() && !absolute { rest.to_owned() } else { format!("{path}/{rest}") };
        let url = Self { path, ..self.clone() };
        // The same checks as for what the user types.
        match RepositorySource::parse(&url.to_git()) {
            Ok(RepositorySource::Remote(checked)) if checked == url => Some(url),
            _ => None,
        }
    }
}

/// `git://` and `http://` prove nothing; what they name is mostly to be had over TLS too.
fn over_tls(text: &str, named: &RepositoryUrl) -> String {
    match scheme(text) {
        Some((scheme, rest)) if scheme == "git" => format!("https://{rest}"),
        Some((scheme, rest)) if scheme == "http" && !named.same_server(text) => format!("https://{rest}"),
        _ => text.to_owned(),
    }
}

fn not_asked(problem: &SourceProblem) -> NotAsked {
    let why = problem.to_string();
    match problem {
        SourceProblem::Empty
        | SourceProblem::LeadingDash
        | SourceProblem::ControlCharacter
        | SourceProblem::File
        | SourceProblem::Helper
        | SourceProblem::Neither => NotAsked::ByNobody(why),
        _ => NotAsked::ByUs(why),
    }
}

/// Whether a host is this machine or something that only this machine reaches. A name that resolves to such an
/// address is not found out; without a valid certificate for it, nothing is received from it.
fn is_inner(host: &str) -> bool {
    let address = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_unspecified() || ip.is_link_local() || ip.is_private(),
        IpAddr::V6(ip) => ip.is_unspecified() || ip.is_unicast_link_local() || ip.is_unique_local(),
    };
    is_loopback(host) || host.parse().is_ok_and(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> RepositoryUrl {
        match RepositorySource::parse(text).unwrap() {
            RepositorySource::Remote(url) => url,
            RepositorySource::Local(_) => panic!("{text} is local"),
        }
    }

    #[test]
    fn relative_addresses_mean_what_they_mean_to_git() {
        // repository, address, what it means
        let cases = [
            ("https://host/team/it.git", "../lib.git", Some("https://host/team/lib.git")),
            ("https://host/team/it.git/", "../lib.git/", Some("https://host/team/lib.git")),
            ("https://host:8443/team/it.git", "../../other/lib", Some("https://host:8443/other/lib")),
            ("https://host/team/it.git", "./lib.git", Some("https://host/team/it.git/lib.git")),
            ("https://host/it.git", "../lib.git", Some("https://host/lib.git")),
            ("https://host/it.git", "../../lib.git", None),
            ("https://host/team/it.git", "../a/../../../b", None),
            ("https://host/team/it.git", "../", None),
            ("https://host/team/it.git", "../-x", Some("https://host/team/-x")),
            ("https://host/it.git", "../-x", None),
            ("https://host/team/it.git", "../lib.git?x=y", None),
            ("ssh://git@host:2222/srv/it.git", "../lib.git", Some("ssh://git@host:2222/srv/lib.git")),
            ("git@host:team/it.git", "../lib.git", Some("git@host:team/lib.git")),
            ("git@host:it.git", "../lib.git", Some("git@host:lib.git")),
            ("git@host:it.git", "../../lib.git", None),
            ("git@host:it.git", "../-x", None),
        ];
        for (base, text, expected) in cases {
            let base = url(base);
            let found = base.submodule(text, &base).ok().map(|urls| urls[0].to_string());
            assert_eq!(found.as_deref(), expected, "{text} of {base}");
        }
    }

    #[test]
    fn only_the_named_server_is_asked_in_other_ways_than_https() {
        // the repository that was named, the submodule's address, what is asked
        let cases: [(&str, &str, &[&str]); 13] = [
            ("https://host/a", "https://other/b", &["https://other/b"]),
            ("https://host/a", "git@host:b/c.git", &["https://host/b/c.git", "git@host:b/c.git"]),
            ("https://host:8443/a", "ssh://git@host/b", &["https://host:8443/b", "ssh://git@host/b"]),
            ("https://host/a", "git@other:b/c.git", &["https://other/b/c.git"]),
            ("git@host:a", "git@host:b", &["git@host:b"]),
            ("ssh://me@host:2222/a", "https://host/b", &["https://host/b", "ssh://me@host:2222/b"]),
            ("git@host:a", "https://other/b", &["https://other/b"]),
            ("https://host/a", "git://other/b", &["https://other/b"]),
            ("https://host/a", "http://other/b", &["https://other/b"]),
            ("http://127.0.0.1:80/a", "http://127.0.0.1/b", &["http://127.0.0.1/b"]),
            ("http://127.0.0.1:3000/a", "http://127.0.0.1:3000/b", &["http://127.0.0.1:3000/b"]),
            ("https://10.0.0.1/a", "https://10.0.0.1/b", &["https://10.0.0.1/b"]),
            ("git@10.0.0.1:a", "git@10.0.0.1:b", &["git@10.0.0.1:b"]),
        ];
        for (named, text, expected) in cases {
            let named = url(named);
            let found: Vec<String> =
                named.submodule(text, &named).unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{text} of {named}");
        }
    }

    #[test]
    fn what_is_not_asked_says_why() {
        let nobody = ["", "-u./payload", "ext::sh -c x", "fd::3", "file:///etc", "/etc", "some/path", "a\nb"];
        let us = [
            "http://127.0.0.1:3001/b",
            "https://127.0.0.1/b",
            "https://localhost:8000/b",
            "https://169.254.169.254/b",
            "https://10.0.0.1/b",
            "ssh://git@other:2222/b",
            "git@10.0.0.1:b",
            "https://me:s3cret@other/b",
            "https://ghp_s3cret@other/b",
            "svn://other/b",
        ];
        let named = url("https://host/a");
        for text in nobody {
            let found = named.submodule(text, &named);
            assert!(matches!(&found, Err(NotAsked::ByNobody(_))), "{text:?}: {found:?}");
        }
        for text in us {
            let found = named.submodule(text, &named);
            let Err(NotAsked::ByUs(why)) = &found else { panic!("{text:?}: {found:?}") };
            assert!(!why.contains("s3cret"), "{why}");
        }
    }
}
