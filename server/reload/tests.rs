use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use super::*;
use crate::config::{self, Command};
use crate::metrics::registry::Metrics;

/// A server's reloader over a file, and what its one part was told of the limits each time.
struct Rig {
    reloader: Reloader,
    path: PathBuf,
    seen: Receiver<String>,
    answer: Arc<Mutex<Result<Reloaded, String>>>,
    metrics: Metrics,
    _folder: tempfile::TempDir,
}

fn told(path: &Path, flags: &[&str], variables: &[(&str, &str)]) -> Told {
    let args = ["allspark", "--config", path.to_str().unwrap()];
    let args = args.iter().chain(flags).map(OsString::from);
    let variables = variables
        .iter()
        .map(|(name, value)| (name.into(), value.into()));
    match config::load(args, variables.collect::<Vec<_>>()) {
        Ok(Command::Serve(_, told)) => told,
        other => panic!("{other:?}"),
    }
}

impl Rig {
    fn new(text: &str, flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        fs::write(&path, text).unwrap();
        let metrics = Metrics::default();
        let counts = Counts::new(&metrics);
        let (tell, seen) = channel();
        let answer = Arc::new(Mutex::new(Ok(Reloaded::default())));
        let answered = Arc::clone(&answer);
        let mut parts = Reloads::default();
        parts.add("part", move |said| {
            let word = |name| said.words(name).next().map_or("-", |(text, _)| text);
            let seen = format!("{} {}", word("sessions-max"), word("shards"));
            tell.send(seen).unwrap();
            answered.lock().unwrap().clone()
        });
        Self {
            reloader: Reloader::new(told(&path, flags, variables), parts, counts),
            path,
            seen,
            answer,
            metrics,
            _folder: folder,
        }
    }

    /// What the log says of a reload with this file, without the folder in which it lies.
    fn reload(&mut self, text: &str) -> String {
        fs::write(&self.path, text).unwrap();
        self.again()
    }

    fn again(&mut self) -> String {
        let line = self.reloader.reload_and_tell();
        let folder = self.path.parent().unwrap().to_str().unwrap();
        line.replace(&format!("{folder}/"), "")
    }

    /// What metrics tell of this.
    fn metric(&self, name: &str) -> f64 {
        let mut text = String::new();
        self.metrics.encode(&mut text).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name}: {text}"))
            .trim()
            .parse()
            .unwrap()
    }

    /// What the part was told since the last time.
    fn seen(&self) -> Vec<String> {
        self.seen.try_iter().collect()
    }
}

#[test]
fn what_is_live_changes_and_the_rest_needs_a_restart() {
    let mut rig = Rig::new("shards = 2\n", &[], &[]);
    assert_eq!(rig.again(), "reloaded: nothing has changed");
    assert_eq!(rig.seen(), ["131072 2"]);
    let line = rig.reload("shards = 3\nsessions-max = 5\n[plugins]\nemit = true");
    assert_eq!(
        line,
        "reloaded: changed: sessions-max (131072 -> 5); needs a restart: plugin, shards"
    );
    assert_eq!(rig.seen(), ["5 2"]);
    // It says so as long as that is so.
    assert_eq!(rig.again(), "reloaded: needs a restart: plugin, shards");
    let line = rig.reload("shards = 2");
    assert_eq!(line, "reloaded: changed: sessions-max (5 -> 131072)");
}

#[test]
fn a_file_that_is_wrong_changes_nothing_and_says_why() {
    let mut rig = Rig::new("sessions-max = 5", &[], &[]);
    for (text, reason) in [
        ("sessions-max = -1", "a.toml:1: sessions-max: \"-1\""),
        (
            "sessions-max = 6\nlisen = 1",
            "a.toml:2: lisen: no such option; did you mean listen?",
        ),
        ("sessions-max = 6\n[", "a.toml:2: "),
        (
            "sessions-max = 6\nauth-tokens-file = '/none'",
            "a.toml:2: auth-tokens-file: ",
        ),
        ("a = 1\nb = 2\nc = 3", "a.toml:1: a: no such option"),
    ] {
        let line = rig.reload(text);
        let expected = format!("not reloaded, all stays as it was: {reason}");
        assert!(line.starts_with(&expected), "{line}");
        assert_eq!(rig.seen(), [""; 0]);
    }
    assert!(
        rig.again()
            .ends_with(" (and 2 more: allspark config check)")
    );
    fs::remove_file(&rig.path).unwrap();
    assert!(
        rig.again()
            .starts_with("not reloaded, all stays as it was: a.toml: No such file")
    );
    fs::create_dir(&rig.path).unwrap();
    assert!(
        rig.again()
            .ends_with("a.toml: it is no regular file, which could be read again")
    );
    fs::remove_dir(&rig.path).unwrap();
    assert_eq!(
        rig.reload("sessions-max = 5"),
        "reloaded: nothing has changed"
    );
}

#[test]
fn what_outranks_the_file_still_does() {
    let variables = [("ALLSPARK_SESSIONS_MAX", "7")];
    let mut rig = Rig::new("", &["--shards", "4"], &variables);
    let line = rig.reload("sessions-max = 5\nshards = 3");
    assert_eq!(line, "reloaded: nothing has changed");
    assert_eq!(rig.seen(), ["7 4"]);
}

#[test]
fn a_part_that_refuses_stays_as_it_was_and_is_told_of() {
    let mut rig = Rig::new("", &[], &[]);
    *rig.answer.lock().unwrap() = Err("no such key".to_owned());
    let line = rig.reload("sessions-max = 5");
    assert_eq!(
        line,
        "reloaded: changed: sessions-max (131072 -> 5); refused, and as it was: part: no such key"
    );
    let needs = Reloaded {
        changed: Some("keys: read anew".to_owned()),
        needs_restart: vec!["sessions-max (too many)".to_owned()],
    };
    *rig.answer.lock().unwrap() = Ok(needs);
    let line = rig.reload("sessions-max = 6");
    assert_eq!(
        line,
        "reloaded: changed: keys: read anew; needs a restart: sessions-max (too many)"
    );
}

#[test]
fn no_secret_is_told() {
    let mut rig = Rig::new("", &[], &[]);
    let file = "[plugins.omega-supreme]\nusername = 'a'\npassword = 'hush'\n";
    assert_eq!(rig.reload(file), "reloaded: needs a restart: plugin");
    let long = format!("origins = 'http://{}'", "a".repeat(300));
    let line = rig.reload(&long);
    assert!(line.len() < 200 && line.contains("aa..)"), "{line}");
}

#[test]
fn what_came_of_reloads_is_counted() {
    let mut rig = Rig::new("", &[], &[]);
    let outcome = |rig: &Rig, name: &str| {
        let name = format!("allspark_reloads_total{{outcome=\"{name}\"}}");
        rig.metric(&name)
    };
    let success = "allspark_reload_last_success_timestamp_seconds";
    let begun = rig.metric(success);
    assert!(begun > 1.5e9);
    assert_eq!(rig.metric("allspark_reload_successful"), 1.0);
    rig.reload("sessions-max = -1");
    rig.again();
    *rig.answer.lock().unwrap() = Err("no such key".to_owned());
    rig.reload("");
    let outcomes = ["done", "partial", "refused"].map(|name| outcome(&rig, name));
    assert_eq!(outcomes, [0.0, 1.0, 2.0]);
    assert_eq!(rig.metric("allspark_reload_successful"), 0.0);
    *rig.answer.lock().unwrap() = Ok(Reloaded::default());
    rig.again();
    assert_eq!(outcome(&rig, "done"), 1.0);
    assert_eq!(rig.metric("allspark_reload_successful"), 1.0);
    assert!(rig.metric(success) >= begun);
}
