//! A layer: a function with a name.

use std::sync::Arc;

use allspark_protocol::http::RequestHead;

use super::request::LayerRequest;
use super::route::{Decide, LayerRoute};
use super::verdict::Verdict;
use crate::routes::{Reply, RouteRequest};

/// Judges a request.
pub(crate) type Function = Arc<dyn Fn(&mut LayerRequest<'_>) -> Verdict + Send + Sync>;

/// A function with a name that requests for Primus go through.
///
/// ```
/// use allspark_engine::{Layer, LayerError};
///
/// // Asks plain requests only, not upgrades.
/// let version = Layer::new("version", |request| match request.head().header("x-version") {
///     Some("1") => Err(LayerError::new("too old").status(426)),
///     _ => Ok(()),
/// });
/// let version = version.upgrade(false);
/// # drop(version);
/// ```
#[derive(Clone)]
pub struct Layer {
    pub(super) name: Arc<str>,
    pub(super) http: bool,
    pub(super) upgrade: bool,
    pub(super) openings: bool,
    pub(super) act: Act,
}

/// What a layer does.
#[derive(Clone)]
pub(crate) enum Act {
    Judge(Function),
    Route(Arc<LayerRoute>),
}

impl Act {
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Judge(one), Self::Judge(other)) => Arc::ptr_eq(one, other),
            (Self::Route(one), Self::Route(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Layer {
    /// A layer that is asked about every request for Primus, upgrades included. It runs on the
    /// shard of the request and must not block: what takes long is answered later, with
    /// [`LayerRequest::later`]. If it panics, the request is answered with 500.
    ///
    /// What it returns becomes a [`Verdict`]: nothing lets the request go on, and so does `Ok(())`;
    /// a [`Response`](allspark_protocol::http::Response) answers it; a
    /// [`LayerError`](crate::LayerError) refuses it.
    pub fn new<V: Into<Verdict>>(
        name: impl AsRef<str>,
        function: impl Fn(&mut LayerRequest<'_>) -> V + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.as_ref().into(),
            http: true,
            upgrade: true,
            openings: false,
            act: Act::Judge(function_of(function)),
        }
    }

    /// A layer that is `async`: what the function returns is run by the shard of the request, and
    /// decides when it is done ([`LayerRequest::decide_by`]).
    ///
    /// ```
    /// use allspark_engine::{Layer, LayerError};
    ///
    /// # async fn is_known(_: Option<String>) -> bool { true }
    /// let known = Layer::new_async("known", |request| {
    ///     let cookie = request.head().header("cookie").map(str::to_owned);
    ///     async move {
    ///         match is_known(cookie).await {
    ///             true => Ok(()),
    ///             false => Err(LayerError::new("who are you?").status(403)),
    ///         }
    ///     }
    /// });
    /// # drop(known);
    /// ```
    pub fn new_async<F>(
        name: impl AsRef<str>,
        function: impl Fn(&mut LayerRequest<'_>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: Into<Verdict>> + 'static,
    {
        Self::new(name, move |request| {
            let future = function(request);
            request.decide_by(future)
        })
    }

    /// A layer that answers some requests itself, with their bodies, as a route does; also under
    /// Primus's pathname. `decide` looks at the head of a request as soon as that has come, and is
    /// never asked about upgrades; what it takes comes to `handler` once its body is there, of at
    /// most `body_bytes_max` bytes: a longer one gets 413. What the layers before it say to
    /// browsers is part of its answers, also of those that come later.
    ///
    /// ```
    /// use allspark_engine::{Decide, Layer};
    /// use allspark_protocol::http::Response;
    ///
    /// let take = |head: &allspark_protocol::http::RequestHead<'_>| match head.target() {
    ///     "/primus/log" if head.method() == "POST" => Decide::Take,
    ///     _ => Decide::Pass,
    /// };
    /// let log = Layer::route("log", 1024, take, |request| {
    ///     println!("{}", String::from_utf8_lossy(request.body()));
    ///     Response::new(204).into()
    /// });
    /// # drop(log);
    /// ```
    pub fn route(
        name: impl AsRef<str>,
        body_bytes_max: usize,
        decide: impl Fn(&RequestHead<'_>) -> Decide + Send + Sync + 'static,
        handler: impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let route = LayerRoute::new(body_bytes_max, decide, handler);
        Self {
            name: name.as_ref().into(),
            http: true,
            upgrade: false,
            openings: false,
            act: Act::Route(Arc::new(route)),
        }
    }

    /// Whether it is asked about requests that are no upgrades. Default true.
    #[must_use]
    pub fn http(mut self, http: bool) -> Self {
        self.http = http;
        self
    }

    /// Whether it is asked about upgrades. Default true.
    #[must_use]
    pub fn upgrade(mut self, upgrade: bool) -> Self {
        // What a route takes is no upgrade.
        self.upgrade = upgrade && matches!(self.act, Act::Judge(_));
        self
    }

    /// Asks it only about requests that open a spark, once the transport has said that they do:
    /// neither about the polls of a session that is there, nor about what the transport answers by
    /// itself. All others were asked before. What it refuses is answered with 401 if it says
    /// nothing else, as by an authorization. A route does not change by it.
    ///
    /// ```
    /// use allspark_engine::{Layer, LayerError};
    ///
    /// let closed = Layer::new("closed", |_| Err::<(), _>(LayerError::new("full").status(403)));
    /// let closed = closed.openings();
    /// # drop(closed);
    /// ```
    #[must_use]
    pub fn openings(mut self) -> Self {
        self.openings = matches!(self.act, Act::Judge(_));
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Debug for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Layer")
            .field("name", &self.name)
            .field("http", &self.http)
            .field("upgrade", &self.upgrade)
            .field("openings", &self.openings)
            .finish_non_exhaustive()
    }
}

/// Makes one kind of function of all.
pub(crate) fn function_of<V: Into<Verdict>>(
    function: impl Fn(&mut LayerRequest<'_>) -> V + Send + Sync + 'static,
) -> Function {
    Arc::new(move |request| function(request).into())
}
