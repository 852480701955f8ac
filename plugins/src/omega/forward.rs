//! Messages for other servers: what is asked of them, and what becomes of it.

use std::sync::{Arc, Mutex, PoisonError};

use allspark_protocol::Value;

use super::client::Client;
use super::exchange::{ForwardError, Question};
use super::order::{Order, Recipients};
use super::pool::{Job, Pool};

/// What became of a message that was passed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// To how many sparks it was written, of this server and of the others.
    pub send: u64,
    /// No other server was asked, because this one has all the sparks that were named.
    pub local: bool,
}

type Call = Box<dyn FnOnce(Result<Reached, ForwardError>) + Send>;

/// Is told once what became of a message. Forgotten, it is told that nobody will carry it out.
pub(crate) struct Done(Option<Call>);

impl Done {
    pub(crate) fn new(call: impl FnOnce(Result<Reached, ForwardError>) + Send + 'static) -> Self {
        Self(Some(Box::new(call)))
    }

    pub(crate) fn give(mut self, result: Result<Reached, ForwardError>) {
        if let Some(call) = self.0.take() {
            call(result);
        }
    }

    pub(crate) fn fail(self, reason: &str, send: u64) {
        self.give(Err(ForwardError::new(reason, send)));
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            let reason = "too many messages wait, or the plugin was removed";
            call(Err(ForwardError::new(reason, 0)));
        }
    }
}

/// What other servers are asked for, and what was done before.
pub(super) struct Errand<'a> {
    pub(super) msg: &'a Value,
    pub(super) header: &'a str,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// Sparks to which it was written here.
    pub(super) send: u64,
    /// Each server, and for whom.
    pub(super) to: Vec<(String, Recipients)>,
}

/// Asks other servers. `done` is called once all of them have answered, or failed to.
pub(super) fn forward(pool: &Pool, client: &Arc<Client>, errand: Errand<'_>, done: Done) {
    let gather = Arc::new(Gather::new(errand.to.len(), errand.send, done));
    for (server, to) in errand.to {
        let question = Question {
            url: format!("{}{}", origin(&server), errand.path),
            method: errand.method.to_owned(),
            header: errand.header.to_owned(),
            body: Order::body(errand.msg, &to),
            kind: to.name(),
        };
        let (cost, told) = (question.body.len(), Arc::clone(&gather));
        let client = Arc::clone(client);
        let job: Job = Box::new(move || told.add(client.ask(&question)));
        if pool.run(cost, job).is_err() {
            let reason = "too many messages wait for other servers";
            gather.add(Err(ForwardError::new(reason, 0)));
        }
    }
}

/// Scheme, host and port of a server's address: what follows is replaced, as a browser does it.
fn origin(server: &str) -> &str {
    let authority = server.find("://").map_or(0, |at| at + 3);
    let end = server[authority..].find(['/', '?', '#']);
    end.map_or(server, |end| &server[..authority + end])
}

/// Gathers what servers have answered. Who has the last hold of it tells; so it is told even if
/// somebody is never asked.
struct Gather(Mutex<State>);

struct State {
    send: u64,
    failed: Option<ForwardError>,
    /// Servers that have not answered.
    left: usize,
    done: Option<Done>,
}

impl Gather {
    fn new(servers: usize, send: u64, done: Done) -> Self {
        Self(Mutex::new(State {
            send,
            failed: None,
            left: servers,
            done: Some(done),
        }))
    }

    fn add(&self, answer: Result<u64, ForwardError>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.left -= 1;
        match answer {
            Ok(send) => state.send = state.send.saturating_add(send),
            Err(error) => drop(state.failed.get_or_insert(error)),
        }
    }
}

impl Drop for Gather {
    fn drop(&mut self) {
        let state = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(done) = state.done.take() else {
            return;
        };
        let send = state.send;
        let forgotten = (state.left > 0).then(|| ForwardError::new("the plugin was removed", 0));
        done.give(match state.failed.take().or(forgotten) {
            None => Ok(Reached { send, local: false }),
            Some(error) => Err(ForwardError { send, ..error }),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn of_an_address_scheme_host_and_port_count() {
        for (server, wanted) in [
            ("http://10.0.0.1:80", "http://10.0.0.1:80"),
            ("http://10.0.0.1:80/", "http://10.0.0.1:80"),
            ("https://a.example/x/y?z#0", "https://a.example"),
            ("http://a.example?x", "http://a.example"),
        ] {
            assert_eq!(origin(server), wanted);
        }
    }

    #[test]
    fn everybody_is_waited_for_and_the_first_failure_is_told() {
        let (told, answers) = channel();
        let gather = |servers| {
            let told = told.clone();
            Gather::new(servers, 1, Done::new(move |result| drop(told.send(result))))
        };
        let all = gather(2);
        all.add(Ok(2));
        all.add(Ok(3));
        assert!(answers.try_recv().is_err());
        drop(all);
        assert_eq!(
            answers.recv().unwrap(),
            Ok(Reached {
                send: 6,
                local: false
            })
        );
        let some = gather(3);
        some.add(Err(ForwardError::new("one", 0)));
        some.add(Ok(5));
        some.add(Err(ForwardError::new("two", 0)));
        drop(some);
        assert_eq!(answers.recv().unwrap(), Err(ForwardError::new("one", 6)));
        drop(gather(1));
        assert!(answers.recv().unwrap().is_err());
    }
}
