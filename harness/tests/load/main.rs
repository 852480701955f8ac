//! The load generator as a program, against a server that keeps all rules or breaks one of them.
//!
//! The server is tungstenite's, so that our client's half of WebSocket is judged by somebody else.

mod acks;
mod app;
mod churn;
mod conflation;
mod mixed;
mod opening;
mod publish;
mod rooms;
mod server;
mod sessions;
mod siege;
mod storm;
mod tls;

use std::process::Command;

use server::{Conduct, Server};

/// How a run ended: its exit code, its report as JSON and as a page, and what it wrote to both
/// streams.
struct Run {
    code: i32,
    output: String,
    report: serde_json::Value,
    page: String,
    complaints: String,
}

fn load(server: &Server, options: &[&str]) -> Run {
    load_at(&server.url(), options)
}

fn load_at(url: &str, options: &[&str]) -> Run {
    let directory = tempfile::tempdir().unwrap();
    let json = directory.path().join("report.json");
    let html = directory.path().join("report.html");
    let duration: &[&str] = if options.contains(&"--duration") {
        &[]
    } else {
        &["--duration", "300ms"]
    };
    let output = Command::new(env!("CARGO_BIN_EXE_harness"))
        .arg("load")
        .args(duration)
        .args(["--url", url, "--json"])
        .arg(&json)
        .arg("--html")
        .arg(&html)
        .args(["--warm-up", "50ms", "--quiet"])
        .args(options)
        .output()
        .unwrap();
    let report = std::fs::read(&json).map_or(serde_json::Value::Null, |bytes| {
        serde_json::from_slice(&bytes).unwrap()
    });
    Run {
        page: std::fs::read_to_string(&html).unwrap_or_default(),
        code: output.status.code().unwrap(),
        report,
        output: String::from_utf8(output.stdout).unwrap(),
        complaints: String::from_utf8(output.stderr).unwrap(),
    }
}

/// How often a load is played in which too little happened: on a machine that stands still for a
/// moment that is nobody's fault.
const TRIES: usize = 3;

/// Plays until this is found, and expects it to be found at last.
fn found(fault: &str, play: impl Fn() -> Run) -> Run {
    let count = |run: &Run| run.report["findings"][fault].as_u64();
    let mut run = play();
    for _ in 1..TRIES {
        if count(&run) == Some(0) {
            run = play();
        }
    }
    assert!(count(&run) > Some(0), "{fault}: {}", run.report["findings"]);
    run
}

/// Plays until enough has happened that something could be wrong, and expects nothing wrong.
fn lively(is_enough: impl Fn(&Run) -> bool, play: impl Fn() -> Run) -> Run {
    for _ in 0..TRIES {
        let run = play();
        assert_eq!(run.code, 0, "{} {}", run.report, run.complaints);
        if is_enough(&run) {
            return run;
        }
    }
    panic!("again and again too little happens");
}

/// Whether messages came while they were counted.
fn has_received(run: &Run) -> bool {
    run.report["window"]["received"].as_u64() > Some(0)
}

/// Runs against a server that breaks a rule, and expects exactly that to be found.
fn expect_fault(conduct: Conduct, options: &[&str], fault: &str) {
    for driver in ["epoll", "uring"] {
        let options = [options, &["--driver", driver, "--drain", "300ms"]].concat();
        let run = found(fault, || load(&Server::start(conduct), &options));
        let findings = &run.report["findings"];
        assert_eq!(run.code, 1, "{conduct:?}: {findings} {}", run.complaints);
        assert_eq!(run.report["ok"], false);
    }
}

/// Reads a page, which is XML but for its first line.
fn parse_page(page: &str) -> roxmltree::Document<'_> {
    let (_, xml) = page.split_once('\n').unwrap_or_default();
    roxmltree::Document::parse(xml).unwrap_or_else(|error| panic!("{error}: {page}"))
}

#[test]
fn a_page_shows_what_the_report_says() {
    let server = Server::start(Conduct::Echo);
    let run = load(&server, &["--clients", "5"]);
    let page = parse_page(&run.page);
    let text = |name: &str| -> Vec<&str> {
        let nodes = page.descendants().filter(|node| node.has_tag_name(name));
        nodes.filter_map(|node| node.text()).collect()
    };
    assert_eq!(text("h1"), ["Echo over websockets"]);
    assert!(text("h3").contains(&"Latency by percentile"));
    let command = run.report["run"]["command"].as_str().unwrap();
    assert!(command.starts_with("harness load"), "{command}");
    assert!(text("dd").contains(&command));
    let received = run.report["window"]["received"].to_string();
    assert!(text("p").iter().any(|text| text.contains(&received)));
    assert!(run.page.contains("class=\"verdict ok\""));
}

#[test]
fn a_page_says_what_was_wrong() {
    let server = Server::start(Conduct::Refuse);
    let run = load(&server, &["--clients", "3"]);
    assert_eq!(run.code, 1);
    parse_page(&run.page);
    assert!(run.page.contains("class=\"verdict wrong\""));
    assert!(run.page.contains("3 refused"), "{}", run.page);
}

#[test]
fn a_server_that_keeps_the_rules_is_found_so() {
    for driver in ["epoll", "uring"] {
        for depth in ["1", "9"] {
            let server = Server::start(Conduct::Echo);
            let options = ["--clients", "20", "--driver", driver, "--depth", depth];
            let run = lively(has_received, || load(&server, &options));
            assert_eq!(run.report["opened"], 20);
            assert_eq!(run.report["driver"], driver);
        }
    }
}

#[test]
fn large_messages_arrive_whole() {
    for driver in ["epoll", "uring"] {
        let server = Server::start(Conduct::Echo);
        let options = [
            "--clients",
            "3",
            "--message-bytes",
            "1000000",
            "--depth",
            "3",
        ];
        let options = [&options[..], &["--driver", driver]].concat();
        lively(has_received, || load(&server, &options));
    }
}

#[test]
fn a_server_that_does_not_read_cannot_hold_the_load_up() {
    let server = Server::start(Conduct::Deaf);
    let options = [
        "--clients",
        "2",
        "--rate",
        "500",
        "--message-bytes",
        "100000",
    ];
    let times = ["--duration", "2s", "--drain", "100ms"];
    let play = || {
        let run = load(&server, &[&options[..], &times].concat());
        assert_eq!(run.code, 1, "{} {}", run.report, run.complaints);
        assert_eq!(run.report["findings"]["unanswered"], 2);
        run.report["skipped"].as_u64() > Some(0)
    };
    assert!((0..TRIES).any(|_| play()), "nothing is skipped");
}

#[test]
fn a_fixed_rate_is_kept() {
    let server = Server::start(Conduct::Echo);
    let run = load(&server, &["--clients", "10", "--rate", "500"]);
    assert_eq!(run.code, 0, "{} {}", run.report, run.complaints);
    let window = &run.report["window"];
    let due = 500.0 * window["seconds"].as_f64().unwrap();
    let sent = window["sent"].as_f64().unwrap();
    assert!((due - 1.0..=due + 1.0).contains(&sent), "{sent} of {due}");
}

#[test]
fn each_fault_of_messages_is_found() {
    let options = ["--clients", "4", "--depth", "4"];
    for (conduct, fault) in [
        (Conduct::Forget, "lost"),
        (Conduct::Repeat, "duplicated"),
        (Conduct::Swap, "reordered"),
        (Conduct::Garble, "corrupted"),
    ] {
        expect_fault(conduct, &options, fault);
    }
}

#[test]
fn each_fault_of_connections_is_found() {
    let options = ["--clients", "4"];
    for (conduct, fault) in [
        (Conduct::HangUp, "ended"),
        (Conduct::SayGoodbye, "ended"),
        (Conduct::Mask, "violated"),
        (Conduct::Refuse, "refused"),
        (Conduct::LeaveWithoutGoodbye, "unanswered"),
    ] {
        expect_fault(conduct, &options, fault);
    }
}

#[test]
fn an_echo_to_everyone_is_no_echo() {
    expect_fault(Conduct::Broadcast, &["--clients", "2"], "misdelivered");
}

/// All but the first client only compare what they receive with what the first has read.
#[test]
fn each_fault_of_a_broadcast_is_found() {
    let options = [
        "--scenario",
        "broadcast",
        "--clients",
        "12",
        "--publishers",
        "2",
    ];
    for (conduct, fault) in [
        (Conduct::BroadcastForget, "lost"),
        (Conduct::BroadcastRepeat, "duplicated"),
        (Conduct::BroadcastGarble, "corrupted"),
    ] {
        expect_fault(conduct, &options, fault);
    }
}

#[test]
fn a_broadcast_reaches_everyone_once() {
    let server = Server::start(Conduct::Broadcast);
    let options = [
        "--scenario",
        "broadcast",
        "--clients",
        "12",
        "--publishers",
        "3",
    ];
    lively(has_received, || load(&server, &options));
}

#[test]
fn pings_are_answered_and_judged() {
    let server = Server::start(Conduct::Ping);
    let idle = [
        "--scenario",
        "idle",
        "--clients",
        "5",
        "--ping-tolerance",
        "20s",
    ];
    // Enough for a ping to each, whatever else the machine does.
    let run = load(&server, &[&idle[..], &["--duration", "3s"]].concat());
    assert_eq!(run.code, 0, "{} {}", run.report, run.complaints);
    let heartbeats = &run.report["heartbeats"];
    assert_eq!(heartbeats["interval_ms"], server::PING_INTERVAL_MS);
    assert!(heartbeats["pings_per_client_min"].as_u64() > Some(0));
    assert!(server.pongs() >= 5, "every ping was answered");

    let too_often = ["--ping-interval", "60000", "--ping-tolerance", "1s"];
    expect_fault(
        Conduct::Ping,
        &[&idle[..4], &too_often].concat(),
        "ping early",
    );
    let never = ["--ping-interval", "50", "--ping-tolerance", "50ms"];
    expect_fault(Conduct::Echo, &[&idle[..4], &never].concat(), "ping late");
}

/// An idle load that ends with two broadcasts.
const IDLE_THEN_BROADCASTS: [&str; 8] = [
    "--scenario",
    "idle",
    "--clients",
    "7",
    "--broadcasts",
    "2",
    "--ping-interval",
    "off",
];

#[test]
fn an_idle_load_may_end_with_broadcasts() {
    for driver in ["epoll", "uring"] {
        let server = Server::start(Conduct::Broadcast);
        let run = load(
            &server,
            &[&IDLE_THEN_BROADCASTS[..], &["--driver", driver]].concat(),
        );
        assert_eq!(run.code, 0, "{} {}", run.report, run.complaints);
        assert_eq!(run.report["window"]["received"], 0, "idle means idle");
        let broadcasts = run.report["broadcasts"].as_array().unwrap();
        assert_eq!(broadcasts.len(), 2);
        for broadcast in broadcasts {
            assert_eq!(
                (&broadcast["sent"], &broadcast["received"]),
                (&1.into(), &7.into())
            );
            assert!(broadcast["latency_us"]["max"].as_f64() > Some(0.0));
        }
    }
    let options = [&IDLE_THEN_BROADCASTS[..], &["--duration", "100ms"]].concat();
    expect_fault(Conduct::Echo, &options, "lost");
}

#[test]
fn a_run_is_told_second_by_second() {
    let server = Server::start(Conduct::Echo);
    let options = ["--clients", "3", "--rate", "200", "--duration", "2200ms"];
    let run = load(&server, &options);
    assert_eq!(run.code, 0, "{} {}", run.report, run.complaints);
    let series = run.report["series"].as_array().unwrap();
    assert!(series.len() >= 2, "{series:?}");
    let sum = |of: &str| series.iter().filter_map(|second| second[of].as_u64()).sum();
    let (sent, received): (u64, u64) = (sum("sent"), sum("received"));
    assert!(sent > 100 && received > 100, "{series:?}");
    let busy = |second: &&serde_json::Value| second["phase"] == "measuring";
    for second in series.iter().filter(busy) {
        assert_eq!(second["open"], 3);
        // The machine may stand still for a second.
        let is_lively = second["received"].as_u64() > Some(0);
        assert!(!is_lively || second["latency_us"]["p9999"].as_f64() > Some(0.0));
        assert!(
            second["server_cpu_percent"].is_null(),
            "its process is unknown"
        );
    }
    assert!(series.iter().any(|second| busy(&second)), "{series:?}");
    assert!(series.is_sorted_by_key(|second| second["t_ms"].as_u64()));
}

#[test]
fn nobody_there_is_a_finding_and_a_wrong_option_is_not_a_run() {
    let run = load_at("http://127.0.0.1:1", &["--clients", "2"]);
    assert_eq!(run.code, 1, "{}", run.complaints);
    assert_eq!(run.report["findings"]["refused"], 2);
    for wrong in [
        ["--clients", "0"],
        ["--message-bytes", "1"],
        ["--duration", "0s"],
        ["--rate", "0"],
        ["--broadcasts", "1"],
        ["--scenario=churn", "--messages=0"],
        ["--scenario=churn", "--depth=2"],
        ["--scenario=storm", "--outage=1s"],
        ["--server-command", "true"],
        ["--scenario=storm", "--strikes=0"],
        ["--strikes", "2"],
        ["--scenario=mixed", "--clients=5"],
        ["--scenario=mixed", "--shares=idle"],
        ["--scenario=mixed", "--stall=0s"],
        ["--seed", "1"],
        ["--scenario=churn", "--ping-interval=100"],
        ["--scenario=mixed", "--attack=flood"],
        ["--attack", "all,flood"],
        ["--memory-max", "1"],
        ["--insecure", "--quiet"],
    ] {
        let run = load_at("http://127.0.0.1:1", &wrong);
        assert_eq!(run.code, 2, "{wrong:?}");
        assert_eq!(run.report, serde_json::Value::Null);
    }
    assert_eq!(load_at("ftp://127.0.0.1", &[]).code, 2);
}

#[test]
fn a_comparison_says_what_is_missing() {
    let output = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(["compare", "peers", "--server", "allspark"])
        .args(["--allspark", "/no/such/program"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("/no/such/program"), "{complaint}");
    assert!(complaint.contains("cargo build --release"), "{complaint}");
}
