//! What scripts of other origins may do: Primus's options of CORS; and what clients are told of
//! refusals.

use allspark_protocol::http::CorsOptions;

use super::Builder;

impl Builder {
    /// What scripts of other origins may do: Primus's `origins`, `methods`, `credentials`,
    /// `maxAge`, `headers` and `exposed`. Default: Primus's, which allow every origin. Once origins
    /// are listed, they are asked of upgrades, too, unless [`CorsOptions::upgrades`] is false.
    #[doc(alias = "origins")]
    #[must_use]
    pub fn cors(self, cors: CorsOptions) -> Self {
        self.set("cors", cors.try_into(), |o| &mut o.cors)
    }

    /// Origins whose scripts may connect, with commas or spaces between them, or `*` for all.
    /// Default `*`. Once some are listed, they are asked of upgrades, too: see
    /// [`CorsOptions::origins`].
    #[must_use]
    pub fn origins(self, origins: impl Into<String>) -> Self {
        self.set_cors("origins", |cors| cors.origins = origins.into())
    }

    /// Says that layers of the application may refuse clients as an authorization does, which the
    /// client library is then told: who is refused does not come again by itself. Unlike
    /// [`Builder::authorization`] it asks nobody.
    #[must_use]
    pub fn may_refuse(mut self) -> Self {
        self.may_refuse = true;
        self
    }

    /// Methods that scripts of other origins may use. Default `GET,HEAD,PUT,POST,DELETE,OPTIONS`.
    #[must_use]
    pub fn methods(self, methods: impl Into<String>) -> Self {
        self.set_cors("methods", |cors| cors.methods = methods.into())
    }

    /// Whether scripts of other origins may send cookies. Default true.
    #[must_use]
    pub fn credentials(self, credentials: bool) -> Self {
        self.set_cors("credentials", |cors| cors.credentials = credentials)
    }

    /// Seconds for which browsers may remember what a preflight was told. Default 30 days.
    #[doc(alias = "maxAge")]
    #[must_use]
    pub fn max_age_s(self, seconds: u64) -> Self {
        self.set_cors("max_age_s", |cors| cors.max_age_s = seconds)
    }

    /// Headers that scripts of other origins may send, with commas between them. Default: those
    /// they ask for.
    #[must_use]
    pub fn headers(self, headers: impl Into<String>) -> Self {
        self.set_cors("headers", |cors| cors.headers = headers.into())
    }

    /// Headers of answers that scripts of other origins may see. Default none.
    #[must_use]
    pub fn exposed(self, exposed: impl Into<String>) -> Self {
        self.set_cors("exposed", |cors| cors.exposed = exposed.into())
    }

    /// Changes one option of CORS.
    fn set_cors(self, name: &'static str, change: impl FnOnce(&mut CorsOptions)) -> Self {
        let mut cors = self.options.cors.options();
        change(&mut cors);
        self.set(name, cors.try_into(), |o| &mut o.cors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primus::Primus;

    #[test]
    fn options_of_cors_are_set_one_by_one_or_together() {
        let all = CorsOptions {
            origins: "http://a http://b".into(),
            upgrades: true,
            methods: "GET,PUT".into(),
            credentials: false,
            max_age_s: 60,
            headers: "X-A".into(),
            exposed: "X-B".into(),
        };
        let one_by_one = Primus::builder()
            .origins("http://a, http://b")
            .methods("get PUT")
            .credentials(false)
            .max_age_s(60)
            .headers("X-A")
            .exposed("X-B");
        let cors = |builder: Builder| builder.build().unwrap().options().cors.clone();
        assert_eq!(cors(one_by_one), cors(Primus::builder().cors(all.clone())));
        assert_eq!(cors(Primus::builder().cors(all.clone())).options(), all);
        assert_eq!(cors(Primus::builder()).options(), CorsOptions::default());
        let error = Primus::builder().origins("a").methods("GET").build();
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("option `origins`: "), "{error}");
    }
}
