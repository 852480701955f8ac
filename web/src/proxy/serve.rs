//! One request from its beginning to its end.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use allspark_engine::{Body, BodySender, Ticket};
use allspark_protocol::http::Response as Answer;
use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::time::timeout;

use super::body::{Moved, Outgoing};
use super::job::Job;
use super::pool::{Asked, Member};
use super::shared::{Shared, UnderWay};
use super::{headers, tunnel};

/// Bytes of an answer that may wait for its client.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// How long a connection whose answer is complete may take until it can be used again.
const READY_TIMEOUT: Duration = Duration::from_secs(1);

/// Why there is no answer of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// It can't be asked that.
    Target,
    /// It could not be reached, or understood.
    Gateway,
    /// It did not answer in time.
    Timeout,
}

/// An answer that has begun.
struct Begun {
    response: Response<Incoming>,
    sender: SendRequest<Outgoing>,
    asked: Asked,
}

/// Has a request answered.
pub(super) async fn serve(under_way: UnderWay, job: Job, mut ticket: Ticket) {
    let shared = &under_way.0;
    let (is_head, is_upgrade, is_safe) = (job.is_head(), job.is_upgrade(), job.is_safe());
    let moved = Moved::new();
    let begun = match job.into_request(&shared.options, &moved) {
        Some(request) => tokio::select! {
            begun = exchange(shared, request, is_safe, &moved) => begun,
            // What was asked for it ends with it.
            () = ticket.gone() => {
                shared.counts.left.fetch_add(1, Ordering::Relaxed);
                return;
            }
        },
        None => Err(Failure::Target),
    };
    let begun = match begun {
        Ok(begun) => begun,
        Err(failure) => return fail(shared, ticket, failure),
    };
    match begun.response.status() {
        StatusCode::SWITCHING_PROTOCOLS if is_upgrade => {
            tunnel::open(shared, ticket, begun.response).await;
        }
        status if status.is_informational() => fail(shared, ticket, Failure::Gateway),
        _ => relay(shared, ticket, begun, is_head).await,
    }
}

fn fail(shared: &Shared, ticket: Ticket, failure: Failure) {
    let (counts, text) = (&shared.counts, Answer::text);
    ticket.respond(match failure {
        Failure::Target => text(400, "Bad Request\n"),
        Failure::Gateway => {
            counts.failed.fetch_add(1, Ordering::Relaxed);
            text(502, "Bad Gateway\n")
        }
        Failure::Timeout => {
            counts.timed_out.fetch_add(1, Ordering::Relaxed);
            text(504, "Gateway Timeout\n")
        }
    });
}

/// Asks upstreams until one of them answers.
async fn exchange(
    shared: &Arc<Shared>,
    mut request: Request<Outgoing>,
    is_safe: bool,
    moved: &Moved,
) -> Result<Begun, Failure> {
    let options = &shared.options;
    let mut tried: Vec<Arc<Member>> = Vec::new();
    let mut retries = 0;
    loop {
        let Some(asked) = shared.pool.choose(&tried) else {
            return Err(Failure::Gateway);
        };
        let member = &asked.0;
        let kept = member.take_idle(options.idle_keep);
        let was_kept = kept.is_some();
        let sender = match kept {
            Some(sender) => Some(sender),
            None => connect(shared, member).await,
        };
        let Some(mut sender) = sender else {
            tried.push(Arc::clone(member));
            continue;
        };
        let copy = is_safe.then(|| copy_of(&request));
        moved.note();
        let sent = tokio::select! {
            sent = sender.try_send_request(with_host(request, member)) => sent,
            () = moved.until_still(options.answer_timeout) => {
                member.failed(options.failed_for);
                return Err(Failure::Timeout);
            }
        };
        let mut error = match sent {
            Ok(response) => {
                member.succeeded();
                return Ok(Begun {
                    response,
                    sender,
                    asked,
                });
            }
            Err(error) => error,
        };
        tracing::debug!(upstream = %member.upstream, error = %error.error(), "no answer");
        // One that was kept may have been closed meanwhile, which is no fault of the upstream.
        if !was_kept {
            member.failed(options.failed_for);
            tried.push(Arc::clone(member));
        }
        request = match (error.take_message(), copy) {
            (Some(unsent), _) => unsent,
            (None, Some(copy)) if was_kept || retries < options.retries => {
                retries += usize::from(!was_kept);
                copy
            }
            _ => return Err(Failure::Gateway),
        };
        shared.counts.retried.fetch_add(1, Ordering::Relaxed);
    }
}

/// A new connection, if the upstream can be reached.
async fn connect(shared: &Shared, member: &Member) -> Option<SendRequest<Outgoing>> {
    let options = &shared.options;
    let why = match timeout(options.connect_timeout, member.upstream.connect()).await {
        Ok(Ok(sender)) => return Some(sender),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it takes too long".to_owned(),
    };
    tracing::debug!(upstream = %member.upstream, why, "no connection");
    member.failed(options.failed_for);
    None
}

/// HTTP/1.1 needs a `Host`, which a request of HTTP/1.0 may lack.
fn with_host(mut request: Request<Outgoing>, member: &Member) -> Request<Outgoing> {
    if !request.headers().contains_key(header::HOST)
        && let Ok(host) = member.upstream.host().parse()
    {
        request.headers_mut().insert(header::HOST, host);
    }
    request
}

/// The same request, which has no body.
fn copy_of(request: &Request<Outgoing>) -> Request<Outgoing> {
    let mut copy = Request::new(Outgoing::none());
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    copy
}

/// Hands an answer on.
async fn relay(shared: &Shared, ticket: Ticket, begun: Begun, is_head: bool) {
    let Begun {
        response,
        mut sender,
        asked,
    } = begun;
    let (parts, mut body) = response.into_parts();
    let answer = headers::of_answer(&parts.headers, Answer::new(parts.status.as_u16()));
    let is_bodiless = is_head || parts.status == StatusCode::NOT_MODIFIED;
    let length = match is_bodiless {
        true => said_length(&parts.headers),
        false => body.size_hint().exact(),
    };
    if length == Some(0) && !is_bodiless {
        ticket.respond(answer);
    } else {
        let answer = match length {
            Some(length) => answer.length(length),
            None => answer,
        };
        if !send(shared, ticket, answer, &mut body).await {
            return;
        }
    }
    if timeout(READY_TIMEOUT, sender.ready())
        .await
        .is_ok_and(|ready| ready.is_ok())
    {
        asked.0.put_idle(sender, shared.options.idle_max);
    }
}

/// The length that an answer says its body would have.
fn said_length(headers: &HeaderMap) -> Option<u64> {
    let mut all = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = all.next()?.to_str().ok()?.parse().ok()?;
    all.next().is_none().then_some(length)
}

/// Sends a body as it comes. Returns whether it was sent whole.
async fn send(shared: &Shared, ticket: Ticket, answer: Answer, body: &mut Incoming) -> bool {
    let (mut sender, receiver) = Body::channel(BODY_BYTES_MAX);
    ticket.stream(answer, receiver);
    let is_whole = pass_on(shared, &mut sender, body).await;
    match is_whole {
        true => sender.finish(),
        // Before the client can notice that.
        false => drop(shared.counts.broken.fetch_add(1, Ordering::Relaxed)),
    }
    is_whole
}

/// Sends all parts of a body. Returns whether these are all.
async fn pass_on(shared: &Shared, sender: &mut BodySender, body: &mut Incoming) -> bool {
    loop {
        let part = tokio::select! {
            part = timeout(shared.options.idle_timeout, next_part(body)) => part,
            () = sender.gone() => return false,
        };
        match part {
            Ok(Some(Ok(part))) => {
                if sender.send(part).await.is_err() {
                    return false;
                }
            }
            Ok(None) => return true,
            Ok(Some(Err(_))) | Err(_) => return false,
        }
    }
}

/// The next part of a body; trailers are left out.
async fn next_part(body: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await? {
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Some(Ok(data));
                }
            }
            Err(error) => return Some(Err(error)),
        }
    }
}
