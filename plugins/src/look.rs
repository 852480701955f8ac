//! A look at an encoded message that decodes nothing, so that what is for the application costs a
//! plugin next to nothing.

use allspark_engine::Data;
use allspark_protocol::parser::ParserKind;
use allspark_protocol::transformer::Kind;
use memchr::{memchr, memmem};

/// Looks for objects with a member of one name.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    parser: ParserKind,
    member: memmem::Finder<'static>,
}

impl Look {
    pub(crate) fn new(parser: ParserKind, member: &'static str) -> Self {
        let member = memmem::Finder::new(member);
        Self { parser, member }
    }

    /// Whether a message may be an object with this member. If it may not, it is none.
    #[inline]
    pub(crate) fn may_have(&self, data: &Data<'_>) -> bool {
        self.may_be(data.kind(), data.encoded())
    }

    fn may_be(&self, kind: Kind, encoded: &[u8]) -> bool {
        let has_member = || self.member.find(encoded).is_some();
        match (self.parser, kind) {
            // A parser of the application may write anything.
            (ParserKind::Custom(_), _) => true,
            (ParserKind::Raw, _) => false,
            // The name may be written with escapes.
            (ParserKind::Json | ParserKind::Ejson, Kind::Text) => {
                encoded.trim_ascii_start().first() == Some(&b'{')
                    && (has_member() || memchr(b'\\', encoded).is_some())
            }
            _ => has_member(),
        }
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::parser::Parser;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::any_value;

    #[test]
    fn what_can_not_be_it_is_passed_over() {
        let may = |text: &str| {
            let look = Look::new(ParserKind::Json, "emit");
            look.may_be(Kind::Text, text.as_bytes())
        };
        assert!(may(r#"{"emit":[]}"#) && may(r#" {"a":1,"emit":[]}"#));
        assert!(may(r#"{"\u0065mit":["a"]}"#));
        assert!(!may(r#"{"data":[1,2,3]}"#) && !may(r#"["emit"]"#) && !may("null") && !may(""));
        let raw = Look::new(ParserKind::Raw, "emit");
        assert!(!raw.may_be(Kind::Text, br#"{"emit":[]}"#));
    }

    proptest! {
        #[test]
        fn nothing_is_missed(message in any_value()) {
            for parser in ParserKind::ALL {
                let mut encoded = Vec::new();
                let Ok(kind) = parser.encode_serialize(&message, &mut encoded) else {
                    continue;
                };
                let may_be = Look::new(parser, "emit").may_be(kind, &encoded);
                prop_assert!(may_be || message.get("emit").is_none() || parser == ParserKind::Raw);
            }
        }
    }
}
