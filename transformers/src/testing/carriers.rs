//! Which connections a session may use, and for what.

use std::collections::BTreeMap;

use allspark_protocol::transformer::{Carrier, Output};

/// The carriers of a session that were not given back.
#[derive(Debug, Default)]
pub(super) struct Carriers(BTreeMap<u64, Stage>);

/// How far a carrier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Its request is not answered.
    Asked,
    /// The answer has begun.
    Begun,
    Upgraded,
}

impl Carriers {
    /// A request came.
    pub(super) fn ask(&mut self, carrier: Carrier) {
        self.0.insert(carrier.0, Stage::Asked);
    }

    /// A carrier that was upgraded before the session was made.
    pub(super) fn has_upgraded(&mut self, carrier: Carrier) {
        self.0.insert(carrier.0, Stage::Upgraded);
    }

    pub(super) fn lose(&mut self, carrier: Carrier) {
        self.0.remove(&carrier.0);
    }

    pub(super) fn has(&self, carrier: Carrier) -> bool {
        self.0.contains_key(&carrier.0)
    }

    /// The session begins to stream on a carrier.
    pub(super) fn stream(&mut self, carrier: Carrier) {
        let stage = self.stage(carrier);
        assert_eq!(
            *stage,
            Stage::Upgraded,
            "a session streams on a carrier that is not upgraded"
        );
    }

    /// Looks at an output that is about a carrier.
    pub(super) fn judge(&mut self, output: &Output) {
        match output {
            Output::Respond(carrier, _) | Output::Decline(carrier) => {
                self.unanswered(*carrier);
                self.lose(*carrier);
            }
            Output::Begin(carrier, _) => *self.unanswered(*carrier) = Stage::Begun,
            Output::Upgrade(carrier, response) => {
                assert_eq!(response.status(), 101, "an upgrade is answered with 101");
                *self.unanswered(*carrier) = Stage::Upgraded;
            }
            Output::Write(carrier, _) | Output::Latest(carrier, _) => {
                let stage = self.stage(*carrier);
                assert_ne!(*stage, Stage::Asked, "an answer must begin before its body");
            }
            Output::Finish(carrier) => {
                let stage = self.stage(*carrier);
                assert_eq!(*stage, Stage::Begun, "an answer must begin before it ends");
                self.lose(*carrier);
            }
            Output::Close(carrier) => {
                self.stage(*carrier);
                self.lose(*carrier);
            }
            Output::Message { .. }
            | Output::Alive
            | Output::Stream(_)
            | Output::Ended(_)
            | Output::Over => {}
        }
        let response = match output {
            Output::Respond(_, response) | Output::Begin(_, response) => response,
            _ => return,
        };
        let misuse = response.misuse();
        assert!(misuse.is_none(), "a response was misused: {misuse:?}");
    }

    fn unanswered(&mut self, carrier: Carrier) -> &mut Stage {
        let stage = self.stage(carrier);
        assert_eq!(*stage, Stage::Asked, "an answer has begun already");
        stage
    }

    fn stage(&mut self, carrier: Carrier) -> &mut Stage {
        let stage = self.0.get_mut(&carrier.0);
        stage.unwrap_or_else(|| panic!("a session uses {carrier:?}, which is not its own"))
    }
}
