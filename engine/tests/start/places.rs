//! One server in several places.

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;

use allspark_engine::io::bind;
use allspark_engine::{Destroy, Options, Place, StartError};

use crate::client::{Client, PATIENCE};
use crate::drivers;
use crate::plain::server;

/// Each test has an address of its own, so that nobody else takes a port that was free.
const ANY: [&str; 3] = ["127.0.77.1:0", "127.0.77.2:0", "127.0.77.3:0"];

/// The kernel closes what an `io_uring` held some time after it was told to: `bind` waits for that.
fn assert_free(address: SocketAddr) {
    let taken = bind(address, 1);
    assert!(taken.is_ok(), "{address} is still taken: {taken:?}");
}

#[test]
fn every_place_is_served_until_the_server_ends() {
    for driver in drivers() {
        let primus = server(Options::default(), 2, driver);
        let (opened, opens) = mpsc::channel();
        primus.on_connection(move |_| opened.send(()).unwrap());
        let own = TcpListener::bind(ANY[0]).unwrap();
        let places = [ANY[0].into(), Place::from(ANY[0].to_owned()), own.into()];
        let running = primus.start_on(places).unwrap();
        let addresses = running.addresses().to_vec();
        assert_eq!(addresses.len(), 3);
        assert_eq!(running.address(), addresses[0]);
        for address in addresses.iter().cycle().take(30) {
            let _ = Client::open(*address);
            opens.recv_timeout(PATIENCE).unwrap();
        }
        primus.handle().destroy(Destroy::default());
        running.join().unwrap();
        for address in addresses {
            assert_free(address);
        }
    }
}

/// All shards accept from it, and whoever is let in gets an answer, however many come at once.
#[test]
fn all_shards_serve_a_listener_that_was_there_before() {
    for driver in drivers() {
        let primus = server(Options::default(), 3, driver);
        let running = primus
            .start_on([TcpListener::bind(ANY[1]).unwrap()])
            .unwrap();
        let address = running.address();
        let mut clients: Vec<Client> = (0..300).map(|_| Client::new(address)).collect();
        for client in &mut clients {
            assert_eq!(client.ask("/primus/"), 200);
        }
        primus.handle().destroy(Destroy::default());
        running.join().unwrap();
        assert_free(address);
    }
}

#[test]
fn if_one_place_is_taken_none_is_served() {
    for driver in drivers() {
        let taken = TcpListener::bind(ANY[2]).unwrap();
        let primus = server(Options::default(), 2, driver);
        let own = TcpListener::bind(ANY[2]).unwrap();
        let free = own.local_addr().unwrap();
        let places = [Place::from(own), taken.local_addr().unwrap().into()];
        let refused = primus.start_on(places);
        assert!(
            matches!(refused, Err(StartError::Listen { .. })),
            "{refused:?}"
        );
        assert_free(free);
        let none: [SocketAddr; 0] = [];
        assert!(matches!(primus.start_on(none), Err(StartError::Places(0))));
        let many = primus.start_on([ANY[2]; 17]);
        assert!(matches!(many, Err(StartError::Places(17))), "{many:?}");
        let unknown = primus.start_on(["no such name:1"]);
        assert!(
            matches!(unknown, Err(StartError::Listen { .. })),
            "{unknown:?}"
        );
        // And then it can be started all the same.
        let running = primus.start_on([ANY[2]; 16]).unwrap();
        for address in running.addresses() {
            assert_eq!(Client::new(*address).ask("/primus/"), 200);
        }
        primus.handle().destroy(Destroy::default());
        running.join().unwrap();
    }
}
