//! Which connections have a request in flight, judged from samples of their counters.
//!
//! A proxy keeps connections open long after the last answer, so an open connection says little.
//! The kernel tells for each how long ago data last came in and went out, which is nearly enough:
//!
//! - data came in later than any went out: a request waits for its answer;
//! - in the same tick of the kernel's clock, the order is open, and acknowledgements tell it. The
//!   kernel puts off its own for 40 ms and more, in case an answer can carry it: one that goes out
//!   alone is for a request that waits. One that comes in later is for an answer. Where none came
//!   in and nothing is left to be acknowledged, a request did that, so it came last. Of a connection
//!   that is older than the watch, the order stays open until it is told;
//! - answers that come in pieces (streams) and connections that no longer speak HTTP (WebSocket)
//!   are recognised by what they did so far, and held accordingly. The first piece of a stream
//!   looks like a whole answer: it is held as long as pauses that were seen on any connection.

use std::{cmp::Ordering, collections::HashMap};

use crate::{callers::Callers, diag::Connection};

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
    pub(crate) callers: Callers,
    has_begun: bool,
}

/// What is known of one connection.
#[derive(Clone)]
struct Track {
    now: Connection,
    /// Acknowledgements without data, before and in the sample in which data last moved.
    acks_before_move: u32,
    acks_at_move: u32,
    /// Those of the client before data last moved, where they are known.
    client_acks_before_move: Option<u32>,
    /// Whether such an acknowledgement went out after data last moved.
    is_acknowledged_late: bool,
    is_waiting: bool,
    kind: Kind,
    is_in_flight: bool,
    /// Whether it was there when the watch began, and nothing has moved on it since.
    is_untouched: bool,
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
    pub(crate) fn sample(&mut self, connections: &[Connection]) {
        let mut tracks = HashMap::with_capacity(self.tracks.len());
        for now in connections.iter().cloned() {
            let before = self.tracks.get(&now.cookie);
            let (received, sent) =
                before.map_or((0, 0), |track| (track.now.received, track.now.sent));
            self.received += now.received.saturating_sub(received);
            self.sent += now.sent.saturating_sub(sent);
            let cookie = now.cookie;
            let track = match before {
                Some(before) => self.follow(before.clone(), now),
                None => Track {
                    is_untouched: !self.has_begun,
                    ..Track::new(now)
                },
            };
            tracks.insert(cookie, track);
        }
        self.callers.sample(connections);
        self.has_begun = true;
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

    /// Open connections that may be idle or in use: nothing has moved on them since before the watch.
    pub(crate) fn untouched(&self) -> usize {
        self.tracks
            .values()
            .filter(|track| track.is_untouched && track.now.is_established && !track.is_in_flight)
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
        let was_open = track.is_open();
        if received > 0 && !track.is_waiting {
            self.callers.asks_again(now.peer);
        }
        if track.kind == Kind::Upgraded && received > 0 {
            self.learn_pause(track.now.since_received);
        } else if received > 0 {
            if !track.is_waiting && track.kind == Kind::Exchange && received < SHORTEST_REQUEST {
                track.kind = Kind::Upgraded;
            } else if let Kind::Stream { .. } = track.kind {
                track.kind = Kind::Exchange;
            }
        } else if sent > 0 && !track.is_waiting {
            let pause = track.follow_stream(sent);
            // What may be the answer to a request that waited says nothing of other connections.
            if let Some(pause) = pause.filter(|_| !was_open) {
                self.learn_pause(pause);
            }
        }
        if received > 0 || sent > 0 {
            track.is_untouched = false;
            // One segment after a time without a request, and something sent: that is its answer.
            let is_answered = was_idle && segments == 1 && sent > 0;
            track.acks_before_move = if is_answered {
                now.bare_acks
            } else {
                track.now.bare_acks
            };
            track.acks_at_move = now.bare_acks;
            track.client_acks_before_move = Some(track.now.bare_acks_in);
            track.is_acknowledged_late = false;
        } else if now.since_received <= LATEST_ACK_MS && now.bare_acks > track.acks_at_move {
            // Later ones are the kernel's keep-alive.
            track.is_acknowledged_late = true;
        }
        track.now = now;
        track.is_waiting = track.waits();
        track
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
            // Any of those so far may be for a request that waits.
            acks_before_move: 0,
            acks_at_move: now.bare_acks,
            client_acks_before_move: None,
            is_acknowledged_late: false,
            now,
            is_waiting: false,
            kind: Kind::Exchange,
            is_in_flight: false,
            is_untouched: false,
        };
        track.is_waiting = track.waits();
        track
    }

    /// More of an answer came, without a new request. The pause before it, where it is a stream.
    fn follow_stream(&mut self, sent: u64) -> Option<u32> {
        let pause = self.now.since_sent;
        match &mut self.kind {
            Kind::Stream { .. } if sent == LAST_CHUNK => self.kind = Kind::Exchange,
            Kind::Stream { pause: longest } => *longest = (*longest).max(pause),
            Kind::Exchange => self.kind = Kind::Stream { pause },
            Kind::Upgraded => return None,
        }
        Some(pause)
    }

    /// Whether data came in that nothing was sent after.
    fn waits(&self) -> bool {
        let now = &self.now;
        if now.received == 0 {
            return false;
        }
        match now.since_received.cmp(&now.since_sent) {
            Ordering::Less => true,
            Ordering::Equal => {
                now.sent == 0 || self.is_acknowledged_late || self.has_request_acknowledged()
            }
            Ordering::Greater => false,
        }
    }

    /// Whether all that was sent is acknowledged, and nothing but requests can have done that.
    fn has_request_acknowledged(&self) -> bool {
        let now = &self.now;
        now.queued == 0
            && now.since_heard >= now.since_received
            && self.client_acks_before_move == Some(now.bare_acks_in)
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
mod tests;
