//! Least privilege: the server as nobody, with no capability and no other system call than those
//! of `deploy/system-calls`, from which the filters of `deploy/` are made; and under the profile
//! for containers itself, `deploy/seccomp.json`.
//!
//! The program of this test starts itself anew, in the end as nobody; a test of its own then
//! installs the filter and becomes the server. A call that is not in the list ends the process.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, PipeReader, pipe};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use allspark_engine::io::probe_release;
use rustix::process::Signal;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use seccompiler::{BpfMap, TargetArch, apply_filter, compile_from_json};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::handover::{ask, await_handover, trusting};
use crate::server::{NEVER, Server, free_address};

/// The list, without what it says about itself.
pub(crate) fn system_calls() -> Vec<&'static str> {
    let list = include_str!("../../deploy/system-calls");
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).collect()
}

/// Those of the driver uring.
pub(crate) fn of_uring() -> Vec<&'static str> {
    let mut calls = system_calls();
    calls.retain(|call| call.starts_with("io_uring_"));
    calls
}

/// The arguments of the server that a test is to become, one per line; and whether io_uring is
/// refused there.
const BECOME: &str = "ALLSPARK_TEST_BECOME";
const REFUSE_URING: &str = "ALLSPARK_TEST_REFUSE_URING";

/// The profile of containers under which it is to become one, instead of the list.
const PROFILE: &str = "ALLSPARK_TEST_PROFILE";

/// A user who owns nothing.
const NOBODY: &str = "65534";

/// What opens the dashboard.
const ADMIN_TOKEN: &str = "a-token-of-an-operator";

/// A server under the filter, and what is left to do for those who ask whether it lives.
struct Rig {
    server: Server,
    log: BufReader<PipeReader>,
    setting: Setting,
}

/// How it is started, and what lies in its folder.
struct Setting {
    folder: TempDir,
    program: String,
    words: String,
    /// The list of system calls, or what it is under instead.
    confined: Option<(&'static str, String)>,
    address: SocketAddr,
    encrypted: SocketAddr,
    client: Arc<ClientConfig>,
}

impl Setting {
    /// Everything that a server may be told to do that takes files, sockets or threads.
    fn new(driver: &str, confined: Option<(&'static str, &str)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let client = trusting(folder.path());
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("keys", "the-first-token-of-ann ann");
        write("admin", ADMIN_TOKEN);
        for name in ["keys", "admin", "cert.pem"] {
            let all_read = fs::Permissions::from_mode(0o644);
            fs::set_permissions(folder.path().join(name), all_read).unwrap();
        }
        // What it writes itself.
        let own = folder.path().join("own");
        fs::create_dir(&own).unwrap();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o777)).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let (address, encrypted) = (free_address(), free_address());
        let (at, own) = (folder.path().display(), own.display());
        let words = [
            place(&folder, Path::new(env!("CARGO_BIN_EXE_allspark"))),
            format!("serve --listen {address}?tls=false --driver {driver} --app echo --shards 2"),
            format!("--listen {encrypted}?tls --tls-cert {at}/cert.pem --tls-key {at}/cert.pem"),
            format!("--handover {own}/handover --access-log-file {own}/access"),
            // Nobody answers there, but somebody has to look for it.
            "--auth-url http://localhost:1/ --auth-url-timeout 1000".to_owned(),
            // Nor does anybody answer here.
            format!("--static-root {at} --proxy-upstreams http://localhost:1"),
            "--hooks-url http://localhost:1 --hooks-events disconnect --hooks-retries 0".to_owned(),
            format!("--hooks-dead-letters {own}/dead --admin-tokens-file {at}/admin"),
            format!("--plugin emit,rooms --log debug --auth-tokens-file {at}/keys"),
        ];
        Self {
            program: place(&folder, &env::current_exe().unwrap()),
            words: words.join(" "),
            confined: confined.map(|(name, value)| (name, value.to_owned())),
            address,
            encrypted,
            client,
            folder,
        }
    }

    /// Starts one more server, and waits until somebody answers where it listens.
    fn start(&self) -> (Server, BufReader<PipeReader>) {
        let mut command = as_nobody(&self.program);
        command
            .args([
                "--exact",
                "confined::becomes_a_server",
                "--nocapture",
                "--test-threads=1",
            ])
            .env_clear()
            .env(BECOME, &self.words)
            .envs(self.confined.clone());
        let (reader, writer) = pipe().unwrap();
        let server = Server::spawn(&mut command, self.address, writer);
        (server, BufReader::new(reader))
    }

    fn own(&self, name: &str) -> PathBuf {
        self.folder.path().join("own").join(name)
    }
}

impl Rig {
    /// A server under the list of system calls, or under what `confined` says.
    fn start(driver: &str, confined: Option<(&'static str, &str)>) -> Self {
        let setting = Setting::new(driver, confined);
        let (server, log) = setting.start();
        Self {
            server,
            log,
            setting,
        }
    }

    fn await_line(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "never: {words}");
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Waits until the server has written something to this file.
    fn await_text(&mut self, name: &str) {
        let path = self.setting.own(name);
        self.server.wait_until(|_| {
            let file = fs::metadata(&path).ok()?;
            (file.len() > 0).then_some(())
        });
    }

    /// It has no right to anything but what the filter allows.
    fn assert_confined(&self) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.pid())).unwrap();
        assert!(status.contains("Seccomp:\t2\n"), "{status}");
        assert!(status.contains("CapEff:\t0000000000000000\n"), "{status}");
        assert!(!status.contains("Uid:\t0\t"), "{status}");
    }

    /// It does what a server does: serves by several transports and those who run it, reads keys
    /// anew, is taken over from, and ends.
    fn assert_works(mut self) {
        let mut client = self
            .server
            .connect_to("/primus?token=the-first-token-of-ann");
        client.send(b"\"hello\"");
        assert_eq!(client.receive(), b"\"hello\"");
        let poll = "/primus/?EIO=4&transport=polling&token=the-first-token-of-ann";
        assert!(self.server.get(poll).contains("\"sid\""));
        let refused = self.server.try_connect_to("/primus?token=unknown");
        assert!(refused.unwrap_err().starts_with("HTTP/1.1 503 "));
        assert!(
            self.server
                .get("/primus/primus.js?legacy")
                .contains("Primus")
        );
        let file = "GET /keys HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        assert!(self.server.whole_answer(file).contains("the-first-token"));
        let missing = file.replace("keys", "missing");
        assert!(self.server.head_of(&missing).starts_with("HTTP/1.1 502 "));
        self.assert_serves_operators();
        self.assert_speaks_tls();
        drop(client);
        // The application is told of that, and does not answer.
        self.await_text("dead");
        self.await_text("access");
        self.server.signal(Signal::USR1);
        self.await_line("the access log is opened anew");
        let keys = self.setting.folder.path().join("keys");
        fs::write(keys, "another-token-of-bob bob").unwrap();
        self.server.signal(Signal::HUP);
        self.await_line("read anew: 1 tokens");
        self.be_taken_over_from();
        self.server.signal(Signal::TERM);
        assert_eq!(self.server.exit_code(), Some(0));
    }

    fn assert_serves_operators(&self) {
        assert!(self.server.get("/metrics").ends_with("# EOF\n"));
        let form = format!("name=&secret={ADMIN_TOKEN}");
        let answer = self.server.whole_answer(&format!(
            "POST /admin/login HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        ));
        assert!(answer.contains("location: /admin/\r\n"), "{answer}");
    }

    fn assert_speaks_tls(&self) {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let client = ClientConnection::new(self.setting.client.clone(), name).unwrap();
        let socket = TcpStream::connect(self.setting.encrypted).unwrap();
        socket.set_read_timeout(Some(NEVER)).unwrap();
        ask(&mut StreamOwned::new(client, socket)).unwrap();
    }

    /// Another process under the same filter takes its listeners over.
    fn be_taken_over_from(&mut self) {
        await_handover(&mut self.server, &self.setting.own("handover"));
        let (server, log) = self.setting.start();
        let mut old = std::mem::replace(&mut self.server, server);
        self.log = log;
        assert_eq!(old.exit_code(), Some(0));
        let mut client = self.server.connect_to("/primus?token=another-token-of-bob");
        client.send(b"\"hello\"");
        assert_eq!(client.receive(), b"\"hello\"");
        self.assert_speaks_tls();
    }
}

/// A program where nobody may run it. Another process copies it: a child that another test has just
/// forked would keep a file open for writing that was so here, and it could not be started.
pub(crate) fn place(folder: &TempDir, program: &Path) -> String {
    let copy: PathBuf = folder.path().join(program.file_name().unwrap());
    let status = Command::new("cp").arg(program).arg(&copy).status();
    assert!(status.unwrap().success());
    copy.display().to_string()
}

/// Who is no root runs it as who he is.
pub(crate) fn as_nobody(program: &str) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([
        "--bounding-set",
        "-all",
        "--inh-caps",
        "-all",
        "--clear-groups",
    ]);
    command.args([
        "--reuid",
        NOBODY,
        "--regid",
        NOBODY,
        "--no-new-privs",
        program,
    ]);
    command
}

/// The drivers that this kernel can run.
pub(crate) fn drivers() -> Vec<&'static str> {
    match probe_release() {
        Ok(_) => vec!["epoll", "uring"],
        Err(reason) => {
            eprintln!("without io_uring: {reason}");
            vec!["epoll"]
        }
    }
}

#[test]
fn a_server_needs_no_more_than_the_list_and_nobody_to_be() {
    for driver in drivers() {
        let mut rig = Rig::start(driver, None);
        let line = rig.await_line("serving on");
        assert!(line.contains(&format!("driver=\"{driver}\"")), "{line}");
        rig.assert_confined();
        rig.assert_works();
    }
}

#[test]
fn a_server_that_is_refused_io_uring_says_so_and_takes_epoll() {
    let mut rig = Rig::start("auto", Some((REFUSE_URING, "yes")));
    let line = rig.await_line("serving on");
    assert!(line.contains("driver=\"epoll\" because="), "{line}");
    rig.assert_works();
}

#[test]
fn the_profile_of_containers_allows_what_a_server_needs() {
    for driver in drivers() {
        let mut rig = Rig::start(driver, Some((PROFILE, profile(true).as_str())));
        let line = rig.await_line("serving on");
        assert!(line.contains(&format!("driver=\"{driver}\"")), "{line}");
        rig.assert_confined();
        rig.assert_works();
    }
}

/// As its own remark says, and as Docker's own profile is.
#[test]
fn under_a_profile_without_io_uring_it_says_so_and_takes_epoll() {
    let mut rig = Rig::start("auto", Some((PROFILE, profile(false).as_str())));
    let line = rig.await_line("serving on");
    assert!(line.contains("driver=\"epoll\" because="), "{line}");
    rig.assert_confined();
    rig.assert_works();
}

/// `deploy/seccomp.json`, with or without the rule that allows io_uring.
fn profile(has_uring: bool) -> String {
    let text = include_str!("../../deploy/seccomp.json");
    let mut profile: Value = serde_json::from_str(text).unwrap();
    let rules = profile["syscalls"].as_array_mut().unwrap();
    let before = rules.len();
    rules.retain(|rule| has_uring || rule["names"] != json!(of_uring()));
    assert_eq!(rules.len(), before - usize::from(!has_uring));
    profile.to_string()
}

/// Does nothing unless it was started for this.
#[test]
fn becomes_a_server() {
    let Ok(words) = env::var(BECOME) else {
        return;
    };
    if env::var_os(REFUSE_URING).is_some() {
        install(&json!("allow"), &json!({ "errno": 1 }), &of_uring());
    }
    match env::var(PROFILE) {
        Ok(profile) => install_profile(&profile),
        Err(_) => install(&json!("kill_process"), &json!("allow"), &system_calls()),
    }
    let mut words = words.split(' ');
    let mut server = Command::new(words.next().unwrap());
    panic!("{}", server.args(words).env_clear().exec());
}

/// From now on this thread, and all that come of it, may make the calls that a profile of
/// containers allows, and fail with others.
fn install_profile(profile: &str) {
    let profile: Value = serde_json::from_str(profile).unwrap();
    assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
    let refused = &profile["defaultErrnoRet"];
    let mut calls = Vec::new();
    for rule in profile["syscalls"].as_array().unwrap() {
        assert_eq!(rule["action"], "SCMP_ACT_ALLOW");
        let names = rule["names"].as_array().unwrap();
        calls.extend(names.iter().map(|name| name.as_str().unwrap()));
    }
    install(&json!({ "errno": refused }), &json!("allow"), &calls);
    // Nobody may make a folder there anyway, but would be told so by the file system.
    let error = fs::create_dir("/made-by-nobody").unwrap_err();
    assert_eq!(
        error.raw_os_error().map(Value::from).as_ref(),
        Some(refused)
    );
}

/// From now on this thread, and all that come of it, may make these calls as `action` says, and
/// others as `otherwise` says.
fn install(otherwise: &Value, action: &Value, calls: &[&str]) {
    let rules: Vec<_> = calls
        .iter()
        .map(|call| json!({ "syscall": call }))
        .collect();
    let filter = json!({ "all": {
        "mismatch_action": otherwise,
        "match_action": action,
        "filter": rules,
    }});
    let architecture = TargetArch::try_from(env::consts::ARCH).unwrap();
    let filters: BpfMap = compile_from_json(filter.to_string().as_bytes(), architecture).unwrap();
    let filters: BTreeMap<_, _> = filters.into_iter().collect();
    apply_filter(&filters["all"]).unwrap();
}
