//! The lives of connections, told step by step.

use std::slice;

use super::*;

/// One connection whose life is told step by step.
struct Story {
    tally: Tally,
    now: Connection,
}

impl Story {
    fn begin() -> Self {
        let now = Connection {
            cookie: 1,
            is_established: true,
            ..Connection::default()
        };
        Self {
            tally: Tally::default(),
            now,
        }
    }

    fn sample(&mut self) -> usize {
        self.tally.sample(slice::from_ref(&self.now));
        self.tally.in_flight()
    }

    /// Time goes by; the samples say the same all along.
    fn wait(&mut self, millis: u32) -> &mut Self {
        self.now.since_received += millis;
        self.now.since_sent += millis;
        self.now.since_heard += millis;
        self
    }

    fn receive(&mut self, bytes: u64) -> &mut Self {
        self.now.received += bytes;
        self.now.data_segments_in += 1;
        self.now.since_received = 0;
        self.now.since_heard = 0;
        self
    }

    fn send(&mut self, bytes: u64) -> &mut Self {
        self.now.sent += bytes;
        self.now.since_sent = 0;
        self
    }

    fn acknowledge(&mut self) -> &mut Self {
        self.now.bare_acks += 1;
        self
    }

    /// The client acknowledges what was sent, without a request.
    fn hear(&mut self) -> &mut Self {
        self.now.bare_acks_in += 1;
        self.now.since_heard = 0;
        self
    }

    /// A quick request, its answer and what the client has to acknowledge, in one sample.
    fn exchange(&mut self) -> &mut Self {
        self.receive(300).send(200).hear();
        self.sample();
        self
    }
}

#[test]
fn a_new_connection_is_not_a_request() {
    let mut story = Story::begin();
    assert_eq!(
        story.sample(),
        1,
        "it may have come with one that is on its way"
    );
    assert_eq!(story.wait(1000).sample(), 0);
}

#[test]
fn a_request_is_in_flight_until_its_answer() {
    let mut story = Story::begin();
    story.receive(300);
    assert_eq!(story.sample(), 1);
    assert_eq!(story.wait(60_000).sample(), 1);
    story.send(200);
    story.sample();
    assert_eq!(story.wait(SETTLE_MS).sample(), 0);
}

#[test]
fn a_request_in_the_tick_of_the_answer_before_is_known_by_its_acknowledgement() {
    let mut story = Story::begin();
    story.exchange().exchange();
    // The next request comes in before the sample, in the same tick as the answer.
    story.send(200).receive(300).send(0);
    story.sample();
    story.wait(44).acknowledge();
    assert_eq!(story.sample(), 1);
    assert_eq!(story.wait(20_000).sample(), 1);
    story.send(200);
    story.sample();
    assert_eq!(story.wait(SETTLE_MS).sample(), 0);
}

#[test]
fn an_answer_in_the_tick_of_its_request_ends_it() {
    let mut story = Story::begin();
    story.exchange().exchange();
    assert_eq!(story.wait(SETTLE_MS).sample(), 0);
    // The kernel's keep-alive acknowledges, too, much later.
    story.wait(15_000).acknowledge();
    assert_eq!(story.sample(), 0);
}

#[test]
fn where_the_order_stays_open_the_request_is_held() {
    let mut story = Story::begin();
    story.exchange();
    let two_requests = |story: &mut Story| {
        story.receive(300).send(200).acknowledge().hear();
        story.receive(300);
        story.sample();
    };
    two_requests(&mut story);
    assert_eq!(story.wait(OPEN_MS - 1).sample(), 1);
    assert_eq!(story.wait(1).sample(), 0);
    // The client's own acknowledgement of an answer closes it.
    two_requests(&mut story);
    story.wait(SETTLE_MS).now.since_heard = 100;
    assert_eq!(story.sample(), 0);
}

#[test]
fn a_request_from_before_the_watch_is_held_and_its_answer_is_no_stream() {
    let mut story = Story::begin();
    // Exchanges, the last answer and the next request in the same tick, and time since.
    story.receive(300).send(200).receive(300).acknowledge();
    story.wait(2000);
    assert_eq!(story.sample(), 1);
    story.wait(900).send(200);
    story.sample();
    story.wait(40).hear();
    story.sample();
    story.receive(300).send(200).hear();
    story.sample();
    assert_eq!(story.wait(SETTLE_MS).sample(), 0);
}

#[test]
fn a_connection_that_idled_before_the_watch_is_idle() {
    let mut story = Story::begin();
    story.receive(300).acknowledge().send(200);
    story.receive(300).send(200).wait(40).hear().wait(500);
    assert_eq!(story.sample(), 0);
}

#[test]
fn a_request_that_acknowledges_the_answer_before_waits_and_its_answer_is_no_stream() {
    let mut story = Story::begin();
    story.exchange();
    story.receive(300);
    assert_eq!(story.wait(3000).sample(), 1);
    // Its answer, and the next request in the same tick, acknowledged at once.
    story.send(200).receive(300).acknowledge();
    story.sample();
    assert_eq!(story.wait(3000).sample(), 1);
    story.send(200).hear();
    story.sample();
    assert_eq!(story.wait(SETTLE_MS).sample(), 0);
}

#[test]
fn an_answer_that_the_client_acknowledges_late_ends_its_request() {
    let mut story = Story::begin();
    story.exchange();
    story.receive(300).send(200);
    assert_eq!(story.sample(), 1);
    story.wait(40).hear();
    story.sample();
    assert_eq!(story.wait(SETTLE_MS).sample(), 0);
}

#[test]
fn one_request_and_something_sent_is_an_exchange() {
    let mut story = Story::begin();
    story.exchange();
    story.wait(SETTLE_MS);
    story.sample();
    story.receive(300).acknowledge().send(200).hear();
    story.sample();
    assert_eq!(story.wait(SETTLE_MS).sample(), 0);
}

#[test]
fn a_stream_is_held_between_its_pieces_and_let_go_at_its_last_chunk() {
    let mut story = Story::begin();
    story.exchange();
    story.wait(700);
    story.sample();
    story.send(50);
    assert_eq!(story.sample(), 1);
    assert_eq!(story.wait(700).sample(), 1);
    story.send(LAST_CHUNK);
    story.sample();
    // As long as this service is known to pause, since it may be the first piece of another.
    assert_eq!(story.wait(700 + 350).sample(), 1);
    assert_eq!(story.wait(SETTLE_MS).sample(), 0);
}

#[test]
fn a_message_too_short_for_a_request_is_a_web_socket() {
    let mut story = Story::begin();
    story.exchange();
    assert_eq!(story.wait(SETTLE_MS).sample(), 0);
    story.receive(9).send(5);
    story.sample();
    assert_eq!(story.wait(600_000).sample(), 1);
    story.now.is_established = false;
    assert_eq!(story.sample(), 0);
}

#[test]
fn bytes_are_summed_over_connections_that_come_and_go() {
    let mut story = Story::begin();
    story.exchange();
    story.now = Connection {
        cookie: 2,
        is_established: true,
        ..Connection::default()
    };
    story.exchange();
    assert_eq!((story.tally.received(), story.tally.sent()), (600, 400));
    assert_eq!(story.tally.connections(), 1);
}

#[test]
fn what_has_been_silent_since_before_the_watch_is_of_unknown_use() {
    let mut story = Story::begin();
    story.receive(300).send(200).wait(40).hear().wait(60_000);
    assert_eq!(story.sample(), 0);
    assert_eq!(story.tally.untouched(), 1);
    story.wait(30_000).sample();
    assert_eq!(story.tally.untouched(), 1);
    story.exchange();
    assert_eq!(story.wait(60_000).sample(), 0);
    assert_eq!(story.tally.untouched(), 0, "an exchange, and idle since");
}

#[test]
fn a_connection_that_came_later_is_not_of_unknown_use() {
    let mut story = Story::begin();
    story.tally.sample(&[]);
    story.receive(300).send(200).wait(40).hear().wait(60_000);
    story.sample();
    assert_eq!(story.tally.untouched(), 0);
}

#[test]
fn a_request_over_a_connection_that_was_there_is_a_call() {
    let mut story = Story::begin();
    story.exchange();
    assert_eq!(story.tally.callers.to_json(), "[]");
    story.wait(500).sample();
    // One request in two segments.
    story.receive(300).sample();
    story.receive(300).sample();
    story.send(200).sample();
    assert_eq!(
        story.tally.callers.to_json(),
        r#"[{"address":"0.0.0.0","opened":0,"requests":1}]"#
    );
}
