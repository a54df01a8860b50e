//! Settings `{"do": "…"}` say what `render` tries.

use std::io::{Read, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

wit_bindgen::generate!({ path: "../../../wit/0.1.0", world: "flaky:plugin/reporter-plugin", generate_all });

use exports::flaky::plugin::plugin::{Guest, Manifest};
use exports::flaky::plugin::reporter::{self, Delivery, RenderContext};
use flaky::plugin::inputs::Blob;
use flaky::plugin::types::PluginError;

struct Wasi;

export!(Wasi);

static SETTINGS: Mutex<String> = Mutex::new(String::new());

impl Guest for Wasi {
    fn describe() -> Manifest {
        Manifest {
            name: "wasi".into(),
            version: "0.1.0".into(),
            summary: "tells what WASI gives it".into(),
            settings_schema: r#"{"type": "object"}"#.into(),
            wants: Vec::new(),
        }
    }

    fn configure(settings: String) -> Result<(), PluginError> {
        *SETTINGS.lock().unwrap() = settings;
        Ok(())
    }
}

impl reporter::Guest for Wasi {
    fn render(_: &Blob, _: RenderContext) -> Result<Vec<Delivery>, PluginError> {
        let settings = SETTINGS.lock().unwrap().clone();
        let asked = |what: &str| settings.contains(&format!("\"{what}\""));
        if asked("sleep") {
            std::thread::sleep(Duration::from_secs(3600));
        }
        if asked("panic") {
            panic!("as asked for");
        }
        if asked("exit") {
            std::process::exit(3);
        }
        if asked("connect") {
            std::net::TcpStream::connect("127.0.0.1:9").unwrap();
        }
        if asked("flood") {
            let line = [b'x'; 1000];
            for i in 0..100_000 {
                std::io::stdout().write_all(&line).unwrap();
                eprintln!("line {i}");
            }
        }
        Ok(vec![Delivery::Stdout(tell().join("\n"))])
    }
}

fn tell() -> Vec<String> {
    let started = Instant::now();
    let mut stdin = Vec::new();
    let read = std::io::stdin().read_to_end(&mut stdin);
    vec![
        format!("args {}", std::env::args().count()),
        format!("env {}", std::env::vars().count()),
        format!("file {}", std::fs::read("/etc/passwd").is_ok()),
        format!("folder {}", std::fs::read_dir(".").is_ok()),
        format!("write {}", std::fs::write("x", "y").is_ok()),
        format!("stdin {:?} {}", read.is_ok(), stdin.len()),
        format!("time {:?}", SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()),
        format!("elapsed {:?}", started.elapsed()),
        format!("random {}", random()),
    ]
}

/// Hash maps are seeded from WASI's random numbers.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(1)
}
