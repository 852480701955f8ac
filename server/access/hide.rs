//! What nobody is to see of a target or a referer.

use std::borrow::Cow;

/// Parameters of queries that hold a credential by their name, or that name a session: who knows
/// that can speak for its client.
const SECRET: [&str; 14] = [
    "access_token",
    "api_key",
    "apikey",
    "auth",
    "authorization",
    "jwt",
    "key",
    "passwd",
    "password",
    "secret",
    "session",
    "sid",
    "ticket",
    "token",
];

/// What stands for a value that is hidden.
const HIDDEN: &str = "***";

/// Hides it.
pub(super) struct Hide {
    shows_query: bool,
    /// Further parameters, by the configuration of the server.
    secret: Vec<String>,
}

impl Hide {
    pub(super) fn new(shows_query: bool, secret: Vec<String>) -> Self {
        Self {
            shows_query,
            secret,
        }
    }

    /// What may be seen of a target, or of a URL.
    pub(super) fn seen<'t>(&self, target: &'t str) -> Cow<'t, str> {
        let Some((path, query)) = target.split_once('?') else {
            return target.into();
        };
        if !self.shows_query {
            return path.into();
        }
        let fields: Vec<Cow<'_, str>> = query.split('&').map(|field| self.field(field)).collect();
        format!("{path}?{}", fields.join("&")).into()
    }

    fn field<'t>(&self, field: &'t str) -> Cow<'t, str> {
        match field.split_once('=') {
            Some((name, _)) if self.is_secret(name) => format!("{name}={HIDDEN}").into(),
            _ => field.into(),
        }
    }

    /// A name that is escaped may be any.
    fn is_secret(&self, name: &str) -> bool {
        let is = |secret: &str| secret.eq_ignore_ascii_case(name);
        name.contains('%') || SECRET.into_iter().any(is) || self.secret.iter().any(|name| is(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_hidden_whoever_asks_for_queries() {
        let target = "/primus/?EIO=4&sid=abc&Token=x&%74oken=y&ticket2=z&empty";
        assert_eq!(Hide::new(false, Vec::new()).seen(target), "/primus/");
        let hide = Hide::new(true, vec!["ticket2".to_owned()]);
        let expected = "/primus/?EIO=4&sid=***&Token=***&%74oken=***&ticket2=***&empty";
        assert_eq!(hide.seen(target), expected);
        assert_eq!(hide.seen("/"), "/");
    }
}
