//! A server that runs on a core of its own, until it is dropped.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::FileExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use allspark_transformers::TransformerKind;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};
use socket2::{Domain, Socket, Type};

use super::roster::{self, Entrant, Role};
use super::stage::Stage;
use crate::console::tell;
use crate::workload::Scenario;

/// How long a server may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks at a server that is not ready yet.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Lines that a server may say before it listens.
const LINES_MAX: usize = 100;

/// Bytes of a server's complaints that are passed on.
const COMPLAINTS_BYTES_MAX: usize = 4096;

/// A running server. Dropping it ends it.
pub(super) struct Process {
    child: Child,
    port: u16,
    _reserved: Socket,
    version: String,
    /// What it writes to its error stream, until that is passed on. It is no pipe, because nobody
    /// reads it while the server runs.
    complaints: Option<File>,
}

impl Process {
    /// Starts a server on its core, and waits until it listens.
    pub(super) fn start(
        entrant: Entrant,
        scenario: Scenario,
        transformer: TransformerKind,
        stage: &Stage,
    ) -> io::Result<Self> {
        let (reserved, port) = reserve_port()?;
        let words = roster::command(entrant, scenario, transformer, port, stage);
        let speaks = entrant.role() != Role::Own;
        let complaints = File::from(memfd_create("complaints", MemfdFlags::CLOEXEC)?);
        let child = spawn(&words, stage.server_cpu, speaks, complaints.try_clone()?)?;
        let mut process = Self {
            child,
            port,
            _reserved: reserved,
            version: String::new(),
            complaints: Some(complaints),
        };
        match process.become_ready(speaks, stage) {
            Ok(()) => Ok(process),
            Err(error) => Err(process.with_complaints(&error)),
        }
    }

    fn become_ready(&mut self, speaks: bool, stage: &Stage) -> io::Result<()> {
        self.await_listening()?;
        self.version = if speaks {
            self.read_version()?
        } else {
            roster::allspark_version(&stage.allspark)?
        };
        Ok(())
    }

    /// Why the server did not become ready, in its own words too.
    fn with_complaints(&mut self, error: &io::Error) -> io::Error {
        match self.take_complaints() {
            words if words.is_empty() => io::Error::other(error.to_string()),
            words => io::Error::other(format!("{error}: {words}")),
        }
    }

    /// What the server has complained about, unless that was taken before, on one line.
    fn take_complaints(&mut self) -> String {
        let mut bytes = vec![0; COMPLAINTS_BYTES_MAX];
        let read = |file: File| file.read_at(&mut bytes, 0).unwrap_or(0);
        let count = self.complaints.take().map_or(0, read);
        let words = String::from_utf8_lossy(&bytes[..count]);
        words.trim().replace('\n', "; ")
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
        let complaints = self.take_complaints();
        if !complaints.is_empty() {
            tell!("  the server complained: {complaints}");
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
fn spawn(words: &[OsString], cpu: usize, is_heard: bool, complaints: File) -> io::Result<Child> {
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
        .stderr(complaints)
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("taskset: {error}")))
}

/// A port that nobody else gets while the socket is there; a server that shares its address, as
/// every one here does, may listen on it all the same.
fn reserve_port() -> io::Result<(Socket, u16)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())?;
    let address = socket.local_addr()?.as_socket();
    let address = address.ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok((socket, address.port()))
}
