//! What peers can do through TLS, too: one attack of each kind again. What the server keeps of an
//! encrypted connection, and what waits in it while it is not listened to, is bounded as well.

use crate::attack::Attack;
use crate::{inflated, posts, readers, requests, sessions, slow};

#[test]
fn the_largest_posts() {
    let (attack, run) = posts::worst_of_sockjs();
    attack.over_tls().play(run);
}

#[test]
fn bytes_behind_streaming_requests() {
    let attack = Attack::USUAL.over_tls();
    attack.play_together(requests::send_behind_a_request);
}

#[test]
fn heads_and_bodies_and_messages_that_come_slowly() {
    slow::PATIENT.over_tls().play_together(slow::take_time);
}

#[test]
fn answers_that_nobody_reads() {
    Attack::USUAL.over_tls().play(readers::read_no_answers);
}

#[test]
fn compressed_messages() {
    let (attack, run) = inflated::bombardment();
    attack.over_tls().play(run);
}

#[test]
fn sessions_that_expire() {
    let attack = sessions::SHORT_LIVED.over_tls();
    attack.play_together(|server| sessions::let_expire(server, 10_000));
}
