use super::*;

const OCI: &str = "oci://reg.example.org/team/infra:1.2.0";

#[test]
fn a_plugin_is_put_behind_the_others_and_every_other_line_stays_as_it_is() {
    for (text, expected) in [
        ("", format!("plugins:\n  - {OCI}\n")),
        ("runs: 7", format!("runs: 7\n\nplugins:\n  - {OCI}\n")),
        ("# ours\nruns: 7\n\n", format!("# ours\nruns: 7\n\nplugins:\n  - {OCI}\n")),
        ("plugins:\n", format!("plugins:\n  - {OCI}\n")),
        ("plugins: []  # none yet\nruns: 7\n", format!("plugins: # none yet\n  - {OCI}\nruns: 7\n")),
        (
            "plugins: # of the team\n  # first\n  - a.wasm\n\n  # second\n  - source: b.wasm # b\n    settings:\n      x: 1\n\n# more\nruns: 7\n",
            format!(
                "plugins: # of the team\n  # first\n  - a.wasm\n\n  # second\n  - source: b.wasm # b\n    settings:\n      x: 1\n  - {OCI}\n\n# more\nruns: 7\n"
            ),
        ),
        ("plugins:\n- a.wasm\nruns: 7\n", format!("plugins:\n- a.wasm\n- {OCI}\nruns: 7\n")),
        ("plugins:\n      - a.wasm", format!("plugins:\n      - a.wasm\n      - {OCI}\n")),
        (
            "runs: 7\r\nplugins:\r\n  - a.wasm\r\n",
            format!("runs: 7\r\nplugins:\r\n  - a.wasm\r\n  - {OCI}\r\n"),
        ),
        ("plugins:\n  -\n    source: a.wasm\n", format!("plugins:\n  -\n    source: a.wasm\n  - {OCI}\n")),
    ] {
        assert_eq!(add_plugin(text, OCI).as_deref(), Ok(expected.as_str()), "{text}");
    }
}

#[test]
fn what_is_written_in_another_way_is_left_alone() {
    for text in [
        "plugins: [a.wasm]\n",
        "plugins: &all\n  - a.wasm\n",
        "{plugins: [a.wasm]}\n",
        "\"plugins\":\n  - a.wasm\n",
        "plugins :\n  - a.wasm\n",
        "plugins:\n  [a.wasm]\n",
        "runs: 7\n...\n",
        "plugins:\n  - a.wasm\nplugins:\n  - b.wasm\n",
        "plugins:\n\t- a.wasm\n",
        "runs: many\n",
    ] {
        assert_eq!(add_plugin(text, OCI), Err(NotUnderstood), "{text}");
    }
}

#[test]
fn a_plugin_is_taken_out_with_what_belongs_to_it() {
    let text = "plugins:\n  - a.wasm # a\n  # of b\n  - source: b.wasm\n    settings: {x: 1}\n\n  - c.wasm\nruns: 7\n";
    for (at, expected) in [
        (0, Ok("plugins:\n  # of b\n  - source: b.wasm\n    settings: {x: 1}\n\n  - c.wasm\nruns: 7\n")),
        (1, Ok("plugins:\n  - a.wasm # a\n  # of b\n\n  - c.wasm\nruns: 7\n")),
        (2, Ok("plugins:\n  - a.wasm # a\n  # of b\n  - source: b.wasm\n    settings: {x: 1}\n\nruns: 7\n")),
        (3, Err(NotUnderstood)),
    ] {
        assert_eq!(remove_plugin(text, at).as_deref(), expected.as_ref().copied(), "{at}");
    }
    assert_eq!(
        remove_plugin("plugins: # p\n  - a.wasm\nruns: 7\n", 0).as_deref(),
        Ok("plugins: [] # p\nruns: 7\n")
    );
    assert_eq!(remove_plugin("plugins: [a.wasm]\n", 0), Err(NotUnderstood));
    assert_eq!(remove_plugin("runs: 7\n", 0), Err(NotUnderstood));
}

#[test]
fn what_was_added_and_taken_out_again_leaves_the_text_as_it_was() {
    let text = "runs: 7\nplugins:\n  - a.wasm\n# end\n";
    let added = add_plugin(text, OCI).unwrap();
    assert_eq!(remove_plugin(&added, 1).as_deref(), Ok(text));
}

#[test]
fn sources_that_yaml_would_read_otherwise_are_quoted() {
    for (source, quoted) in [
        (OCI, false),
        ("./plugins/a.wasm", false),
        ("builtin:junit", false),
        ("my plugin.wasm", true),
        ("- a", true),
        ("a: b", true),
        ("#a", true),
        ("1:20", true),
        ("\"a\"", true),
        ("a #b", true),
    ] {
        let text = add_plugin("", source).unwrap();
        assert_eq!(text.contains("- \""), quoted, "{text}");
        assert_eq!(understood(&text).unwrap().settings.plugins.unwrap()[0].source.to_string(), source);
    }
}
