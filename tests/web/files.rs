//! Files of a folder, and who goes on where there is none.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use allspark::Routes;
use allspark_web::{Proxy, ProxyOptions, Static, StaticOptions, Threads, mount};
use tempfile::TempDir;

use crate::client::Site;
use crate::upstream::Upstream;

/// The moment at which every file was changed.
const CHANGED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = File::create(path).unwrap();
    file.write_all(text.as_ref()).unwrap();
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    file.set_modified(changed).unwrap();
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "index.html", "<p>index");
    write(root, "app.js", "0123456789");
    write(root, "a b.txt", "blank");
    write(root, "sub/index.html", "sub");
    write(root, "empty", "");
    write(root, ".env", "secret");
    folder
}

fn site_of(options: StaticOptions) -> (Site, Static) {
    let threads = Threads::new(1).unwrap();
    let path = options.prefix.clone();
    let files = Static::new(options, &threads).unwrap();
    let mut routes = Routes::new();
    mount(&mut routes, &path, 0, files.handler()).unwrap();
    (Site::new(routes), files)
}

fn site(folder: &TempDir) -> Site {
    site_of(StaticOptions::of(folder.path())).0
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or(answer)
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split_once("\r\n\r\n")?.0;
    let mut values = head.lines().filter_map(|line| line.split_once(": "));
    Some(
        values
            .find(|(other, _)| other.eq_ignore_ascii_case(name))?
            .1,
    )
}

#[test]
fn a_file_has_a_type_a_length_a_tag_and_a_date() {
    let folder = folder();
    let site = site(&folder);
    let answer = site.get("/app.js?v=1", "");
    assert_eq!((status(&answer), body(&answer)), ("200", "0123456789"));
    for (name, value) in [
        ("Content-Length", "10"),
        ("Content-Type", "text/javascript; charset=utf-8"),
        ("Last-Modified", CHANGED),
        ("Cache-Control", "public, max-age=0"),
        ("Accept-Ranges", "bytes"),
        ("X-Content-Type-Options", "nosniff"),
        ("Vary", "Accept-Encoding"),
    ] {
        assert_eq!(header(&answer, name), Some(value), "{name}");
    }
    assert_eq!(header(&answer, "Transfer-Encoding"), None);
    for (path, text) in [
        ("/", "<p>index"),
        ("/sub/", "sub"),
        ("/a%20b.txt", "blank"),
        ("/empty", ""),
    ] {
        let answer = site.get(path, "");
        assert_eq!((status(&answer), body(&answer)), ("200", text), "{path}");
    }
    let moved = site.get("/sub?a=b", "");
    assert_eq!(
        (status(&moved), header(&moved, "Location")),
        ("301", Some("/sub/?a=b"))
    );
    let head = site.ask("HEAD /app.js HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(
        (header(&head, "Content-Length"), body(&head)),
        (Some("10"), "")
    );
    let post = "POST /app.js HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let refused = site.ask(post);
    assert_eq!(
        (status(&refused), header(&refused, "Allow")),
        ("405", Some("GET, HEAD"))
    );
}

#[test]
fn what_a_client_has_is_not_sent_again() {
    let folder = folder();
    let site = site(&folder);
    let answer = site.get("/app.js", "");
    let tag = header(&answer, "ETag").unwrap().to_owned();
    for condition in [
        format!("If-None-Match: {tag}\r\n"),
        format!("If-None-Match: \"x\", W/{tag}\r\nIf-Modified-Since: nonsense\r\n"),
        format!("If-Modified-Since: {CHANGED}\r\n"),
    ] {
        let answer = site.get("/app.js", &condition);
        assert_eq!((status(&answer), body(&answer)), ("304", ""), "{condition}");
        assert_eq!(header(&answer, "ETag"), Some(&*tag));
    }
    assert_eq!(status(&site.get("/app.js", "If-Match: \"x\"\r\n")), "412");
    // Another content has another tag.
    write(folder.path(), "app.js", "01234567890");
    assert_eq!(
        status(&site.get("/app.js", &format!("If-None-Match: {tag}\r\n"))),
        "200"
    );
}

#[test]
fn parts_are_sent() {
    let folder = folder();
    let site = site(&folder);
    for (range, part, said) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=9-99999999999999999999999999", "9", "bytes 9-9/10"),
    ] {
        let answer = site.get("/app.js", &format!("Range: {range}\r\n"));
        assert_eq!((status(&answer), body(&answer)), ("206", part), "{range}");
        assert_eq!(header(&answer, "Content-Range"), Some(said));
        let length = part.len().to_string();
        assert_eq!(header(&answer, "Content-Length"), Some(&*length));
    }
    let many = format!("Range: bytes={}0-\r\n", "0-,".repeat(1000));
    assert_eq!(body(&site.get("/app.js", &many)), "0123456789");
    let beyond = site.get("/app.js", "Range: bytes=10-\r\n");
    assert_eq!(
        (status(&beyond), header(&beyond, "Content-Range")),
        ("416", Some("bytes */10"))
    );
    let stale = site.get("/app.js", "Range: bytes=2-4\r\nIf-Range: \"x\"\r\n");
    assert_eq!((status(&stale), body(&stale)), ("200", "0123456789"));
}

#[test]
fn those_who_can_read_it_get_what_was_compressed_before() {
    let folder = folder();
    write(folder.path(), "app.js.gz", "gzip");
    write(folder.path(), "app.js.br", "brotli");
    let site = site(&folder);
    for (accepted, coding, text) in [
        ("gzip, deflate, br, zstd", Some("br"), "brotli"),
        ("gzip, zstd", Some("gzip"), "gzip"),
        ("br;q=0, gzip;q=0.1", Some("gzip"), "gzip"),
        ("zstd", None, "0123456789"),
        ("", None, "0123456789"),
    ] {
        let answer = site.get("/app.js", &format!("Accept-Encoding: {accepted}\r\n"));
        assert_eq!(
            (header(&answer, "Content-Encoding"), body(&answer)),
            (coding, text)
        );
        let kind = header(&answer, "Content-Type");
        assert_eq!(kind, Some("text/javascript; charset=utf-8"));
    }
    let tag = |headers: &str| {
        header(&site.get("/app.js", headers), "ETag")
            .unwrap()
            .to_owned()
    };
    assert_ne!(
        tag("Accept-Encoding: br\r\n"),
        tag("Accept-Encoding: gzip\r\n")
    );
    // Only beside the file itself.
    write(folder.path(), "alone.txt.gz", "gzip");
    assert_eq!(
        status(&site.get("/alone.txt", "Accept-Encoding: gzip\r\n")),
        "404"
    );
}

#[test]
fn nothing_else_is_served() {
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "secret.txt", "secret");
    let folder = folder();
    let root = folder.path();
    symlink(outside.path(), root.join("out")).unwrap();
    symlink(outside.path().join("secret.txt"), root.join("secret.txt")).unwrap();
    symlink(
        "../../../../../../../../../../etc/passwd",
        root.join("passwd"),
    )
    .unwrap();
    symlink("/proc/self/environ", root.join("environ")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink("app.js", root.join("inside.js")).unwrap();
    let fifo = rustix::fs::CWD;
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(fifo, root.join("fifo"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    drop(std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap());
    let (site, files) = site_of(StaticOptions::of(root));
    let escape = format!(
        "/%2e%2e/{}/secret.txt",
        outside.path().file_name().unwrap().display()
    );
    let paths = [
        "/out/secret.txt",
        "/secret.txt",
        "/passwd",
        "/environ",
        "/loop",
        "/fifo",
        "/socket",
        "/.env",
        "/%2eenv",
        "/..",
        "/../",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/%2fetc/passwd",
        "//etc/passwd",
        "/sub/../app.js",
        "/sub/%2e%2e/app.js",
        "/app.js%00.txt",
        "/app.js/",
        "/app.js/x",
        "/sub//index.html",
        "/sub/.",
        "/%c0%ae%c0%ae/app.js",
        "/nothing",
        "/sub\\..\\app.js",
        &escape,
    ];
    for path in paths {
        let answer = site.get(path, "");
        assert_eq!(
            (status(&answer), body(&answer)),
            ("404", "Not Found\n"),
            "{path}"
        );
    }
    let long = site.get(&format!("/{}", "x".repeat(5000)), "");
    assert_eq!(status(&long), "404");
    assert_eq!(
        body(&site.get("/inside.js", "")),
        "0123456789",
        "that stays in the folder"
    );
    assert_eq!(files.counts().missed, paths.len() as u64 + 1);
    let options = StaticOptions {
        hidden: true,
        ..StaticOptions::of(root)
    };
    assert_eq!(body(&site_of(options).0.get("/.env", "")), "secret");
}

#[test]
fn an_application_of_one_page_finds_itself() {
    let folder = folder();
    let options = StaticOptions {
        prefix: "/app".to_owned(),
        fallback: Some("index.html".to_owned()),
        ..StaticOptions::of(folder.path())
    };
    let (site, _) = site_of(options);
    for path in ["/app/", "/app/users/7", "/app/app.js/x"] {
        assert_eq!(body(&site.get(path, "")), "<p>index", "{path}");
    }
    assert_eq!(body(&site.get("/app/app.js", "")), "0123456789");
    assert_eq!(header(&site.get("/app", ""), "Location"), Some("/app/"));
    for path in ["/app/missing.js", "/", "/apple", "/index.html"] {
        assert_eq!(status(&site.get(path, "")), "404", "{path}");
    }
}

/// Larger than anything that waits, to a client that reads all, and to one that leaves.
#[test]
fn a_large_file_is_sent_as_it_is_read() {
    let folder = folder();
    let large: Vec<u8> = (0..8_000_000u32).map(|n| (n % 251) as u8).collect();
    write(folder.path(), "large.bin", &large);
    let (site, files) = site_of(StaticOptions::of(folder.path()));
    let mut client = site.connect();
    client.say("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(
        client
            .until("\r\n\r\n")
            .contains("Content-Length: 8000000\r\n")
    );
    assert!(client.bytes(large.len()) == large);
    // The connection goes on.
    client.say("GET /app.js HTTP/1.1\r\nHost: a\r\n\r\n");
    client.until("0123456789");
    let mut client = site.connect();
    client.say("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    client.until("\r\n\r\n");
    drop(client);
    while files.counts().broken == 0 {
        std::thread::yield_now();
    }
    assert_eq!(files.counts().under_way, 0);
}

#[test]
fn a_file_that_becomes_shorter_ends_the_connection() {
    let folder = folder();
    let path = folder.path().join("large.bin");
    write(folder.path(), "large.bin", vec![b'x'; 50_000_000]);
    let (site, files) = site_of(StaticOptions::of(folder.path()));
    let mut client = site.connect();
    client.say("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    client.until("\r\n\r\n");
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(10)
        .unwrap();
    assert!(client.all().len() < 50_000_000);
    assert_eq!(files.counts().broken, 1);
}

#[test]
fn what_is_under_way_is_bounded() {
    let folder = folder();
    write(folder.path(), "large.bin", vec![b'x'; 50_000_000]);
    let options = StaticOptions {
        requests_max: 1,
        ..StaticOptions::of(folder.path())
    };
    let (site, files) = site_of(options);
    let mut client = site.connect();
    client.say("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    client.until("\r\n\r\n");
    let refused = site.get("/app.js", "");
    assert_eq!(
        (status(&refused), header(&refused, "Retry-After")),
        ("503", Some("1"))
    );
    assert_eq!(files.counts().refused, 1);
}

#[test]
fn a_proxy_answers_what_no_file_does() {
    let upstream = Upstream::tcp(|peer, say| {
        say(peer.head().lines().next().unwrap_or_default().to_owned());
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nupstream");
    });
    let folder = folder();
    let threads = Threads::new(1).unwrap();
    let proxy = ProxyOptions::to([upstream.name.parse().unwrap()]);
    let proxy = Proxy::new(proxy, &threads).unwrap();
    let files = Static::new(StaticOptions::of(folder.path()), &threads).unwrap();
    let mut routes = Routes::new();
    mount(
        &mut routes,
        "/",
        usize::MAX,
        files.otherwise(&proxy).handler(),
    )
    .unwrap();
    let site = Site::new(routes);
    assert_eq!(body(&site.get("/app.js", "")), "0123456789");
    for path in ["/api/users?x=1", "/.env", "/a/../b"] {
        assert_eq!(body(&site.get(path, "")), "upstream", "{path}");
        assert_eq!(upstream.heard(), format!("GET {path} HTTP/1.1"));
    }
    let post = "POST /app.js HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_eq!(body(&site.ask(post)), "upstream");
    assert!(site.get("/primus/spec", "").contains("transformer"));
}

#[test]
fn a_folder_that_is_none_is_refused() {
    let folder = folder();
    let threads = Threads::new(1).unwrap();
    for path in ["missing", "app.js"] {
        let options = StaticOptions::of(folder.path().join(path));
        let error = Static::new(options, &threads).unwrap_err().to_string();
        assert!(error.contains("can't be opened"), "{error}");
    }
}
