//! Hooks under load: clients that send at a fixed rate through a server, and the application that
//! the server tells of it. The application is stopped and started again, and falls silent.
//!
//! | module | what it is for |
//! |---|---|
//! | [`plan`] | what is to be done |
//! | [`receiver`] | the application: it answers, or is away, or says nothing |
//! | [`audit`] | judges what the application was told |
//! | [`senders`] | the clients |
//! | [`memory`] | what the server needs meanwhile |
//! | [`report`] | what people and programs get to see |

mod audit;
mod memory;
mod plan;
mod receiver;
pub(crate) mod report;
mod senders;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::auditor::{Fault, Findings};
use audit::Audit;
use memory::Meter;
pub(crate) use plan::Plan;
use receiver::Receiver;
use senders::Senders;

/// How long it may take until all that was sent is told, once nobody sends any more.
const DRAIN_MAX: Duration = Duration::from_secs(120);

/// How long everybody has to connect, and to be gone.
const MOVE_MAX: Duration = Duration::from_secs(30);

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) plan: Plan,
    pub(crate) audit: audit::Summary,
    /// While nothing happened.
    pub(crate) steady: audit::Steady,
    pub(crate) sent: u64,
    /// Sent while the application said nothing.
    pub(crate) sent_in_silence: u64,
    /// Until all was told that had been sent.
    pub(crate) drained: Duration,
    pub(crate) memory: memory::Peaks,
    pub(crate) findings: Findings,
}

/// Does it.
///
/// # Errors
/// There can't be such an application, or no client can connect.
pub(crate) fn run(plan: Plan) -> io::Result<Outcome> {
    let audit = Arc::new(Audit::new(plan.clients));
    let mut receiver = Receiver::start(plan.listen, Arc::clone(&audit))?;
    let meter = Meter::start(plan.server_pid);
    let mut senders = Senders::connect(&plan, audit.clock())?;
    wait_until(MOVE_MAX, || audit.connected() == u64::from(plan.clients));
    senders.go();
    // The first second is for caches and connections.
    thread::sleep(Duration::from_secs(1));
    audit.begin_steady();
    thread::sleep(plan.steady);
    let steady = audit.end_steady();
    meter.mark_steady();
    for _ in 0..plan.restarts {
        receiver.stop();
        thread::sleep(plan.outage);
        receiver.start_again()?;
        thread::sleep(plan.steady);
    }
    let before = senders.sent();
    receiver.silence(true);
    thread::sleep(plan.silence);
    let sent_in_silence = senders.sent() - before;
    receiver.silence(false);
    if !plan.silence.is_zero() {
        thread::sleep(plan.steady);
    }
    senders.stop();
    let begun = Instant::now();
    wait_until(DRAIN_MAX, || audit.told() >= senders.sent());
    let drained = begun.elapsed();
    let sent = senders.each_sent();
    let refused = senders.leave();
    wait_until(MOVE_MAX, || audit.ended() >= audit.connected());
    let memory = meter.stop();
    let mut findings = audit.judge(&sent);
    if refused > 0 {
        let example = || "a client was ended by the server".to_owned();
        findings.note_many(Fault::Ended, refused, example);
    }
    judge_figures(&plan, &steady, &memory, &mut findings);
    Ok(Outcome {
        audit: audit.summary(),
        steady,
        sent: sent.iter().sum(),
        sent_in_silence,
        drained,
        memory,
        findings,
        plan,
    })
}

fn judge_figures(
    plan: &Plan,
    steady: &audit::Steady,
    memory: &memory::Peaks,
    findings: &mut Findings,
) {
    let least = f64::from(plan.rate) * plan.least_part;
    if steady.per_s < least {
        findings.note(Fault::Slowed, || {
            format!(
                "{:.0} messages per second were told, not {least:.0}",
                steady.per_s
            )
        });
    }
    let grown = memory.most_bytes.saturating_sub(memory.before_bytes);
    if grown > plan.memory_max {
        findings.note(Fault::Hoarded, || {
            format!(
                "the server needed {grown} bytes more, not {}",
                plan.memory_max
            )
        });
    }
}

/// Waits for what must happen, and not for ever: what is missing then is found by who judges.
fn wait_until(most: Duration, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + most;
    while !is_so() && Instant::now() < until {
        thread::sleep(Duration::from_millis(10));
    }
}
