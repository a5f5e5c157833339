//! The gap of a handover of ports. It was announced, so what falls into it is told apart.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// Shared by who makes the gap and who counts what falls into it.
#[derive(Debug, Clone, Default)]
pub(super) struct Gap(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Counts each opening and each closing, so it is odd while ports change hands.
    turns: AtomicU32,
    cut: AtomicU32,
}

impl Gap {
    /// Ports change hands until the guard is let go. So many requests were in flight then.
    pub(super) fn open(&self, in_flight: u32) -> Open<'_> {
        self.0.cut.fetch_add(in_flight, Ordering::Relaxed);
        self.0.turns.fetch_add(1, Ordering::Relaxed);
        Open(self)
    }

    pub(super) fn turns(&self) -> u32 {
        self.0.turns.load(Ordering::Relaxed)
    }

    pub(super) fn cut(&self) -> u32 {
        self.0.cut.load(Ordering::Relaxed)
    }

    /// Whether what began at this count of turns and ends now met a gap.
    pub(super) fn is_met(&self, began: u32) -> bool {
        began % 2 == 1 || began != self.turns()
    }
}

/// While it is there, the gap is open.
#[derive(Debug)]
pub(super) struct Open<'a>(&'a Gap);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.0.turns.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_touches_the_gap_meets_it() {
        let gap = Gap::default();
        let before = gap.turns();
        assert!(!gap.is_met(before));
        let open = gap.open(2);
        let within = gap.turns();
        assert!(gap.is_met(before) && gap.is_met(within));
        drop(open);
        assert!(gap.is_met(before) && gap.is_met(within));
        assert!(!gap.is_met(gap.turns()));
        assert_eq!(gap.cut(), 2);
    }
}
