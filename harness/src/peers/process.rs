//! A server that runs on a core of its own, until it is dropped.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use allspark_transformers::TransformerKind;
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::Stage;
use super::roster::{self, Entrant};
use crate::workload::Scenario;

/// How long a server may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks at a server that is not ready yet.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Lines that a server may say before it listens.
const LINES_MAX: usize = 100;

/// A running server. Dropping it ends it.
pub(super) struct Process {
    child: Child,
    port: u16,
    version: String,
}

impl Process {
    /// Starts a server on its core, and waits until it listens.
    pub(super) fn start(
        entrant: Entrant,
        scenario: Scenario,
        transformer: TransformerKind,
        stage: &Stage,
    ) -> io::Result<Self> {
        let port = free_port()?;
        let words = roster::command(entrant, scenario, transformer, port, stage);
        let speaks = entrant != Entrant::Allspark;
        let child = spawn(&words, stage.server_cpu, speaks)?;
        let mut process = Self {
            child,
            port,
            version: String::new(),
        };
        process.await_listening()?;
        process.version = if speaks {
            process.read_version()?
        } else {
            roster::allspark_version(&stage.allspark)?
        };
        Ok(process)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Peers say `version ..` and then `listening ..`, or end.
    fn read_version(&mut self) -> io::Result<String> {
        let output: ChildStdout = self.child.stdout.take().expect("the output is piped");
        let mut version = String::new();
        for line in BufReader::new(output).lines().take(LINES_MAX) {
            let line = line?;
            if let Some(words) = line.strip_prefix("version ") {
                words.clone_into(&mut version);
            }
            if line.starts_with("listening ") {
                return Ok(version);
            }
        }
        Err(io::Error::other("a peer ended before it listened"))
    }

    fn await_listening(&mut self) -> io::Result<()> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!(
                    "a server did not start: {status}"
                )));
            }
            if Instant::now() >= deadline {
                return Err(io::Error::other("a server does not listen"));
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
        Ok(())
    }

    /// Asks the server to end, and waits for it a while.
    fn end(&mut self) -> io::Result<()> {
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            kill_process(pid, Signal::TERM)?;
        }
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() >= deadline {
                return Err(io::Error::other("a server does not end"));
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.end().is_err() {
            // It had its chance. That it can't be killed means that it is gone.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Keeps this thread, and with it the load, on one core.
pub(super) fn pin_this_thread(cpu: usize) -> io::Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    sched_setaffinity(None, &cpus)
        .map_err(|error| io::Error::other(format!("processor {cpu} can't be used: {error}")))
}

/// `taskset` becomes the server, so the child's number is the server's. What a server says is read
/// or thrown away, because one whose words nobody takes would come to a halt.
fn spawn(words: &[OsString], cpu: usize, is_heard: bool) -> io::Result<Child> {
    let output = if is_heard {
        Stdio::piped()
    } else {
        Stdio::null()
    };
    Command::new("taskset")
        .arg("--cpu-list")
        .arg(cpu.to_string())
        .args(words)
        .env("ALLSPARK_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(output)
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("taskset: {error}")))
}

/// A port that nobody listens on at this moment.
fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    Ok(listener.local_addr()?.port())
}
