//! The transformers by name.

/// A transformer as the configuration names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransformerKind {
    /// `websockets`.
    WebSockets,
    /// `faye`.
    Faye,
    /// `uws`.
    Uws,
    /// `engine.io`.
    EngineIo,
    /// `sockjs`.
    SockJs,
    /// `browserchannel`.
    BrowserChannel,
    /// `any`: every transformer that there is, on one endpoint.
    Any,
}

/// A name that no transformer has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTransformer(String);

impl std::fmt::Display for UnknownTransformer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = TransformerKind::ALL.map(TransformerKind::name);
        let (name, names) = (self.0.escape_debug(), names.join(", "));
        write!(f, "there is no transformer `{name}`; use one of: {names}")
    }
}

impl std::error::Error for UnknownTransformer {}

impl TransformerKind {
    /// All of them, in the order in which help texts name them.
    pub const ALL: [Self; 7] = [
        Self::WebSockets,
        Self::Faye,
        Self::Uws,
        Self::EngineIo,
        Self::SockJs,
        Self::BrowserChannel,
        Self::Any,
    ];

    /// The name as Primus spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebSockets => "websockets",
            Self::Faye => "faye",
            Self::Uws => "uws",
            Self::EngineIo => "engine.io",
            Self::SockJs => "sockjs",
            Self::BrowserChannel => "browserchannel",
            Self::Any => "any",
        }
    }
}

impl std::str::FromStr for TransformerKind {
    type Err = UnknownTransformer;

    /// Finds a transformer by its name in any case, as Primus does.
    fn from_str(name: &str) -> Result<Self, UnknownTransformer> {
        let found = Self::ALL
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| UnknownTransformer(name.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!("WebSockets".parse(), Ok(TransformerKind::WebSockets));
        assert_eq!("Engine.IO".parse(), Ok(TransformerKind::EngineIo));
        for kind in TransformerKind::ALL {
            assert_eq!(kind.name().to_uppercase().parse(), Ok(kind));
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "carrier pigeon".parse::<TransformerKind>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no transformer `carrier pigeon`; use one of: websockets, faye, uws, \
             engine.io, sockjs, browserchannel, any"
        );
    }
}
