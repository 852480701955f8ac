//! The binary as an operator meets it: what it says, how it ends, and with which exit code.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A server of its own on a port that the system chose; killed when the test is over.
struct Server {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    address: String,
    /// What it said when it was started.
    first_line: String,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        Self::start_on("127.0.0.1:0", args)
    }

    fn start_on(listen: &str, args: &[&str]) -> Self {
        let mut child = allspark(args)
            .args(["--listen", listen])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let (_, rest) = line
            .split_once("http://")
            .unwrap_or_else(|| panic!("{line}"));
        let (address, _) = rest.split_once('/').unwrap();
        let address = address.to_owned();
        Self {
            child,
            stderr,
            address,
            first_line: line,
        }
    }

    /// What a request on a connection of its own is answered; the server or the request closes it.
    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        ))
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Connects a WebSocket that will never answer anything.
    fn connect_mute(&self) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = "GET /primus HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
                       Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 101");
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn allspark(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_allspark"));
    command.args(args).env_clear().stdin(Stdio::null());
    command
}

fn lines(output: &Output) -> Vec<&str> {
    std::str::from_utf8(&output.stderr)
        .unwrap()
        .lines()
        .collect()
}

#[test]
fn a_wrong_option_is_one_line_and_exit_code_2() {
    for args in [
        &["--lisen", "1"][..],
        &["serve", "--app", "chat"],
        &["--transformer", "sockjs", "--transport", "pingTimeout=1"],
        &["--transformer", "nonsense"],
        &["--parser", "nonsense"],
        &["--compression=perhaps"],
        &["--max-age", "a while"],
        &["--headers", "a\nb"],
        &["--headers", "X-A X-B"],
        &["--exposed", "a:b"],
        &["--methods", "GET;POST"],
        &["--origins", "not an origin"],
        &["--origins", "http://a.example/"],
        &["--origins", "http://a.example\r\nX: y"],
        &["--origins", "null"],
        &["--origins-upgrades=perhaps"],
        &["--pathname", "/"],
        &["--pathname", "//x"],
        &["--pathname", "/page.js"],
        &["--pathname", "/stats", "--page=false"],
        &["--listen", "localhost"],
        &["--listen", "http://localhost:8080"],
        &["--transport", "a=b"],
        &["--config", "/nowhere.toml"],
        &["nonsense"],
        &["--global", "my-app"],
        &["library", "--global", "my-app"],
        &["library", "--format", "amd"],
        &["library", "--listen", "127.0.0.1:0"],
    ] {
        let output = allspark(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(lines(&output).len(), 1, "{args:?}: {:?}", lines(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_wrong_variable_is_named() {
    let output = allspark(&[])
        .env("ALLSPARK_SHARDS", "many")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(lines(&output)[0].starts_with("allspark: ALLSPARK_SHARDS: \"many\""));
}

#[test]
fn what_is_wrong_in_a_file_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    let path = path.to_str().unwrap();
    for (text, expected) in [
        (
            "app = 'echo'\nshards = 0",
            "2: shards: \"0\" is not a number from 1 to 1024",
        ),
        (
            "\n[limits]\nmax-lenght = 1",
            "3: limits.max-lenght: no such option; did you mean max-length?",
        ),
        (
            "min-rate = 1\n[limits]\nmin-rate = 2",
            &format!("3: limits.min-rate: it stands at {path}:1: min-rate already"),
        ),
        (
            "transformer = 'sockjs'\n[transport]\nresponse_limitt = 1",
            "3: transport.response_limitt: the transformer `sockjs` has no transport option",
        ),
        (
            "pathname = 'stats'",
            "1: pathname: /stats would hide /stats: write another one, or --stats=false",
        ),
    ] {
        std::fs::write(path, text).unwrap();
        let output = allspark(&["--config", path]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        let lines = lines(&output);
        let [line] = lines[..] else {
            panic!("{lines:?}")
        };
        let expected = format!("allspark: {path}:{expected}");
        assert!(line.starts_with(&expected), "{line}\n{expected}");
    }
}

#[test]
fn an_option_in_its_section_has_its_effect() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    std::fs::write(&path, "[cors]\norigins = ['http://friend']\n").unwrap();
    let server = Server::start(&["--shards", "1", "--config", path.to_str().unwrap()]);
    let status = |origin: &str| {
        let answer = server.ask(&format!(
            "GET /primus/spec HTTP/1.1\r\nHost: a\r\nConnection: close\r\nOrigin: {origin}\r\n\r\n"
        ));
        answer[..12].to_owned()
    };
    assert_eq!(status("http://friend"), "HTTP/1.1 200");
    assert_eq!(status("http://foe"), "HTTP/1.1 403");
}

#[test]
fn a_misspelt_variable_is_refused_by_the_server_alone() {
    let with = |args: &[&str]| {
        let mut command = allspark(args);
        command
            .env("ALLSPARK_LISEN", "127.0.0.1:0")
            .env("ALLSPARK_SHARDS", "many");
        command.output().unwrap()
    };
    let output = with(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        lines(&output),
        ["allspark: ALLSPARK_LISEN: no such option; did you mean ALLSPARK_LISTEN?"]
    );
    for args in [&["library"][..], &["--version"]] {
        let output = with(args);
        assert_eq!(output.status.code(), Some(0), "{:?}", lines(&output));
    }
}

#[test]
fn an_address_is_read_as_people_write_it() {
    for (listen, host) in [
        ("0", "127.0.0.1:"),
        ("localhost:0", "127.0.0.1:"),
        (":0", ""),
        ("[::1]:0", "[::1]:"),
    ] {
        if host == "[::1]:" && TcpListener::bind("[::1]:0").is_err() {
            continue;
        }
        let server = Server::start_on(listen, &["--shards", "1"]);
        assert!(
            server.address.starts_with(host),
            "{listen}: {}",
            server.address
        );
        let (_, port) = server.address.rsplit_once(':').unwrap();
        let mine = match host {
            "[::1]:" => format!("[::1]:{port}"),
            _ => format!("127.0.0.1:{port}"),
        };
        TcpStream::connect(mine).unwrap();
    }
}

#[test]
fn page_and_counts_can_be_switched_off() {
    let files = ["/", "/page.js", "/style.css", "/stats"];
    let is_there =
        |server: &Server| files.map(|file| server.get(file).starts_with("HTTP/1.1 200 "));
    let server = Server::start(&["--shards", "1"]);
    assert_eq!(is_there(&server), [true; 4]);
    assert!(
        server.first_line.contains("with a page at /"),
        "{}",
        server.first_line
    );

    let server = Server::start(&["--shards", "1", "--page=false", "--stats", "false"]);
    assert_eq!(is_there(&server), [false; 4]);
    assert!(!server.first_line.contains("page"), "{}", server.first_line);
    assert!(server.get("/primus/spec").starts_with("HTTP/1.1 200 "));

    // Then their paths are free.
    let server = Server::start(&["--shards", "1", "--page=false", "--pathname", "/page/"]);
    assert!(server.get("/page/spec").starts_with("HTTP/1.1 200 "));
    assert!(server.get("/stats").starts_with("HTTP/1.1 200 "));
}

#[test]
fn listed_origins_are_asked_of_upgrades() {
    let upgrade = |origin: &str| {
        format!(
            "GET /primus HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Origin: {origin}\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
    };
    let listed = ["--shards", "1", "--origins", "http://friend.example"];
    let server = Server::start(&listed);
    let refused = server.ask(&upgrade("http://foe.example"));
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    assert!(refused.contains("Connection: close\r\n"), "{refused}");
    let status = |server: &Server, origin: &str| {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.write_all(upgrade(origin).as_bytes()).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert_eq!(status(&server, "http://friend.example"), "HTTP/1.1 101");
    let _no_browser = server.connect_mute();

    let mut args = listed.to_vec();
    args.push("--origins-upgrades=false");
    let server = Server::start(&args);
    assert_eq!(status(&server, "http://foe.example"), "HTTP/1.1 101");
}

#[test]
fn help_and_version_go_to_stdout() {
    for (flag, expected) in [("--help", "--ping-interval"), ("--version", "allspark 0.")] {
        let output = allspark(&[flag]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&output.stdout).contains(expected));
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn the_library_goes_to_standard_output_or_to_a_file() {
    let output = allspark(&["library", "--pathname", "/chat"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("pathname: \"/chat\""), "{text}");
    assert!(output.stderr.is_empty());

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("primus.js");
    let output = allspark(&["library", "--out"])
        .arg(&path)
        .env("ALLSPARK_PATHNAME", "/chat")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_library_that_can_not_be_written_is_one_line_and_exit_code_1() {
    for (args, full) in [
        (&["library"][..], true),
        (&["library", "--out", "/dev/full"], false),
        (&["library", "--out", "/nowhere/primus.js"], false),
    ] {
        let mut command = allspark(args);
        if full {
            let disk = std::fs::File::options().write(true).open("/dev/full");
            command.stdout(disk.unwrap());
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert_eq!(lines(&output).len(), 1, "{args:?}: {:?}", lines(&output));
    }
}

#[test]
fn a_server_listens_in_several_places() {
    let server = Server::start(&["--shards", "2", "--listen", "127.0.0.1:0,0"]);
    let urls = server.first_line.split("http://").skip(1);
    let addresses: Vec<&str> = urls.filter_map(|url| url.split('/').next()).collect();
    assert_eq!(addresses.len(), 3, "{}", server.first_line);
    for address in addresses {
        let mut stream = TcpStream::connect(address).unwrap();
        let request = b"GET /primus/spec HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{address}: {answer}");
    }
}

#[test]
fn a_taken_address_is_one_line_and_exit_code_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = allspark(&["--listen", &address]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(lines(&output).len(), 1, "{:?}", lines(&output));
    assert!(lines(&output)[0].contains(&address));
}

#[test]
fn either_signal_drains() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start(&["--shards", "1"]);
        server.signal(signal);
        assert_eq!(server.child.wait().unwrap().code(), Some(0));
        let mut rest = String::new();
        server.stderr.read_to_string(&mut rest).unwrap();
        assert!(rest.trim_end().ends_with("ended"), "{rest}");
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut server = Server::start(&["--shards", "1"]);
    let _mute = server.connect_mute();
    server.signal(Signal::TERM);
    let mut line = String::new();
    server.stderr.read_line(&mut line).unwrap();
    assert!(line.contains("draining"), "{line}");
    server.signal(Signal::INT);
    assert_eq!(server.child.wait().unwrap().code(), Some(128 + 2));
}

#[test]
fn cors_options_decide_who_is_answered_what() {
    let server = Server::start(&[
        "--shards",
        "1",
        "--origins",
        "http://friend",
        "--credentials",
        "false",
        "--methods",
        "GET,OPTIONS",
        "--max-age",
        "1 hour",
        "--headers",
        "X-Asked",
        "--exposed",
        "X-Seen",
    ]);
    let answer = |origin: &str, method: &str| {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        let request = format!(
            "{method} /primus/spec HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
             Origin: {origin}\r\nAccess-Control-Request-Method: GET\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(answer("http://foe", "GET").starts_with("HTTP/1.1 403 "));
    assert!(answer("http://friend", "POST").starts_with("HTTP/1.1 403 "));
    let granted = answer("http://friend", "GET");
    assert!(granted.contains("Access-Control-Allow-Origin: http://friend\r\n"));
    assert!(granted.contains("Access-Control-Expose-Headers: X-Seen\r\n"));
    assert!(!granted.contains("Access-Control-Allow-Credentials"));
    let preflight = answer("http://friend", "OPTIONS");
    for line in [
        "Max-Age: 3600",
        "Allow-Methods: GET, OPTIONS",
        "Allow-Headers: X-Asked",
    ] {
        let line = format!("Access-Control-{line}\r\n");
        assert!(preflight.contains(&line), "{preflight}");
    }
}

#[test]
fn a_password_that_everybody_knows_starts_no_server() {
    let said = |words: &[&str]| {
        let args = words.iter().flat_map(|word| ["--plugin", word]);
        let args: Vec<&str> = args.collect();
        let output = allspark(&args)
            .arg("--listen=127.0.0.1:0")
            .output()
            .unwrap();
        let lines = lines(&output).join("\n");
        (output.status.code(), lines)
    };
    let (code, line) = said(&["omega-supreme"]);
    assert_eq!(code, Some(1), "{line}");
    assert!(line.contains("everybody knows"), "{line}");
    let (code, line) = said(&["metroplex.redis=nowhere"]);
    assert_eq!(code, Some(2), "{line}");
    assert!(line.contains("no URL such as redis://"), "{line}");
    // A flag would tell it to everybody on the machine.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("allspark.toml");
    fs::write(&file, "[plugins.omega-supreme]\npassword = 'own'\n").unwrap();
    let server = Server::start(&["--config", file.to_str().unwrap()]);
    let put = |credentials: &str| {
        server.ask(&format!(
            "PUT /primus/omega/supreme HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
             Authorization: Basic {credentials}\r\nContent-Length: 9\r\n\r\n{{\"msg\":1}}"
        ))
    };
    let answer = put("b21lZ2E6b3du");
    assert!(answer.ends_with("{ \"ok\": true, \"send\":0 }"), "{answer}");
    let answer = put("b21lZ2E6c3VwcmVtZQ==");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}
