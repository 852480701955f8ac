//! Connections that come and go.

use crate::server::{Conduct, Server};
use crate::{Run, expect_fault, lively, load};

#[test]
fn connections_come_and_go() {
    for driver in ["epoll", "uring"] {
        let server = Server::start(Conduct::Echo);
        let options = ["--scenario", "churn", "--clients", "5", "--driver", driver];
        let count = |run: &Run| run.report["churn"]["connections"].as_u64().unwrap();
        let everybody_came_again = |run: &Run| count(run) > 5;
        let run = lively(everybody_came_again, || load(&server, &options));
        let (churn, connections) = (&run.report["churn"], count(&run));
        let received = run.report["window"]["received"].as_u64().unwrap();
        assert!(
            received.abs_diff(3 * connections) <= 3 * 5,
            "{}",
            run.report
        );
        assert!(churn["opening_us"]["p50"].as_f64() > Some(0.0));
    }
}

#[test]
fn connections_are_replaced_at_a_fixed_rate() {
    let server = Server::start(Conduct::Echo);
    let options = ["--scenario", "churn", "--clients", "20", "--rate", "50"];
    let times = ["--messages", "1", "--duration", "2s"];
    let run = load(&server, &[&options[..], &times].concat());
    assert_eq!(run.code, 0, "{} {}", run.report, run.complaints);
    let skipped = run.report["skipped"].as_u64().unwrap();
    let connections = run.report["churn"]["connections"].as_u64().unwrap();
    let replaced = connections + skipped;
    assert!(
        (80..=120).contains(&replaced),
        "{connections} and {skipped} skipped"
    );
}

#[test]
fn a_server_that_breaks_under_churn_is_found() {
    let churn = ["--scenario", "churn", "--clients", "3", "--messages", "6"];
    for (conduct, fault) in [
        (Conduct::LeaveWithoutGoodbye, "unanswered"),
        (Conduct::HangUp, "ended"),
        (Conduct::Forget, "lost"),
        (Conduct::Repeat, "duplicated"),
    ] {
        expect_fault(conduct, &churn, fault);
    }
}
