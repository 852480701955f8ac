//! The thread of the dashboard: reads the numbers, has walks made, keeps what happened, and tells
//! all dashboards. However many are open, each walk is made once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use allspark::{EndOptions, Handle, Json, ListCursor, SparkHandle, SparkId};
use serde_json::Value;

use super::bounds::{DASHBOARDS_MAX, FOUND_MAX, SAMPLE_EVERY};
use super::census;
use super::chronicle::{Chronicle, What, shortened};
use super::clock::now_ms;
use super::door::{Door, now_s};
use super::hooks::WatchedHooks;
use super::inbox::{Event, Inbox};
use super::look::look;
use super::machine::Threads;
use super::refused::Refused;
use super::refused_counts;
use super::rooms::{self, Largest, Portion};
use super::samples::{self, Samples};
use super::sessions::Session;
use super::taps::Taps;
use super::walks::{Due, Walks};
use super::words::{About, Answer, Asked, Hello, Question, Told, Totals};

/// What the thread has.
pub(super) struct Desk {
    /// The server that is shown, and that of the dashboards.
    server: Handle,
    site: Handle,
    door: Arc<Door>,
    inbox: Arc<Inbox>,
    about: About,
    samples: Samples,
    hooks: Option<WatchedHooks>,
    refused: Refused,
    chronicle: Chronicle,
    taps: Taps,
    walks: Walks,
    largest: Largest,
    dashboards: HashMap<SparkId, Dashboard>,
}

/// One that is open.
struct Dashboard {
    handle: SparkHandle,
    session: Session,
    shows: Option<SparkId>,
}

impl Desk {
    pub(super) fn new(
        server: Handle,
        site: Handle,
        door: Arc<Door>,
        inbox: Arc<Inbox>,
        about: About,
        hooks: Option<WatchedHooks>,
        lives_max: usize,
    ) -> Self {
        let shards = server.stats_by_shard();
        let threads = Threads::named((0..shards.len()).map(|shard| format!("shard-{shard}")));
        Self {
            samples: Samples::new(shards, threads),
            hooks,
            server,
            site,
            door,
            inbox,
            about,
            refused: Refused::default(),
            chronicle: Chronicle::new(lives_max),
            taps: Taps::default(),
            walks: Walks::new(Instant::now()),
            largest: Largest::default(),
            dashboards: HashMap::new(),
        }
    }

    /// Lives as long as the process.
    pub(super) fn run(mut self, events: &Receiver<Event>) {
        let mut next = Instant::now() + SAMPLE_EVERY;
        loop {
            let left = next.saturating_duration_since(Instant::now());
            match events.recv_timeout(left) {
                Ok(event) => self.hear(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // Whoever asks without end does not stop the clock.
            if Instant::now() >= next {
                self.keep_notes();
                self.tick();
                next = (next + SAMPLE_EVERY).max(Instant::now());
            }
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Opened(handle, session) => self.open(handle, session),
            Event::Closed(id) => self.close(id),
            Event::Asked(from, asked) => self.asked(from, asked),
            Event::Counted(census) => {
                self.walks.counted(Instant::now());
                self.tell_all(&Told::Slow {
                    rows: &census.slow,
                    waiting: census.waiting,
                    silent: census.silent,
                    sparks: census.sparks,
                });
            }
            Event::Listed(number, portion) => self.listed(number, portion),
            Event::Searched(to, n, mut found) => {
                let text = self.walks.searched(Instant::now());
                found.extend(self.chronicle.ended(&text));
                found.truncate(FOUND_MAX);
                let (ok, text) = (true, String::new());
                self.answer(to, &Answer { n, ok, text, found });
            }
            Event::Seen(id, row) => self.seen(id, row.map(|row| *row)),
            Event::Done(to, n, done) => self.say_done(to, n, done),
            Event::Notes => self.keep_notes(),
        }
    }

    fn open(&mut self, handle: SparkHandle, session: Session) {
        if self.dashboards.len() >= DASHBOARDS_MAX {
            return handle.end_with(EndOptions { reconnect: true });
        }
        let hello = Told::Hello(&Hello {
            about: &self.about,
            operator: &session.operator,
            every_ms: SAMPLE_EVERY.as_millis() as u64,
            samples: &self.samples.columns(),
        });
        tell(&handle, &hello);
        let rows = self.refused.all(&self.server.recent_refusals());
        tell(&handle, &Told::Refusals { rows });
        self.walks.soon(Instant::now());
        let dashboard = Dashboard {
            handle: handle.clone(),
            session,
            shows: None,
        };
        self.dashboards.insert(handle.id(), dashboard);
        self.walk();
    }

    fn close(&mut self, id: SparkId) {
        if let Some(shown) = self.dashboards.remove(&id).and_then(|d| d.shows) {
            self.hide(shown);
        }
        self.walks.forget(id);
    }

    fn keep_notes(&mut self) {
        while let Some(note) = self.inbox.notes.pop() {
            if matches!(note.what, What::Ended(_)) {
                self.taps.forget(note.spark);
            }
            self.chronicle.keep(note);
        }
    }

    fn tick(&mut self) {
        let (at, shards) = (now_ms(), self.server.stats_by_shard());
        let stats = samples::sum(&shards);
        let (sample, rows) = self.samples.take(at, shards, &self.inbox.trips);
        self.refused.count(at, &stats);
        let hooks = self.hooks.as_mut().map(WatchedHooks::look);
        if self.dashboards.is_empty() {
            return;
        }
        let tick = Told::Tick(&super::words::Tick {
            sample,
            shards: &rows,
            hooks: hooks.as_ref(),
            draining: self.server.is_draining(),
            totals: Totals {
                opened: stats.sparks_opened,
                received: stats.messages_received,
                written: stats.messages_written,
                received_bytes: stats.bytes_received,
                sent_bytes: stats.bytes_sent,
                broadcasts: stats.broadcasts + stats.room_broadcasts,
                refused: refused_counts::total(&stats),
                lost: self.inbox.notes.lost(),
            },
        });
        drop(self.site.write(Json(&tick)));
        if let Some(rows) = self.refused.news(&self.server.recent_refusals()) {
            drop(self.site.write(Json(&Told::Refusals { rows })));
        }
        self.send_away();
        self.look_whether_gone();
        self.look_at_shown();
        self.walk();
    }

    /// Whose session is over has to log in again.
    fn send_away(&mut self) {
        let now = now_s();
        for dashboard in self.dashboards.values() {
            if !self.door.sessions.lives(&dashboard.session, now) {
                dashboard.handle.end();
            }
        }
    }

    /// Nobody waits to be heard, so that a dashboard is gone may not have been.
    fn look_whether_gone(&self) {
        for (id, dashboard) in &self.dashboards {
            let (id, inbox) = (*id, Arc::clone(&self.inbox));
            dashboard.handle.find(move |spark| {
                if spark.is_none() {
                    inbox.send(Event::Closed(id));
                }
            });
        }
    }

    fn look_at_shown(&self) {
        let mut shown: Vec<SparkId> = self.dashboards.values().filter_map(|d| d.shows).collect();
        shown.sort_unstable();
        shown.dedup();
        for id in shown {
            self.look(id);
        }
    }

    fn look(&self, id: SparkId) {
        let inbox = Arc::clone(&self.inbox);
        let seen = move |row| {
            inbox.send(Event::Seen(id, row));
        };
        match self.server.spark(id) {
            Some(spark) => spark.find(move |spark| seen(spark.map(|spark| look(spark).into()))),
            None => seen(None),
        }
    }

    fn seen(&mut self, id: SparkId, row: Option<super::words::SparkRow>) {
        self.keep_notes();
        let mut row = row.unwrap_or_default();
        row.id = id.to_string();
        if let Some(tap) = self.taps.of(id) {
            (row.received, row.received_bytes) = tap.counts();
        }
        if let Some(life) = self.chronicle.life(id) {
            row.address.get_or_insert_with(|| life.address.to_string());
            row.opened_ms = Some(life.opened_ms);
            row.ended_ms = life.ended_ms;
            row.events = life.events();
            row.events_left_out = life.left_out;
        }
        for dashboard in self.dashboards.values_mut() {
            if dashboard.shows == Some(id) {
                tell(&dashboard.handle, &Told::Spark(&row));
                // It does not come back.
                dashboard.shows = dashboard.shows.filter(|_| row.is_there);
            }
        }
    }

    fn asked(&mut self, from: SparkId, asked: Asked) {
        let n = asked.n;
        if !self.dashboards.contains_key(&from) {
            return;
        }
        match asked.question {
            Question::Find { text } => {
                self.walks.ask(from, n, text.trim().to_owned());
                self.walk();
            }
            Question::Watch { spark } => match spark.parse() {
                Ok(id) => {
                    self.show(from, Some(id));
                    self.say_done(from, n, Ok(String::new()));
                }
                Err(_) => self.say_done(from, n, Err("that is no id of a spark".into())),
            },
            Question::Unwatch => {
                self.show(from, None);
                self.say_done(from, n, Ok(String::new()));
            }
            Question::Say { spark, data } => self.say(from, n, &spark, data),
            Question::End { spark, reconnect } => self.end(from, n, &spark, reconnect),
        }
    }

    fn show(&mut self, dashboard: SparkId, id: Option<SparkId>) {
        let Some(dashboard) = self.dashboards.get_mut(&dashboard) else {
            return;
        };
        let before = std::mem::replace(&mut dashboard.shows, id);
        if let Some(spark) = id.and_then(|id| self.server.spark(id)) {
            self.taps.open(&spark);
        }
        if let Some(before) = before.filter(|before| Some(*before) != id) {
            self.hide(before);
        }
        if let Some(id) = id {
            self.look(id);
        }
    }

    fn hide(&mut self, spark: SparkId) {
        let mut others = self.dashboards.values();
        if others.all(|other| other.shows != Some(spark)) {
            self.taps.close(spark);
        }
    }

    fn say(&self, from: SparkId, n: u64, spark: &str, data: Value) {
        self.act(from, n, spark, "was written to", move |spark| {
            spark.write(Json(&data));
            "It is on its way."
        });
    }

    fn end(&self, from: SparkId, n: u64, spark: &str, reconnect: bool) {
        let act = match reconnect {
            true => "was ended, to come back",
            false => "was ended",
        };
        self.act(from, n, spark, act, move |spark| {
            spark.end_with(EndOptions { reconnect });
            "It has ended."
        });
    }

    /// Does something to a spark, which the log, its history and the dashboard hear of.
    fn act(
        &self,
        from: SparkId,
        n: u64,
        spark: &str,
        act: &'static str,
        then: impl FnOnce(&mut allspark::Spark<'_>) -> &'static str + Send + 'static,
    ) {
        let operator = match self.dashboards.get(&from) {
            Some(dashboard) => dashboard.session.operator.clone(),
            None => return,
        };
        let found = spark.parse().ok().and_then(|id| self.server.spark(id));
        let Some(spark) = found else {
            return self.say_done(from, n, Err("there is no such spark".to_owned()));
        };
        let inbox = Arc::clone(&self.inbox);
        spark.find(move |spark| {
            let done = match spark {
                Some(spark) if spark.is_open() => {
                    tracing::info!(spark = %spark.id(), "admin: it {act} by {operator:?}");
                    let words = What::Operator(shortened(&format!("{act} by {operator}")));
                    inbox.note(spark.id(), now_ms(), words);
                    Ok(then(spark).to_owned())
                }
                _ => Err("it has ended already".to_owned()),
            };
            inbox.send(Event::Done(from, n, done));
        });
    }

    /// Begins the next walk, if one may begin.
    fn walk(&mut self) {
        if self.dashboards.is_empty() {
            return;
        }
        let inbox = Arc::clone(&self.inbox);
        match self.walks.due(Instant::now()) {
            None => {}
            Some(Due::Census) => census::count(&self.server, move |census| {
                inbox.send(Event::Counted(census));
            }),
            Some(Due::Rooms { number }) => {
                self.largest = Largest::default();
                self.list_rooms(number, None);
            }
            Some(Due::Search { from, n, text }) => {
                census::search(&self.server, text, move |found| {
                    inbox.send(Event::Searched(from, n, found));
                });
            }
        }
    }

    fn list_rooms(&self, number: u64, from: Option<ListCursor>) {
        let inbox = Arc::clone(&self.inbox);
        rooms::list(&self.server, from, move |portion| {
            inbox.send(Event::Listed(number, portion));
        });
    }

    fn listed(&mut self, number: u64, (rooms, next): Portion) {
        if !self.walks.is_listing(number) {
            return;
        }
        self.largest.add(rooms);
        if next.is_some() {
            return self.list_rooms(number, next);
        }
        self.walks.listed(Instant::now());
        let Largest { rows, total } = &self.largest;
        self.tell_all(&Told::Rooms {
            rows,
            total: *total,
        });
    }

    fn say_done(&self, to: SparkId, n: u64, done: Result<String, String>) {
        let (ok, text) = match done {
            Ok(text) => (true, text),
            Err(text) => (false, text),
        };
        let found = Vec::new();
        self.answer(to, &Answer { n, ok, text, found });
    }

    fn answer(&self, to: SparkId, answer: &Answer) {
        if let Some(dashboard) = self.dashboards.get(&to) {
            tell(&dashboard.handle, &Told::Answer(answer));
        }
    }

    fn tell_all(&self, told: &Told<'_>) {
        drop(self.site.write(Json(told)));
    }
}

/// What can't be encoded is not there: the parser is that of JSON.
fn tell(dashboard: &SparkHandle, told: &Told<'_>) {
    drop(dashboard.write(Json(told)));
}
