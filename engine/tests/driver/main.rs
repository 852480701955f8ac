//! What every driver that runs on the kernel must do, tried on each of them over loopback.

mod accept;
mod churn;
mod close;
mod connect;
mod hand_over;
mod receive;
mod rig;
mod rings;
mod send;
mod sleep;

/// Runs each case on each driver.
macro_rules! on_every_driver {
    ($($module:ident: $($case:ident),+;)+) => {
        mod epoll {
            $($(#[test]
            fn $case() {
                crate::$module::$case::<allspark_engine::io::Epoll>();
            })+)+
        }
        mod uring {
            $($(#[test]
            fn $case() {
                crate::$module::$case::<allspark_engine::io::Uring>();
            })+)+
        }
        mod uring_with_whole_buffers {
            $($(#[test]
            fn $case() {
                crate::$module::$case::<crate::rig::WholeBuffers>();
            })+)+
        }
    };
}

on_every_driver! {
    accept: names_the_peer, names_a_peer_of_ipv6, accepts_a_storm, stops_accepting;
    churn: serves_a_crowd_that_comes_and_goes;
    close: says_closed_once_and_last, sends_what_was_pushed_before,
        a_shutdown_hits_nobody_else, uses_sockets_again, ignores_what_comes_after;
    connect: reaches_a_listener, reaches_a_listener_of_ipv6, reports_a_refusal, opens_many;
    hand_over: gives_away_an_idle_connection, gives_away_what_was_not_received,
        loses_no_byte_on_the_way, goes_between_threads, sends_before_it_leaves,
        leaves_a_wait_for_room_behind, ignores_what_follows_a_release, the_peer_closes_meanwhile,
        the_peer_resets_meanwhile, the_end_is_told_to_both, closes_what_is_dropped,
        gives_away_many_at_once;
    receive: delivers_a_message, delivers_a_mebibyte, resumes_when_buffers_return,
        starved_sockets_share_what_returns, reports_the_end, reports_a_reset,
        stops_and_starts, stops_within_its_buffers, survives_toggling, reports_many_in_one_turn,
        reports_in_the_order_of_arrival, a_flood_holds_nobody_up,
        keeps_streams_apart,
        serves_on_after_memory_was_given_back;
    send: delivers_in_order, reports_what_was_not_taken, sends_many_slices_in_order,
        stalls_in_the_same_turn, tells_what_the_peer_does_not_have,
        fails_when_the_peer_is_gone;
    sleep: ends_at_the_deadline, ends_when_woken, ends_when_bytes_come;
}
