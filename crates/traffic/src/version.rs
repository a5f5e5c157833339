//! Which Traefik it is, and what it can do.

use std::fmt;

use teal_docker::ImageName;

/// The first two parts of a version: what Teal judges by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    major: u32,
    minor: u32,
}

impl Version {
    /// The oldest that Teal steers: it is the first with the rules that pins are written in, and
    /// with weights of servers.
    pub(super) const OLDEST: Self = Self { major: 3, minor: 0 };

    /// `3.7.15`, `v3.0`, `3.7.0-rc.1`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim_start_matches('v').split(['.', '-', '+']);
        Some(Self {
            major: parts.next()?.parse().ok()?,
            minor: parts.next()?.parse().ok()?,
        })
    }

    /// The version in the tag of an image of Traefik's own name, such as `traefik:v3.7`.
    pub(super) fn of_image(image: &str) -> Option<&str> {
        let name = ImageName::new(image);
        let tag = name.tag?;
        (name.last() == "traefik" && Self::parse(tag).is_some())
            .then(|| tag.trim_start_matches('v'))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_all_that_tells_them() {
        let version = |major, minor| Some(Version { major, minor });
        assert_eq!(Version::parse("3.7.15"), version(3, 7));
        assert_eq!(Version::parse("v3.0"), version(3, 0));
        assert_eq!(Version::parse("3.7.0-rc.1"), version(3, 7));
        assert_eq!(Version::parse("latest"), None);
        assert!(Version::parse("2.11.3") < Some(Version::OLDEST));

        assert_eq!(Version::of_image("traefik:v3.7"), Some("3.7"));
        assert_eq!(
            Version::of_image("registry:5000/proxy/traefik:3.1.2@sha256:00"),
            Some("3.1.2")
        );
        for image in [
            "traefik",
            "traefik:latest",
            "registry:5000/traefik",
            "shop:3.7",
        ] {
            assert_eq!(Version::of_image(image), None, "{image}");
        }
    }
}
