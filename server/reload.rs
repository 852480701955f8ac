//! What SIGHUP does: the file is read anew, and whatever can change while the server runs changes.
//!
//! A file that is wrong changes nothing. Otherwise each part of the server is told what the options
//! are now ([`Reloads`]), reads its own files anew (keys, certificates), and says what has come of
//! it; one line of the log says that of all of them, and which options need a restart.
//!
//! It happens on a thread of its own, so that a signal that ends the server never waits for a file.
//! However many signals come meanwhile, one more reload does for all of them.

use std::fmt;
use std::io;
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use crate::assembly::{Reloaded, Reloads};
use crate::config::Told;
use crate::hidden::hidden_word;
use crate::notify::Notifier;
use crate::origin::Problem;
use crate::said::Said;
use crate::settings::Settings;
use crate::table::{SETTINGS, Setting};

mod metrics;

use metrics::Outcome;
pub(crate) use metrics::{Counts, METRICS};

/// Characters of a value in the log, at most.
const VALUE_CHARS_MAX: usize = 80;

/// Reloads when it is asked to.
pub(crate) struct Reloader {
    told: Told,
    parts: Reloads,
    counts: Counts,
}

/// What has come of a reload.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    changed: Vec<String>,
    needs_restart: Vec<String>,
    /// Parts that stay as they were, and why.
    refused: Vec<String>,
}

impl Reloader {
    /// The parts of a server that was told so.
    pub(crate) fn new(told: Told, parts: Reloads, counts: Counts) -> Self {
        Self {
            told,
            parts,
            counts,
        }
    }

    /// Reloads on a thread of its own whenever the result is called, unless the server drains. The
    /// service manager hears of it.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(crate) fn start(
        mut self,
        manager: Notifier,
        is_draining: impl Fn() -> bool + Send + 'static,
    ) -> io::Result<impl Fn() + Send + 'static> {
        let (ask, asked) = mpsc::sync_channel(1);
        let work = move || {
            while let Ok(()) = asked.recv() {
                if is_draining() {
                    tracing::info!("SIGHUP is ignored: the server drains");
                    continue;
                }
                manager.reloading();
                let how = self.reload_and_tell();
                manager.ready_again(&how);
            }
        };
        thread::Builder::new()
            .name("reload".to_owned())
            .spawn(work)?;
        let ask: SyncSender<()> = ask;
        // If one waits already, it will see what there is by then.
        Ok(move || {
            let _ = ask.try_send(());
        })
    }

    /// Reloads, and tells the log. Returns what it was told.
    fn reload_and_tell(&mut self) -> String {
        let reloaded = self.reload();
        self.counts.note(match &reloaded {
            Ok(report) if report.refused.is_empty() => Outcome::Done,
            Ok(_) => Outcome::Partial,
            Err(_) => Outcome::Refused,
        });
        match reloaded {
            Ok(report) => {
                let line = format!("reloaded: {report}");
                match report.refused.is_empty() {
                    true => tracing::info!("{line}"),
                    false => tracing::error!("{line}"),
                }
                line
            }
            Err(problems) => {
                let line = refusal(problems);
                tracing::error!("{line}");
                line
            }
        }
    }

    /// Has everything count that can.
    ///
    /// # Errors
    /// What is wrong with what is told now. Nothing has changed then.
    fn reload(&mut self) -> Result<Report, Vec<Problem>> {
        let wanted = self.told.again()?;
        let before = &self.told.said;
        // What needs a restart counts as it did, and what is live has to go together with that.
        let said = wanted.only(before, |setting| setting.is_live);
        let wrong = |line: String| Problem::found(line, said.origins());
        let settings = Settings::read(&said).map_err(|line| vec![wrong(line)])?;
        let wrongs: Vec<Problem> = settings.problems(&said).map(wrong).collect();
        if !wrongs.is_empty() {
            return Err(wrongs);
        }
        let mut report = Report::default();
        let differ = SETTINGS
            .iter()
            .filter(|setting| !wanted.says_the_same(before, setting));
        for setting in differ {
            match setting.is_live {
                true => report.changed.push(difference(setting, before, &said)),
                false => report.needs_restart.push(setting.name.to_owned()),
            }
        }
        for (name, result) in self.parts.run(&said) {
            match result {
                Ok(reloaded) => report.add(reloaded),
                Err(reason) => report.refused.push(format!("{name}: {reason}")),
            }
        }
        self.told.said = said;
        Ok(report)
    }
}

impl Report {
    fn add(&mut self, part: Reloaded) {
        let is_of = |changed: &str, needs: &str| {
            let rest = |line: &'_ str, name: &str| {
                let rest = line.strip_prefix(name);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
            };
            let name = changed.split(' ').next().unwrap_or(changed);
            rest(needs, name)
        };
        self.changed
            .retain(|changed| !part.needs_restart.iter().any(|needs| is_of(changed, needs)));
        self.changed.extend(part.changed);
        self.needs_restart.extend(part.needs_restart);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("changed", &self.changed),
            ("needs a restart", &self.needs_restart),
            ("refused, and as it was", &self.refused),
        ];
        let parts = parts.iter().filter(|(_, list)| !list.is_empty());
        let parts: Vec<String> = parts
            .map(|(what, list)| format!("{what}: {}", list.join(", ")))
            .collect();
        match parts.is_empty() {
            true => f.write_str("nothing has changed"),
            false => f.write_str(&parts.join("; ")),
        }
    }
}

/// What is said of a configuration that is wrong.
fn refusal(problems: Vec<Problem>) -> String {
    let further = problems.len().saturating_sub(1);
    let first = problems.into_iter().next().map(Problem::into_line);
    let first = first.unwrap_or_default();
    let further = match further {
        0 => String::new(),
        further => format!(" (and {further} more: allspark config check)"),
    };
    format!("not reloaded, all stays as it was: {first}{further}")
}

/// An option with its old and its new value.
fn difference(setting: &Setting, before: &Said, after: &Said) -> String {
    let name = setting.name;
    if setting.kind.is_repeated() || setting.is_secret {
        return name.to_owned();
    }
    let [old, new] = [before, after].map(|said| {
        let word = said.words(name).next();
        let word = word.map(|(text, _)| hidden_word(setting, text));
        let word = word.unwrap_or_else(|| "default".to_owned());
        let mut shown: String = word.chars().take(VALUE_CHARS_MAX).collect();
        if shown.len() < word.len() {
            shown.push_str("..");
        }
        shown.escape_debug().to_string()
    });
    format!("{name} ({old} -> {new})")
}

#[cfg(test)]
mod tests;
