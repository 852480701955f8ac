//! One server in several places.

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;

use allspark_engine::io::bind;
use allspark_engine::{Destroy, Options, Place, StartError};

use crate::client::{Client, PATIENCE};
use crate::drivers;
use crate::plain::server;

/// Any port of an address that only this test of this process has: nobody else takes a port there
/// that was free.
fn any(test: u8) -> String {
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    format!("127.{high}.{low}.{test}:0")
}

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
        let any = any(1);
        let own = TcpListener::bind(&any).unwrap();
        let places = [Place::from(&*any), Place::from(any.clone()), own.into()];
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
            .start_on([TcpListener::bind(any(2)).unwrap()])
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
        let any = any(3);
        let taken = TcpListener::bind(&any).unwrap();
        let primus = server(Options::default(), 2, driver);
        let own = TcpListener::bind(&any).unwrap();
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
        let many = primus.start_on([&*any; 17]);
        assert!(matches!(many, Err(StartError::Places(17))), "{many:?}");
        let unknown = primus.start_on(["no such name:1"]);
        assert!(
            matches!(unknown, Err(StartError::Listen { .. })),
            "{unknown:?}"
        );
        // And then it can be started all the same.
        let running = primus.start_on([&*any; 16]).unwrap();
        for address in running.addresses() {
            assert_eq!(Client::new(*address).ask("/primus/"), 200);
        }
        primus.handle().destroy(Destroy::default());
        running.join().unwrap();
    }
}
