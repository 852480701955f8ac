//! The server half as clients of the npm package see it. The bodies are those that the package
//! sends under Primus 8.

use allspark_protocol::Input;
use allspark_protocol::http::{ResponsePart, ResponseReader};
use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{End, Kind};

use super::*;
use crate::testing::{NoClient, Pair, Raw};
use crate::{AnyTransformer, CommonOptions};

type Server = Pair<AnyTransformer, NoClient>;

fn server_with(options: &[(&str, &str)]) -> Server {
    let mut set = BrowserChannelOptions::default();
    for (name, value) in options {
        set.set(name, value).unwrap();
    }
    let common = CommonOptions {
        message_bytes_max: 1000_usize.try_into().unwrap(),
        ..CommonOptions::default()
    };
    Pair::server_only(BrowserChannel::new(&common, set).into(), 7)
}

fn server() -> Server {
    server_with(&[])
}

/// An answer, as far as it has come.
#[derive(Debug, Default)]
struct Answered {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    is_complete: bool,
}

impl Answered {
    fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(other, _)| other == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} comes twice: {self:?}");
        value
    }

    fn brief(&self) -> (u16, &str) {
        (self.status, &self.body)
    }
}

/// A request whose answer is read bit by bit.
struct Asked {
    raw: Raw,
    bytes: Vec<u8>,
}

impl Asked {
    /// Everything that has come of the answer.
    fn answer(&mut self, pair: &mut Server) -> Answered {
        pair.settle();
        self.bytes.extend(pair.raw_received(self.raw));
        let mut answer = Answered::default();
        let mut bytes = self.bytes.clone();
        let (mut reader, mut input) = (ResponseReader::default(), Input::new(&mut bytes));
        while let Some(part) = reader.next(&mut input, false).unwrap() {
            match part {
                ResponsePart::Head(head) => {
                    answer.status = head.status();
                    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
                    let headers = head
                        .headers()
                        .map(|(name, value)| (name.to_owned(), text(value)));
                    answer.headers = headers.collect();
                }
                ResponsePart::Data(data) => answer.body += str::from_utf8(data).unwrap(),
                ResponsePart::End => {
                    answer.is_complete = true;
                    break;
                }
            }
        }
        answer
    }
}

fn ask(pair: &mut Server, method: &str, target: &str, body: &str) -> Asked {
    ask_as(
        pair,
        method,
        target,
        "application/x-www-form-urlencoded;charset=utf-8",
        body,
    )
}

fn ask_as(pair: &mut Server, method: &str, target: &str, kind: &str, body: &str) -> Asked {
    let raw = pair.raw();
    let length = body.len();
    let request = format!(
        "{method} /primus{target} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    pair.raw_send(raw, request);
    let bytes = Vec::new();
    Asked { raw, bytes }
}

fn get(pair: &mut Server, target: &str) -> Answered {
    ask(pair, "GET", target, "").answer(pair)
}

fn post(pair: &mut Server, target: &str, body: &str) -> Answered {
    ask(pair, "POST", target, body).answer(pair)
}

/// A session whose first request was number 10.
fn open(pair: &mut Server) -> SparkId {
    let answer = post(pair, "/bind?VER=8&RID=10&CVER=3", "count=0");
    let spark = *pair.sparks().last().unwrap();
    let array = format!("[[0,[\"c\",\"{spark}\",null,8]]]\n");
    assert_eq!(answer.brief(), (200, &*format!("{}\n{array}", array.len())));
    spark
}

fn forward(pair: &mut Server, spark: SparkId, rid: u64, body: &str) -> Answered {
    post(
        pair,
        &format!("/bind?VER=8&SID={spark}&RID={rid}&AID=0"),
        body,
    )
}

/// A back channel for an XMLHttpRequest.
fn back(pair: &mut Server, spark: SparkId, ci: u8, aid: i64) -> Asked {
    let target = format!("/bind?VER=8&SID={spark}&RID=rpc&CI={ci}&AID={aid}&TYPE=xmlhttp");
    let asked = ask(pair, "GET", &target, "");
    pair.settle();
    asked
}

fn write(pair: &mut Server, spark: SparkId, text: &str) {
    assert!(pair.server_write(spark, Kind::Text, text.as_bytes()));
    pair.settle();
}

fn texts(pair: &Server, spark: SparkId) -> Vec<String> {
    let text = |(_, bytes)| String::from_utf8(bytes).unwrap();
    pair.server_messages(spark).into_iter().map(text).collect()
}

const UNKNOWN_SID: (u16, &str) = (400, "<html><body><h1>Unknown SID</h1></body></html>");
const BAD_DATA: (u16, &str) = (400, "<html><body><h1>Bad data</h1></body></html>");

#[test]
fn the_first_test_tells_host_prefixes() {
    let mut pair = server_with(&[("hostPrefixes", "a,b")]);
    for expected in ["[\"a\",null]", "[\"b\",null]", "[\"a\",null]"] {
        let answer = get(&mut pair, "/test?VER=8&MODE=init");
        assert_eq!(answer.brief(), (200, expected));
        let accept = answer.header("X-Accept");
        assert_eq!(
            accept,
            Some("application/json; application/x-www-form-urlencoded")
        );
    }
    let answer = post(&mut pair, "/bind?VER=8&RID=1", "count=0");
    assert!(answer.body.ends_with("\",\"b\",8]]]\n"), "{}", answer.body);
    assert_eq!(
        get(&mut server(), "/test?VER=8&MODE=init").body,
        "[null,null]"
    );
}

#[test]
fn the_second_test_pauses_in_the_middle() {
    let mut pair = server();
    let mut plain = ask(&mut pair, "GET", "/test?VER=8&TYPE=xmlhttp", "");
    let mut html = ask(&mut pair, "GET", "/test?VER=8&TYPE=html&DOMAIN=a%22b", "");
    assert_eq!(plain.answer(&mut pair).body, "11111");
    let begun = html.answer(&mut pair).body;
    let begin = "<html><body><script>try{document.domain=\"a\\\"b\";}catch(e){}</script>\n\
                 <script>try {parent.m(\"11111\")} catch(e) {}</script>\n";
    assert!(
        begun.starts_with(begin) && begun.len() == begin.len() + 291,
        "{begun}"
    );
    pair.run_for(1999);
    assert_eq!(plain.answer(&mut pair).body, "11111");
    pair.run_for(1);
    let answer = plain.answer(&mut pair);
    assert_eq!((answer.body.as_str(), answer.is_complete), ("111112", true));
    let rest = html.answer(&mut pair).body.split_off(begun.len());
    let end = "<script>try {parent.m(\"2\")} catch(e) {}</script>\n\
               <script>try  {parent.d(); }catch (e){}</script>\n";
    assert_eq!(rest, end);
}

#[test]
fn what_is_not_understood_is_answered_as_the_package_does() {
    let mut pair = server();
    let version = (400, "<html><body><h1>Version 8 required</h1></body></html>");
    assert_eq!(get(&mut pair, "/test?VER=7&MODE=init").brief(), version);
    assert_eq!(post(&mut pair, "/bind?RID=1", "count=0").brief(), version);
    for path in ["/", "/x", "/bcsocket.js", "/bind/", "/tests"] {
        assert_eq!(get(&mut pair, path).brief(), (404, "Not found"), "{path}");
    }
    for path in ["", "x", "?VER=8"] {
        let answer = get(&mut pair, path);
        assert_eq!(answer.brief(), (404, "Not Found"), "{path}");
        assert_eq!(answer.header("Expires"), None);
    }
    let answer = ask(&mut pair, "PUT", "/bind?VER=8", "").answer(&mut pair);
    assert_eq!(answer.brief(), (405, "Method not allowed"));
    assert_eq!(
        get(&mut pair, "/bind?VER=8&TYPE=terminate").brief(),
        (200, "")
    );
    let invalid = (400, "<html><body><h1>Invalid SID</h1></body></html>");
    assert_eq!(
        get(&mut pair, "/bind?VER=8&TYPE=xmlhttp&RID=rpc").brief(),
        invalid
    );
    assert_eq!(get(&mut pair, "/bind?VER=8").status, 400);
    for sid in ["x", "AAAAAAAAAAAAAAAAAAAAA"] {
        let target = format!("/bind?VER=8&SID={sid}&TYPE=html&RID=rpc");
        assert_eq!(get(&mut pair, &target).brief(), UNKNOWN_SID);
    }
    for body in ["", "x", "count=1", "count=1&ofs=0"] {
        assert_eq!(post(&mut pair, "/bind?VER=8&RID=1", body).brief(), BAD_DATA);
    }
    assert_eq!(post(&mut pair, "/bind?VER=8", "count=0").brief(), BAD_DATA);
    assert!(pair.sparks().is_empty());
}

#[test]
fn a_session_answers_what_it_does_not_understand() {
    let mut pair = server();
    let spark = open(&mut pair);
    let target = format!("/bind?VER=8&SID={spark}");
    let rpc = (400, "<html><body><h1>Expected RPC</h1></body></html>");
    assert_eq!(
        get(&mut pair, &format!("{target}&TYPE=xmlhttp&RID=1")).brief(),
        rpc
    );
    assert_eq!(
        get(&mut pair, &format!("{target}&TYPE=x&RID=rpc")).status,
        400
    );
    let put = ask(&mut pair, "PUT", &target, "").answer(&mut pair);
    assert_eq!(put.brief(), (405, "Method not allowed"));
    assert_eq!(forward(&mut pair, spark, 11, "x").brief(), BAD_DATA);
    assert_eq!(
        post(&mut pair, &format!("{target}&RID=x"), "count=0").brief(),
        BAD_DATA
    );
    // None of that did any harm.
    forward(&mut pair, spark, 11, "count=1&ofs=0&req0__S=a");
    assert_eq!(texts(&pair, spark), ["a"]);
}

#[test]
fn headers_are_those_of_the_package_under_primus() {
    let mut pair = server_with(&[
        ("cors", "http://a.example"),
        ("corsAllowCredentials", "true"),
        ("headers", r#"{"X-A":"b","expires":"never"}"#),
    ]);
    let spark = open(&mut pair);
    let mut stream = back(&mut pair, spark, 0, 0);
    let html = format!("/bind?VER=8&SID={spark}&RID=rpc&CI=1&TYPE=html");
    for answer in [
        get(&mut pair, "/test?VER=8&MODE=init"),
        stream.answer(&mut pair),
        forward(&mut pair, spark, 11, "count=0"),
    ] {
        assert_eq!(answer.header("Content-Type"), Some("text/plain"));
        assert_eq!(answer.header("expires"), Some("never"));
        assert_eq!(answer.header("Expires"), None);
        assert_eq!(answer.header("X-A"), Some("b"));
        assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(
            answer.header("Access-Control-Allow-Origin"),
            Some("http://a.example")
        );
        assert_eq!(
            answer.header("Access-Control-Allow-Credentials"),
            Some("true")
        );
        assert_eq!(
            answer.header("Cache-Control"),
            Some("no-store, no-cache, must-revalidate, max-age=0"),
            "Primus's own word"
        );
    }
    let answer = ask(&mut pair, "GET", &html, "").answer(&mut pair);
    assert_eq!(answer.header("Content-Type"), Some("text/html"));
    assert_eq!(
        answer.header("Expires"),
        Some("Fri, 01 Jan 1990 00:00:00 GMT")
    );
    assert_eq!(answer.header("Access-Control-Allow-Origin"), None);
}

#[test]
fn the_first_request_may_bring_messages() {
    let mut pair = server();
    let body = "count=2&ofs=0&req0__S=a%20b&req1_JSON=%5B1%5D";
    post(&mut pair, "/bind?VER=8&RID=10", body);
    let spark = pair.sparks()[0];
    assert_eq!(texts(&pair, spark), ["a b", "[1]"]);
    let json = r#"{"ofs":2,"data":["c",{"d":1}]}"#;
    let target = format!("/bind?VER=8&SID={spark}&RID=11");
    let answer = ask_as(&mut pair, "POST", &target, "application/json", json).answer(&mut pair);
    assert_eq!(answer.status, 200);
    assert_eq!(texts(&pair, spark), ["a b", "[1]", "c", "{\"d\":1}"]);
}

#[test]
fn a_forward_request_learns_of_the_back_channel() {
    let mut pair = server();
    let spark = open(&mut pair);
    let target = format!("/bind?VER=8&SID={spark}&RID=11");
    // JSON.stringify([["c",id,null,8]]).length
    let outstanding = 15 + spark.to_string().len() + 2;
    let expected = format!("[0,0,{outstanding}]");
    let answer = post(&mut pair, &target, "count=0");
    assert_eq!(answer.body, format!("{}\n{expected}", expected.len()));
    let mut stream = back(&mut pair, spark, 0, 0);
    assert_eq!(forward(&mut pair, spark, 12, "count=0").body, "7\n[1,0,0]");
    write(&mut pair, spark, "é😀");
    assert_eq!(forward(&mut pair, spark, 13, "count=0").body, "7\n[1,1,7]");
    assert_eq!(stream.answer(&mut pair).body, "12\n[[1,\"é😀\"]]\n");
}

#[test]
fn a_streamed_back_channel_takes_chunks_until_it_is_full() {
    let mut pair = server();
    let spark = open(&mut pair);
    let mut stream = back(&mut pair, spark, 0, 0);
    assert_eq!(stream.answer(&mut pair).brief(), (200, ""));
    write(&mut pair, spark, "a");
    write(&mut pair, spark, "b\u{2028}");
    let expected = "10\n[[1,\"a\"]]\n16\n[[2,\"b\\u2028\"]]\n";
    assert_eq!(stream.answer(&mut pair).body, expected);
    write(&mut pair, spark, &"x".repeat(10 * 1024));
    assert!(stream.answer(&mut pair).is_complete);
    write(&mut pair, spark, "c");
    let mut stream = back(&mut pair, spark, 0, 3);
    assert_eq!(stream.answer(&mut pair).body, "10\n[[4,\"c\"]]\n");
}

#[test]
fn a_back_channel_that_is_not_streamed_takes_one_chunk() {
    let mut pair = server();
    let spark = open(&mut pair);
    let mut poll = back(&mut pair, spark, 1, 0);
    assert_eq!(poll.answer(&mut pair).brief(), (0, ""));
    pair.server_write(spark, Kind::Text, b"a");
    pair.server_write(spark, Kind::Binary, &[1, 2]);
    let answer = poll.answer(&mut pair);
    let array = "[[1,\"a\"],[2,{\"type\":\"Buffer\",\"data\":[1,2]}]]\n";
    assert_eq!(answer.body, format!("{}\n{array}", array.len()));
    assert!(answer.is_complete);
}

#[test]
fn the_html_form_is_made_of_scripts() {
    let mut pair = server();
    let spark = open(&mut pair);
    let target = format!("/bind?VER=8&SID={spark}&RID=rpc&CI=0&AID=0&TYPE=html");
    let mut frame = ask(&mut pair, "GET", &target, "");
    assert_eq!(frame.answer(&mut pair).body, "<html><body>");
    write(&mut pair, spark, "</é");
    write(&mut pair, spark, "b");
    let body = frame.answer(&mut pair).body;
    let first = "<html><body><script>try {parent.m(\"[[1,\\\"\\u003c/\\u00e9\\\"]]\\n\")} \
                 catch(e) {}</script>\n";
    let second = "\n<script>try {parent.m(\"[[2,\\\"b\\\"]]\\n\")} catch(e) {}</script>\n";
    assert!(body.starts_with(first) && body.ends_with(second), "{body}");
    assert_eq!(body.len(), first.len() + 291 + second.len() - 1);
    // A new back channel completes the one before.
    back(&mut pair, spark, 0, 2);
    let answer = frame.answer(&mut pair);
    let end = "<script>try  {parent.d(); }catch (e){}</script>\n";
    assert!(
        answer.is_complete && answer.body.ends_with(end),
        "{}",
        answer.body
    );
}

#[test]
fn arrays_are_sent_again_until_they_are_acknowledged() {
    let mut pair = server();
    let spark = open(&mut pair);
    let stream = back(&mut pair, spark, 0, 0);
    write(&mut pair, spark, "a");
    write(&mut pair, spark, "b");
    pair.raw_close(stream.raw);
    pair.settle();
    let mut poll = back(&mut pair, spark, 1, 0);
    assert_eq!(poll.answer(&mut pair).body, "18\n[[1,\"a\"],[2,\"b\"]]\n");
    let mut poll = back(&mut pair, spark, 1, 1);
    assert_eq!(poll.answer(&mut pair).body, "10\n[[2,\"b\"]]\n");
    let mut poll = back(&mut pair, spark, 1, 2);
    assert_eq!(poll.answer(&mut pair).brief(), (0, ""));
}

#[test]
fn what_is_never_acknowledged_does_not_grow() {
    let mut pair = server();
    let spark = open(&mut pair);
    for _ in 0..100 {
        pair.server_write(spark, Kind::Text, &[b'x'; 1000]);
    }
    let mut lengths = (0..5).map(|_| {
        let mut stream = back(&mut pair, spark, 0, 0);
        stream.answer(&mut pair).body.len()
    });
    let first = lengths.next().unwrap();
    assert!(first > 100_000 && lengths.all(|length| length == first));
    for _ in 0..1000 {
        pair.server_write(spark, Kind::Text, &[b'x'; 1000]);
    }
    let mut stream = back(&mut pair, spark, 0, 0);
    assert_eq!(stream.answer(&mut pair).body.len(), first);
    let mut stream = back(&mut pair, spark, 0, 100);
    let length = stream.answer(&mut pair).body.len();
    assert!((128 * 1024..140 * 1024).contains(&length), "{length}");
}

#[test]
fn noops_come_every_keep_alive_interval() {
    let mut pair = server();
    let spark = open(&mut pair);
    let mut stream = back(&mut pair, spark, 0, 0);
    pair.run_for(15_000);
    write(&mut pair, spark, "a");
    pair.run_for(5_000);
    let expected = "10\n[[1,\"a\"]]\n15\n[[2,[\"noop\"]]]\n";
    assert_eq!(stream.answer(&mut pair).body, expected);
    pair.run_for(20_000);
    assert!(
        stream
            .answer(&mut pair)
            .body
            .ends_with("15\n[[3,[\"noop\"]]]\n")
    );
    let mut poll = back(&mut pair, spark, 1, 3);
    pair.run_for(20_000);
    let answer = poll.answer(&mut pair);
    assert_eq!(
        (answer.body.as_str(), answer.is_complete),
        ("15\n[[4,[\"noop\"]]]\n", true)
    );
}

#[test]
fn a_session_without_a_back_channel_times_out() {
    let mut pair = server_with(&[("sessionTimeoutInterval", "10000")]);
    let spark = open(&mut pair);
    pair.run_for(9_000);
    let stream = back(&mut pair, spark, 0, 0);
    pair.run_for(30_000);
    assert_eq!(pair.server_end(spark), None);
    pair.raw_close(stream.raw);
    pair.run_for(9_999);
    // Sending does not help.
    assert_eq!(forward(&mut pair, spark, 11, "count=0").status, 200);
    assert_eq!(pair.server_end(spark), None);
    pair.run_for(1);
    assert_eq!(pair.server_end(spark), Some(&End::Goodbye));
    assert!(pair.is_over(spark));
    assert_eq!(
        forward(&mut pair, spark, 12, "count=0").brief(),
        UNKNOWN_SID
    );
}

#[test]
fn a_client_says_goodbye_in_its_turn() {
    let mut pair = server();
    let spark = open(&mut pair);
    let mut stream = back(&mut pair, spark, 0, 0);
    let target = format!("/bind?VER=8&SID={spark}&RID=12&TYPE=terminate");
    assert_eq!(get(&mut pair, &target).brief(), (200, ""));
    assert_eq!(pair.server_end(spark), None);
    let answer = forward(&mut pair, spark, 11, "count=1&ofs=0&req0__S=last");
    assert_eq!(
        answer.brief(),
        (403, "<html><body><h1>Forbidden</h1></body></html>")
    );
    assert_eq!(texts(&pair, spark), ["last"]);
    assert_eq!(pair.server_end(spark), Some(&End::Goodbye));
    assert!(pair.is_over(spark) && stream.answer(&mut pair).is_complete);
    assert_eq!(get(&mut pair, &target).brief(), UNKNOWN_SID);
}

#[test]
fn a_server_says_stop_after_everything_else() {
    let mut pair = server();
    let spark = open(&mut pair);
    pair.server_write(spark, Kind::Text, b"a");
    pair.server_close(spark);
    let mut stream = back(&mut pair, spark, 0, 0);
    let answer = stream.answer(&mut pair);
    assert_eq!(answer.body, "23\n[[1,\"a\"],[2,[\"stop\"]]]\n");
    assert!(answer.is_complete);
    // It may not have arrived.
    pair.run_for(4_000);
    let mut again = back(&mut pair, spark, 0, 1);
    assert_eq!(again.answer(&mut pair).body, "15\n[[2,[\"stop\"]]]\n");
    forward(&mut pair, spark, 11, "count=1&ofs=0&req0__S=late");
    assert!(texts(&pair, spark).is_empty());
    pair.run_for(999);
    assert!(!pair.is_over(spark));
    pair.run_for(1);
    assert!(pair.is_over(spark));

    // Without a back channel it has as long as ever.
    let spark = open(&mut pair);
    pair.server_close(spark);
    pair.run_for(29_000);
    let mut late = back(&mut pair, spark, 1, 0);
    assert_eq!(late.answer(&mut pair).body, "15\n[[1,[\"stop\"]]]\n");
    pair.run_for(1_000);
    assert!(pair.is_over(spark));
}

#[test]
fn a_peer_that_breaks_a_rule_is_ended() {
    let long = format!("count=1&ofs=0&req0__S={}", "x".repeat(1001));
    let cases = [
        ("count=1&ofs=0&req0_JSON=%7B", "a map is not JSON"),
        (&long, "a message is longer than maxLength"),
    ];
    for (body, reason) in cases {
        let mut pair = server();
        let spark = open(&mut pair);
        assert_eq!(forward(&mut pair, spark, 11, body).status, 403);
        assert_eq!(pair.server_end(spark), Some(&End::Violation(reason)));
        assert!(pair.is_over(spark));
        assert_eq!(post(&mut pair, "/bind?VER=8&RID=10", body).status, 403);
        assert!(pair.is_over(pair.sparks()[1]));
    }
}

#[test]
fn a_client_may_replace_its_session() {
    let mut pair = server();
    let old = open(&mut pair);
    let mut stream = back(&mut pair, old, 0, 0);
    let target = format!("/bind?VER=8&RID=20&OSID={old}&OAID=0");
    let answer = post(&mut pair, &target, "count=1&ofs=0&req0__S=a");
    let new = pair.sparks()[1];
    assert!(answer.body.contains(&new.to_string()), "{}", answer.body);
    assert_eq!(pair.server_end(old), Some(&End::Goodbye));
    assert!(pair.is_over(old) && stream.answer(&mut pair).is_complete);
    assert_eq!(texts(&pair, new), ["a"]);
    // One that is gone already, and one that never was.
    for sid in [old.to_string(), "x".to_owned()] {
        let target = format!("/bind?VER=8&RID=30&OSID={sid}&OAID=0");
        assert_eq!(post(&mut pair, &target, "count=0").status, 200);
    }
    assert_eq!(pair.sparks().len(), 4);
    assert_eq!(pair.server_end(new), None);
}
