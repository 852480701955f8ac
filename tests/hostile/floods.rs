//! Floods: of connections from one address and from many, and of messages.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;
use socket2::{Domain, SockRef, Socket, Type};

use crate::attack::{Attack, MIB, scaled};
use crate::http::{get, push, upgrade};
use crate::server::Server;

/// A connection from this address of the machine, unless the server does not take it for a while.
fn connect_from(server: &Server, ip: Ipv4Addr) -> Option<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are descriptors");
    socket
        .bind(&SocketAddr::from((ip, 0)).into())
        .expect("the whole network is this machine's");
    let patience = Duration::from_secs(2);
    let address = server.address.into();
    socket.connect_timeout(&address, patience).ok()?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(patience)).expect("a time");
    Some(stream)
}

/// The status of the answer to this request; 0 if there is none.
fn ask(stream: &mut (impl Read + Write), request: &[u8]) -> u16 {
    let mut answer = [0; 12];
    let read = stream
        .write_all(request)
        .and_then(|()| stream.read_exact(&mut answer));
    let text = String::from_utf8_lossy(&answer);
    let status = text.get(9..12).and_then(|status| status.parse().ok());
    read.ok().and(status).unwrap_or(0)
}

const FLOODER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 10);

/// There would be room for others only if it were empty.
#[test]
fn who_floods_from_one_address_takes_nothing_from_others() {
    let attack = Attack {
        args: &[
            "--connections-max",
            "100",
            "--connections-per-address",
            "50",
            "--per-address-exempt",
            "none",
        ],
        memory_max: 24 * MIB,
        ..Attack::default()
    };
    attack.play(|server| {
        let crowd: Vec<_> = (0..scaled(1_000))
            .filter_map(|_| connect_from(server, FLOODER))
            .collect();
        let mut last = connect_from(server, FLOODER).expect("it is accepted, and refused then");
        let status = ask(&mut last, &get("/"));
        assert!(status == 503 || status == 0, "{status}");
        let mut other = connect_from(server, OTHER).expect("the server accepts");
        assert_eq!(ask(&mut other, &get("/")), 200);
        drop((crowd, last));
        server.wait_until("the address has room again", |server| {
            let again = connect_from(server, FLOODER);
            again.is_some_and(|mut again| ask(&mut again, &get("/")) == 200)
        });
    });
}

/// From a thousand addresses, faster than they may come.
#[test]
fn a_flood_from_everywhere_is_let_in_at_its_pace() {
    for policy in ["refuse", "wait"] {
        let attack = Attack {
            args: match policy {
                "wait" => &["--accept-rate", "200", "--accept-policy", "wait"],
                _ => &["--accept-rate", "200"],
            },
            memory_max: 24 * MIB,
            ..Attack::default()
        };
        attack.play_together(|server| {
            let begun = Instant::now();
            let mut crowd: Vec<_> = (0..scaled(1_000))
                .filter_map(|n| {
                    let ip = Ipv4Addr::new(127, 1, (n / 250) as u8, (n % 250) as u8 + 1);
                    connect_from(server, ip)
                })
                .collect();
            let statuses = crowd.iter_mut().map(|stream| ask(stream, &get("/")));
            let served = statuses.filter(|status| *status == 200).count() as u64;
            // What drivers take at once comes on top.
            let most = 200 * (begun.elapsed().as_secs() + 2) + 4 * 64;
            assert!(
                served >= 150 && served <= most,
                "{policy}: {served} of {most}"
            );
        });
    }
}

/// As fast as the sockets take it.
#[test]
fn a_flood_of_messages_waits_in_the_kernel_of_its_client() {
    let attack = Attack {
        args: &["--message-rate", "500", "--message-bytes-rate", "100000"],
        memory_max: 24 * MIB,
        ..Attack::default()
    };
    attack.play_together(|server| {
        let mut frames = Vec::new();
        for _ in 0..100_000 {
            encode::message(Kind::Text, b"\"hello\"", Some([1, 2, 3, 4]), &mut frames);
        }
        let mut clients: Vec<_> = (0..scaled(10))
            .map(|_| {
                let mut stream = server.connect();
                // The client's own kernel is not to take it all.
                let socket = SockRef::from(stream.socket());
                socket
                    .set_send_buffer_size(32 * 1024)
                    .expect("it is a size");
                assert_eq!(ask(&mut stream, &upgrade("/primus")), 101);
                stream
            })
            .collect();
        let mut sent = vec![0; clients.len()];
        for _ in 0..2 {
            for (client, sent) in clients.iter_mut().zip(&mut sent) {
                *sent += push(client, &frames, Instant::now() + Duration::from_millis(100));
            }
        }
        // Nobody has sent all that it would, and nobody was ended.
        for (client, sent) in clients.iter_mut().zip(sent) {
            assert!(sent < 2 * frames.len(), "{sent}");
            let mut echo = [0; 64];
            assert!(client.read(&mut echo).is_ok_and(|count| count > 0));
        }
    });
}
