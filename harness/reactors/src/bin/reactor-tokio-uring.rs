//! AllSpark's protocol core on tokio-uring: one ring under a current-thread tokio, one operation
//! per read and per write, one task per connection.
//!
//! `reactor-tokio-uring PORT echo|broadcast`

use std::io;
use std::net::Shutdown;
use std::process::ExitCode;
use std::rc::Rc;

use allspark_reactors::program::announce;
use allspark_reactors::{
    Arguments, Connection, Feed, READ_BUFFER_BYTES, RING_ENTRIES, Service, listen, run,
};
use tokio_uring::net::{TcpListener, TcpStream};

fn main() -> ExitCode {
    run("reactor-tokio-uring", |arguments| {
        let mut builder = tokio_uring::builder();
        builder.entries(RING_ENTRIES);
        tokio_uring::Runtime::new(&builder)?.block_on(serve(arguments))
    })
}

async fn serve(arguments: Arguments) -> io::Result<()> {
    let service = Service::new(arguments.app);
    let listener = TcpListener::from_std(listen(arguments.port)?);
    announce(env!("TOKIO_URING_VERSION"), arguments.port);
    loop {
        let (stream, _) = listener.accept().await?;
        let service = Rc::clone(&service);
        // A connection that fails ends; the load generator sees it and says so.
        tokio_uring::spawn(async move { converse(stream, &service).await });
    }
}

async fn converse(stream: TcpStream, service: &Rc<Service>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let stream = Rc::new(stream);
    let mut connection = Connection::new(service);
    let (mut buffer, mut out) = (vec![0; READ_BUFFER_BYTES], Vec::new());
    loop {
        let count;
        (count, buffer) = stream.read(buffer).await;
        let count = count?;
        if count == 0 {
            return Ok(());
        }
        let turn = connection.receive(&mut buffer[..count], &mut out);
        if !out.is_empty() {
            let written;
            (written, out) = stream.write_all(out).await;
            written?;
            out.clear();
        }
        if let Some(feed) = turn.feed {
            tokio_uring::spawn(follow(Rc::clone(&stream), feed));
        }
        if turn.is_over {
            return Ok(());
        }
    }
}

/// Writes what a feed gives. The end of it, like an error, shuts the connection down.
async fn follow(stream: Rc<TcpStream>, mut feed: Feed) -> io::Result<()> {
    while let Some(bytes) = feed.next().await {
        stream.write_all(bytes).await.0?;
    }
    stream.shutdown(Shutdown::Write)
}
