//! AllSpark's protocol core on tokio, which waits with epoll: one thread, one task per connection.
//!
//! `reactor-tokio PORT echo|broadcast`

use std::io;
use std::process::ExitCode;
use std::rc::Rc;

use allspark_reactors::program::announce;
use allspark_reactors::{Arguments, Connection, Feed, READ_BUFFER_BYTES, Service, listen, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

fn main() -> ExitCode {
    run("reactor-tokio", |arguments| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        LocalSet::new().block_on(&runtime, serve(arguments))
    })
}

async fn serve(arguments: Arguments) -> io::Result<()> {
    let service = Service::new(arguments.app);
    let listener = listen(arguments.port)?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    announce(env!("TOKIO_VERSION"), arguments.port);
    loop {
        let (stream, _) = listener.accept().await?;
        let service = Rc::clone(&service);
        // A connection that fails ends; the load generator sees it and says so.
        spawn_local(async move { converse(stream, &service).await });
    }
}

async fn converse(stream: TcpStream, service: &Rc<Service>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, writer) = stream.into_split();
    let mut writer = Some(writer);
    let mut connection = Connection::new(service);
    let (mut buffer, mut out) = (vec![0; READ_BUFFER_BYTES], Vec::new());
    loop {
        let count = reader.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let turn = connection.receive(&mut buffer[..count], &mut out);
        if let Some(writer) = &mut writer {
            writer.write_all(&out).await?;
            out.clear();
        }
        if let Some(feed) = turn.feed
            && let Some(writer) = writer.take()
        {
            spawn_local(follow(writer, feed));
        }
        if turn.is_over {
            return Ok(());
        }
    }
}

/// Writes what a feed gives. The end of it, like an error, shuts the connection down.
async fn follow(mut writer: OwnedWriteHalf, mut feed: Feed) -> io::Result<()> {
    while let Some(bytes) = feed.next().await {
        writer.write_all(&bytes).await?;
    }
    writer.shutdown().await
}
