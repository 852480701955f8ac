//! One connection, without its socket: bytes in, bytes out.

use std::rc::Rc;

use allspark_protocol::Input;
use allspark_protocol::http::{Reader, Response};

use crate::feed::{Answers, Feed};
use crate::service::{Service, Session};

/// One connection of a [`Service`].
#[derive(Debug)]
pub struct Connection {
    service: Rc<Service>,
    state: State,
}

/// What is to be done after a read, once the bytes that it led to are written.
#[derive(Debug, Default)]
pub struct Turn {
    /// From now on what this gives is to be written, by a task of its own; reading goes on.
    pub feed: Option<Feed>,
    /// The connection is over: it is to be closed.
    pub is_over: bool,
}

#[derive(Debug)]
enum State {
    Http(Reader),
    Open(Session, Option<Answers>),
    Over,
}

impl Connection {
    /// A connection that was just accepted.
    pub fn new(service: &Rc<Service>) -> Self {
        Self {
            service: Rc::clone(service),
            // No request of a WebSocket has a body.
            state: State::Http(Reader::new(0)),
        }
    }

    /// Consumes what one read brought. What is appended to `out` is to be written at once; nothing
    /// is once the connection has a feed.
    pub fn receive(&mut self, bytes: &mut [u8], out: &mut Vec<u8>) -> Turn {
        let mut input = Input::new(bytes);
        let mut turn = Turn::default();
        match &mut self.state {
            State::Http(_) => {
                turn = self.read_requests(&mut input, out);
            }
            State::Open(session, None) => {
                turn.is_over = self.service.read(session, &mut input, out);
            }
            State::Open(session, Some(answers)) => {
                let is_over = self.service.read(session, &mut input, out);
                turn.is_over = is_over | !(out.is_empty() || answers.push(out));
                out.clear();
            }
            State::Over => turn.is_over = true,
        }
        if turn.is_over {
            self.state = State::Over;
        }
        turn
    }

    fn read_requests(&mut self, input: &mut Input<'_>, out: &mut Vec<u8>) -> Turn {
        while let State::Http(reader) = &mut self.state {
            let request = match reader.next(input) {
                Ok(Some(request)) => request,
                Ok(None) => return Turn::default(),
                Err(error) => {
                    Response::new(error.status()).encode(out, false, false);
                    return Turn::over();
                }
            };
            let (keep_alive, is_head) =
                (request.head.keep_alive(), request.head.method() == "HEAD");
            let (response, session) = self.service.request(&request);
            response.encode(out, keep_alive, is_head);
            match session {
                Some(session) => {
                    let session = self.service.open(session);
                    return self.open(session, input, out);
                }
                None if keep_alive => {}
                None => return Turn::over(),
            }
        }
        Turn::default()
    }

    /// The session begins. What its client has sent already is answered with the answer to its
    /// request, whether there is a feed or not: nobody takes from that yet.
    fn open(&mut self, mut session: Session, input: &mut Input<'_>, out: &mut Vec<u8>) -> Turn {
        let (feed, answers) = self.service.listen().unzip();
        let is_over = self.service.read(&mut session, input, out);
        self.state = State::Open(session, answers);
        Turn { feed, is_over }
    }
}

impl Turn {
    fn over() -> Self {
        Self {
            feed: None,
            is_over: true,
        }
    }
}

#[cfg(test)]
mod tests;
