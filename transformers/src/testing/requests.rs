//! The server's side of connections: requests, upgrades, and how connections end.

use allspark_protocol::Input;
use allspark_protocol::http::{Reader, Request, RequestHead, Response};
use allspark_protocol::primus::SparkId;
use allspark_protocol::primus::id::IdParts;
use allspark_protocol::transformer::{Answer, Carrier, ClientTransport, SessionName, Transformer};

use super::connection::{Connection, Far, Form, Pending, Role};
use super::events::Event;
use super::{Pair, Session};

impl<T: Transformer, C: ClientTransport> Pair<T, C> {
    /// A client connects. Returns the number of the carrier.
    pub(super) fn open_connection(&mut self, far: Far) -> u64 {
        let id = self.connections_made;
        self.connections_made += 1;
        let body_bytes_max = self.transformer.request_body_bytes_max();
        let connection = Connection::new(far, body_bytes_max);
        self.connections.insert(id, connection);
        id
    }

    /// The server reads bytes of a connection.
    pub(super) fn server_receives(&mut self, id: u64, mut bytes: Vec<u8>) {
        let connection = self.connection(id);
        match connection.role {
            Role::Http => {
                let reader = connection.reader.take();
                let reader = reader.expect("nobody reads requests of this connection now");
                self.read_requests(id, reader, &mut Input::new(&mut bytes));
            }
            Role::Waiting(_) => connection.kept.extend(bytes),
            Role::Upgraded(spark) => self.read_session(id, spark, &mut Input::new(&mut bytes)),
            Role::Pacing(_) | Role::Discard => {}
        }
    }

    /// The server learns that nothing more comes on a connection.
    pub(super) fn server_loses(&mut self, id: u64) {
        let connection = self.connection(id);
        let owner = connection.owner();
        connection.finish();
        if let Some(spark) = owner.filter(|spark| self.sessions.contains_key(spark)) {
            self.lose_carrier(spark, Carrier(id));
        }
    }

    /// Goes on with input that was kept while a request was not answered.
    pub(super) fn read_kept(&mut self, id: u64) {
        let kept = std::mem::take(&mut self.connection(id).kept);
        self.server_receives(id, kept);
    }

    pub(super) fn connection(&mut self, id: u64) -> &mut Connection {
        let connection = self.connections.get_mut(&id);
        connection.expect("a connection is kept until both sides have closed it")
    }

    fn read_requests(&mut self, id: u64, mut reader: Reader, input: &mut Input<'_>) {
        while matches!(self.connection(id).role, Role::Http) {
            match reader.next(input) {
                Ok(Some(request)) => self.request(id, &request),
                Ok(None) => break,
                Err(error) => {
                    let response = Response::text(error.status(), &format!("{error}\n"));
                    let mut bytes = Vec::new();
                    response.encode(&mut bytes, false, false);
                    let connection = self.connection(id);
                    connection.down.write(&bytes);
                    connection.finish();
                }
            }
        }
        if let Some(head) = reader.begun() {
            self.begin_request(id, &head);
        }
        if reader.take_continue() {
            self.connection(id)
                .down
                .write(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        let connection = self.connection(id);
        connection.reader = Some(reader);
        if !input.is_empty() {
            self.server_receives(id, input.take_all().to_vec());
        }
    }

    /// Tells the session of a request whose body is coming, once.
    fn begin_request(&mut self, id: u64, head: &RequestHead<'_>) {
        let name = self.transformer.announced(head);
        let Some(spark) = name.and_then(|name| self.find(name)) else {
            return;
        };
        if self.connection(id).begun.is_some() {
            return;
        }
        let refusal = self.call(spark, |transformer, session, context, out| {
            transformer.begun(session, context, Carrier(id), head, out)
        });
        match refusal {
            None => self.connection(id).begun = Some(spark),
            Some(response) => {
                let form = Form {
                    keep_alive: false,
                    ..Form::of(head)
                };
                self.connection(id).respond(form, &response);
            }
        }
    }

    fn request(&mut self, id: u64, request: &Request<'_>) {
        self.connection(id).begun = None;
        let answer = self.transformer.request(request);
        match answer {
            Answer::Find(name) => {
                if let Some(spark) = self.find(name) {
                    self.hand_over(id, spark, request);
                    if self.declined.take() != Some(id) {
                        return;
                    }
                }
                let answer = self.transformer.absent(request);
                let is_final = !matches!(answer, Answer::Find(_));
                assert!(is_final, "absent() must not say Find");
                self.answer(id, request, answer, Some(name));
            }
            answer => self.answer(id, request, answer, None),
        }
    }

    fn find(&self, name: SessionName<'_>) -> Option<SparkId> {
        match name {
            SessionName::Spark(spark) => self.sessions.contains_key(&spark).then_some(spark),
            SessionName::Chosen(name) => self.names.get(name).copied(),
        }
    }

    fn answer(
        &mut self,
        id: u64,
        request: &Request<'_>,
        answer: Answer<'_, T::Session>,
        name: Option<SessionName<'_>>,
    ) {
        match answer {
            Answer::Respond(response) => {
                let form = Form::of(&request.head);
                self.connection(id).respond(form, &response);
            }
            Answer::Paced { response, parts } => {
                self.begin_paced(id, Form::of(&request.head), &response, parts);
            }
            Answer::Upgrade { response, session } => {
                let spark = self.open_session(request, session, None);
                let session = self.sessions.get_mut(&spark).expect("it was just made");
                session.is_plain = true;
                session.stream = Some(Carrier(id));
                self.upgrade(id, spark, &response);
            }
            Answer::Open { session, port } => {
                let spark = self.open_session(request, session, port);
                if let Some(SessionName::Chosen(name)) = name {
                    self.names.insert(name.to_owned(), spark);
                }
                self.hand_over(id, spark, request);
            }
            Answer::Find(_) => unreachable!("the caller found it"),
        }
    }

    /// Answers with `101`; from now on the bytes go to the session.
    pub(super) fn upgrade(&mut self, id: u64, spark: SparkId, response: &Response) {
        assert_eq!(response.status(), 101, "an upgrade is answered with 101");
        let connection = self.connection(id);
        let mut bytes = Vec::new();
        response.encode(&mut bytes, true, false);
        connection.down.write(&bytes);
        connection.role = Role::Upgraded(spark);
    }

    fn hand_over(&mut self, id: u64, spark: SparkId, request: &Request<'_>) {
        self.connection(id).role = Role::Waiting(Pending {
            spark,
            form: Form::of(&request.head),
            body: None,
        });
        self.call(spark, |transformer, session, context, out| {
            transformer.exchange(session, context, Carrier(id), request, out);
        });
    }

    fn open_session(
        &mut self,
        request: &Request<'_>,
        state: T::Session,
        port: Option<u16>,
    ) -> SparkId {
        let parts = IdParts {
            shard: 0,
            index: self.sessions_made,
            random: u128::from(self.random.next()),
        };
        self.sessions_made += 1;
        let spark = SparkId::new(parts, 0);
        let wire = self.transformer.wire(&state);
        self.sessions.insert(spark, Session::new(state, wire));
        let target = request.head.target().to_owned();
        self.events.push(Event::Connection {
            spark,
            target,
            port,
        });
        spark
    }
}
