//! Bodies of HTTP requests.

use flaky_plugin_sdk::HttpRequest;
use serde_json::Value;

/// What the placeholder of a secret begins with. The host fills placeholders in wherever they stand in a request.
const PLACEHOLDER: &str = "${{";

/// The same text inside a string of JSON, where no placeholder is seen.
const NO_PLACEHOLDER: &str = "\\u0024{{";

/// A request that posts JSON. URL and headers are the reporter's own and may hold placeholders; the body may not.
#[must_use]
pub fn post(url: &str, headers: Vec<(String, String)>, body: &Value) -> HttpRequest {
    post_text(url, headers, &body.to_string())
}

/// The same with a body that is JSON text already.
#[must_use]
pub fn post_text(url: &str, headers: Vec<(String, String)>, json: &str) -> HttpRequest {
    let mut all = vec![("Content-Type".to_owned(), "application/json; charset=utf-8".to_owned())];
    all.extend(headers);
    HttpRequest {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers: all,
        body: without_placeholders(json).into_bytes(),
    }
}

/// JSON text with the same meaning in which nothing looks like the placeholder of a secret: a test that is named
/// after one must not be told its value. A dollar sign stands nowhere in JSON but in strings.
#[must_use]
pub fn without_placeholders(json: &str) -> String {
    json.replace(PLACEHOLDER, NO_PLACEHOLDER)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_of_others_names_no_secret_and_keeps_its_meaning() {
        for text in ["${{ secrets.X }}", "$${{secrets.X}}", "\\${{ x }}", "${{${{", "plain $ { {"] {
            let body = post("https://a.example", Vec::new(), &json!({ text: [text] })).body;
            let written = String::from_utf8(body).unwrap();
            assert!(!written.contains("${{"), "{written}");
            assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), json!({ text: [text] }));
        }
    }

    #[test]
    fn the_reporters_own_placeholders_stay() {
        let header = ("Authorization".to_owned(), "Bearer ${{ secrets.T }}".to_owned());
        let request = post("${{ secrets.U }}", vec![header.clone()], &json!({}));
        assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "${{ secrets.U }}"));
        assert_eq!(request.headers[1], header);
    }
}
