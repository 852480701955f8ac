//! Sets layers and authorization of a scripted server up, as a test says in JSON: a list of steps
//! such as `{"do":"use","name":"a","act":"refuse","status":418,"later":true}`.
//! tests/interop/set-up.js is the same on Node.js.

use allspark::{Layer, LayerError, LayerRequest, Layers, Primus, Response, Verdict};

/// What is to be done with the layers.
#[derive(serde::Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Step {
    Use {
        name: String,
        index: Option<usize>,
        act: Act,
        status: Option<u16>,
        #[serde(default)]
        later: bool,
        #[serde(default = "yes")]
        http: bool,
        #[serde(default = "yes")]
        upgrade: bool,
    },
    Remove {
        name: String,
    },
    Enable {
        name: String,
    },
    Disable {
        name: String,
    },
    /// Refuses those whose query says so: `refuse` is the message, `status` and `authenticate` are
    /// the rest.
    Authorize {
        #[serde(default)]
        later: bool,
    },
}

/// What a layer does.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Act {
    /// Notes that it was asked, in a header and for the spark.
    Pass,
    Refuse,
    Answer,
}

const fn yes() -> bool {
    true
}

/// The names of the layers that were asked about a request.
pub(crate) struct Order(pub(crate) String);

pub(crate) fn set_up(primus: &Primus, steps: &str) -> Result<(), serde_json::Error> {
    let layers = primus.layers();
    for step in serde_json::from_str::<Vec<Step>>(steps)? {
        match step {
            Step::Authorize { later } => {
                primus.authorize(move |request| {
                    let verdict = refusal(request).map_or(Ok(()), Err);
                    decide(request, later, verdict.into())
                });
            }
            Step::Remove { name } => drop(layers.remove(&name)),
            Step::Enable { name } => drop(layers.enable(&name)),
            Step::Disable { name } => drop(layers.disable(&name)),
            step => add(&layers, step),
        }
    }
    Ok(())
}

fn add(layers: &Layers, step: Step) {
    let Step::Use {
        name,
        index,
        act,
        status,
        later,
        http,
        upgrade,
    } = step
    else {
        return;
    };
    let own = name.clone();
    let layer = Layer::new(name, move |request| {
        let verdict = act_upon(request, act, &own, status);
        decide(request, later, verdict)
    });
    let layer = layer.http(http).upgrade(upgrade);
    match index {
        Some(index) => layers.insert(index, layer),
        None => layers.add(layer),
    }
}

fn act_upon(request: &mut LayerRequest<'_>, act: Act, name: &str, status: Option<u16>) -> Verdict {
    match act {
        Act::Pass => {
            let before = request.attached().map_or("", |Order(before)| before);
            let order = format!("{before}{name};");
            request.set_header("x-order", &order);
            request.attach(Order(order));
            Verdict::Next
        }
        Act::Refuse => {
            let error = LayerError::new(format!("refused by {name}"));
            match status {
                Some(status) => error.status(status).into(),
                None => error.into(),
            }
        }
        Act::Answer => Response::text(status.unwrap_or(200), &format!("answered by {name}")).into(),
    }
}

fn refusal(request: &LayerRequest<'_>) -> Option<LayerError> {
    let query = request.head().query();
    let mut error = LayerError::new(query.get("refuse")?);
    if let Some(status) = query.get("status").and_then(|status| status.parse().ok()) {
        error = error.status(status);
    }
    match query.get("authenticate") {
        Some(challenge) => Some(error.authenticate(challenge)),
        None => Some(error),
    }
}

/// Decides at once, or from another thread.
fn decide(request: &LayerRequest<'_>, later: bool, verdict: Verdict) -> Verdict {
    if !later {
        return verdict;
    }
    let ticket = request.later();
    std::thread::spawn(move || ticket.decide(verdict));
    Verdict::Later
}
