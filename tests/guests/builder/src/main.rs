//! Makes every component under `dist/`: `cargo run -p builder`, with the targets `wasm32-unknown-unknown` and
//! `wasm32-wasip2` installed. The results are committed, so that running the tests needs neither.
//!
//! `cargo run -p builder -- freeze 0.1.0` makes the plugin of a contract that is being released (`frozen/README.md`).

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// `hostile` with these features, under this name.
const HOSTILE: [(&str, &str); 9] = [
    ("hostile", ""),
    ("plain", "plain"),
    ("next-unused", "next"),
    ("describe-loop", "plain,describe-loop"),
    ("describe-memory", "plain,describe-memory"),
    ("describe-panic", "plain,describe-panic"),
    ("describe-name", "plain,describe-name"),
    ("describe-glob", "plain,describe-glob"),
    ("describe-schema", "plain,describe-schema"),
];

fn main() -> Result {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no parent")?.to_owned();
    let wit = fs::read_to_string(guests.join("../../wit/0.1.0/plugin.wit"))?;
    let builder = Builder { guests, wit };
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [freeze, version] = args.as_slice()
        && freeze == "freeze"
    {
        return builder.freeze(version);
    }
    builder.hostile()?;
    builder.wasi()?;
    builder.dummies()
}

struct Builder {
    guests: PathBuf,
    wit: String,
}

impl Builder {
    fn hostile(&self) -> Result {
        let next = self.guests.join("hostile/wit-0.1.1");
        fs::create_dir_all(&next)?;
        fs::write(next.join("plugin.wit"), self.next())?;
        for (name, features) in HOSTILE {
            let module = self.cargo("hostile", "wasm32-unknown-unknown", features)?;
            self.write(name, &ComponentEncoder::default().module(&module)?.validate(true).encode()?)?;
        }
        Ok(fs::remove_dir_all(next)?)
    }

    /// The plugin of a released contract: made once, when it is released.
    fn freeze(&self, version: &str) -> Result {
        let package = format!("frozen-{}", version.replace('.', "-"));
        let module = self.cargo(&package, "wasm32-unknown-unknown", "")?;
        let component = ComponentEncoder::default().module(&module)?.validate(true).encode()?;
        Ok(fs::write(self.guests.join("frozen").join(version).join("plugin.wasm"), component)?)
    }

    fn wasi(&self) -> Result {
        let component = self.cargo("wasi-guest", "wasm32-wasip2", "")?;
        self.write("wasi", &component)
    }

    /// Components whose code is never run, or only its start: functions that trap, made from a contract alone.
    fn dummies(&self) -> Result {
        let world = |body: &str| format!("{}\nworld made {{ {body} }}", self.wit);
        // What the host's text of the contract is made from: a real guest imports only what it calls.
        let roles = "export plugin; export parser; export packed-parser; export framework; export policy; export reporter;";
        self.dummy("everything", &world(&format!("import log; import inputs; {roles}")), "")?;
        let all = "import log; import inputs; export plugin; export parser; export packed-parser; \
                   export framework; export policy; export reporter;";
        self.dummy("everything", &world(all), "")?;
        self.dummy("only-plugin", &world("export plugin;"), "")?;
        self.dummy("only-policy", &world("export policy;"), "")?;
        let policy = world("export plugin; export policy;");
        self.dummy("start-loop", &policy, "(func $spin (loop $on (br $on))) (start $spin)")?;
        self.dummy("start-table", &policy, "(table 1000000 funcref)")?;
        self.dummy("start-memory", &policy, "(memory $more 16000) (func $grow) (start $grow)")?;
        let reader = "import inputs; export plugin; export parser;";
        let version =
            |wit: &str, to: &str| format!("{}\nworld made {{ {reader} }}", wit.replace("@0.1.0;", to));
        self.dummy("version-2", &version(&self.wit, "@0.2.0;"), "")?;
        self.dummy("next-used", &version(&self.next(), "@0.1.1;"), "")?;
        let more = self.wit.replacen("    unknown,\n  }", "    unknown,\n    quarantined,\n  }", 1);
        assert_ne!(more, self.wit);
        self.dummy("more-cases", &version(&more, "@0.1.1;"), "")?;
        self.dummy("foreign", &world("import call: func(); export plugin; export policy;"), "")
    }

    /// The contract as a later patch could be: one function more in an imported interface.
    fn next(&self) -> String {
        let blob = "    size: func() -> u64;\n";
        let next = self.wit.replacen(blob, &format!("{blob}    age: func() -> u64;\n"), 1);
        assert_ne!(next, self.wit);
        next.replace("package flaky:plugin@0.1.0;", "package flaky:plugin@0.1.1;")
    }

    /// `more` is WebAssembly text that goes into the module.
    fn dummy(&self, name: &str, wit: &str, more: &str) -> Result {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("plugin.wit", wit)?;
        let world = resolve.select_world(&[package], Some("made"))?;
        let module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
        let text = wasmprinter::print_bytes(&module)?;
        let end = text.rfind(')').ok_or("no end")?;
        let mut module = wat::parse_str(format!("{}{more})", &text[..end]))?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
        self.write(name, &ComponentEncoder::default().module(&module)?.validate(true).encode()?)
    }

    /// Builds a package and returns the module.
    fn cargo(&self, package: &str, target: &str, features: &str) -> Result<Vec<u8>> {
        // A folder per package, so that one cannot be taken for another.
        let folder = self.guests.join("target/guests").join(package);
        // Paths of this machine do not belong into components.
        let remap = format!("--remap-path-prefix={}=/guests", self.guests.display());
        let home =
            std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|h| format!("{h}/.cargo")))?;
        let remap = format!("{remap} --remap-path-prefix={home}=/cargo");
        let done = Command::new(env!("CARGO"))
            .current_dir(&self.guests)
            .args(["build", "--release", "--package", package, "--target", target, "--features", features])
            .env("CARGO_TARGET_DIR", &folder)
            .env("RUSTFLAGS", remap)
            .status()?;
        if !done.success() {
            return Err(format!("{package} with `{features}` does not build").into());
        }
        let file = format!("{}.wasm", package.replace('-', "_"));
        Ok(fs::read(folder.join(target).join("release").join(file))?)
    }

    fn write(&self, name: &str, component: &[u8]) -> Result {
        let path = self.guests.join("dist").join(format!("{name}.wasm"));
        fs::create_dir_all(self.guests.join("dist"))?;
        Ok(fs::write(path, component)?)
    }
}
