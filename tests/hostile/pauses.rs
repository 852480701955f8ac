//! A machine that stops the server for a while.

use std::time::Duration;

use crate::attack::{Attack, scaled};
use crate::http::Client;

/// More than a kernel ring hands over at once.
const CLIENTS: usize = 30;

#[test]
fn nobody_is_blamed_for_a_pause_of_the_server() {
    let attack = Attack {
        // Longer than a client may stand still on a busy machine, and a third of the pause.
        args: &["--transformer", "any", "--ping-interval", "2000"],
        wait_max: Duration::from_secs(12),
        ..Attack::default()
    };
    attack.play_together(|server| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let mut client = Client::open_websocket(server);
                // Each answers its pings, and says in the end how long it could.
                std::thread::spawn(move || {
                    while client.read_message()? != "[\"all\",\"the end\"]" {}
                    Ok::<_, std::io::Error>(())
                })
            })
            .collect();
        for _ in 0..scaled(1) {
            std::thread::sleep(Duration::from_secs(1));
            server.pause(Duration::from_secs(6));
            std::thread::sleep(Duration::from_secs(1));
        }
        let mut publisher = Client::open_websocket(server);
        let end = publisher.write_message("[\"all\",\"the end\"]");
        end.expect("the server lives");
        let ended = clients
            .into_iter()
            .map(|client| client.join().expect("it fears nothing"));
        let lost: Vec<_> = ended.filter_map(Result::err).collect();
        assert!(lost.is_empty(), "{} were ended: {lost:?}", lost.len());
    });
}
