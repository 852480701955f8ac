//! The echo.

use allspark::Destroy;
use allspark_client::{Event, Primus};
use futures_util::StreamExt;

use crate::{echo, play};

#[test]
fn what_a_client_writes_comes_back() {
    let server = echo::echo().unwrap().start("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.address());
    play(async {
        let mut client = Primus::connect(url).await.unwrap();
        client.write("hello").await.unwrap();
        loop {
            match client.next().await.expect("the client has ended") {
                Event::Data(data) => break assert_eq!(data.encoded(), b"\"hello\""),
                Event::Error(error) => panic!("{error}"),
                _ => {}
            }
        }
        client.end().await;
    });
    server.handle().destroy(Destroy::default());
    server.join().unwrap();
}
