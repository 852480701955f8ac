//! Every way through the life of a client. What is expected here is what the client of npm primus
//! 8.0.9 tells: the same scripts were run against it, with virtual time, a WebSocket of paper, and
//! the same events written down.

use super::run;

/// What it is, the options, the script, the events (`state` is `readyStateChange`).
type Path = (&'static str, &'static str, &'static str, &'static str);

#[test]
fn before_the_first_connection() {
    judge(CLOSED);
}

#[test]
fn until_the_first_connection_is_open() {
    judge(OPENING);
}

#[test]
fn from_an_open_connection() {
    judge(OPEN);
}

#[test]
fn during_a_reconnect() {
    judge(RECONNECT);
}

fn judge(paths: &[Path]) {
    for (what, options, script, expected) in paths {
        let rig = run(options, script);
        let expected: Vec<_> = expected.split_whitespace().collect();
        assert_eq!(rig.events, expected, "{what}: {script}");
    }
}

const CLOSED: &[Path] = &[
    ("ended before it began", "", "end end", ""),
    (
        "destroyed before it began",
        "",
        "destroy destroy",
        "destroy",
    ),
    (
        "the network goes and comes",
        "",
        "offline offline online online wait:500 accept",
        "offline online reconnect-scheduled:1/500 state:opening reconnect:1/500 \
         reconnected:1/500 state:open open",
    ),
    (
        "ended, then the network goes and comes",
        "",
        "open accept end offline online wait:60000",
        "state:opening state:open open state:end close end offline online",
    ),
    (
        "ended while there is no network",
        "",
        "open accept offline end online wait:60000",
        "state:opening state:open open offline state:end close end online",
    ),
    (
        "dismissed, then the network goes and comes",
        "",
        "open accept dismiss close offline online wait:60000",
        "state:opening state:open open state:end close end offline online",
    ),
    (
        "refused, then the network goes and comes",
        "strategy=online",
        "open refuse offline online",
        "state:opening error state:end close end offline online reconnect-scheduled:1/500",
    ),
    (
        "the network goes and comes, no strategy online",
        "strategy=disconnect",
        "offline online wait:60000",
        "offline online",
    ),
    (
        "opens without network",
        "",
        "offline open accept",
        "offline state:opening online state:open open",
    ),
];

const OPENING: &[Path] = &[
    ("opens", "", "open accept", "state:opening state:open open"),
    (
        "the server refuses",
        "",
        "open refuse",
        "state:opening error reconnect-scheduled:1/500 state:end",
    ),
    (
        "the server refuses, no strategy timeout",
        "strategy=disconnect,online",
        "open refuse",
        "state:opening error state:end close end",
    ),
    (
        "the server refuses, no strategy at all",
        "strategy=-",
        "open refuse",
        "state:opening error state:end close end",
    ),
    (
        "it can't be connected",
        "",
        "open lost wait:500 accept",
        "state:opening error reconnect-scheduled:1/500 state:end state:opening reconnect:1/500 \
         reconnected:1/500 state:open open",
    ),
    (
        "it can't be connected, without a time limit",
        "timeout=off",
        "open lost wait:60000",
        "state:opening error state:end",
    ),
    (
        "it takes too long",
        "",
        "open wait:10000",
        "state:opening timeout reconnect-scheduled:1/500",
    ),
    (
        "it takes too long, then the reconnect succeeds",
        "",
        "open wait:10500 accept",
        "state:opening timeout reconnect-scheduled:1/500 reconnect:1/500 reconnected:1/500 \
         state:open open",
    ),
    (
        "it takes too long, no strategy timeout",
        "strategy=online",
        "open wait:10000",
        "state:opening timeout state:end close end",
    ),
    (
        "a little less than too long",
        "",
        "open wait:9999 accept wait:20000",
        "state:opening state:open open",
    ),
    (
        "without a time limit",
        "timeout=off",
        "open wait:100000 accept",
        "state:opening state:open open",
    ),
    (
        "opens when it is open",
        "",
        "open accept open accept",
        "state:opening state:open open state:opening state:open open",
    ),
    (
        "opens again after the end",
        "",
        "open accept end open accept",
        "state:opening state:open open state:end close end state:opening state:open open",
    ),
    (
        "the network goes",
        "",
        "open offline",
        "state:opening offline state:end close end",
    ),
    (
        "destroyed",
        "",
        "open destroy",
        "state:opening state:end close end destroy",
    ),
    (
        "ended",
        "",
        "open end end",
        "state:opening state:end close end",
    ),
];

const OPEN: &[Path] = &[
    (
        "lost",
        "",
        "open accept lost",
        "state:opening state:open open state:end close reconnect-scheduled:1/500",
    ),
    (
        "lost, no strategy disconnect",
        "strategy=online,timeout",
        "open accept lost",
        "state:opening state:open open state:end close end",
    ),
    (
        "lost, no strategy",
        "strategy=-",
        "open accept lost",
        "state:opening state:open open state:end close end",
    ),
    (
        "the server says goodbye",
        "",
        "open accept close",
        "state:opening state:open open state:end close reconnect-scheduled:1/500",
    ),
    (
        "the server dismisses",
        "",
        "open accept dismiss close wait:60000",
        "state:opening state:open open state:end close end",
    ),
    (
        "the server dismisses and is lost",
        "",
        "open accept dismiss lost wait:60000",
        "state:opening state:open open state:end close end",
    ),
    (
        "the server dismisses, no strategy",
        "strategy=-",
        "open accept dismiss close",
        "state:opening state:open open state:end close end",
    ),
    (
        "ended",
        "",
        "open accept end end",
        "state:opening state:open open state:end close end",
    ),
    (
        "ended, then opened again and lost",
        "",
        "open accept end open accept lost",
        "state:opening state:open open state:end close end state:opening state:open open \
         state:end close reconnect-scheduled:1/500",
    ),
    (
        "destroyed",
        "",
        "open accept destroy destroy",
        "state:opening state:open open state:end close end destroy",
    ),
    (
        "the network goes",
        "",
        "open accept offline",
        "state:opening state:open open offline state:end close end",
    ),
    (
        "the network goes and comes",
        "",
        "open accept offline wait:1000 online wait:500 accept",
        "state:opening state:open open offline state:end close end online \
         reconnect-scheduled:1/500 state:opening reconnect:1/500 reconnected:1/500 state:open \
         open",
    ),
    (
        "the network goes and comes, no strategy online",
        "strategy=disconnect",
        "open accept offline online wait:60000",
        "state:opening state:open open offline state:end close end online",
    ),
    (
        "the server is silent",
        "",
        "open accept wait:45000",
        "state:opening state:open open offline state:end close reconnect-scheduled:1/500",
    ),
    (
        "the server is silent, then back",
        "",
        "open accept wait:45500 accept",
        "state:opening state:open open offline state:end close reconnect-scheduled:1/500 \
         state:opening reconnect:1/500 reconnected:1/500 online state:open open",
    ),
    (
        "the server is silent, no strategy disconnect",
        "strategy=online",
        "open accept wait:45000",
        "state:opening state:open open offline state:end close end",
    ),
    (
        "the server is silent, no strategy disconnect, then the network comes",
        "strategy=online",
        "open accept wait:45000 online wait:500 accept",
        "state:opening state:open open offline state:end close end online \
         reconnect-scheduled:1/500 state:opening reconnect:1/500 reconnected:1/500 state:open \
         open",
    ),
    (
        "the server is silent, and that is allowed",
        "ping=off",
        "open accept wait:1000000",
        "state:opening state:open open",
    ),
    (
        "the server pings",
        "",
        "open accept wait:30000 ping wait:30000 ping wait:44999",
        "state:opening state:open open outgoing::pong:17 incoming::ping:17 outgoing::pong:17 \
         incoming::ping:17",
    ),
    (
        "the server pings, then is silent",
        "",
        "open accept wait:30000 ping wait:45000",
        "state:opening state:open open outgoing::pong:17 incoming::ping:17 offline state:end \
         close reconnect-scheduled:1/500",
    ),
    (
        "a message that is none",
        "",
        "open accept data:[1 data:[2]",
        "state:opening state:open open error data:[2]",
    ),
];

const RECONNECT: &[Path] = &[
    (
        "the first attempt succeeds",
        "",
        "open accept lost wait:499 wait:1 accept",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 state:opening \
         reconnect:1/500 reconnected:1/500 state:open open",
    ),
    (
        "the second attempt succeeds",
        "",
        "open accept lost wait:500 lost wait:1000 accept",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 state:opening \
         reconnect:1/500 reconnect-scheduled:2/1000 state:end state:opening reconnect:2/1500 \
         reconnected:2/1500 state:open open",
    ),
    (
        "the second attempt succeeds and it is lost again",
        "",
        "open accept lost wait:500 refuse wait:1000 accept lost",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 state:opening \
         reconnect:1/500 reconnect-scheduled:2/1000 state:end state:opening reconnect:2/1500 \
         reconnected:2/1500 state:open open state:end close reconnect-scheduled:1/500",
    ),
    (
        "retries are used up",
        "retries=2",
        "open accept lost wait:500 lost wait:1000 lost wait:60000",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 state:opening \
         reconnect:1/500 reconnect-scheduled:2/1000 state:end state:opening reconnect:2/1500 \
         end reconnect-failed:2/1500 state:end",
    ),
    (
        "no retries",
        "retries=0",
        "open accept lost wait:60000",
        "state:opening state:open open state:end close end reconnect-failed:0/0",
    ),
    (
        "retries are used up, opened again",
        "retries=1",
        "open accept lost wait:500 lost wait:1000 open accept lost",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 state:opening \
         reconnect:1/500 end reconnect-failed:1/500 state:end state:opening state:open open \
         state:end close reconnect-scheduled:1/500",
    ),
    (
        "an attempt takes too long",
        "reconnect-timeout=3000",
        "open accept lost wait:3500 wait:1000 accept",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 state:opening \
         reconnect:1/500 reconnect-timeout:1/3500 reconnect-scheduled:2/1000 reconnect:2/4500 \
         reconnected:2/4500 state:open open",
    ),
    (
        "two attempts take too long",
        "reconnect-timeout=3000",
        "open accept lost wait:8500 accept",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 state:opening \
         reconnect:1/500 reconnect-timeout:1/3500 reconnect-scheduled:2/1000 reconnect:2/4500 \
         reconnect-timeout:2/7500 reconnect-scheduled:3/1000 reconnect:3/8500 \
         reconnected:3/8500 state:open open",
    ),
    (
        "ended while it waits",
        "",
        "open accept lost end end wait:60000",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 end",
    ),
    (
        "ended after the second wait began",
        "",
        "open accept lost wait:500 lost end wait:60000",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 state:opening \
         reconnect:1/500 reconnect-scheduled:2/1000 state:end end",
    ),
    (
        "ended during an attempt",
        "",
        "open accept lost wait:500 end wait:1000",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 state:opening \
         reconnect:1/500 state:end close end",
    ),
    (
        "destroyed while it waits",
        "",
        "open accept lost destroy wait:60000",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 end destroy",
    ),
    (
        "destroyed during an attempt",
        "",
        "open accept lost wait:500 destroy",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 state:opening \
         reconnect:1/500 state:end close end destroy",
    ),
    (
        "the network goes while it waits",
        "",
        "open accept lost offline wait:60000 online wait:500 accept",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 offline end \
         online reconnect-scheduled:1/500 state:opening reconnect:1/500 reconnected:1/500 \
         state:open open",
    ),
    (
        "the network goes during an attempt",
        "",
        "open accept lost wait:500 offline wait:60000 online wait:500 accept",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 state:opening \
         reconnect:1/500 offline state:end close end online reconnect-scheduled:1/500 \
         state:opening reconnect:1/500 reconnected:1/500 state:open open",
    ),
    (
        "the first connection fails, then all attempts",
        "retries=2",
        "open lost wait:500 lost wait:1000 lost",
        "state:opening error reconnect-scheduled:1/500 state:end state:opening reconnect:1/500 \
         reconnect-scheduled:2/1000 state:end state:opening reconnect:2/1500 end \
         reconnect-failed:2/1500 state:end",
    ),
    (
        "the server dismisses the second connection",
        "",
        "open accept lost wait:500 accept dismiss close",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 state:opening \
         reconnect:1/500 reconnected:1/500 state:open open state:end close end",
    ),
    (
        "the second connection is silent",
        "",
        "open accept lost wait:500 accept wait:45000",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 state:opening \
         reconnect:1/500 reconnected:1/500 state:open open offline state:end close \
         reconnect-scheduled:1/500",
    ),
];
