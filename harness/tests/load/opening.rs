//! Connecting that comes to nothing.

use std::net::TcpListener;

use crate::load_at;

#[test]
fn a_server_that_lets_nobody_in_is_given_up_with_numbers() {
    // The kernel takes the connections, and nobody ever asks for them.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let run = load_at(&url, &["--clients", "3", "--opening", "2"]);
    assert_eq!(run.code, 1, "{} {}", run.report, run.complaints);
    let stopped = run.report["opening_stopped"].as_str().unwrap();
    for part in ["0 were connected", "2 had asked", "1 had not begun"] {
        assert!(stopped.contains(part), "{part}: {stopped}");
    }
    assert!(run.output.contains(stopped), "{}", run.output);
    assert_eq!(run.report["findings"]["refused"], 3, "{}", run.report);
}
