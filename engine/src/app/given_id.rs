//! Ids that the application gives to sparks, beside those that they have: Primus's `idGenerator`.

use super::handle::Handle;
use super::host::{Command, Finder};
use super::id_request::IdRequest;
use super::listen::Attach;
use super::local::LocalPrimus;
use super::spark::Spark;

impl Spark<'_> {
    /// The id that the application has given to the spark, if it gives ids
    /// ([`Attach::id_generator`]). A client that asks for its id gets this one.
    #[doc(alias = "id")]
    pub fn given_id(&self) -> Option<&str> {
        let extras = self.host.spark(self.key).extras.as_ref()?;
        extras.given_id.as_deref()
    }
}

impl Attach {
    /// Gives each new spark an id that `generate` makes of the request which opened it. It has to
    /// be unlike all others; of two that are the same, one is found. An id has from 1 to 128 bytes;
    /// a spark for which there is no such one has only its own. Called again, it takes the place of
    /// the function before.
    ///
    /// It runs on the shard, as Primus's does, and must not block. Who has to ask somebody for the
    /// id does so in a layer that takes its time, or in the authorization, and attaches the answer
    /// to the request, where `generate` finds it.
    ///
    /// ```
    /// use allspark_engine::{Attach, Layer};
    ///
    /// struct Account(String);
    ///
    /// fn set_up(primus: &Attach) {
    ///     primus.layers().add(Layer::new("accounts", |request| {
    ///         let mut ticket = request.later();
    ///         request.spawn(async move {
    ///             // A database, another service, ...
    ///             ticket.attach(Account("account-7".to_owned()));
    ///             ticket.next();
    ///         });
    ///         allspark_engine::Verdict::Later
    ///     }));
    ///     primus.id_generator(|request| {
    ///         let account = request.attached::<Account>();
    ///         account.map(|account| account.0.clone()).unwrap_or_default()
    ///     });
    /// }
    /// ```
    #[doc(alias = "idGenerator")]
    pub fn id_generator(
        &self,
        generate: impl Fn(&IdRequest<'_>) -> String + Send + Sync + 'static,
    ) {
        self.attach(|listeners| listeners.id_generator = Some(std::sync::Arc::new(generate)));
    }
}

impl Handle {
    /// Calls `visit` with the spark to which the application has given this id, on its shard, or
    /// with `None` if there is none. No shard knows the ids of the others, so they are asked one
    /// after the other, which takes up to a turn of each. Whoever often needs the same spark keeps
    /// its [`Spark::handle`].
    ///
    /// ```
    /// fn tell(primus: &allspark_engine::Handle) {
    ///     primus.find_given("user-7", |spark| match spark {
    ///         Some(spark) => drop(spark.write("hello")),
    ///         None => println!("user 7 is not here"),
    ///     });
    /// }
    /// ```
    #[doc(alias = "spark")]
    pub fn find_given(
        &self,
        id: &str,
        visit: impl FnOnce(Option<&mut Spark<'_>>) + Send + 'static,
    ) {
        let finder: Finder = Box::new(move |found| match found {
            Some((host, key)) => visit(Some(&mut Spark::new(host, key))),
            None => visit(None),
        });
        let id = id.into();
        self.send_to_first(Command::FindGiven { id, finder });
    }
}

impl LocalPrimus<'_> {
    /// As [`Handle::find_given`], once the handler that runs now has returned.
    pub fn find_given(
        &self,
        id: &str,
        visit: impl FnOnce(Option<&mut Spark<'_>>) + Send + 'static,
    ) {
        self.handle().find_given(id, visit);
    }
}
