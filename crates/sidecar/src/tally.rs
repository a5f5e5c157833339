//! Which connections have a request in flight, judged from samples of their counters.
//!
//! A proxy keeps connections open long after the last answer, so an open connection says little.
//! The kernel tells for each how long ago data last came in and went out, which is nearly enough:
//!
//! - data came in later than any went out: a request waits for its answer;
//! - in the same tick of the kernel's clock, the order is open, and acknowledgements tell it. The
//!   kernel puts off its own for 40 ms and more, in case an answer can carry it: one that goes out
//!   alone is for a request that waits. One that comes in later is for an answer;
//! - answers that come in pieces (streams) and connections that no longer speak HTTP (WebSocket)
//!   are recognised by what they did so far, and held accordingly. The first piece of a stream
//!   looks like a whole answer: it is held as long as pauses that were seen on any connection.

use std::{cmp::Ordering, collections::HashMap};

use crate::diag::Connection;

/// The time between two samples while something moves: well below the 40 ms that the kernel puts off acknowledgements.
pub(crate) const SAMPLE_MS: u64 = 20;

/// An answer is over when nothing followed for this long, where no stream was seen.
const SETTLE_MS: u32 = 300;
/// The kernel acknowledges data at the latest after 200 ms; some more for the samples.
const LATEST_ACK_MS: u32 = 300;
/// No request that a proxy forwards is shorter: its `X-Forwarded-…` headers alone are longer.
const SHORTEST_REQUEST: u64 = 160;
/// The chunk that ends a chunked answer: `0\r\n\r\n`.
const LAST_CHUNK: u64 = 5;
/// How long a request is held of which it stays open whether it waits.
const OPEN_MS: u32 = 10_000;
/// How long what was seen on one connection may hold up all others.
const MOST_PATIENCE_MS: u32 = 5_000;
/// How long a silent stream is held: server-sent events send a sign of life every 15 to 30 s.
const MOST_SILENCE_MS: u32 = 40_000;

/// What is known of all connections.
#[derive(Default)]
pub(crate) struct Tally {
    tracks: HashMap<u64, Track>,
    received: u64,
    sent: u64,
    /// The longest pause inside an answer that was seen.
    longest_pause: u32,
}

/// What is known of one connection.
#[derive(Clone)]
struct Track {
    now: Connection,
    /// Acknowledgements without data, before and in the sample in which data last moved.
    acks_before_move: u32,
    acks_at_move: u32,
    /// Whether such an acknowledgement went out after data last moved.
    is_acknowledged_late: bool,
    is_waiting: bool,
    kind: Kind,
    is_in_flight: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// One request, one answer, as far as is known.
    Exchange,
    /// An answer in several pieces, with its longest pause in milliseconds.
    Stream { pause: u32 },
    /// Not HTTP any more: in flight until it is closed.
    Upgraded,
}

impl Tally {
    /// Takes in the connections as they are now.
    pub(crate) fn sample(&mut self, connections: impl Iterator<Item = Connection>) {
        let mut tracks = HashMap::with_capacity(self.tracks.len());
        for now in connections {
            let before = self.tracks.get(&now.cookie);
            let (received, sent) =
                before.map_or((0, 0), |track| (track.now.received, track.now.sent));
            self.received += now.received.saturating_sub(received);
            self.sent += now.sent.saturating_sub(sent);
            let cookie = now.cookie;
            let track = match before {
                Some(before) => self.follow(before.clone(), now),
                None => Track::new(now),
            };
            tracks.insert(cookie, track);
        }
        self.tracks = tracks;
        for track in self.tracks.values_mut() {
            track.is_in_flight = track.judge(self.longest_pause);
        }
    }

    /// Connections with a request in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.tracks
            .values()
            .filter(|track| track.is_in_flight)
            .count()
    }

    /// Whether nothing has moved for so long that an acknowledgement can't be due either.
    pub(crate) fn is_quiet(&self) -> bool {
        self.tracks
            .values()
            .all(|track| track.now.since_received.min(track.now.since_sent) > LATEST_ACK_MS)
    }

    pub(crate) fn connections(&self) -> usize {
        self.tracks
            .values()
            .filter(|track| track.now.is_established)
            .count()
    }

    /// Bytes that came in, as far as samples see them: what a connection did after the last sample
    /// of its life is not in it.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Bytes that went out, likewise.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    fn follow(&mut self, mut track: Track, now: Connection) -> Track {
        let received = now.received.saturating_sub(track.now.received);
        let sent = now.sent.saturating_sub(track.now.sent);
        let segments = now
            .data_segments_in
            .wrapping_sub(track.now.data_segments_in);
        let was_idle = !track.is_waiting && track.kind == Kind::Exchange;
        if track.kind == Kind::Upgraded && received > 0 {
            self.learn_pause(track.now.since_received);
        } else if received > 0 {
            if !track.is_waiting && track.kind == Kind::Exchange && received < SHORTEST_REQUEST {
                track.kind = Kind::Upgraded;
            } else if let Kind::Stream { .. } = track.kind {
                track.kind = Kind::Exchange;
            }
        } else if sent > 0 && !track.is_waiting {
            self.follow_stream(&mut track, sent);
        }
        if received > 0 || sent > 0 {
            // One segment after a time without a request, and something sent: that is its answer.
            let is_answered = was_idle && segments == 1 && sent > 0;
            track.acks_before_move = if is_answered {
                now.bare_acks
            } else {
                track.now.bare_acks
            };
            track.acks_at_move = now.bare_acks;
            track.is_acknowledged_late = false;
        } else if now.since_received <= LATEST_ACK_MS && now.bare_acks > track.acks_at_move {
            // Later ones are the kernel's keep-alive.
            track.is_acknowledged_late = true;
        }
        track.now = now;
        track.is_waiting = track.waits();
        track
    }

    /// More of an answer came, without a new request.
    fn follow_stream(&mut self, track: &mut Track, sent: u64) {
        let pause = track.now.since_sent;
        match &mut track.kind {
            Kind::Stream { .. } if sent == LAST_CHUNK => track.kind = Kind::Exchange,
            Kind::Stream { pause: longest } => *longest = (*longest).max(pause),
            Kind::Exchange => track.kind = Kind::Stream { pause },
            Kind::Upgraded => return,
        }
        self.learn_pause(pause);
    }

    fn learn_pause(&mut self, pause: u32) {
        self.longest_pause = self.longest_pause.max(pause.min(MOST_PATIENCE_MS));
    }
}

/// How long an answer may pause before it counts as over.
fn patience(longest_pause: u32) -> u32 {
    longest_pause + longest_pause / 2 + SETTLE_MS
}

impl Track {
    fn new(now: Connection) -> Self {
        let mut track = Self {
            acks_before_move: now.bare_acks,
            acks_at_move: now.bare_acks,
            is_acknowledged_late: false,
            now,
            is_waiting: false,
            kind: Kind::Exchange,
            is_in_flight: false,
        };
        track.is_waiting = track.waits();
        track
    }

    /// Whether data came in that nothing was sent after.
    fn waits(&self) -> bool {
        let now = &self.now;
        if now.received == 0 {
            return false;
        }
        match now.since_received.cmp(&now.since_sent) {
            Ordering::Less => true,
            Ordering::Equal => now.sent == 0 || self.is_acknowledged_late,
            Ordering::Greater => false,
        }
    }

    fn judge(&self, longest_pause: u32) -> bool {
        let now = &self.now;
        if now.queued > 0 {
            return true;
        }
        if !now.is_established {
            return false;
        }
        let silent = now.since_received.min(now.since_sent);
        match self.kind {
            Kind::Upgraded => true,
            _ if self.is_waiting => true,
            Kind::Stream { pause } => silent < patience(pause).min(MOST_SILENCE_MS),
            Kind::Exchange if self.is_open() => silent < OPEN_MS,
            // Perhaps the first piece of a stream.
            Kind::Exchange => silent < patience(longest_pause),
        }
    }

    /// Whether the order of the last request and the last answer can't be told: an acknowledgement
    /// went out in the same sample, and none came in since. For an answer, one comes in; the client
    /// mostly puts it off, too.
    fn is_open(&self) -> bool {
        self.now.since_received == self.now.since_sent
            && self.now.since_heard >= self.now.since_received
            && self.now.data_segments_in > 1
            && self.acks_at_move > self.acks_before_move
    }
}

#[cfg(test)]
mod tests {
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
            self.tally.sample([self.now.clone()].into_iter());
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

        /// A quick request and its answer, in one sample.
        fn exchange(&mut self) -> &mut Self {
            self.receive(300).send(200);
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
            story.receive(300).send(200).acknowledge();
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
    fn one_request_and_something_sent_is_an_exchange() {
        let mut story = Story::begin();
        story.exchange();
        story.wait(SETTLE_MS);
        story.sample();
        story.receive(300).acknowledge().send(200);
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
}
