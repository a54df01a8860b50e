//! What people and tools read about the server itself.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, LOCATION, X_FRAME_OPTIONS};
use axum::response::Response;

use super::answer::with_type;

const PAGE: &str = include_str!("page.html");
const OPENAPI: &str = include_str!("openapi.json");

/// The page at `/`: it lists the routes; it has no script and loads nothing.
pub(super) fn page() -> Response {
    let mut response = with_type(StatusCode::OK, "text/html; charset=utf-8", Body::from(PAGE));
    let headers: [(HeaderName, &str); 2] = [
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        (X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// From `/docs`, where the SDK's local server has it too.
pub(super) fn redirect() -> Response {
    let mut response = with_type(StatusCode::TEMPORARY_REDIRECT, "text/plain", Body::empty());
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
    response
}

/// The routes, for tools.
pub(super) fn openapi() -> Response {
    with_type(StatusCode::OK, "application/json", Body::from(OPENAPI))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::api::route;

    fn paths() -> Vec<(String, BTreeSet<String>)> {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let methods = |item: &Value| item.as_object().unwrap().keys().map(|k| k.to_uppercase()).collect();
        paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect()
    }

    #[test]
    fn the_description_for_tools_names_every_route_with_its_methods() {
        for (path, methods) in paths() {
            let real = path.replace("{id}", "a-u1").replace("{endpoint}", "mine");
            let route = route::parse(&real).unwrap_or_else(|| panic!("{path}"));
            let allowed: BTreeSet<String> =
                route.operation.methods().iter().filter(|m| *m != "HEAD").map(ToString::to_string).collect();
            assert_eq!(methods, allowed, "{path}");
        }
        assert_eq!(paths().len(), 13 - 3, "every operation but the page and its like");
    }

    #[test]
    fn the_page_names_every_route_and_runs_no_script() {
        for (path, _) in paths() {
            let shown = path.replace("/v2/{endpoint}", "");
            assert!(PAGE.contains(&format!("<code>{shown}</code>")), "{shown}");
        }
        assert!(!PAGE.contains("<script") && !PAGE.contains("http-equiv"));
        assert!(!PAGE.contains("src=") && !PAGE.contains("<link"));
    }
}
