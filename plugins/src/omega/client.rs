//! The HTTP client that asks other servers.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use allspark_protocol::Value;
use allspark_protocol::parser::{Json, Parser, Scratch};
use allspark_protocol::transformer::Kind;
use allspark_protocol::value::Object;
use ureq::Agent;
use ureq::http::{Method, Request};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use super::exchange::{Exchange, ForwardError, Question};

/// Bytes of an answer: it is a number, or says why there is none and repeats the message.
const ANSWER_BYTES_MAX: u64 = 11 * 1024 * 1024;

/// Asks servers. It keeps connections to them.
pub(super) struct Client {
    timeout: Duration,
    plain: Agent,
    /// Made when it is needed first, as it reads the certificates of the system.
    secure: OnceLock<Result<Agent, String>>,
}

impl Client {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            plain: agent(timeout, None),
            secure: OnceLock::new(),
        }
    }

    /// Asks one server. Returns to how many sparks it has written.
    pub(super) fn ask(&self, question: &Question) -> Result<u64, ForwardError> {
        let fail = |status: u16, reason: &str, body: Value| ForwardError {
            url: question.url.clone(),
            status,
            reason: reason.to_owned(),
            kind: question.kind,
            exchange: Box::new(Exchange {
                packet: packet(&question.body),
                body,
            }),
            send: 0,
        };
        let nothing = || Value::Object(Object::new());
        let (status, body) = self
            .answer(question)
            .map_err(|reason| fail(500, &reason, nothing()))?;
        let body = decode(&body).filter(|body| !body.is_null());
        let body = body.unwrap_or_else(nothing);
        let reason = body["reason"].as_str().map(str::to_owned);
        if status != 200 {
            let reason = reason.unwrap_or(format!("Invalid status code ({status}) returned"));
            return Err(fail(status, &reason, body));
        }
        if body["ok"] != Value::from(true) {
            let reason = reason.unwrap_or("Unable to process the request".to_owned());
            return Err(fail(status, &reason, body));
        }
        Ok(body["send"].as_u64().unwrap_or(0))
    }

    fn answer(&self, question: &Question) -> Result<(u16, Vec<u8>), String> {
        let method: Method = question.method.parse().map_err(|_| "no method")?;
        let request = Request::builder()
            .method(method)
            .uri(&question.url)
            .header("authorization", &question.header)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(&question.body[..])
            .map_err(|error| error.to_string())?;
        let agent = self.agent(&question.url)?;
        let mut response = agent.run(request).map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        let body = body.read_to_vec().map_err(|error| error.to_string())?;
        Ok((status, body))
    }

    fn agent(&self, url: &str) -> Result<&Agent, String> {
        if !url.starts_with("https:") {
            return Ok(&self.plain);
        }
        let secure = || Ok(agent(self.timeout, Some(tls()?)));
        let secure = self.secure.get_or_init(secure);
        secure.as_ref().map_err(String::clone)
    }
}

fn agent(timeout: Duration, tls: Option<TlsConfig>) -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(timeout))
        .max_redirects(0)
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        // What the environment says about proxies is meant for other programs.
        .proxy(None)
        .user_agent(concat!("allspark/", env!("CARGO_PKG_VERSION")));
    let config = match tls {
        Some(tls) => config.tls_config(tls),
        None => config,
    };
    config.build().new_agent()
}

/// With the certificates that the system trusts, and ring, as everywhere in AllSpark.
fn tls() -> Result<TlsConfig, String> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        return Err("there are no certificates on this system to trust".to_owned());
    }
    let certificates = found.certs.iter();
    let certificates = certificates.map(|der| Certificate::from_der(der).to_owned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(RootCerts::Specific(Arc::new(certificates.collect())))
        .build())
}

/// What was asked, in the order in which npm's plugin tells of it.
fn packet(body: &[u8]) -> Value {
    let mut packet = Object::new();
    if let Some(Value::Object(mut body)) = decode(body) {
        for name in ["sparks", "rooms", "except", "msg"] {
            if let Some(value) = body.remove(name) {
                packet.insert(name, value);
            }
        }
    }
    Value::Object(packet)
}

fn decode(json: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(json);
    let decoded = Json.decode(Kind::Text, text.as_bytes(), &mut Scratch::default());
    decoded.ok()
}
