//! Ways to a server: TLS, unix sockets, names, IPv6.

use allspark_client::{OpenError, Primus, Strategy};
use allspark_protocol::parser::ParserKind;
use allspark_transformers::TransformerKind;

use crate::server::{Server, tls_to, unix_to};
use crate::{KINDS, connect, data};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_transport_speaks_tls() {
    for kind in KINDS {
        let server = Server::start(kind);
        let (port, trusting) = tls_to(server.address()).await;
        for host in ["localhost", "127.0.0.1"] {
            let url = format!("https://{host}:{port}");
            let mut client = connect(&url, kind).tls(trusting.clone()).await.unwrap();
            let long = "x".repeat(100_000);
            client.write(&long).await.unwrap();
            assert_eq!(data(&mut client).await.parse(), Ok(long), "{kind:?}");
            client.end().await;
        }
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = Server::start(TransformerKind::WebSockets);
    let (port, _) = tls_to(server.address()).await;
    let (_, trusting_another) = tls_to(server.address()).await;
    let url = format!("wss://localhost:{port}");
    let client = Primus::connect(url)
        .tls(trusting_another)
        .strategy(Strategy::NONE);
    match client.await {
        Err(OpenError::Failed(Some(error))) => {
            let text = error.to_string();
            assert!(text.contains("certificate"), "{text}");
        }
        other => panic!("{other:?} where an error was due"),
    }
    assert_eq!(server.sparks(), 0);
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_transport_speaks_over_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    for (number, kind) in KINDS.into_iter().enumerate() {
        let server = Server::start(kind);
        let path = folder.path().join(number.to_string());
        unix_to(&path, server.address());
        let mut client = connect("http://example.org", kind)
            .unix(&path)
            .await
            .unwrap();
        client.write("hello").await.unwrap();
        assert_eq!(
            data(&mut client).await.parse(),
            Ok("hello".to_owned()),
            "{kind:?}"
        );
        client.end().await;
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ipv6_address_is_reached() {
    let kind = TransformerKind::WebSockets;
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        return;
    }
    let server = Server::start_at(kind, "[::1]:0", ParserKind::Json);
    let mut client = connect(&server.url(), kind).await.unwrap();
    client.write(6).await.unwrap();
    assert_eq!(data(&mut client).await.parse(), Ok(6));
    server.stop();
}
