use super::*;

/// Milliseconds from one end of a connection to the other.
const LATENCY: std::time::Duration = std::time::Duration::from_millis(5);

fn token(index: u32) -> Token {
    Token::new(1, 0, index)
}

fn turn(driver: &mut SimDriver) -> Vec<Completion> {
    let mut completions = Vec::new();
    driver.turn(Wait::No, &mut completions).unwrap();
    completions
}

/// Lets everything that is under way arrive.
fn settle(net: &SimNet) {
    while let Some(next) = net.next_event().filter(|next| *next > net.now()) {
        net.advance_to(next);
    }
}

/// A client's end of a connection that the first driver has accepted and receives on.
fn connect(net: &SimNet, driver: &mut SimDriver) -> (EndpointId, Socket) {
    driver.push(Op::Accept);
    turn(driver);
    let client = net.connect(driver.number, LATENCY).unwrap();
    settle(net);
    let [Completion::Accepted { socket, .. }] = turn(driver)[..] else {
        panic!("not accepted");
    };
    let token = token(0);
    driver.push(Op::Receive { socket, token });
    assert!(turn(driver).is_empty());
    (client, socket)
}

fn release(driver: &mut SimDriver, socket: Socket) -> Detached {
    let token = token(1);
    driver.push(Op::Release { socket, token });
    match turn(driver).pop() {
        Some(Completion::Released { token: t, result }) if t == token => result.unwrap(),
        other => panic!("{other:?}"),
    }
}

fn adopt(driver: &mut SimDriver, socket: Detached) -> io::Result<Socket> {
    let token = token(2);
    driver.push(Op::Adopt { socket, token });
    match turn(driver).pop() {
        Some(Completion::Adopted { token: t, result }) if t == token => result,
        other => panic!("{other:?}"),
    }
}

fn received(completions: &[Completion]) -> Vec<u8> {
    let bytes = completions.iter().flat_map(|completion| match completion {
        Completion::Received { buffer, .. } => buffer.to_vec(),
        other => panic!("{other:?}"),
    });
    bytes.collect()
}

#[test]
fn a_connection_goes_from_driver_to_driver() {
    let net = SimNet::default();
    let (mut giver, mut taker) = (SimDriver::new(&net), SimDriver::new(&net));
    let (client, socket) = connect(&net, &mut giver);
    net.send(client, b"first, ").unwrap();
    settle(&net);
    assert_eq!(received(&turn(&mut giver)), b"first, ");
    net.send(client, b"unread, ").unwrap();
    settle(&net);
    let detached = release(&mut giver, socket);
    net.send(client, b"under way, ").unwrap();
    settle(&net);
    let adopted = adopt(&mut taker, detached).unwrap();
    net.send(client, b"late").unwrap();
    settle(&net);
    let (socket, token) = (adopted, token(3));
    taker.driver_receives(socket, token, b"unread, under way, late");

    let bytes = Slice::copy_of(b"answer");
    taker.push(Op::Send { socket, bytes });
    assert!(turn(&mut taker).is_empty());
    settle(&net);
    assert_eq!(net.receive(client, 100).unwrap(), b"answer");
    taker.push(Op::Close { socket, token });
    assert!(matches!(turn(&mut taker)[..], [Completion::Closed { .. }]));
    net.close(client);
    assert_eq!(net.open_endpoints(), 0);
}

impl SimDriver {
    fn driver_receives(&mut self, socket: Socket, token: Token, expected: &[u8]) {
        self.push(Op::Receive { socket, token });
        assert_eq!(received(&turn(self)), expected);
    }
}

#[test]
fn what_is_pushed_after_a_release_is_ignored() {
    let net = SimNet::default();
    let (mut giver, mut taker) = (SimDriver::new(&net), SimDriver::new(&net));
    let (client, socket) = connect(&net, &mut giver);
    let detached = release(&mut giver, socket);
    let socket_after = adopt(&mut taker, detached).unwrap();
    let (bytes, token) = (Slice::copy_of(b"too late"), token(4));
    giver.push(Op::Send { socket, bytes });
    giver.push(Op::AwaitWritable { socket });
    giver.push(Op::Receive { socket, token });
    giver.push(Op::Shutdown { socket });
    giver.push(Op::Close { socket, token });
    giver.push(Op::Release { socket, token });
    assert!(turn(&mut giver).is_empty());
    net.send(client, b"still open").unwrap();
    settle(&net);
    assert!(turn(&mut giver).is_empty());
    taker.driver_receives(socket_after, token, b"still open");
    assert_eq!(net.receive(client, 100).unwrap(), b"");
}

#[test]
fn a_client_that_goes_meanwhile_is_told_to_the_adopter() {
    let net = SimNet::default();
    let (mut giver, mut taker) = (SimDriver::new(&net), SimDriver::new(&net));
    let (client, socket) = connect(&net, &mut giver);
    let detached = release(&mut giver, socket);
    net.close(client);
    settle(&net);
    let (socket, token) = (adopt(&mut taker, detached).unwrap(), token(5));
    taker.push(Op::Receive { socket, token });
    let reported = turn(&mut taker);
    assert!(matches!(
        reported[..],
        [Completion::ReceiveEnded { result: Ok(()), .. }]
    ));
    taker.push(Op::Close { socket, token });
    turn(&mut taker);
    assert!(turn(&mut giver).is_empty());
    assert_eq!(net.open_endpoints(), 0);
}

#[test]
fn a_connection_that_is_dropped_is_closed() {
    let net = SimNet::default();
    let mut giver = SimDriver::new(&net);
    let (client, socket) = connect(&net, &mut giver);
    let detached = release(&mut giver, socket);
    // On another thread, where the network is not at hand.
    std::thread::spawn(|| drop(detached)).join().unwrap();
    settle(&net);
    assert_eq!(net.next_client_notice(), Some((client, Notice::Readable)));
    assert_eq!(net.receive(client, 1), None);
    net.close(client);
    assert_eq!(net.open_endpoints(), 0);
}

#[test]
fn only_its_own_network_adopts_a_connection() {
    let (net, other) = (SimNet::default(), SimNet::default());
    let mut giver = SimDriver::new(&net);
    let (client, socket) = connect(&net, &mut giver);
    let detached = release(&mut giver, socket);
    let mut stranger = SimDriver::new(&other);
    assert!(adopt(&mut stranger, detached).is_err());
    let (socket, _) = std::os::unix::net::UnixStream::pair().unwrap();
    let detached = Detached::of_fd(socket.into());
    assert!(adopt(&mut stranger, detached).is_err());
    net.close(client);
    assert_eq!(net.open_endpoints(), 0);
}

#[test]
fn a_reset_is_told_to_both_ends_and_what_is_under_way_is_lost() {
    let net = SimNet::default();
    let mut driver = SimDriver::new(&net);
    let (client, socket) = connect(&net, &mut driver);
    net.send(client, b"lost").unwrap();
    let bytes = Slice::copy_of(b"lost too");
    driver.push(Op::Send { socket, bytes });
    turn(&mut driver);
    net.reset(client);
    settle(&net);
    assert!(matches!(
        turn(&mut driver)[..],
        [Completion::ReceiveEnded { result: Err(_), .. }]
    ));
    assert_eq!(net.receive(client, 100), None);
    let bytes = Slice::copy_of(b"too late");
    driver.push(Op::Send { socket, bytes });
    assert!(matches!(
        turn(&mut driver)[..],
        [Completion::SendFailed { .. }]
    ));
}

#[test]
fn who_vanishes_is_not_missed_until_the_buffer_is_full() {
    let net = SimNet::default();
    let mut driver = SimDriver::new(&net);
    let (client, socket) = connect(&net, &mut driver);
    net.vanish(client);
    settle(&net);
    for _ in 0..2 {
        let bytes = Slice::copy_of(&[0; 20_000]);
        driver.push(Op::Send { socket, bytes });
        assert!(turn(&mut driver).is_empty());
    }
    let bytes = Slice::copy_of(&[0; 30_000]);
    driver.push(Op::Send { socket, bytes });
    driver.push(Op::AwaitWritable { socket });
    assert!(matches!(
        turn(&mut driver)[..],
        [Completion::SendStalled { .. }]
    ));
    assert_eq!(net.next_event(), None, "and nothing comes of it");
    let token = token(1);
    driver.push(Op::Close { socket, token });
    turn(&mut driver);
    assert_eq!(net.open_endpoints(), 0);
}

#[test]
fn narrow_windows_and_short_segments_split_what_is_sent() {
    let net = SimNet::default();
    let mut driver = SimDriver::new(&net);
    let (client, _socket) = connect(&net, &mut driver);
    net.set_window(client, 10);
    net.set_segment(client, 4);
    assert_eq!(net.send(client, b"0123456789abc"), Some(10));
    settle(&net);
    let reported = turn(&mut driver);
    assert_eq!(reported.len(), 3, "{reported:?}");
    assert_eq!(received(&reported), b"0123456789");
    settle(&net);
    assert_eq!(net.send(client, b"abc"), Some(3));
}

#[test]
fn a_server_that_crashes_takes_its_connections_with_it() {
    let net = SimNet::default();
    let mut driver = SimDriver::new(&net);
    let (client, _socket) = connect(&net, &mut driver);
    // This one is not accepted yet, and its number will be used again.
    let late = net.connect(driver.number, LATENCY).unwrap();
    drop(driver);
    assert_eq!(net.connect(0, LATENCY), None);
    let mut next = SimDriver::new(&net);
    next.push(Op::Accept);
    turn(&mut next);
    let again = net.connect(1, 2 * LATENCY).unwrap();
    net.advance_to(net.now() + 3 * LATENCY);
    assert_eq!(turn(&mut next).len(), 1, "it hears of its own one only");
    for end in [client, late] {
        assert_eq!(net.receive(end, 1), None);
        net.close(end);
    }
    assert_eq!(net.receive(again, 1), Some(Vec::new()));
}

#[test]
fn a_listener_that_is_closed_resets_whom_it_has_not_accepted() {
    let net = SimNet::default();
    let mut driver = SimDriver::new(&net);
    let (_, accepted) = connect(&net, &mut driver);
    let waiting = net.connect(0, LATENCY).unwrap();
    net.send(waiting, b"hello").unwrap();
    settle(&net);
    let late = net.connect(0, LATENCY).unwrap();
    driver.push(Op::StopAccept);
    assert!(turn(&mut driver).is_empty());
    assert!(net.connect(0, LATENCY).is_none());
    settle(&net);
    for client in [waiting, late] {
        assert_eq!(net.receive(client, 1), None);
        assert!(net.end_of_stream(client).is_err(), "it is a reset");
        net.close(client);
    }
    assert!(driver.owns(accepted));
    assert_eq!(net.open_endpoints(), 2);
}

#[test]
fn an_accept_that_fails_is_tried_again() {
    let net = SimNet::default();
    let mut driver = SimDriver::new(&net);
    driver.push(Op::Accept);
    turn(&mut driver);
    net.fail_accepts(0, net.now() + std::time::Duration::from_millis(150));
    net.connect(0, LATENCY).unwrap();
    let mut failed = 0;
    loop {
        net.advance_to(net.next_event().expect("it is tried again"));
        match turn(&mut driver)[..] {
            [Completion::AcceptFailed { .. }] => failed += 1,
            [Completion::Accepted { .. }] => break,
            ref other => panic!("{other:?}"),
        }
    }
    assert_eq!(failed, 2);
}

#[test]
fn the_wall_clock_jumps_alone() {
    let net = SimNet::default();
    let (now, unix_ms) = (net.now(), net.unix_ms());
    net.jump_wall_clock(-5_000);
    assert_eq!((net.now(), net.unix_ms()), (now, unix_ms - 5_000));
}
