//! Where requests go.

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;

use allspark_protocol::http::{CorsVerdict, HttpDate, RequestHead, Response, is_explorer};
use allspark_protocol::parser::{Json, Parser};
use allspark_protocol::primus::{PRIMUS_VERSION, Pathname};

use super::pass::Pass;
use crate::config::{Files, Options};
use crate::guard;
use crate::known::Known;
use crate::layers::{
    Chain, Decide, Decision, LayerRequest, LayerRoute, LayerTicket, Notes, Stage, Step, Verdict,
};
use crate::routes::unavailable;
use crate::tasks::Executor;

/// Where a request goes.
#[derive(Debug)]
pub(crate) enum Way {
    /// It is answered with this.
    Answer(Response),
    /// It is answered with this, the last word on its connection: what follows an upgrade that was
    /// refused may be anything but HTTP.
    LastAnswer(Response),
    /// To the application: it is not for Primus.
    Elsewhere,
    /// To the transport.
    Transport(Pass),
    /// To a route among the layers.
    Route(Box<Taken>),
    /// A layer decides later: it waits here.
    Later(Box<Walk>),
}

/// A request that a route among the layers takes.
pub(crate) struct Taken {
    pub(crate) route: Arc<LayerRoute>,
    pub(crate) pass: Pass,
}

/// A request that is judged, and what is needed for that.
pub(crate) struct Case<'a> {
    pub(crate) options: &'a Options,
    pub(crate) head: &'a RequestHead<'a>,
    pub(crate) peer: SocketAddr,
    /// What is known of its connection.
    pub(crate) known: Option<&'a Known>,
    /// Whether it is an upgrade to the transport.
    pub(crate) is_upgrade: bool,
    /// Whether the server was destroyed: what it says of itself, and its library, are gone.
    pub(crate) is_destroyed: bool,
    /// Says whether what answers it is a script, which a browser asks for without an `Origin`.
    pub(crate) is_script: &'a dyn Fn(&RequestHead<'_>) -> bool,
    /// Makes the ticket of a layer that decides later.
    pub(crate) later: &'a dyn Fn() -> LayerTicket,
    /// The number of the last one that was made; 0 if none was.
    pub(crate) ticket: &'a Cell<u64>,
    /// Runs futures of layers.
    pub(crate) executor: &'a Executor,
    /// Is told when a layer has panicked, and with what.
    pub(crate) tell_panic: &'a dyn Fn(&str),
}

/// How far a request is on its way through the layers.
pub(crate) struct Walk {
    /// The layers that there were when it came.
    chain: Arc<Chain>,
    stage: Stage,
    /// The place of the next one.
    place: usize,
    pass: Pass,
    is_upgrade: bool,
    /// The number of the ticket by which the one before decides.
    pub(crate) ticket: u64,
}

/// Decides where requests go.
pub(crate) struct Door {
    /// The second in which an answer was last sent.
    date: HttpDate,
    pathname: Pathname,
    /// The answer to `GET <pathname>/spec`.
    spec: String,
    chain: Arc<Chain>,
    /// What is served beside the transport.
    files: Files,
}

impl Door {
    /// The door of a server that speaks this transformer.
    pub(crate) fn new(options: &Options, transformer: &str, chain: Arc<Chain>) -> Self {
        Self {
            date: HttpDate::at(0),
            pathname: options.pathname.clone(),
            spec: spec(options, transformer),
            chain,
            files: Arc::clone(&options.files),
        }
    }

    /// Sets the layers that requests go through from now on.
    pub(crate) fn set_chain(&mut self, chain: Arc<Chain>) {
        // The functions of one that was removed may go with it.
        guard::drop_value(std::mem::replace(&mut self.chain, chain));
    }

    /// Sets what is served beside the transport.
    pub(crate) fn set_files(&mut self, files: Files) {
        self.files = files;
    }

    /// The largest body that a route among the layers may have.
    pub(crate) fn body_bytes_max(&self) -> usize {
        self.chain.body_bytes_max()
    }

    /// Whether the application is asked about requests, which is to be done once for each.
    pub(crate) fn asks_application(&self) -> bool {
        self.chain.asks_application()
    }

    /// The header `Date` of answers that are sent now.
    pub(crate) fn date(&mut self, unix_ms: u64) -> HttpDate {
        self.date.move_to(unix_ms);
        self.date
    }

    /// Where a request goes.
    pub(crate) fn judge(&self, case: &Case<'_>) -> Way {
        if !case.head.path().starts_with(&*self.pathname) {
            return elsewhere(self.chain.steps(Stage::Head, false), case);
        }
        let is_old = case.head.minor_version() == 0;
        if case.is_upgrade && is_old && !case.options.upgrades_of_http_1_0 {
            return Way::LastAnswer(Response::text(400, "WebSockets need HTTP/1.1\n"));
        }
        self.walk((&self.chain, Stage::Head, 0), Pass::default(), case)
    }

    /// Whether somebody is to be asked about openings.
    pub(crate) fn asks_about_openings(&self, is_upgrade: bool) -> bool {
        !self.chain.steps(Stage::Opening, is_upgrade).is_empty()
    }

    /// Where a request goes that opens a spark.
    pub(crate) fn judge_opening(&self, pass: Pass, case: &Case<'_>) -> Way {
        assert!(!pass.is_let_in(), "all are asked about an opening once");
        self.walk((&self.chain, Stage::Opening, 0), pass, case)
    }

    /// Where a request goes about which a layer has now decided.
    pub(crate) fn go_on(&self, walk: Walk, decision: Decision, case: &Case<'_>) -> Way {
        let Walk {
            chain,
            stage,
            place,
            mut pass,
            is_upgrade,
            ticket: _,
        } = walk;
        assert!(is_upgrade == case.is_upgrade, "a request stays what it is");
        let asked = &chain.steps(stage, case.is_upgrade)[place - 1];
        let verdict = refused_by(asked, decision.verdict);
        match answer_of(verdict) {
            Some(response) => answer(&pass, case, response),
            None => {
                if !decision.attached.is_empty() {
                    let notes = pass.notes.get_or_insert_default();
                    notes.attach_all(decision.attached);
                }
                self.walk((&chain, stage, place), pass, case)
            }
        }
    }

    /// Goes on behind a place of a chain.
    fn walk(&self, place: (&Arc<Chain>, Stage, usize), mut pass: Pass, case: &Case<'_>) -> Way {
        let (chain, stage, from) = place;
        let steps = &chain.steps(stage, case.is_upgrade)[from..];
        for (step, place) in steps.iter().zip(from + 1..) {
            let routed = match step {
                Step::Route(route) => match decide(route, case) {
                    Decide::Pass => continue,
                    decided => Some((route, decided)),
                },
                _ => None,
            };
            if let Some(refusal) = pass.take_refusal() {
                // What comes behind may answer itself, and relies on the layers before it.
                return answer(&pass, case, refusal);
            }
            match routed {
                Some((_, Decide::Answer(response))) => return answer(&pass, case, response),
                Some((route, Decide::Take)) => {
                    let route = Arc::clone(route);
                    return Way::Route(Box::new(Taken { route, pass }));
                }
                Some((_, Decide::Pass)) | None => {}
            }
            let verdict = self.ask(step, case, &mut pass);
            if matches!(verdict, Verdict::Later) {
                let (chain, ticket) = (Arc::clone(chain), case.ticket.get());
                assert!(ticket > 0, "who decides later has a ticket");
                return Way::Later(Box::new(Walk {
                    chain,
                    stage,
                    place,
                    pass,
                    is_upgrade: case.is_upgrade,
                    ticket,
                }));
            }
            if let Some(response) = answer_of(refused_by(step, verdict)) {
                return answer(&pass, case, response);
            }
        }
        if stage == Stage::Opening {
            pass.let_in();
        }
        Way::Transport(pass)
    }

    /// What one layer says.
    fn ask(&self, step: &Step, case: &Case<'_>, pass: &mut Pass) -> Verdict {
        let answer = match step {
            Step::Own(function) | Step::Authorization(function) => {
                let ask = |request: &mut LayerRequest<'_>| function(request);
                return ask_application(ask, case, &mut pass.notes);
            }
            Step::Forwarded => {
                forward(case, pass);
                None
            }
            Step::Cors => judge_origin(case, pass),
            Step::Library | Step::Spec if case.is_destroyed => None,
            Step::Library => self.library(case),
            Step::Spec => self.answer_spec(case),
            Step::XssFilter => {
                if is_explorer(case.head) {
                    pass.set_explorer();
                }
                None
            }
            Step::NoCache => {
                pass.forbid_caches();
                None
            }
            // The walk deals with it.
            Step::Route(_) => None,
        };
        answer.map_or(Verdict::Next, Verdict::Answer)
    }

    /// The path of a request behind the pathname.
    fn name<'r>(&self, case: &Case<'r>) -> Option<&'r str> {
        case.head.path().strip_prefix(&*self.pathname)
    }

    /// The client library, whatever the method.
    fn library(&self, case: &Case<'_>) -> Option<Response> {
        let name = self.name(case)?;
        let mut files = self.files.iter();
        let (_, file) = files.find(|(file, _)| is_asked_for(file, name, case.head))?;
        Some(file.answer(case.head))
    }

    /// What the server says of itself, whatever the method.
    fn answer_spec(&self, case: &Case<'_>) -> Option<Response> {
        (self.name(case)? == "/spec").then(|| Response::json(200, self.spec.clone()))
    }
}

/// Whether a request for what lies behind the pathname as `name` is one for this file.
fn is_asked_for(file: &str, name: &str, head: &RequestHead<'_>) -> bool {
    match file.split_once('?') {
        None => file == name,
        Some((file, word)) => file == name && head.query().get(word).is_some(),
    }
}

fn forward(case: &Case<'_>, pass: &mut Pass) {
    if let Some(client) = case.options.client(case.head, case.peer) {
        pass.notes.get_or_insert_default().address = Some(client);
    }
}

/// Refuses what a page of another origin may not ask for, and answers what a browser asks first.
fn judge_origin(case: &Case<'_>, pass: &mut Pass) -> Option<Response> {
    let (cors, head) = (&case.options.cors, case.head);
    let mut grant = None;
    if case.is_upgrade {
        if let Some(refusal) = cors.refuse_upgrade(head) {
            return Some(refusal);
        }
    } else {
        match cors.judge(head) {
            CorsVerdict::Answer(response) => return Some(response),
            CorsVerdict::Pass(granted) => grant = Some(granted),
        }
    }
    if !cors.allows_referer(head) && (case.is_script)(head) {
        return Some(Response::text(403, "Forbidden\n"));
    }
    if let Some(grant) = grant {
        pass.grant(grant);
    }
    None
}

/// Calls a function of the application.
fn ask_application(
    ask: impl FnOnce(&mut LayerRequest<'_>) -> Verdict,
    case: &Case<'_>,
    notes: &mut Option<Box<Notes>>,
) -> Verdict {
    let has_ticket = Cell::new(false);
    let mut request = LayerRequest {
        head: case.head,
        peer: case.peer,
        known: case.known,
        is_upgrade: case.is_upgrade,
        notes,
        later: case.later,
        executor: case.executor,
        has_ticket: &has_ticket,
    };
    match guard::call(|| ask(&mut request)) {
        // It is decided by nobody.
        Ok(Verdict::Later) if !has_ticket.get() => Verdict::Answer(unavailable()),
        Ok(verdict) => verdict,
        Err(panicked) => {
            (case.tell_panic)(&panicked);
            Verdict::Answer(Response::text(500, "Internal Server Error\n"))
        }
    }
}

/// A route among the layers may take a request that is not for Primus, too.
fn elsewhere(steps: &[Step], case: &Case<'_>) -> Way {
    let pass = Pass::default();
    for step in steps {
        let Step::Route(route) = step else {
            continue;
        };
        match decide(route, case) {
            Decide::Pass => {}
            Decide::Answer(response) => return answer(&pass, case, response),
            Decide::Take => {
                let route = Arc::clone(route);
                return Way::Route(Box::new(Taken { route, pass }));
            }
        }
    }
    Way::Elsewhere
}

/// What a route among the layers says to a request.
fn decide(route: &LayerRoute, case: &Case<'_>) -> Decide {
    guard::call(|| route.decide(case.head)).unwrap_or_else(|panicked| {
        (case.tell_panic)(&panicked);
        Decide::Answer(Response::text(500, "Internal Server Error\n"))
    })
}

/// Makes an answer of a refusal by this layer.
fn refused_by(step: &Step, verdict: Verdict) -> Verdict {
    let default_status = match step {
        Step::Authorization(_) => 401,
        _ => 500,
    };
    match verdict {
        Verdict::Fail(error) => Verdict::Answer(error.response(default_status)),
        verdict => verdict,
    }
}

fn answer_of(verdict: Verdict) -> Option<Response> {
    match verdict {
        Verdict::Answer(response) => Some(response),
        // What waits, or was refused, is dealt with before.
        Verdict::Next | Verdict::Later | Verdict::Fail(_) => None,
    }
}

fn answer(pass: &Pass, case: &Case<'_>, response: Response) -> Way {
    let response = pass.complete(&case.options.cors, response);
    let client = pass.address().unwrap_or(case.peer);
    tracing::debug!(%client, status = response.status(), "a layer has answered");
    match case.is_upgrade {
        true => Way::LastAnswer(response),
        false => Way::Answer(response),
    }
}

fn spec(options: &Options, transformer: &str) -> String {
    let interval = options.ping_interval.ms();
    let interval = interval.map_or_else(|| "false".to_owned(), |ms| ms.to_string());
    let pathname = json_string(&options.pathname);
    let parser = options.parser.name();
    format!(
        "{{\"pingInterval\":{interval},\"pathname\":{pathname},\
         \"version\":\"{PRIMUS_VERSION}\",\
         \"parser\":\"{parser}\",\"transformer\":\"{transformer}\"}}"
    )
}

fn json_string(text: &str) -> String {
    let mut out = Vec::new();
    Json.encode_str(text, &mut out);
    String::from_utf8(out).expect("JSON is UTF-8")
}

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Taken")
            .field("pass", &self.pass)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Walk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Walk")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
