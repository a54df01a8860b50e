//! Settings `{"do": "elsewhere"}` say what beside the rules it tries. Tests put the port of their own server in the place
//! of the one in [`ORIGIN`], which has as many digits.

use std::sync::Mutex;

wit_bindgen::generate!({
    path: "../../../wit/0.1.0",
    inline: "
        package flaky:poster;
        world poster {
            export flaky:plugin/plugin@0.1.0;
            export flaky:plugin/reporter@0.1.0;
        }
    ",
    world: "flaky:poster/poster",
    generate_all,
});

use exports::flaky::plugin::plugin::{Guest, Manifest, Want};
use exports::flaky::plugin::reporter::{self, Delivery, HttpRequest, RenderContext};
use flaky::plugin::inputs::Blob;
use flaky::plugin::types::PluginError;

struct Poster;

export!(Poster);

const ORIGIN: &str = "http://127.0.0.1:45999";

static SETTINGS: Mutex<String> = Mutex::new(String::new());

impl Guest for Poster {
    fn describe() -> Manifest {
        Manifest {
            name: "poster".into(),
            version: "0.1.0".into(),
            summary: "posts the length of the report".into(),
            settings_schema: r#"{"type": "object", "properties": {"do": {"type": "string"}}}"#.into(),
            wants: vec![Want::Http(ORIGIN.into()), Want::Secret("POSTER_TOKEN".into())],
        }
    }

    fn configure(settings: String) -> Result<(), PluginError> {
        *SETTINGS.lock().unwrap() = settings;
        Ok(())
    }
}

impl reporter::Guest for Poster {
    fn render(report: &Blob, _: RenderContext) -> Result<Vec<Delivery>, PluginError> {
        let settings = SETTINGS.lock().unwrap().clone();
        let asked = |what: &str| settings.contains(&format!("\"{what}\""));
        if asked("file") {
            return Ok(vec![Delivery::File(reporter::File {
                path: "../outside.txt".into(),
                content: b"x".to_vec(),
            })]);
        }
        if asked("panic") {
            panic!("as asked for");
        }
        let path = if asked("redirect") { "redirect" } else { "told" };
        let url = match asked("elsewhere") {
            // An origin that its manifest does not ask for, whatever is granted.
            true => "http://127.0.0.1:9/told".to_owned(),
            false => format!("{ORIGIN}/{path}"),
        };
        let secret = if asked("other-secret") { "OTHER_TOKEN" } else { "POSTER_TOKEN" };
        Ok(vec![Delivery::Http(HttpRequest {
            method: "POST".into(),
            url,
            headers: vec![
                ("content-type".into(), "application/json".into()),
                ("authorization".into(), format!("Bearer ${{{{ secrets.{secret} }}}}")),
            ],
            // What tests are called may look like a placeholder: in bodies it stays what it is.
            body: format!("{{\"bytes\": {}, \"text\": \"${{{{ secrets.POSTER_TOKEN }}}}\"}}", report.size())
                .into_bytes(),
        })])
    }
}
