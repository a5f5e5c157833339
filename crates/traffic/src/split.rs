//! Splits: where new requests go, and what each container has to weigh for it.

use teal_model::event::Color;

/// Where a split sends new requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Split {
    Blue,
    Green,
    /// To both; the whole of Green gets this many of a hundred.
    Both {
        green_percent: u8,
    },
}

/// How many containers Blue and Green are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) blue: usize,
    pub(super) green: usize,
}

impl Split {
    /// The split that gives Green this share of the whole.
    pub(super) const fn of(green_percent: u8) -> Self {
        match green_percent {
            0 => Self::Blue,
            1..100 => Self::Both { green_percent },
            100.. => Self::Green,
        }
    }

    /// Green's share of the whole.
    pub(super) const fn green_percent(self) -> u8 {
        match self {
            Self::Blue => 0,
            Self::Both { green_percent } => green_percent,
            Self::Green => 100,
        }
    }

    pub(super) fn name(self) -> String {
        match self {
            Self::Blue => "blue".into(),
            Self::Green => "green".into(),
            Self::Both { green_percent } => format!("both{green_percent}"),
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "blue" => Some(Self::Blue),
            "green" => Some(Self::Green),
            _ => Some(Self::of(name.strip_prefix("both")?.parse().ok()?)),
        }
    }

    pub(super) fn leads_to(self, color: Color) -> bool {
        match self {
            Self::Blue => color == Color::Blue,
            Self::Green => color == Color::Green,
            Self::Both { .. } => true,
        }
    }

    /// What a container of this color weighs, so that the sets get their shares; `None` if all
    /// weigh the same.
    pub(super) fn weight(self, color: Color, sizes: Sizes) -> Option<usize> {
        let Self::Both { green_percent } = self else {
            return None;
        };
        let green_percent = usize::from(green_percent);
        // A container's part is its set's share, divided by the size of its set.
        let blue = (100 - green_percent) * sizes.green;
        let green = green_percent * sizes.blue;
        if blue == green {
            return None;
        }
        let divisor = greatest_common_divisor(blue, green);
        match color {
            Color::Blue => Some(blue / divisor),
            Color::Green => Some(green / divisor),
        }
    }
}

fn greatest_common_divisor(one: usize, other: usize) -> usize {
    match other {
        0 => one.max(1),
        _ => greatest_common_divisor(other, one % other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_give_the_sets_their_shares() {
        let weights = |green_percent, blue, green| {
            let sizes = Sizes { blue, green };
            let split = Split::of(green_percent);
            let weight = |color| split.weight(color, sizes);
            (weight(Color::Blue), weight(Color::Green))
        };
        assert_eq!(weights(50, 1, 1), (None, None));
        assert_eq!(weights(50, 3, 3), (None, None));
        assert_eq!(weights(10, 1, 1), (Some(9), Some(1)));
        assert_eq!(weights(10, 3, 3), (Some(9), Some(1)));
        // 3 × 1 and 1 × 3.
        assert_eq!(weights(50, 3, 1), (Some(1), Some(3)));
        // 2 × 9 and 3 × 14: 18 of 60 are Blue's 30 %.
        assert_eq!(weights(70, 2, 3), (Some(9), Some(14)));
        assert_eq!(weights(0, 1, 1), (None, None));
        assert_eq!(weights(100, 1, 1), (None, None));
    }

    #[test]
    fn a_split_is_known_by_its_name() {
        for percent in 0..=100 {
            let split = Split::of(percent);
            assert_eq!(Split::named(&split.name()), Some(split));
        }
        assert_eq!(Split::named("bothx"), None);
    }
}
