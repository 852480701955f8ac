//! The binary under attack, and what it takes from the machine.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::http::Speech;
use crate::moment::Moment;
use crate::stream::{IDENTITY, Stream};

/// Nothing here takes this long, unless it never comes. While others have the processors, the
/// server can do nothing, and that does not count.
const NEVER: Duration = Duration::from_secs(60);

/// A server of its own on a port that the system chose; killed when the test is over.
pub(crate) struct Server {
    child: Child,
    /// Kept open, so that the server can log.
    _stderr: BufReader<ChildStderr>,
    pub(crate) address: SocketAddr,
    pub(crate) speech: Speech,
    /// Where its certificate lies, if it encrypts.
    certificate: Option<TempDir>,
}

impl Server {
    /// Starts it with these arguments; it echoes, and broadcasts what begins with `["all",`.
    pub(crate) fn start(driver: &str, shards: usize, args: &[&str]) -> Self {
        Self::start_command(&mut command(driver, shards, args), args, None)
    }

    /// The same, encrypted.
    pub(crate) fn start_secure(driver: &str, shards: usize, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("there is room for files");
        let (cert, key) = (
            folder.path().join("cert.pem"),
            folder.path().join("key.pem"),
        );
        fs::write(&cert, &IDENTITY.certificate).expect("it can be written");
        fs::write(&key, &IDENTITY.key).expect("it can be written");
        let mut command = command(driver, shards, args);
        command
            .arg("--tls-cert")
            .arg(cert)
            .arg("--tls-key")
            .arg(key);
        Self::start_command(&mut command, args, Some(folder))
    }

    fn start_command(command: &mut Command, args: &[&str], certificate: Option<TempDir>) -> Self {
        let scheme = match certificate {
            Some(_) => "https://",
            None => "http://",
        };
        let mut child = command.spawn().expect("the binary can be started");
        let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        // It may warn of something first.
        let mut said = String::new();
        while !said.contains(scheme) {
            let read = stderr.read_line(&mut said).expect("its log is read");
            assert!(read > 0, "it says where it listens: {said}");
        }
        let (_, rest) = said.split_once(scheme).expect("it was found");
        let (address, _) = rest.split_once('/').expect("a pathname follows");
        Self {
            address: address.parse().expect("an address and a port"),
            child,
            _stderr: stderr,
            speech: match () {
                () if args.contains(&"msgpack") => Speech::Packed(0xa0),
                () if args.contains(&"binary") => Speech::Packed(0xb0),
                () => Speech::Json,
            },
            certificate,
        }
    }

    pub(crate) fn connect(&self) -> Stream {
        let stream = TcpStream::connect(self.address).expect("the server accepts");
        // A machine that does other things may be slow, and that is not what is tested.
        let patience = Some(Duration::from_secs(120));
        stream.set_read_timeout(patience).expect("a valid time");
        stream.set_write_timeout(patience).expect("a valid time");
        stream.set_nodelay(true).expect("a TCP socket");
        self.wrap(stream)
    }

    /// A connection whose kernel takes hardly anything that is not read.
    pub(crate) fn connect_narrow(&self) -> Stream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are descriptors");
        socket.set_recv_buffer_size(4096).expect("a valid size");
        socket
            .connect(&self.address.into())
            .expect("the server accepts");
        self.wrap(socket.into())
    }

    fn wrap(&self, socket: TcpStream) -> Stream {
        match self.certificate {
            Some(_) => Stream::secure(socket),
            None => Stream::Plain(socket),
        }
    }

    /// Stops the process for a while, as a debugger does, or whoever moves a virtual machine.
    pub(crate) fn pause(&self, time: Duration) {
        let id = Pid::from_child(&self.child);
        kill_process(id, Signal::STOP).expect("it is our child");
        std::thread::sleep(time);
        kill_process(id, Signal::CONT).expect("it is our child");
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Bytes of memory that it has now.
    pub(crate) fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most that it has had since [`Server::forget_peak`].
    pub(crate) fn memory_peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    pub(crate) fn forget_peak(&self) {
        let path = format!("/proc/{}/clear_refs", self.child.id());
        fs::write(path, "5").expect("one's own children can be told");
    }

    fn status(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(path).expect("the server lives");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.parse::<u64>().ok())
            .expect("the server lives, and the kernel counts its memory in kB")
            * 1024
    }

    /// Processor time that it has used.
    pub(crate) fn cpu(&self) -> Duration {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = fs::read_to_string(path).expect("the server lives");
        // The name, in parentheses, may hold anything; times are fields 14 and 15, in ticks.
        let (_, fields) = stat.rsplit_once(')').expect("the format of the kernel");
        let mut fields = fields.split_whitespace().skip(11);
        let mut ticks = || -> u64 { fields.next().and_then(|n| n.parse().ok()).unwrap_or(0) };
        Duration::from_millis((ticks() + ticks()) * 10)
    }

    /// Waits until `is_so` holds.
    pub(crate) fn wait_until(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let (begun, before) = (Instant::now(), Moment::now(self.process()));
        while !is_so(self) {
            let hindered = Moment::now(self.process()).hindered_since(&before);
            let waited = begun.elapsed().saturating_sub(hindered);
            assert!(waited < NEVER, "never: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn assert_lives(&mut self) {
        let status = self.child.try_wait().expect("it is our child");
        assert_eq!(status, None, "the server has ended");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which the test has said.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(driver: &str, shards: usize, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_allspark"));
    command
        .env_clear()
        .args(["--listen", "127.0.0.1:0", "--app", "mixed"])
        .args(["--driver", driver, "--shards", &shards.to_string()])
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    command
}
