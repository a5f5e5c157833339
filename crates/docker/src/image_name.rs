//! Names of images: what can be one, and their parts.

/// The parts of an image's name: `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageName<'a> {
    /// Without tag and digest: `ghcr.io/shop/web`.
    pub repository: &'a str,
    pub tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> ImageName<'a> {
    pub fn new(text: &'a str) -> Self {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        // A colon before a slash is a registry's port.
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (name, None),
        };
        Self {
            repository,
            tag,
            digest,
        }
    }

    /// The last part of the repository, which most people call the image's name: `web`.
    pub fn last(&self) -> &'a str {
        let last = self.repository.rsplit('/').next();
        last.unwrap_or(self.repository)
    }
}

/// Whether the engine can have an image of this name: `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`, or an id.
/// `app:`, as `app:${UNSET}` comes out, is none.
pub fn is_image_name(text: &str) -> bool {
    let ImageName {
        repository,
        tag,
        digest,
    } = ImageName::new(text);
    let (host, path) = match repository.split_once('/') {
        Some((host, path)) if is_host(host) => (Some(host), path),
        _ => (None, repository),
    };
    path.split('/').all(is_component)
        && host.is_none_or(|host| !host.starts_with([':', '.']) && !host.ends_with(':'))
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest)
}

/// As Docker tells a registry from the first part of a path.
fn is_host(text: &str) -> bool {
    text == "localhost"
        || text.contains(['.', ':'])
        || text.contains(|letter: char| letter.is_ascii_uppercase())
}

fn is_component(text: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    text.starts_with(is_plain)
        && text.ends_with(is_plain)
        && text
            .chars()
            .all(|letter| is_plain(letter) || matches!(letter, '.' | '_' | '-'))
}

fn is_tag(text: &str) -> bool {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.starts_with(is_word)
        && text.len() <= 128
        && text
            .chars()
            .all(|letter| is_word(letter) || matches!(letter, '.' | '-'))
}

fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, digits)| {
        !algorithm.is_empty()
            && !digits.is_empty()
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::{ImageName, is_image_name};

    #[test]
    fn names_are_told_from_what_unset_variables_leave_of_them() {
        for name in [
            "nginx",
            "nginx:1.22",
            "teal-sample/hello:latest",
            "ghcr.io/open-telemetry/demo:2.0.2-cart",
            "registry.example:5000/team/app",
            "localhost/app:1",
            "app@sha256:0123456789abcdef",
            "app:1@sha256:0123456789abcdef",
            "sha256:0123456789abcdef",
            "0123456789ab",
            "a__b/c--d:V1",
        ] {
            assert!(is_image_name(name), "{name}");
        }
        for name in [
            "",
            "app:",
            ":1",
            "example/app:",
            "/app:1",
            "example//app",
            "registry.example:5000/",
            "App:1",
            "app:1:2",
            "app:a b",
            "app@",
            "app@sha256:",
            "-app",
        ] {
            assert!(!is_image_name(name), "{name}");
        }
    }

    #[test]
    fn a_port_of_a_registry_is_no_tag() {
        let parts = |text| {
            let name = ImageName::new(text);
            (name.repository, name.tag, name.last())
        };
        assert_eq!(parts("nginx"), ("nginx", None, "nginx"));
        assert_eq!(
            parts("registry:5000/shop/web"),
            ("registry:5000/shop/web", None, "web")
        );
        assert_eq!(
            parts("registry:5000/shop/web:1@sha256:00"),
            ("registry:5000/shop/web", Some("1"), "web")
        );
    }
}
