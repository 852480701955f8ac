//! Sparks as streams: who is welcome, what is answered, and in which order.

use allspark::Destroy;
use allspark_client::{Event, Primus};
use futures_util::StreamExt;

use crate::{play, streams};

#[test]
fn questions_are_answered_in_order_by_somebody_on_tokio() {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_io()
        .build()
        .unwrap();
    let primus = streams::streams(tokio.handle()).unwrap();
    let server = primus.start("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.address());
    play(async {
        let nameless = Primus::connect(&url).strategy("").await;
        assert_eq!(heard(&mut nameless.unwrap()).await, None);
        let mut ada = Primus::connect(format!("{url}/?name=Ada")).await.unwrap();
        // These are early: they wait until Ada was welcomed.
        ada.write("127.0.0.1").await.unwrap();
        ada.write(5).await.unwrap();
        ada.write("::1").await.unwrap();
        assert_eq!(heard(&mut ada).await.as_deref(), Some("hello, Ada"));
        assert_eq!(heard(&mut ada).await.as_deref(), Some("[127.0.0.1:80]"));
        let refusal = heard(&mut ada).await.unwrap();
        assert!(refusal.starts_with("that was no name: "), "{refusal}");
        assert_eq!(heard(&mut ada).await.as_deref(), Some("[[::1]:80]"));
        ada.end().await;
    });
    server.handle().destroy(Destroy::default());
    server.join().unwrap();
}

/// The next message; `None` if the server has ended the client for good instead.
async fn heard(client: &mut Primus) -> Option<String> {
    loop {
        match client.next().await {
            Some(Event::Data(data)) => return Some(data.parse().unwrap()),
            Some(Event::ReconnectScheduled(_)) => panic!("it was to stay away"),
            Some(Event::End) | None => return None,
            Some(_) => {}
        }
    }
}
