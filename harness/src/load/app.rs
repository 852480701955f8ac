//! Asks the server which app it runs: every message of a load is a fault if that is another one
//! than the scenario is about.

use serde::Deserialize;

use super::spec;
use super::target::Target;
use crate::workload::Scenario;

/// Where `allspark serve` says so.
const PATH: &str = "/stats";

#[derive(Debug, Deserialize)]
struct Answer {
    app: String,
}

/// What a load needs the server to do with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Write each message back.
    Echo,
    /// Write each message to everyone.
    Broadcast,
    /// Either, as the message says.
    Mixed,
}

impl Need {
    fn of(scenario: Scenario, others: u32) -> Option<Self> {
        match scenario {
            Scenario::Echo | Scenario::Churn => Some(Self::Echo),
            Scenario::Broadcast => Some(Self::Broadcast),
            Scenario::Mixed => Some(Self::Mixed),
            // Rooms are no matter of the app, unless other messages go elsewhere.
            Scenario::Rooms => (others > 0).then_some(Self::Mixed),
            Scenario::Idle => (others > 0).then_some(Self::Broadcast),
            // There are no messages, and the load starts the server itself.
            Scenario::Storm => None,
            // Messages come another way, or are a matter of plugins.
            Scenario::Publish | Scenario::Conflation | Scenario::Acks => None,
        }
    }

    /// Whether an app does that. One that nobody knows here may.
    fn is_met_by(self, app: &str) -> bool {
        match app {
            "echo" => self == Self::Echo,
            "broadcast" => self == Self::Broadcast,
            "mixed" => self != Self::Broadcast,
            "none" => false,
            _ => true,
        }
    }

    const fn app(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Broadcast => "broadcast",
            Self::Mixed => "mixed",
        }
    }
}

/// Says in one sentence if the server's app is not what the scenario is about. A server that does
/// not say which app it has is taken at its deeds, as before. `others` are broadcasts at the end of
/// an idle load, or messages that are for no room.
pub(crate) fn check(target: &Target, scenario: Scenario, others: u32) -> Result<(), String> {
    let Some(need) = Need::of(scenario, others) else {
        return Ok(());
    };
    let answer = spec::get(target, PATH).ok();
    let answer = answer.and_then(|body| serde_json::from_slice::<Answer>(&body).ok());
    match answer {
        Some(Answer { app }) if !need.is_met_by(&app) => Err(refusal(scenario, need, &app)),
        _ => Ok(()),
    }
}

fn refusal(scenario: Scenario, need: Need, app: &str) -> String {
    let (scenario, needed) = (scenario.name(), need.app());
    let otherwise = match app {
        "broadcast" | "mixed" | "echo" => format!(", or load it with --scenario {app}"),
        _ => String::new(),
    };
    format!(
        "the server runs the app {app}, and the scenario {scenario} needs {needed}: start it with \
         `allspark serve --app {needed}`{otherwise}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scenario_has_the_apps_that_it_is_about() {
        let apps = ["echo", "broadcast", "mixed", "none", "another"];
        for (scenario, others, expected) in [
            (Scenario::Idle, 0, &apps[..]),
            (Scenario::Idle, 3, &["broadcast", "another"]),
            (Scenario::Echo, 0, &["echo", "mixed", "another"]),
            (Scenario::Churn, 0, &["echo", "mixed", "another"]),
            (Scenario::Broadcast, 0, &["broadcast", "another"]),
            (Scenario::Mixed, 0, &["mixed", "another"]),
            (Scenario::Storm, 0, &apps[..]),
            (Scenario::Publish, 0, &apps[..]),
            (Scenario::Conflation, 0, &apps[..]),
            (Scenario::Acks, 0, &apps[..]),
            (Scenario::Rooms, 0, &apps[..]),
            (Scenario::Rooms, 8, &["mixed", "another"]),
        ] {
            let need = Need::of(scenario, others);
            let is_met = |app: &&str| need.is_none_or(|need| need.is_met_by(app));
            let met: Vec<&str> = apps.into_iter().filter(is_met).collect();
            assert_eq!(met, expected, "{scenario:?} {others}");
        }
    }
}
