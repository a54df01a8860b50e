//! The page itself: what is built in.

/// A file of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asset {
    /// Relative to the page's folder.
    pub(crate) path: &'static str,
    /// As `Content-Type` says it.
    pub(crate) kind: &'static str,
    /// Its bytes.
    pub(crate) body: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All of them. The page names each of them relative to itself, so that it works below any path.
pub(crate) const ASSETS: [Asset; 12] = [
    Asset { path: "index.html", kind: "text/html; charset=utf-8", body: include_str!("page/index.html") },
    Asset { path: "assets/style.css", kind: "text/css; charset=utf-8", body: include_str!("page/style.css") },
    Asset { path: "assets/icon.svg", kind: "image/svg+xml", body: include_str!("page/icon.svg") },
    Asset { path: "assets/main.js", kind: SCRIPT, body: include_str!("page/main.js") },
    Asset { path: "assets/dom.js", kind: SCRIPT, body: include_str!("page/dom.js") },
    Asset { path: "assets/store.js", kind: SCRIPT, body: include_str!("page/store.js") },
    Asset { path: "assets/words.js", kind: SCRIPT, body: include_str!("page/words.js") },
    Asset { path: "assets/charts.js", kind: SCRIPT, body: include_str!("page/charts.js") },
    Asset { path: "assets/table.js", kind: SCRIPT, body: include_str!("page/table.js") },
    Asset { path: "assets/overview.js", kind: SCRIPT, body: include_str!("page/overview.js") },
    Asset { path: "assets/tests.js", kind: SCRIPT, body: include_str!("page/tests.js") },
    Asset { path: "assets/runs.js", kind: SCRIPT, body: include_str!("page/runs.js") },
];

/// The one of this path; the page's folder is the page.
pub(crate) fn find(path: &str) -> Option<&'static Asset> {
    let path = if path.is_empty() { "index.html" } else { path };
    ASSETS.iter().find(|asset| asset.path == path)
}
