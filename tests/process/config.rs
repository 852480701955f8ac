//! What `allspark config`, `completions` and `man` print, and with which exit code.

use std::fs;
use std::process::Output;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use crate::server::allspark;

fn folder_with(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml").to_str().unwrap().to_owned();
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = allspark(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn a_file_that_is_all_right_is_said_to_be() {
    let (_folder, path) = folder_with("shards = 2\n[limits]\nmax-length = 1000\n");
    let expected = format!("{path}: all right\n");
    for args in [
        &["config", "check", &path][..],
        &["config", "check", "--config", &path],
    ] {
        assert_eq!(run(args), (Some(0), expected.clone(), String::new()));
    }
    let (code, _, error) = run(&["config", "check"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("name the file"), "{error}");
}

#[test]
fn all_that_is_wrong_is_told_with_line_and_column_and_what_may_have_been_meant() {
    let (_folder, path) = folder_with(
        "app = 'echo'\n  lisen = 1\n[limits]\nmax-lenght = 1\nmax-length = 0\n\
         [cors]\nmax-age = 'a while'\n[plugins]\nrooms.joinn = []\n",
    );
    let output = allspark(&["config", "check", &path])
        .env("ALLSPARK_SHARDS", "many")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let expected = [
        "2:3: lisen: no such option; did you mean listen?",
        "4:1: limits.max-lenght: no such option; did you mean max-length?",
        "5:1: limits.max-length: \"0\" is not a number from 1 to",
        "7:1: cors.max-age: ",
        "9:7: plugins.rooms.joinn: no such option; did you mean join?",
        "ALLSPARK_SHARDS: \"many\" is not a number",
    ];
    assert_eq!(lines.len(), expected.len(), "{text}");
    for (expected, line) in expected.iter().zip(lines) {
        let expected = match expected.starts_with("ALLSPARK") {
            true => (*expected).to_owned(),
            false => format!("{path}:{expected}"),
        };
        assert!(line.starts_with(&expected), "{expected}: {text}");
    }
}

#[test]
fn what_is_no_toml_or_no_file_is_told_at_once() {
    let (folder, path) = folder_with("a = 'x\nb = ]\n");
    let (code, _, error) = run(&["config", "check", &path]);
    assert_eq!(code, Some(2));
    assert!(error.contains("a.toml:1:"), "{error}");
    assert!(error.contains("a.toml:2:"), "{error}");
    let pipe = folder.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let pipe = pipe.to_str().unwrap();
    for args in [&["config", "check", pipe][..], &["--config", pipe]] {
        let (code, _, error) = run(args);
        assert_eq!(code, Some(2));
        assert!(error.contains("it is no regular file"), "{error}");
    }
}

/// A million wrong options, in 4 MiB: nobody reads more than some of them.
#[test]
fn a_huge_file_is_judged_and_not_all_of_it_is_told() {
    let text = "a=1\n".repeat(3)
        + &(0..200_000)
            .map(|n| format!("x{n}=1\n"))
            .collect::<String>();
    let (_folder, path) = folder_with(&text);
    let (code, _, error) = run(&["config", "check", &path]);
    assert_eq!(code, Some(2));
    assert!(error.lines().count() <= 100, "{}", error.lines().count());
    let (_folder, path) = folder_with(&"[".repeat(4 << 20));
    assert_eq!(run(&["config", "check", &path]).0, Some(2));
}

#[test]
fn what_counts_is_shown_with_its_origin_and_without_secrets() {
    let (_folder, path) = folder_with("[limits]\nmax-length = 1000\n");
    let show = |form: &[&str]| {
        let args = [
            &["config", "show", "--config", &path, "--app", "echo"],
            form,
        ]
        .concat();
        let output = allspark(&args)
            .env("ALLSPARK_AUTH_TOKENS", "hush-hush-hush-hush ann")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains("hush"), "{text}");
        text
    };
    let text = show(&[]);
    for line in [
        format!("max-length = 1000    # {path}:2:1"),
        "app = \"echo\"    # --app".to_owned(),
    ] {
        assert!(text.contains(&line), "{line}: {text}");
    }
    assert!(text.contains("# ALLSPARK_AUTH_TOKENS"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&show(&["--json"])).unwrap();
    let options = json["options"].as_array().unwrap();
    let length = options
        .iter()
        .find(|option| option["name"] == "max-length")
        .unwrap();
    assert_eq!(length["source"], "file");
    assert_eq!(length["line"], 2);
}

#[test]
fn what_is_made_of_the_table_is_printed() {
    let (code, text, _) = run(&["config", "default"]);
    assert_eq!(code, Some(0));
    let (_folder, path) = folder_with(&text);
    assert_eq!(run(&["config", "check", &path]).0, Some(0));
    let (_, schema, _) = run(&["config", "schema"]);
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(schema["properties"]["shards"]["anyOf"][0]["maximum"], 1024);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, text, _) = run(&["completions", shell]);
        assert_eq!(code, Some(0));
        assert!(text.contains("ping-interval") && text.contains("completions"));
    }
    assert_eq!(run(&["completions", "csh"]).0, Some(2));
    let (_, text, _) = run(&["man"]);
    assert!(text.contains(".TH allspark 1") && text.contains("\\-\\-ping\\-interval"));
    let (_, text, _) = run(&["man", "config", "check"]);
    assert!(text.contains("allspark\\-config\\-check"), "{text}");
    assert_eq!(run(&["man", "nothing"]).0, Some(2));
    assert_eq!(run(&["config"]).0, Some(2));
}
