//! One request from its beginning to its end.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::UNIX_EPOCH;

use allspark_engine::{Body, BodySender, Throttle, Ticket};
use allspark_protocol::http::Response;
use mime_guess::mime;
use tokio::task::spawn_blocking;

use super::asked::Asked;
use super::conditions::Part;
use super::encoding::Coding;
use super::name::Name;
use super::open::{Folder, Found, Opened};
use super::options::StaticOptions;

/// Bytes that are read at a time. What is not longer is answered at once.
const READ_BYTES: usize = 64 * 1024;

/// What requests share.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) folder: Folder,
    pub(super) options: StaticOptions,
    pub(super) counts: Counts,
}

#[derive(Debug)]
pub(super) struct Counts {
    pub(super) requests: AtomicU64,
    pub(super) missed: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) broken: AtomicU64,
    pub(super) under_way: AtomicUsize,
}

/// One of those that are under way, for as long as it is.
pub(super) struct UnderWay(Arc<Files>);

/// What is to be said.
enum Said {
    /// This, and nothing more.
    Answer(Response),
    /// This, and so much of a file from here on.
    File(Response, File, u64, u64),
    /// There is no such file.
    Missed,
}

impl Files {
    /// Begins a request, if one more may be under way.
    pub(super) fn begin(self: &Arc<Self>) -> Option<UnderWay> {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let before = self.counts.under_way.fetch_add(1, Ordering::Relaxed);
        let begun = UnderWay(Arc::clone(self));
        let may_begin = before < self.options.requests_max;
        if !may_begin {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        may_begin.then_some(begun)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.counts.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Has a request answered. If there is no such file and somebody else goes on with it, the ticket
/// comes back.
pub(super) async fn serve(
    under_way: UnderWay,
    asked: Asked,
    ticket: Ticket,
    goes_on: bool,
) -> Option<(Ticket, UnderWay)> {
    let files = Arc::clone(&under_way.0);
    let is_head = asked.is_head;
    let said = spawn_blocking(move || look(&files, &asked, goes_on)).await;
    let counts = &under_way.0.counts;
    match said {
        Ok(Ok(Said::Answer(response))) => ticket.respond(response),
        Ok(Ok(Said::File(response, _, _, bytes))) if is_head => {
            let (sender, body) = Body::channel(0);
            sender.finish();
            ticket.stream(response.length(bytes), body);
        }
        Ok(Ok(Said::File(response, file, start, bytes))) => {
            let (mut sender, body) = Body::channel(READ_BYTES);
            ticket.stream(response.length(bytes), body);
            match send(Arc::new(file), start, bytes, &mut sender).await {
                Ok(()) => sender.finish(),
                // Before the client can notice that.
                Err(_) => drop(counts.broken.fetch_add(1, Ordering::Relaxed)),
            }
        }
        Ok(Ok(Said::Missed)) => {
            counts.missed.fetch_add(1, Ordering::Relaxed);
            if goes_on {
                return Some((ticket, under_way));
            }
            ticket.respond(Response::text(404, "Not Found\n"));
        }
        Ok(Err(error)) => {
            static UNREADABLE: Throttle = Throttle::new();
            if let Some(line) = UNREADABLE.admit() {
                tracing::warn!(%error, unlogged = line.unlogged, "a file can't be read");
            }
            ticket.respond(Response::text(503, "Service Unavailable\n"));
        }
        // It panicked.
        Err(_) => ticket.respond(Response::text(500, "Internal Server Error\n")),
    }
    None
}

/// Sends a part of a file, piece by piece.
async fn send(file: Arc<File>, start: u64, bytes: u64, sender: &mut BodySender) -> io::Result<()> {
    let end = start + bytes;
    let mut place = start;
    while place < end {
        let most = usize::try_from(end - place).map_or(READ_BYTES, |left| left.min(READ_BYTES));
        let (file, at) = (Arc::clone(&file), place);
        let piece = spawn_blocking(move || read(&file, at, most)).await;
        let piece = piece.map_err(io::Error::other)??;
        place += piece.len() as u64;
        sender.send(piece).await.map_err(io::Error::other)?;
    }
    Ok(())
}

/// Up to so many bytes of a file.
///
/// # Errors
/// There are none: the file has become shorter.
fn read(file: &File, at: u64, most: usize) -> io::Result<Vec<u8>> {
    let mut piece = vec![0; most];
    loop {
        match file.read_at(&mut piece, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(bytes) => {
                piece.truncate(bytes);
                return Ok(piece);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Looks for the file of a request. It waits for the file system.
fn look(files: &Files, asked: &Asked, goes_on: bool) -> io::Result<Said> {
    let options = &files.options;
    let name = match &asked.name {
        Name::File(name) => name.clone(),
        Name::Folder(name) => Path::new(name).join(&options.index).into_os_string(),
        Name::None => return Ok(Said::Missed),
    };
    match files.folder.find(&name)? {
        Found::File(file) => return answer(files, asked, &name, file),
        Found::Folder
            if matches!(asked.name, Name::File(_)) && !asked.with_slash.starts_with("//") =>
        {
            let response = Response::text(301, "Moved Permanently\n");
            return Ok(Said::Answer(response.header("Location", &asked.with_slash)));
        }
        Found::Folder | Found::Nothing => {}
    }
    if let Some(fallback) = options
        .fallback
        .as_ref()
        .filter(|_| !asked.has_dot && !goes_on)
    {
        let fallback = OsString::from(fallback.trim_start_matches('/'));
        if let Found::File(file) = files.folder.find(&fallback)? {
            return answer(files, asked, &fallback, file);
        }
    }
    Ok(Said::Missed)
}

/// What is said of a file that there is.
fn answer(files: &Files, asked: &Asked, name: &OsStr, plain: Opened) -> io::Result<Said> {
    let options = &files.options;
    let (file, coding) = match compressed(files, asked, name)? {
        Some((file, coding)) => (file, Some(coding)),
        None => (plain, None),
    };
    let tag = tag(&file, coding);
    let part = asked.conditions.part(&tag, file.changed, file.bytes);
    let status = match part {
        Part::Whole => 200,
        Part::Bytes(..) => 206,
        Part::NotModified => 304,
        Part::Failed => return Ok(Said::Answer(Response::text(412, "Precondition Failed\n"))),
        Part::Unsatisfiable => {
            let response = Response::text(416, "Range Not Satisfiable\n");
            let range = format!("bytes */{}", file.bytes);
            return Ok(Said::Answer(response.header("Content-Range", &range)));
        }
    };
    let mut response = Response::new(status)
        .header("ETag", &tag)
        .header("Last-Modified", &httpdate::fmt_http_date(file.changed))
        .header("Cache-Control", &caching(options));
    if options.precompressed {
        response = response.header("Vary", "Accept-Encoding");
    }
    if part == Part::NotModified {
        return Ok(Said::Answer(response));
    }
    response = response
        .header("Content-Type", &content_type(name))
        .header("X-Content-Type-Options", "nosniff")
        .header("Accept-Ranges", "bytes");
    if let Some(coding) = coding {
        response = response.header("Content-Encoding", coding.name);
    }
    let (start, bytes) = match part {
        Part::Bytes(start, bytes) => {
            let (last, all) = (start + bytes - 1, file.bytes);
            let range = format!("bytes {start}-{last}/{all}");
            response = response.header("Content-Range", &range);
            (start, bytes)
        }
        _ => (0, file.bytes),
    };
    Ok(Said::File(response, file.file, start, bytes))
}

/// The file that was compressed before, if there is one that the client can read.
fn compressed(files: &Files, asked: &Asked, name: &OsStr) -> io::Result<Option<(Opened, Coding)>> {
    for coding in &asked.codings {
        let mut name = name.to_owned();
        name.push(coding.suffix);
        if let Found::File(file) = files.folder.find(&name)? {
            return Ok(Some((file, *coding)));
        }
    }
    Ok(None)
}

/// Its entity tag: another one for each coding, as their bytes differ.
fn tag(file: &Opened, coding: Option<Coding>) -> String {
    let changed = file.changed.duration_since(UNIX_EPOCH);
    let changed = changed.unwrap_or_default().as_nanos();
    let suffix = coding.map_or("", |coding| coding.suffix);
    format!("\"{changed:x}-{:x}{suffix}\"", file.bytes)
}

fn caching(options: &StaticOptions) -> String {
    format!("public, max-age={}", options.max_age.as_secs())
}

/// By how its name ends. Texts are UTF-8.
fn content_type(name: &OsStr) -> String {
    let guess = mime_guess::from_path(Path::new(name)).first_or_octet_stream();
    let is_text =
        guess.type_() == mime::TEXT || matches!(guess.subtype().as_str(), "javascript" | "json");
    match is_text && guess.get_param(mime::CHARSET).is_none() {
        true => format!("{guess}; charset=utf-8"),
        false => guess.to_string(),
    }
}
