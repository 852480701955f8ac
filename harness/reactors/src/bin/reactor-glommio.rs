//! AllSpark's protocol core on glommio, which waits with polls in its ring and reads and writes
//! with system calls of their own: one task per connection.
//!
//! `reactor-glommio PORT echo|broadcast`

use std::io;
use std::process::ExitCode;
use std::rc::Rc;

use allspark_reactors::program::{address, announce};
use allspark_reactors::{
    Arguments, Connection, Feed, READ_BUFFER_BYTES, RING_ENTRIES, Service, run,
};
use futures_lite::io::{AsyncReadExt, AsyncWriteExt, WriteHalf, split};
use glommio::net::{TcpListener, TcpStream};
use glommio::{LocalExecutorBuilder, Placement, spawn_local};

/// Memory for the storage of files, of which there is none: the least that glommio takes. It is
/// locked, so the default of 10 MiB is more than an ordinary `ulimit -l` allows.
const FILE_MEMORY_BYTES: usize = 64 * 1024;

fn main() -> ExitCode {
    run("reactor-glommio", |arguments| {
        // Whoever starts the program chooses its processor.
        let executor = LocalExecutorBuilder::new(Placement::Unbound)
            .io_memory(FILE_MEMORY_BYTES)
            .ring_depth(RING_ENTRIES as usize)
            .make()
            .map_err(|error| io::Error::other(error.to_string()))?;
        executor.run(serve(arguments))
    })
}

async fn serve(arguments: Arguments) -> io::Result<()> {
    let service = Service::new(arguments.app);
    // glommio takes a listener that was made elsewhere only by unsafe means.
    let listener = TcpListener::bind(address(arguments.port))?;
    announce(env!("GLOMMIO_VERSION"), arguments.port);
    loop {
        let stream = listener.accept().await?;
        let service = Rc::clone(&service);
        // A connection that fails ends; the load generator sees it and says so.
        spawn_local(async move { converse(stream, &service).await }).detach();
    }
}

async fn converse(stream: TcpStream, service: &Rc<Service>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, writer) = split(stream);
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
            spawn_local(follow(writer, feed)).detach();
        }
        if turn.is_over {
            return Ok(());
        }
    }
}

/// Writes what a feed gives. The end of it, like an error, shuts the connection down.
async fn follow(mut writer: WriteHalf<TcpStream>, mut feed: Feed) -> io::Result<()> {
    while let Some(bytes) = feed.next().await {
        writer.write_all(&bytes).await?;
    }
    writer.close().await
}
