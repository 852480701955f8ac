use std::sync::Mutex;

use super::*;

/// What becomes of a write: so many bytes are taken, or none.
type Verdict = Result<usize, ErrorKind>;

/// Waits for a verdict before each write, until there is nobody left to judge.
struct Judged {
    verdicts: Receiver<Verdict>,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Write for Judged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.verdicts.recv().unwrap_or(Ok(bytes.len()))?;
        let taken = taken.min(bytes.len());
        self.written
            .lock()
            .unwrap()
            .extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Rig {
    lines: Lines,
    verdicts: Sender<Verdict>,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Rig {
    fn new() -> Self {
        let (verdicts, judged) = mpsc::channel();
        let written = Arc::new(Mutex::new(Vec::new()));
        let out = Judged {
            verdicts: judged,
            written: Arc::clone(&written),
        };
        let lines = Lines::start(out, |lost| format!("lost {lost}\n")).unwrap();
        Self {
            lines,
            verdicts,
            written,
        }
    }

    /// From now on everything is taken. Returns what was written, and the count of lost lines.
    fn end(self) -> (String, u64) {
        drop(self.verdicts);
        self.lines.flush(Duration::from_secs(60));
        let written = self.written.lock().unwrap().clone();
        (String::from_utf8(written).unwrap(), self.lines.lost())
    }
}

#[test]
fn lines_are_written_in_order() {
    let rig = Rig::new();
    for number in 0..1_000 {
        rig.lines.push(format!("{number}\n").as_bytes());
    }
    let expected: String = (0..1_000).map(|number| format!("{number}\n")).collect();
    assert_eq!(rig.end(), (expected, 0));
}

/// The writer is stuck in its first line all the time, so a `push` that waited would wait for ever.
#[test]
fn a_writer_that_is_stuck_keeps_nobody_waiting_and_every_line_is_accounted_for() {
    let rig = Rig::new();
    let line = [b"x".repeat(99), b"\n".to_vec()].concat();
    let pushed = 3 * WAITING_BYTES_MAX / line.len();
    for _ in 0..pushed {
        rig.lines.push(&line);
    }
    let room = WAITING_BYTES_MAX / (line.len() + LINE_OVERHEAD_BYTES);
    assert_eq!(rig.lines.lost() as usize, pushed - room);
    let (written, lost) = rig.end();
    let notice = format!("lost {lost}");
    let told: Vec<&str> = written.lines().filter(|line| line.len() != 99).collect();
    assert_eq!(told, [notice.as_str()], "it is told once");
    assert_eq!(written.lines().count() - 1, room);
}

#[test]
fn room_comes_back_when_lines_are_written_or_lost() {
    for verdict in [Ok(usize::MAX), Err(ErrorKind::BrokenPipe)] {
        let rig = Rig::new();
        let line = vec![b'x'; WAITING_BYTES_MAX / 2];
        for _ in 0..10 {
            rig.verdicts.send(verdict).unwrap();
            rig.verdicts.send(verdict).unwrap();
            rig.lines.push(&line);
            rig.lines.flush(Duration::from_secs(60));
        }
        assert_eq!(rig.lines.tally.waiting_bytes.load(Ordering::Relaxed), 0);
        assert_eq!(rig.lines.lost(), if verdict.is_ok() { 0 } else { 10 });
    }
}

#[test]
fn what_could_not_be_written_is_told_once_something_can_be() {
    let rig = Rig::new();
    let failures = [ErrorKind::BrokenPipe, ErrorKind::StorageFull];
    for failure in failures {
        rig.verdicts.send(Err(failure)).unwrap();
        rig.lines.push(b"unheard\n");
    }
    rig.verdicts.send(Err(ErrorKind::Interrupted)).unwrap();
    rig.lines.push(b"heard\n");
    assert_eq!(rig.end(), ("heard\nlost 2\n".to_owned(), 2));
}

#[test]
fn a_line_that_was_torn_does_not_tear_the_next_one() {
    let rig = Rig::new();
    for verdict in [Ok(3), Err(ErrorKind::StorageFull)] {
        rig.verdicts.send(verdict).unwrap();
    }
    rig.lines.push(b"broken\n");
    rig.lines.push(b"whole\n");
    assert_eq!(rig.end(), ("bro\nwhole\nlost 1\n".to_owned(), 1));
}

#[test]
fn who_waits_for_a_writer_that_is_stuck_does_not_wait_for_ever() {
    let rig = Rig::new();
    rig.lines.push(b"x\n");
    rig.lines.flush(Duration::from_millis(1));
    assert!(rig.written.lock().unwrap().is_empty());
    rig.end();
}
