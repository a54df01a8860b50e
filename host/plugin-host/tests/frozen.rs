//! A plugin built for a released contract goes on working: every function of it, exported and imported, is called, and
//! what comes of it is what came of it then. `UPDATE_GOLDEN=1` writes what is said now, for a release that adds a
//! contract; for one that was released, a difference is a broken promise.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::ids::TestId;
use flaky_plugin_host::{
    AttemptContext, AttemptInput, BlobInput, Plugin, PluginSource, ProjectInput, RenderContext, Selection,
};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Released contracts. Beside each plugin stands its digest, as `sha256sum` writes it.
const RELEASED: [&str; 1] = ["0.1.0"];

fn folder(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests/frozen").join(version)
}

fn bytes(text: &str) -> BlobInput {
    BlobInput::Bytes(Arc::from(text.as_bytes()))
}

/// A word for each outcome, in each kind of source.
fn attempt(cut: &Path) -> AttemptInput {
    let outcomes =
        "a=passed b=failed c=errored d=skipped e=expected f=unexpected g=late h=crashed i=not-run j=?";
    AttemptInput {
        exit: Exit::Signal(9),
        duration: Duration::from_millis(1500),
        conditions: vec![("order".into(), "shuffled".into())],
        stdout: bytes(outcomes),
        stderr: BlobInput::File { path: cut.to_owned(), size: 8, cut: Some((3, 5)) },
        reports: vec![("r.txt".into(), bytes("r=passed")), ("unwanted.xml".into(), bytes("x=failed"))],
        tree: vec![("out/t.txt".into(), bytes("caf\u{e9}=passed")), ("t.txt".into(), bytes("x=failed"))],
        ..common::attempt("")
    }
}

#[tokio::test]
async fn a_plugin_of_a_released_contract_works_as_it_did() {
    for version in RELEASED {
        let component = fs::read(folder(version).join("plugin.wasm")).unwrap();
        let found: String = Sha256::digest(&component).iter().map(|b| format!("{b:02x}")).collect();
        let digest = fs::read_to_string(folder(version).join("plugin.wasm.sha256")).unwrap();
        assert_eq!(
            digest.split_whitespace().next(),
            Some(&*found),
            "the plugin of {version} is not to be built again"
        );
        let source = PluginSource::file(&folder(version).join("plugin.wasm")).unwrap();
        let plugin = common::host().load(source).await.unwrap();
        let told = everything(&plugin).await;
        let golden = folder(version).join("expected.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &told).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap();
        assert!(told == expected, "{version}: expected\n{expected}\ngot\n{told}");
    }
}

/// What every function says.
async fn everything(plugin: &Plugin) -> String {
    let mut told = String::new();
    let mut tell = |what: &str, said: &dyn std::fmt::Debug| writeln!(told, "{what}: {said:#?}").unwrap();
    tell("roles", &plugin.roles().names());
    tell("describe", plugin.manifest());
    tell("configure", &plugin.configured(&json!({ "refuse": true })).await.unwrap_err().kind());
    let plugin = plugin.configured(&json!({ "refuse": false })).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.ini"), "in a.ini").unwrap();
    let cut = folder.path().join("stderr");
    fs::write(&cut, "s=failed").unwrap();
    tell("parse", &plugin.parse(&attempt(&cut)).await.unwrap());
    tell("parse, refused", &plugin.parse(&common::attempt("word")).await.unwrap_err().kind());

    let project = ProjectInput { root: folder.path().to_owned() };
    tell("detect", &plugin.detect(&project).await.unwrap());
    for program in ["frozen", "pytest"] {
        tell("recognises", &plugin.recognises(&[program.to_owned()]).await.unwrap());
    }
    tell("install", &plugin.install(&project, "root", "/env").await.unwrap());
    let command = common::calls::command();
    let context = AttemptContext {
        index: flaky_core::ids::AttemptIndex(3),
        seed: flaky_core::ids::Seed(42),
        report_dir: "/report".into(),
        support_dir: "/support".into(),
        shuffle: true,
        workers: Some(2),
    };
    tell("instrument", &plugin.instrument(&command, &context).await.unwrap());
    for selection in [Selection::Only as fn(_) -> _, Selection::Without] {
        let tests = vec![TestId::new("t::a"), TestId::new("t::b")];
        tell("select", &plugin.select(&command, &selection(tests)).await.unwrap());
    }

    let stable = flaky_core::evidence::Evidence::new(TestId::new("never-failed"));
    tell("classify", &plugin.classify(&[common::calls::evidence(), stable]).await.unwrap());
    tell("summarise", &plugin.summarise(&common::calls::summary()).await.unwrap());
    let context = RenderContext { width: Some(80), colour: true, more: "{}".into() };
    tell("render", &plugin.render(Arc::from(&b"{\"report\":1}"[..]), context).await.unwrap());
    let levels: Vec<_> =
        plugin.log().lines.iter().take(4).map(|line| (line.level, line.message.clone())).collect();
    tell("log", &levels);
    told
}
