//! `POST /publish` and `POST /batch`.

use std::sync::{Arc, PoisonError};

use allspark::{Handle, Reply, Response, RouteRequest};
use serde::{Deserialize, Serialize};

use super::answer;
use super::command::{Command, run_all};
use super::error::CommandError;
use super::keys::Key;
use super::pace::now_ns;
use super::replays::{IDEMPOTENCY_KEY_BYTES_MAX, Known};
use super::service::{Service, reply};
use crate::trace::span::Span;

/// Commands of a batch.
pub(crate) const BATCH_MAX: usize = 1_000;

/// Bytes of a command up to which the shard that its request came to reads it itself: that takes
/// less than a wake-up of another thread, some ten microseconds.
const INLINE_BYTES_MAX: usize = 4 * 1024;

/// What a request has in its body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    One,
    Batch,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidBatch {
    commands: Vec<Command>,
}

#[derive(Serialize)]
struct BatchAnswer<'a> {
    /// Commands that were passed on to the shards.
    accepted: usize,
    failed: Vec<Failed<'a>>,
}

#[derive(Serialize)]
struct Failed<'a> {
    /// Which of the batch, from 0.
    index: usize,
    error: &'a CommandError,
}

/// One command.
pub(super) fn one(service: &Arc<Service>, request: &RouteRequest<'_>, key: &Arc<Key>) -> Reply {
    reply(accept(service, request, key, What::One))
}

/// Up to a thousand of them, which are done in one turn of each shard.
pub(super) fn batch(service: &Arc<Service>, request: &RouteRequest<'_>, key: &Arc<Key>) -> Reply {
    reply(accept(service, request, key, What::Batch))
}

fn accept(
    service: &Arc<Service>,
    request: &RouteRequest<'_>,
    key: &Arc<Key>,
    what: What,
) -> Result<Reply, Response> {
    let once = request.head().header("idempotency-key");
    if once.is_some_and(|once| once.is_empty() || once.len() > IDEMPOTENCY_KEY_BYTES_MAX) {
        let message = format!("Idempotency-Key: 1 to {IDEMPOTENCY_KEY_BYTES_MAX} bytes");
        return Err(answer::error(400, "invalid", &message));
    }
    let (primus, body) = (service.primus()?, request.body());
    let mut span = service.tracer.start_for("publish", request.head());
    span.set("http.request.body.size", body.len());
    if what == What::One && once.is_none() && body.len() <= INLINE_BYTES_MAX {
        let commands = commands_of(service, what, body);
        // Sparks may have to leave a thousand rooms each, which is done in portions elsewhere.
        let is_soon = |commands: &Vec<Command>| commands.iter().all(Command::is_message);
        if commands.as_ref().map_or(true, is_soon) {
            let answer = commands
                .and_then(|commands| carry_out_commands(service, primus, key, what, &commands));
            note(&mut span, &answer);
            return Ok(answer?.into());
        }
    }
    let (ticket, bytes) = (request.later(), body.len());
    let job = {
        let (service, primus, key) = (Arc::clone(service), primus.clone(), Arc::clone(key));
        let (body, once) = (body.to_vec(), once.map(str::to_owned));
        move || {
            let answer = match once {
                Some(once) => carry_out_once(&service, &primus, &key, what, &body, &once),
                None => carry_out(&service, &primus, &key, what, &body),
            };
            note(&mut span, &answer);
            ticket.respond(answer.unwrap_or_else(|refusal| refusal));
        }
    };
    // The job has the ticket, which answers 503 when it is dropped.
    if service.worker.run(bytes, job).is_err() {
        service.gate.counts.busy.inc();
    }
    Ok(Reply::Later)
}

/// Says in its span how a request was answered.
fn note(span: &mut Span, answer: &Result<Response, Response>) {
    if let Err(refusal) = answer {
        span.fail(&format!("it was answered {}", refusal.status()));
    }
}

/// Carries a request out, or answers as before if it was carried out already.
fn carry_out_once(
    service: &Service,
    primus: &Handle,
    key: &Key,
    what: What,
    body: &[u8],
    once: &str,
) -> Result<Response, Response> {
    let replays = &key.state.replays;
    let mut replays = replays.lock().unwrap_or_else(PoisonError::into_inner);
    let path = match what {
        What::One => "/publish",
        What::Batch => "/batch",
    };
    let name = match replays.find(once, path, body, now_ns()) {
        Known::New(name) => name,
        Known::Done(before) => {
            service.gate.counts.replayed.inc();
            let answer = answer::text(200, (*before).to_owned());
            return Ok(answer.header("Idempotency-Replayed", "true"));
        }
        Known::Other => {
            let message = "this Idempotency-Key has come with another request";
            return Err(answer::error(422, "idempotency_mismatch", message));
        }
    };
    // What is refused is not done, and may be tried again with the same key.
    let answer = carry_out(service, primus, key, what, body)?;
    if let Ok(text) = std::str::from_utf8(answer.body_bytes()) {
        replays.keep(name, text, now_ns());
    }
    Ok(answer)
}

/// Carries a request out.
///
/// # Errors
/// Nothing of it was done: what is answered.
fn carry_out(
    service: &Service,
    primus: &Handle,
    key: &Key,
    what: What,
    body: &[u8],
) -> Result<Response, Response> {
    let commands = commands_of(service, what, body)?;
    carry_out_commands(service, primus, key, what, &commands)
}

fn commands_of(service: &Service, what: What, body: &[u8]) -> Result<Vec<Command>, Response> {
    read(what, body).map_err(|error| {
        service.gate.counts.invalid.inc();
        refusal(&error)
    })
}

fn carry_out_commands(
    service: &Service,
    primus: &Handle,
    key: &Key,
    what: What,
    commands: &[Command],
) -> Result<Response, Response> {
    let counts = &service.gate.counts;
    for command in commands {
        service.gate.allow(key, command.scope())?;
    }
    service.gate.pay(key, commands.len() as u64)?;
    let outcomes = run_all(commands, primus);
    let accepted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    counts.commands.inc_by(accepted as u64);
    counts.invalid.inc_by((outcomes.len() - accepted) as u64);
    if what == What::One {
        let failed = outcomes.into_iter().find_map(Result::err);
        return failed.map_or_else(|| Ok(answer::ok()), |error| Err(refusal(&error)));
    }
    let failed = outcomes.iter().enumerate();
    let failed = failed.filter_map(|(index, outcome)| {
        let error = outcome.as_ref().err()?;
        Some(Failed { index, error })
    });
    let failed: Vec<Failed<'_>> = failed.collect();
    Ok(answer::json(200, &BatchAnswer { accepted, failed }))
}

fn refusal(error: &CommandError) -> Response {
    let status = match error.code {
        "invalid" => 400,
        _ => 422,
    };
    answer::error(status, error.code, &error.message)
}

fn read(what: What, body: &[u8]) -> Result<Vec<Command>, CommandError> {
    if what == What::One {
        return Ok(vec![Command::read(body)?]);
    }
    let batch: SaidBatch = serde_json::from_slice(body).map_err(|_| why_not(body))?;
    if batch.commands.len() > BATCH_MAX {
        let reason = format!("commands: a batch has {BATCH_MAX} at most");
        return Err(CommandError::invalid(reason));
    }
    Ok(batch.commands)
}

/// What is wrong with a batch, and with which of its commands. It is read again, as to keep in mind
/// where one is costs time.
fn why_not(body: &[u8]) -> CommandError {
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize::<_, SaidBatch>(&mut json);
    match read {
        Ok(_) => CommandError::invalid("something stands behind the JSON"),
        Err(error) => CommandError::invalid(format!("{}: {}", error.path(), error.inner())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_says_which_of_its_commands_is_wrong() {
        let one = r#"{"to":{"all":true},"data":1}"#;
        let count = |body: &str| read(What::Batch, body.as_bytes()).map(|all| all.len());
        let of = |commands: &[&str]| format!(r#"{{"commands":[{}]}}"#, commands.join(","));
        assert_eq!(count(&of(&[])), Ok(0));
        assert_eq!(count(&of(&vec![one; BATCH_MAX])), Ok(BATCH_MAX));
        let reason = |body: &str| count(body).unwrap_err().message;
        let many = reason(&of(&vec![one; BATCH_MAX + 1]));
        assert!(many.contains("1000 at most"), "{many}");
        let wrong = reason(&of(&[one, r#"{"to":{"all":1},"data":1}"#]));
        assert!(wrong.starts_with("commands[1]"), "{wrong}");
        let behind = reason(&(of(&[one]) + "x"));
        assert!(behind.contains("behind"), "{behind}");
        assert!(count("[]").is_err() && count("").is_err());
    }
}
