//! The storm: a server that is really killed and started again, clients that come back, and both
//! broken on purpose.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use allspark_engine::io::DriverChoice;
use allspark_engine::{EndOptions, Options, Primus};
use allspark_protocol::options::Bounded;
use allspark_protocol::primus::PingInterval;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};
use socket2::{Domain, Socket, Type};

use crate::{Run, load_at};

/// Names the address of the server that [`serve_for_a_storm`] is to be.
const ADDRESS: &str = "ALLSPARK_TEST_STORM_ADDRESS";

/// Names a file that is there when the server was started before.
const MARK: &str = "ALLSPARK_TEST_STORM_MARK";

/// How the server behaves when it is started for the second time.
const MANNERS: &str = "ALLSPARK_TEST_STORM_MANNERS";

/// How long a deaf server takes connections and says nothing.
const DEAF: Duration = Duration::from_secs(4);

/// No test: the process that a storm kills, which ends by itself if nobody kills it.
#[test]
fn serve_for_a_storm() {
    let Ok(address) = std::env::var(ADDRESS) else {
        return;
    };
    let mark = PathBuf::from(std::env::var(MARK).unwrap());
    let is_again = mark.exists();
    std::fs::write(&mark, "").unwrap();
    let manners = std::env::var(MANNERS).unwrap();
    serve(&address, if is_again { &manners } else { "good" });
}

fn serve(address: &str, manners: &str) {
    if manners == "deaf" {
        let listener = TcpListener::bind(address).unwrap();
        std::thread::sleep(DEAF);
        drop(listener);
    }
    let options = Options {
        ping_interval: PingInterval::OFF,
        ..Options::default()
    };
    let any = AnyTransformer::new(TransformerKind::Any, &CommonOptions::default(), &[]).unwrap();
    let primus = Primus::new(options, any, Some(Bounded::of(1)), DriverChoice::Auto);
    match manners {
        "dismiss" | "kick" => {
            let reconnect = manners == "kick";
            primus.on_connection(move |spark| {
                spark.end_with(EndOptions { reconnect });
            });
        }
        _ => {}
    }
    let _server = primus.start(address).unwrap();
    // Longer than a storm.
    std::thread::sleep(Duration::from_secs(180));
}

/// An address that nobody else gets while this is there, and where a server may listen; while it
/// does not, clients are refused.
fn reserve() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    // Servers have it, too; who shares an address must.
    socket.set_reuse_address(true).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap();
    let address = address.as_socket().expect("an address of IP");
    (socket, address)
}

/// Runs a storm against a server that behaves like this when it is started again.
fn storm(manners: &str, options: &[&str]) -> Run {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("mark");
    let (_reserved, address) = reserve();
    let command = format!(
        "env {ADDRESS}={address} {MARK}={} {MANNERS}={manners} {} --exact \
         storm::serve_for_a_storm",
        mark.display(),
        std::env::current_exe().unwrap().display(),
    );
    let storm = ["--scenario", "storm", "--server-command", &command];
    load_at(&format!("http://{address}"), &[&storm, options].concat())
}

/// A machine that does other things may be late, and that is not what is tested.
const PATIENT: [&str; 4] = ["--reconnect-tolerance", "20s", "--duration", "60s"];

fn expect_found(run: &Run, fault: &str) {
    assert_eq!(run.code, 1, "{} {}", run.report, run.complaints);
    let findings = &run.report["findings"];
    assert!(findings[fault].as_u64() > Some(0), "{fault}: {findings}");
}

#[test]
fn everyone_comes_back_and_every_attempt_is_judged() {
    for (transformer, driver) in [
        ("websockets", "epoll"),
        ("websockets", "uring"),
        ("sockjs", "auto"),
    ] {
        let options = ["--clients", "20", "--driver", driver, "--outage", "1400ms"];
        let spoken = ["--transformer", transformer];
        let run = storm("good", &[&options[..], &spoken, &PATIENT].concat());
        assert_eq!(run.code, 0, "{} {}", run.report, run.complaints);
        let storm = &run.report["storm"];
        let counts = (&storm["strikes"], &storm["struck"], &storm["returned"]);
        assert_eq!(counts, (&2.into(), &40.into(), &40.into()), "{storm}");
        // The first attempt, after half a second, finds nobody; the second one waits for another
        // second at least.
        assert!(storm["attempts_max"].as_u64() > Some(1), "{storm}");
        let first = &storm["first_delays"];
        assert_eq!(first["count"], 40, "{storm}");
        assert!(first["ms_min"].as_f64() >= Some(500.0), "{storm}");
        let second = &storm["delays"][0];
        assert_eq!(second["attempt"], 2, "{storm}");
        assert!(second["count"].as_u64() > Some(0), "{storm}");
        assert!(second["ms_min"].as_u64() >= Some(1000), "{storm}");
        assert!(run.page.contains("Delays before attempts"), "{}", run.page);
    }
}

#[test]
fn an_attempt_that_nobody_answers_is_given_up() {
    let options = ["--clients", "5", "--outage", "100ms", "--strikes", "1"];
    let timeout = ["--reconnect-timeout", "300ms"];
    let run = storm("deaf", &[&options[..], &timeout, &PATIENT].concat());
    assert_eq!(run.code, 0, "{} {}", run.report, run.complaints);
    let storm = &run.report["storm"];
    assert!(storm["timeouts"].as_u64() > Some(0), "{storm}");
}

#[test]
fn who_does_not_come_back_is_found() {
    let options = ["--clients", "5", "--strikes", "1"];
    let times = ["--outage", "900ms", "--duration", "1s"];
    let play = || storm("good", &[&options[..], &times].concat());
    // The first attempt, after half a second, finds nobody, unless the machine keeps it waiting.
    let run = (0..3).map(|_| play()).find(|run| run.code == 1);
    let run = run.expect("somebody is absent");
    expect_found(&run, "absent");
    assert_eq!(run.report["findings"]["absent"], 5, "{}", run.report);
}

#[test]
fn a_server_that_does_not_take_clients_back_is_found() {
    let options = ["--clients", "4", "--strikes", "1", "--outage", "100ms"];
    let times = ["--reconnect-tolerance", "20s", "--duration", "6s"];
    for manners in ["dismiss", "kick"] {
        let run = storm(manners, &[&options[..], &times].concat());
        expect_found(&run, "ended");
    }
}

#[test]
fn clients_that_do_not_keep_to_the_algorithm_are_found() {
    let options = ["--clients", "4", "--strikes", "1", "--outage", "100ms"];
    let timeout = ["--reconnect-timeout", "300ms"];
    for (sabotage, manners, fault) in [
        ("hurries-back", "good", "reconnect early"),
        ("comes-back-unasked", "good", "reconnect unwanted"),
        ("stays-away", "good", "reconnect late"),
        ("waits-for-ever", "deaf", "timeout late"),
    ] {
        let broken = ["--sabotage", sabotage, "--reconnect-tolerance", "200ms"];
        let play = |duration| {
            let times = ["--duration", duration];
            storm(manners, &[&options[..], &timeout, &times, &broken].concat())
        };
        // On a slow machine the server may be back so late that nobody had to do with it.
        let mut runs = ["4s", "16s", "64s"].into_iter().map(play);
        let run = runs.find(|run| run.report["findings"][fault].is_u64());
        expect_found(&run.expect("somebody is found"), fault);
    }
}
