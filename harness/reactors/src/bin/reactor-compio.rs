//! AllSpark's protocol core on compio with its io_uring driver: one operation per read and per
//! write, one task per connection.
//!
//! `reactor-compio PORT echo|broadcast`

use std::io;
use std::process::ExitCode;
use std::rc::Rc;

use allspark_reactors::program::announce;
use allspark_reactors::{
    Arguments, Connection, Feed, READ_BUFFER_BYTES, RING_ENTRIES, Service, listen, run,
};
use compio::BufResult;
use compio::driver::ProactorBuilder;
use compio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use compio::net::{TcpListener, TcpStream};
use compio::runtime::{RuntimeBuilder, spawn};

fn main() -> ExitCode {
    run("reactor-compio", |arguments| {
        let mut proactor = ProactorBuilder::new();
        proactor.capacity(RING_ENTRIES);
        let runtime = RuntimeBuilder::new().with_proactor(proactor).build()?;
        runtime.block_on(serve(arguments))
    })
}

async fn serve(arguments: Arguments) -> io::Result<()> {
    let service = Service::new(arguments.app);
    let listener = TcpListener::from_std(listen(arguments.port)?)?;
    announce(env!("COMPIO_VERSION"), arguments.port);
    loop {
        let (stream, _) = listener.accept().await?;
        let service = Rc::clone(&service);
        // A connection that fails ends; the load generator sees it and says so.
        spawn(async move { converse(stream, &service).await }).detach();
    }
}

async fn converse(stream: TcpStream, service: &Rc<Service>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = stream.into_split();
    let mut connection = Connection::new(service);
    let (mut buffer, mut out) = (vec![0; READ_BUFFER_BYTES], Vec::new());
    loop {
        let count;
        BufResult(count, buffer) = reader.read(buffer).await;
        // The vector stays as long as the longest read.
        let count = count?;
        if count == 0 {
            return Ok(());
        }
        let turn = connection.receive(&mut buffer[..count], &mut out);
        if !out.is_empty() {
            let written;
            BufResult(written, out) = writer.write_all(out).await;
            written?;
            out.clear();
        }
        if let Some(feed) = turn.feed {
            spawn(follow(writer.clone(), feed)).detach();
        }
        if turn.is_over {
            return Ok(());
        }
    }
}

/// Writes what a feed gives. The end of it, like an error, shuts the connection down.
async fn follow(mut writer: TcpStream, mut feed: Feed) -> io::Result<()> {
    while let Some(bytes) = feed.next().await {
        writer.write_all(bytes).await.0?;
    }
    writer.shutdown().await
}
