//! Authorization that is configured, of a server.

use std::sync::Arc;

use crate::auth::{self, Authorizer, Watch};
use crate::error::{Error, OptionError};
use crate::primus::Primus;

impl Primus {
    /// The server with the authorization that its options describe, if they do.
    pub(crate) fn with_keys(mut self, has_function: bool) -> Result<Self, Error> {
        let options = &self.options.authorization;
        if !options.is_on() {
            return Ok(self);
        }
        if has_function {
            return Err(Error::of("authorization")(OptionError::AuthorizationTwice));
        }
        let authorizer = Authorizer::start(options, &self.options.pathname);
        let authorizer = authorizer.map_err(|error| Error::of(error.option())(error))?;
        let watch = Watch::start(Arc::new(authorizer));
        let watch = Arc::new(watch.map_err(|error| Error::Watch(error.to_string()))?);
        // These functions live as long as the server does, which may be longer than this.
        let (judge, keeper, renewer) = (watch.clone(), watch.clone(), watch.clone());
        self.authorize(move |request| auth::decide(judge.authorizer(), request));
        self.on_connection(move |spark| auth::connected(keeper.authorizer(), spark));
        self.on_authorization(move |spark, credential| {
            auth::renew(renewer.authorizer(), spark, credential);
        });
        self.keys = Some(watch);
        Ok(self)
    }

    /// A function that has the keys of authorization be read anew, on the thread that calls it. It
    /// returns what there is now, in words, or the first file that can't be used: then all keys
    /// stay. Nothing where none are configured.
    pub fn key_reloader(
        &self,
    ) -> Option<impl Fn() -> Result<String, Error> + Send + Sync + use<> + 'static> {
        let keys = self.keys.clone()?;
        Some(move || {
            let reloaded = keys.authorizer().reload();
            reloaded.map_err(|error| Error::of(error.option())(error))
        })
    }
}

#[cfg(test)]
mod tests {
    use allspark_client::Event;
    use allspark_engine::Destroy;
    use allspark_protocol::options::Bounded;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use futures_util::StreamExt;
    use ring::hmac;

    use super::*;
    use crate::auth::{AuthorizationOptions, Authorized, Expiry, Secret};

    fn tokens() -> AuthorizationOptions {
        AuthorizationOptions {
            tokens: Some(Secret::from("0123456789abcdef ann".to_owned())),
            ..AuthorizationOptions::default()
        }
    }

    #[tokio::test]
    async fn an_application_knows_who_a_spark_is() {
        let primus = Primus::builder().authorization_by(tokens()).shards(1);
        let primus = primus.build().unwrap();
        primus.on_connection(|spark| {
            let subject = spark.auth().and_then(|auth| auth.subject());
            let subject = subject.map(str::to_owned);
            spark.write(subject);
        });
        let server = primus.start("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.address());
        // It does not try again, as it knows that it may be refused.
        let refused = primus.socket().connect(&url).await;
        assert!(refused.is_err(), "{refused:?}");
        let url = format!("{url}/?token=0123456789abcdef");
        let mut client = primus.socket().connect(url).await.unwrap();
        loop {
            match client.next().await.unwrap() {
                Event::Data(data) => {
                    assert_eq!(data.encoded(), b"\"ann\"");
                    break;
                }
                event => assert!(!matches!(event, Event::Error(_)), "{event:?}"),
            }
        }
        client.end().await;
        primus.destroy(Destroy::default());
        server.join().unwrap();
    }

    const SECRET: &str = "a secret of at least thirty-two bytes";

    fn jwt(claims: &str) -> String {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let message = format!("{}.{}", part(r#"{"alg":"HS256"}"#), part(claims));
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// The next message that a client gets, or what becomes of it.
    async fn next(client: &mut allspark_client::Primus) -> String {
        loop {
            match client.next().await.unwrap() {
                Event::Data(data) => return String::from_utf8(data.encoded().to_vec()).unwrap(),
                Event::ReconnectScheduled(_) => return "it comes back".to_owned(),
                Event::End => return "it stays away".to_owned(),
                _ => {}
            }
        }
    }

    /// On the same connection, with the same person, whatever the parser.
    #[tokio::test]
    async fn a_client_renews_its_authorization() {
        for (parser, expiry, then) in [
            ("json", Expiry::Refresh, "it comes back"),
            ("raw", Expiry::End, "it stays away"),
        ] {
            let by = AuthorizationOptions {
                jwt_secret: Some(Secret::from(SECRET.to_owned())),
                jwt_leeway: Bounded::of(0),
                expiry,
                ..AuthorizationOptions::default()
            };
            let builder = Primus::builder().authorization_by(by).parser(parser);
            let primus = builder.shards(1).build().unwrap();
            primus.on_data(|spark, _| {
                let until = spark.auth().and_then(|auth| auth.expires_at_ms());
                spark.write(until.map(|ms| ms.to_string()));
            });
            let server = primus.start("127.0.0.1:0").unwrap();
            let first = jwt(r#"{"sub":"ann","exp":4000000000}"#);
            let url = format!("http://{}/?token={first}", server.address());
            let mut client = primus.socket().connect(url).await.unwrap();
            let second = jwt(r#"{"sub":"ann","exp":4000000001}"#);
            client.renew_authorization(second).unwrap();
            let answer = r#"{"authorization":"renewed","expires":4000000001000}"#;
            assert_eq!(next(&mut client).await, answer);
            client.write("until when?").await.unwrap();
            assert!(next(&mut client).await.contains("4000000001000"));
            let of_bob = jwt(r#"{"sub":"bob","exp":4000000002}"#);
            client.renew_authorization(of_bob).unwrap();
            assert_eq!(next(&mut client).await, then);
            client.end().await;
            primus.destroy(Destroy::default());
            server.join().unwrap();
        }
    }

    #[test]
    fn a_function_and_a_configuration_are_one_too_many() {
        let builder = Primus::builder().authorization(|_| ());
        let error = builder.authorization_by(tokens()).build().unwrap_err();
        assert!(error.to_string().contains("give only one"), "{error}");
    }

    #[test]
    fn clients_of_a_server_with_authorization_do_not_try_again() {
        let knows = |primus: Primus| primus.library().contains("authorization: true");
        assert!(knows(
            Primus::builder().authorization(|_| ()).build().unwrap()
        ));
        let configured = Primus::builder().authorization_by(tokens());
        assert!(knows(configured.build().unwrap()));
        assert!(!knows(Primus::builder().build().unwrap()));
    }
}
