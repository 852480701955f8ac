use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use allspark_protocol::parser::ParserKind;

use super::*;
use crate::driver::event::Data;

/// Counts how often it was woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Bell {
    fn rings(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn bell() -> (Arc<Bell>, Waker) {
    let bell = Arc::new(Bell::default());
    (Arc::clone(&bell), Waker::from(bell))
}

fn write(mailbox: &Mailbox, waker: &Waker, bytes: usize) -> Poll<Result<(), Over>> {
    let mut encoded = Some(vec![0; bytes]);
    mailbox.poll_write(&mut Context::from_waker(waker), Kind::Text, &mut encoded)
}

fn command(mailbox: &Mailbox) -> Option<Command> {
    match mailbox.poll_command(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(command) => Some(command),
        Poll::Pending => None,
    }
}

fn message(bytes: usize) -> Item {
    let data = Data::new(ParserKind::Raw, Kind::Binary, vec![0; bytes]);
    Item::Event(Event::Data(data))
}

fn read(mailbox: &Mailbox) -> Poll<Option<Event>> {
    mailbox.poll_event(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn writers_wait_while_there_is_no_room_and_are_woken_when_there_is() {
    let mailbox = Mailbox::new();
    let (bell, waker) = bell();
    assert!(write(&mailbox, &waker, WAITING_BYTES_MAX - 1).is_ready());
    assert!(
        write(&mailbox, &waker, 10 * WAITING_BYTES_MAX).is_ready(),
        "one may be large"
    );
    assert!(write(&mailbox, &waker, 1).is_pending());
    assert!(write(&mailbox, &waker, 1).is_pending());
    assert!(matches!(command(&mailbox), Some(Command::Write(..))));
    assert_eq!(bell.rings(), 1, "once for each who waits");
    assert!(
        write(&mailbox, &waker, 1).is_pending(),
        "the large one is still there"
    );
    assert!(matches!(command(&mailbox), Some(Command::Write(..))));
    assert!(write(&mailbox, &waker, 1).is_ready());
    assert_eq!(bell.rings(), 2);
}

#[test]
fn the_network_is_left_alone_while_events_wait_to_be_read() {
    let mailbox = Mailbox::new();
    mailbox.tell(message(EVENT_BYTES_MAX));
    assert!(!mailbox.has_room_for_events());
    let (bell, waker) = bell();
    mailbox.register_task(&Context::from_waker(&waker));
    assert!(read(&mailbox).is_ready());
    assert_eq!(bell.rings(), 1);
    assert!(mailbox.has_room_for_events());

    (0..EVENTS_MAX).for_each(|_| mailbox.tell(Item::Event(Event::Open)));
    assert!(!mailbox.has_room_for_events());
    mailbox.drop_reader();
    mailbox.tell(message(EVENT_BYTES_MAX));
    assert!(
        mailbox.has_room_for_events(),
        "nobody listens, so nothing is kept"
    );
}

#[test]
fn what_was_told_can_be_read_when_the_task_is_over() {
    let mailbox = Mailbox::new();
    mailbox.tell(Item::Event(Event::End));
    mailbox.tell(Item::Pause);
    mailbox.tell(Item::Event(Event::Destroy));
    mailbox.finish();
    assert!(matches!(read(&mailbox), Poll::Ready(Some(Event::End))));
    assert!(matches!(read(&mailbox), Poll::Ready(None)));
    assert!(!mailbox.is_over());
    assert!(matches!(read(&mailbox), Poll::Ready(Some(Event::Destroy))));
    assert!(mailbox.is_over());
    assert!(matches!(read(&mailbox), Poll::Ready(None)));
}

#[test]
fn whoever_waits_learns_that_the_task_is_over() {
    let mailbox = Mailbox::new();
    let (bell, waker) = bell();
    assert!(write(&mailbox, &waker, WAITING_BYTES_MAX).is_ready());
    assert!(write(&mailbox, &waker, 1).is_pending());
    assert!(
        mailbox
            .poll_event(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let (sender, mut receiver) = oneshot::channel();
    assert_eq!(mailbox.give(Command::End(sender)), Ok(()));
    mailbox.finish();
    assert_eq!(bell.rings(), 2, "the writer and the reader");
    assert!(matches!(write(&mailbox, &waker, 1), Poll::Ready(Err(Over))));
    assert_eq!(mailbox.give(Command::Open), Err(Over));
    assert_eq!(
        receiver.try_recv(),
        Err(oneshot::error::TryRecvError::Closed)
    );
}

#[test]
fn the_task_is_told_once_nobody_holds_the_client() {
    let mailbox = Mailbox::new();
    mailbox.add_writer();
    mailbox.drop_writer();
    mailbox.drop_reader();
    assert!(!mailbox.is_abandoned() && command(&mailbox).is_none());
    mailbox.drop_writer();
    assert!(mailbox.is_abandoned());
    assert!(matches!(command(&mailbox), Some(Command::Abandon)));
}

#[test]
fn everything_is_sent_when_neither_commands_nor_links_hold_anything() {
    let mailbox = Mailbox::new();
    let (bell, waker) = bell();
    let mut cx = Context::from_waker(&waker);
    assert_eq!(mailbox.poll_sent(&mut cx), Poll::Ready(Ok(())));
    assert!(write(&mailbox, &waker, 1).is_ready());
    assert!(mailbox.poll_sent(&mut cx).is_pending());
    assert!(command(&mailbox).is_some());
    assert!(mailbox.poll_sent(&mut cx).is_pending());
    mailbox.set_sending(false);
    assert_eq!(bell.rings(), 2);
    assert_eq!(mailbox.poll_sent(&mut cx), Poll::Ready(Ok(())));
}
