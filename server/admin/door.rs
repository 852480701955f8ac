//! The door of the dashboard: who is let in, how one logs in and out, and its files.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use allspark::{
    LayerError, LayerRequest, Query, Reply, RequestHead, Response, RouteRequest, Routes, Ticket,
};
use arc_swap::ArcSwap;

use super::bounds::FORM_BYTES_MAX;
use super::files::{self, Files};
use super::guesses::{Guess, Guesser, Guesses};
use super::hasher::Hasher;
use super::operators::Operators;
use super::sessions::{Browsers, Session, Sessions};

/// Where the dashboard is.
pub(super) const PATH: &str = "/admin/";
const LOGIN_PATH: &str = "/admin/login";

/// The cookie of a session, and that of a browser that has logged in before.
const SESSION_COOKIE: &str = "allspark_admin";
const BROWSER_COOKIE: &str = "allspark_admin_known";

/// Seconds that a browser is known for: a year.
const BROWSER_COOKIE_S: u64 = 365 * 24 * 60 * 60;

/// The least time between two lines of the log about guesses that were wrong, as many as come.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// The door. It is the same for all who come.
pub(super) struct Door {
    operators: Arc<ArcSwap<Operators>>,
    hasher: Hasher,
    files: Files,
    session_s: u64,
    begun: Instant,
    pub(super) sessions: Sessions,
    browsers: ArcSwap<Browsers>,
    guesses: Mutex<Guesses>,
    wrong: Mutex<Wrong>,
    /// By their outcome, in the order of the metrics.
    logins: [AtomicU64; 3],
    /// What every request must carry, if the dashboard is reached through this process alone.
    knock: Option<String>,
}

/// Guesses that were wrong, of which the log has not heard.
#[derive(Default)]
struct Wrong {
    count: u64,
    told: Option<Instant>,
}

/// The header in which a request carries what it must.
pub(super) const KNOCK_HEADER: &str = "x-allspark-admin-door";

impl Door {
    /// # Errors
    /// There can be no thread for passwords.
    pub(super) fn new(
        operators: Operators,
        session_s: u64,
        knock: Option<String>,
    ) -> std::io::Result<Self> {
        let browsers = ArcSwap::from_pointee(Browsers::new(&operators.digest));
        let operators = Arc::new(ArcSwap::from_pointee(operators));
        Ok(Self {
            hasher: Hasher::start(Arc::clone(&operators))?,
            operators,
            files: Files::new(),
            session_s,
            begun: Instant::now(),
            sessions: Sessions::new(),
            browsers,
            guesses: Mutex::new(Guesses::new()),
            wrong: Mutex::default(),
            logins: Default::default(),
            knock,
        })
    }

    /// Others may log in from now on. If they are others, everybody has to do so again.
    pub(super) fn change(&self, operators: Operators) -> bool {
        let has_changed = operators.digest != self.operators.load().digest;
        if has_changed {
            let browsers = Browsers::new(&operators.digest);
            self.browsers.store(Arc::new(browsers));
            self.operators.store(Arc::new(operators));
            self.sessions.end_all();
        }
        has_changed
    }

    /// Its routes.
    pub(super) fn routes(self: &Arc<Self>) -> Routes {
        let mut routes = Routes::new();
        let mut add = |method, path, answer: fn(&Arc<Self>, &RouteRequest<'_>) -> Reply| {
            let door = Arc::clone(self);
            let bytes_max = if method == "POST" { FORM_BYTES_MAX } else { 0 };
            let added = routes.add_with_body(method, path, bytes_max, move |request| {
                match door.has_knocked(request.head()) {
                    true => answer(&door, request),
                    false => Response::text(403, "Forbidden\n").into(),
                }
            });
            added.expect("these paths differ");
        };
        add("GET", "/admin", |_, _| redirect(308, PATH).into());
        add("GET", PATH, Self::dashboard);
        add("GET", LOGIN_PATH, Self::login_page);
        add("POST", LOGIN_PATH, Self::login);
        add("POST", "/admin/logout", Self::logout);
        add("GET", "/admin/session", Self::session);
        add("GET", "/admin/{file}", Self::asset);
        routes
    }

    /// Judges who wants to see the dashboard live. What a browser says of where its page came from
    /// counts as well as its cookie: another port of this host is the same site to cookies.
    pub(super) fn authorize(&self, request: &mut LayerRequest<'_>) -> Result<(), LayerError> {
        let head = request.head();
        if !self.has_knocked(head) || !is_same_origin(head) {
            return Err(LayerError::new("this is for the dashboard's own page").status(403));
        }
        match self.session_of(head) {
            Some(session) => {
                request.attach(session);
                Ok(())
            }
            None => Err(LayerError::new("log in first")),
        }
    }

    fn has_knocked(&self, head: &RequestHead<'_>) -> bool {
        let said = || head.header(KNOCK_HEADER).unwrap_or_default().as_bytes();
        self.knock.as_ref().is_none_or(|knock| {
            ring::digest::digest(&ring::digest::SHA256, knock.as_bytes()).as_ref()
                == ring::digest::digest(&ring::digest::SHA256, said()).as_ref()
        })
    }

    fn session_of(&self, head: &RequestHead<'_>) -> Option<Session> {
        self.sessions.read(cookie(head, SESSION_COOKIE)?, now_s())
    }

    fn dashboard(self: &Arc<Self>, request: &RouteRequest<'_>) -> Reply {
        let Some(session) = self.session_of(request.head()) else {
            return redirect(303, LOGIN_PATH).into();
        };
        let blanks = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("operator", &session.operator),
        ];
        files::page(200, files::DASHBOARD, &blanks).into()
    }

    fn login_page(self: &Arc<Self>, request: &RouteRequest<'_>) -> Reply {
        let query = request.head().query();
        let why = query.get("why").unwrap_or_default();
        let why = match &*why {
            "wrong" => "That is not right. Please try again.",
            "wait" => "Too many tries. Please wait a little, then try again.",
            "busy" => "The server is busy with others who log in. Please try again.",
            "out" => "You are logged out.",
            _ => "",
        };
        let operators = self.operators.load();
        let (form, secret) = match (operators.has_users(), operators.has_tokens()) {
            (true, true) => ("both", "Password or token"),
            (true, false) => ("users", "Password"),
            _ => ("tokens", "Token"),
        };
        let blanks = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("form", form),
            ("secret", secret),
            ("why", why),
        ];
        files::page(200, files::LOGIN, &blanks).into()
    }

    fn login(self: &Arc<Self>, request: &RouteRequest<'_>) -> Reply {
        if !is_same_origin(request.head()) {
            return Response::text(403, "This form is for the page of the dashboard alone\n")
                .into();
        }
        let Ok(form) = std::str::from_utf8(request.body()) else {
            return because("wrong").into();
        };
        let form = Query::new(form);
        let field = |name| form.get(name).unwrap_or_default().into_owned();
        let (name, secret) = (field("name"), field("secret"));
        let browser = cookie(request.head(), BROWSER_COOKIE);
        let browser = browser.and_then(|cookie| self.browsers.load().read(cookie));
        let guess = match name.is_empty() {
            true => Guess::Token,
            false => Guess::Password,
        };
        let visit = Visit {
            guesser: Guesser::new(request.address(), browser),
            is_known: browser.is_some(),
            is_secure: is_secure(request),
            from: request.address().ip().to_string(),
        };
        let now = self.begun.elapsed();
        if self.guesses().admit(visit.guesser, guess, now).is_err() {
            self.count(2);
            return because("wait").into();
        }
        if guess == Guess::Token {
            let operators = self.operators.load();
            return self.judged(&visit, operators.of_token(&secret)).into();
        }
        let (door, ticket) = (Arc::clone(self), Busy::of(request.later()));
        self.hasher.judge(name.clone(), secret, move |is_right| {
            let name = is_right.then_some(&*name);
            ticket.respond(door.judged(&visit, name));
        });
        Reply::Later
    }

    /// Who has logged in, if somebody has.
    fn judged(&self, visit: &Visit, operator: Option<&str>) -> Response {
        let Some(operator) = operator else {
            self.count(1);
            self.tell_wrong(&visit.from);
            return because("wrong");
        };
        self.count(0);
        self.guesses().forgive(visit.guesser);
        tracing::info!(from = visit.from, "admin: {operator:?} has logged in");
        let secure = if visit.is_secure { "; Secure" } else { "" };
        let set = |response: Response, name: &str, value: &str, age_s: u64| {
            let rest = "Path=/admin; HttpOnly; SameSite=Strict";
            let cookie = format!("{name}={value}; {rest}; Max-Age={age_s}{secure}");
            response.header("Set-Cookie", &cookie)
        };
        let session = self.sessions.open(operator, now_s() + self.session_s);
        let response = set(
            redirect(303, PATH),
            SESSION_COOKIE,
            &session,
            self.session_s,
        );
        match visit.is_known {
            true => response,
            false => {
                let browser = self.browsers.load().meet();
                set(response, BROWSER_COOKIE, &browser, BROWSER_COOKIE_S)
            }
        }
    }

    fn logout(self: &Arc<Self>, request: &RouteRequest<'_>) -> Reply {
        if !is_same_origin(request.head()) {
            return Response::text(403, "This form is for the page of the dashboard alone\n")
                .into();
        }
        if let Some(session) = self.session_of(request.head()) {
            self.sessions.end(&session, now_s());
            tracing::info!("admin: {:?} has logged out", session.operator);
        }
        let forget =
            format!("{SESSION_COOKIE}=; Path=/admin; HttpOnly; SameSite=Strict; Max-Age=0");
        because("out").header("Set-Cookie", &forget).into()
    }

    /// Whether the browser has a session. One that follows a link from elsewhere does not send its
    /// cookie, so the page on which people log in asks once more.
    fn session(self: &Arc<Self>, request: &RouteRequest<'_>) -> Reply {
        let status = if self.session_of(request.head()).is_some() {
            204
        } else {
            401
        };
        let response = Response::new(status).header("Cache-Control", "no-store");
        files::secured(response).into()
    }

    fn asset(self: &Arc<Self>, request: &RouteRequest<'_>) -> Reply {
        let name = request.param("file").unwrap_or_default();
        self.files.asset(name, request.head()).into()
    }

    /// How many ended so.
    pub(super) fn logins(&self, outcome: usize) -> u64 {
        self.logins[outcome].load(Ordering::Relaxed)
    }

    fn count(&self, outcome: usize) {
        self.logins[outcome].fetch_add(1, Ordering::Relaxed);
    }

    fn tell_wrong(&self, from: &str) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.count += 1;
        if wrong.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            tracing::warn!(
                from,
                "admin: wrong name, password or token ({} times)",
                wrong.count
            );
            *wrong = Wrong {
                count: 0,
                told: Some(Instant::now()),
            };
        }
    }

    fn guesses(&self) -> std::sync::MutexGuard<'_, Guesses> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who logs in.
struct Visit {
    guesser: Guesser,
    is_known: bool,
    is_secure: bool,
    from: String,
}

/// A ticket that says "busy" if nobody answers it.
struct Busy(Option<Ticket>);

impl Busy {
    fn of(ticket: Ticket) -> Self {
        Self(Some(ticket))
    }

    fn respond(mut self, response: Response) {
        if let Some(ticket) = self.0.take() {
            ticket.respond(response);
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(ticket) = self.0.take() {
            ticket.respond(because("busy"));
        }
    }
}

/// Back to the page on which people log in, which says why.
fn because(why: &str) -> Response {
    redirect(303, &format!("{LOGIN_PATH}?why={why}"))
}

fn redirect(status: u16, to: &str) -> Response {
    let response = Response::new(status).header("Location", to);
    files::secured(response.header("Cache-Control", "no-store"))
}

/// The value of a cookie.
fn cookie<'h>(head: &RequestHead<'h>, name: &str) -> Option<&'h str> {
    let pairs = head.header("cookie")?.split(';');
    let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// Whether a page of the dashboard asks, as far as a browser says who does. Browsers say it; what
/// is no browser has no cookies that others could use.
fn is_same_origin(head: &RequestHead<'_>) -> bool {
    if let Some(site) = head.header("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = head.header("origin") else {
        return true;
    };
    let host = head.header("host").unwrap_or_default();
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    !host.is_empty() && authority.is_some_and(|origin| origin.eq_ignore_ascii_case(host))
}

/// Whether the cookie may be for encrypted connections alone. Who lies about it loses his own.
fn is_secure(request: &RouteRequest<'_>) -> bool {
    let said = request.head().header("x-forwarded-proto");
    request.is_secure() || said.is_some_and(|proto| proto.eq_ignore_ascii_case("https"))
}

/// The time, in seconds since the Unix epoch.
pub(super) fn now_s() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}
