//! Keeps web pages out: what this server is asked to do runs commands.
//!
//! A page from elsewhere, shown by a browser of this machine, can send requests to loopback addresses. It gives itself
//! away by `Origin` or `Sec-Fetch-Site`, which pages cannot set; and where its own name resolves to a loopback address
//! ("DNS rebinding"), by `Host`, which is then that name.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::HeaderMap;
use axum::http::header::{HOST, HeaderName, ORIGIN};

use super::Exposure;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Intruder {
    #[error("requests of web pages from elsewhere are refused")]
    Page,
    #[error("the `Host` header does not name this machine: ask for `127.0.0.1` or `localhost`")]
    Host,
}

/// Refuses what a web page from elsewhere may have sent.
pub(super) fn check(headers: &HeaderMap, exposure: Exposure) -> Result<(), Intruder> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(&HOST).unwrap_or_default();
    // By which names other machines reach this one is unknown here.
    if exposure == Exposure::ThisMachine && !names_this_machine(host) {
        return Err(Intruder::Host);
    }
    let same = |origin: &str| {
        let there = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        there.is_some_and(|there| there.eq_ignore_ascii_case(host))
    };
    let foreign = text(&ORIGIN).is_some_and(|origin| !same(origin))
        || text(&SEC_FETCH_SITE).is_some_and(|site| !matches!(site, "same-origin" | "none"))
        || [HOST, ORIGIN].iter().any(|name| headers.get_all(name).iter().count() > 1);
    if foreign { Err(Intruder::Page) } else { Ok(()) }
}

/// The port does not matter: it may be forwarded.
fn names_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let v6 = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
    name.eq_ignore_ascii_case("localhost")
        || name.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
        || v6.is_some_and(|n| n.parse().is_ok_and(|address: Ipv6Addr| address.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn programs_of_this_machine_and_its_own_page_are_let_in() {
        for pairs in [
            &[("host", "127.0.0.1:8000")][..],
            &[("host", "localhost")],
            &[("host", "LOCALHOST:8000")],
            &[("host", "127.8.9.10:1")],
            &[("host", "[::1]:8000")],
            &[("host", "localhost:8000"), ("origin", "http://localhost:8000")],
            &[("host", "localhost:8000"), ("sec-fetch-site", "none")],
            &[("host", "localhost:8000"), ("sec-fetch-site", "same-origin")],
        ] {
            assert_eq!(check(&headers(pairs), Exposure::ThisMachine), Ok(()), "{pairs:?}");
        }
    }

    #[test]
    fn pages_from_elsewhere_are_refused() {
        for (pairs, why) in [
            (&[][..], Intruder::Host),
            (&[("host", "evil.example:8000")], Intruder::Host),
            (&[("host", "localhost.evil.example")], Intruder::Host),
            (&[("host", "127.0.0.1.evil.example")], Intruder::Host),
            (&[("host", "192.168.1.7:8000")], Intruder::Host),
            (&[("host", "::1")], Intruder::Host),
            (&[("host", "0.0.0.0:8000")], Intruder::Host),
            (&[("host", "localhost:8000"), ("origin", "http://evil.example")], Intruder::Page),
            (&[("host", "localhost:8000"), ("origin", "null")], Intruder::Page),
            (&[("host", "localhost:8000"), ("origin", "http://localhost:3000")], Intruder::Page),
            (&[("host", "localhost:8000"), ("sec-fetch-site", "cross-site")], Intruder::Page),
            (&[("host", "localhost:8000"), ("sec-fetch-site", "same-site")], Intruder::Page),
            (&[("host", "localhost"), ("host", "evil.example")], Intruder::Page),
        ] {
            assert_eq!(check(&headers(pairs), Exposure::ThisMachine), Err(why), "{pairs:?}");
        }
    }

    #[test]
    fn on_a_network_any_host_name_will_do_but_pages_of_others_still_do_not() {
        let own = headers(&[("host", "worker.example:8000"), ("origin", "https://worker.example:8000")]);
        assert_eq!(check(&own, Exposure::Network), Ok(()));
        let foreign = headers(&[("host", "worker.example:8000"), ("origin", "https://evil.example")]);
        assert_eq!(check(&foreign, Exposure::Network), Err(Intruder::Page));
    }
}
