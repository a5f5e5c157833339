//! Several measurements of the same.

use std::{fmt, time::Duration};

/// In milliseconds, in the order of their size.
#[derive(Debug, Default)]
pub(super) struct Spread(Vec<i64>);

impl Spread {
    pub(super) fn add(&mut self, milliseconds: i64) {
        self.0.push(milliseconds);
        self.0.sort_unstable();
    }

    pub(super) fn add_duration(&mut self, duration: Duration) {
        self.add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX));
    }

    pub(super) fn median(&self) -> i64 {
        let middle = self.0.len() / 2;
        if self.0.len() % 2 == 1 {
            self.0[middle]
        } else {
            i64::midpoint(self.0[middle - 1], self.0[middle])
        }
    }

    /// The least that so many in a hundred do not exceed.
    pub(super) fn percentile(&self, percent: usize) -> i64 {
        self.0[(self.0.len() * percent).div_ceil(100) - 1]
    }

    /// The median and the ends, in one cell.
    pub(super) fn in_short(&self) -> String {
        match (self.0.first(), self.0.last()) {
            (Some(least), Some(most)) => format!("{} ms ({least} to {most})", self.median()),
            _ => "none".to_owned(),
        }
    }
}

/// As cells of a table's row: median, least, most, count.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(least), Some(most)) = (self.0.first(), self.0.last()) else {
            return write!(f, "none | none | none | 0");
        };
        let count = self.0.len();
        write!(f, "{} ms | {least} ms | {most} ms | {count}", self.median())
    }
}

/// The head of the table that such rows make.
pub(super) fn head(what: &str) -> String {
    format!("| {what} | median | least | most | n |\n| --- | ---: | ---: | ---: | ---: |\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_median_and_the_ends() {
        let mut spread = Spread::default();
        assert_eq!(spread.to_string(), "none | none | none | 0");
        for milliseconds in [9, -1, 4] {
            spread.add(milliseconds);
        }
        assert_eq!(spread.to_string(), "4 ms | -1 ms | 9 ms | 3");
        spread.add(6);
        assert_eq!(spread.to_string(), "5 ms | -1 ms | 9 ms | 4");
        assert_eq!(
            [50, 75, 95, 100].map(|p| spread.percentile(p)),
            [4, 6, 9, 9]
        );
    }
}
