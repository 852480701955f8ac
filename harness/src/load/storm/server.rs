//! The server of a storm: a process that the load starts, kills and starts again.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::console::tell;

/// How long a server may take to listen for the first time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks at a server that is not ready yet.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A server that is killed when this is dropped.
#[derive(Debug)]
pub(super) struct ServerProcess {
    words: Vec<String>,
    child: Child,
}

impl ServerProcess {
    /// Starts a server and waits until it listens. The command is words with spaces between
    /// them; no shell reads it.
    pub(super) fn start(command: &str, address: SocketAddr) -> io::Result<Self> {
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        let child = spawn(&words)?;
        let mut server = Self { words, child };
        server.await_listening(address)?;
        Ok(server)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the server without a word to its clients, as a crash would.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Starts the server again, and does not wait until it listens.
    pub(super) fn start_again(&mut self) -> io::Result<()> {
        self.child = spawn(&self.words)?;
        Ok(())
    }

    /// Starts the server once more if it has ended by itself, as a supervisor would. The kernel may
    /// take its time to free the port of a server that was killed, for instance while it takes down
    /// its rings; who wants to listen there meanwhile fails.
    pub(super) fn keep_running(&mut self) -> io::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            tell!("harness: the server ended by itself ({status}), and is started again");
            self.start_again()?;
        }
        Ok(())
    }

    fn await_listening(&mut self, address: SocketAddr) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!(
                    "the server did not start: {status}"
                )));
            }
            if Instant::now() >= deadline {
                return Err(io::Error::other("the server does not listen"));
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
        Ok(())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // One that has ended already can't be killed, and that is as well.
        let _ = self.kill();
    }
}

fn spawn(words: &[String]) -> io::Result<Child> {
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| io::Error::other("the command of the server is empty"))?;
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))
}
