//! The image that the edge runs: one that is on the engine, where there is one, and what its
//! version knows.

use std::cmp::Reverse;

use bollard::{Docker, query_parameters::ListImagesOptions};

use crate::version::Version;
use teal_docker::{Missing, failed, patiently};
use teal_model::Result;

/// The official image where the engine has no third version of Traefik: of a minor version, so that
/// what it knows is known.
pub(super) const IMAGE: &str = "traefik:v3.7";

const TITLE: &str = "org.opencontainers.image.title";
const VERSION: &str = "org.opencontainers.image.version";

/// An image for the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeImage {
    pub name: String,
    /// By its label or its tag; `None` if neither tells.
    pub version: Option<String>,
    pub is_on_engine: bool,
}

impl EdgeImage {
    /// The image of this name, or the best that there is: the usual one, else the newest third
    /// version of Traefik on the engine, else the usual one all the same.
    pub async fn choose(docker: &Docker, name: Option<&str>) -> Result<Self> {
        let usual = Self::look(docker, name.unwrap_or(IMAGE)).await?;
        if name.is_some() || usual.is_on_engine {
            return Ok(usual);
        }
        let all = patiently(|| docker.list_images(None::<ListImagesOptions>))
            .await
            .map_err(failed("list images"))?;
        let mut found: Vec<_> = all
            .iter()
            .flat_map(|image| {
                let tags = image.repo_tags.iter();
                tags.filter_map(|tag| Self::of(tag, |label| image.labels.get(label).cloned()))
            })
            .collect();
        found.sort_by_key(|image| Reverse(image.parts()));
        Ok(found.into_iter().next().unwrap_or(usual))
    }

    async fn look(docker: &Docker, name: &str) -> Result<Self> {
        let image = patiently(|| docker.inspect_image(name))
            .await
            .missing()
            .map_err(failed(format!("inspect image `{name}`")))?;
        let is_on_engine = image.is_some();
        let labels = image
            .and_then(|image| image.config?.labels)
            .unwrap_or_default();
        Ok(Self {
            name: name.to_owned(),
            version: version(name, labels.get(VERSION).cloned()),
            is_on_engine,
        })
    }

    /// A third version of Traefik, by its tag and labels.
    fn of(tag: &str, label: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let is_titled = label(TITLE).is_some_and(|title| title.eq_ignore_ascii_case("traefik"));
        if !is_titled && Version::of_image(tag).is_none() {
            return None;
        }
        let image = Self {
            name: tag.to_owned(),
            version: version(tag, label(VERSION)),
            is_on_engine: true,
        };
        let (major, ..) = image.parts()?;
        (major == 3).then_some(image)
    }

    /// What a setting that an older Traefik does not know would end at its start.
    pub(super) fn knows(&self, setting: Setting) -> bool {
        let Some((major, minor, patch)) = self.parts() else {
            return false;
        };
        let since = setting.since();
        major == 3 && (minor, patch.unwrap_or(0)) >= since
    }

    /// What the service gets otherwise than without the edge, as this version passes requests on: as
    /// the end of a sentence.
    pub fn what_changes(&self) -> &'static str {
        const HEADERS: &str = "; `;` in a query becomes `&`, and `X-Forwarded-…`, `X-Real-Ip` and, where a client names none, `Accept-Encoding: gzip` are added";
        match self.parts() {
            Some((3, ..3, _)) => HEADERS,
            Some(_) if self.knows(Setting::SanitizePath) => {
                "; characters that need no encoding (`%7E`) come decoded and encodings in capitals, `;` in a query becomes `&`, and `X-Forwarded-…`, `X-Real-Ip` and, where a client names none, `Accept-Encoding: gzip` are added"
            }
            _ => {
                "; a Traefik of this version, as far as it is known, may take `//` and `/../` out of paths, and refuse encoded characters"
            }
        }
    }

    fn parts(&self) -> Option<(u32, u32, Option<u32>)> {
        let version = self.version.as_deref()?.trim_start_matches('v');
        let mut parts = version.split(['.', '-', '+']);
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        Some((
            major,
            minor,
            parts.next().and_then(|patch| patch.parse().ok()),
        ))
    }
}

fn version(name: &str, label: Option<String>) -> Option<String> {
    label
        .filter(|version| Version::parse(version).is_some())
        .or_else(|| Version::of_image(name).map(str::to_owned))
}

/// Settings of an entry point that came with some minor version.
#[derive(Debug, Clone, Copy)]
pub(super) enum Setting {
    /// Whether `//`, `/./` and `/../` are taken out of paths.
    SanitizePath,
    /// Which encoded characters a path may have.
    EncodedCharacters,
}

impl Setting {
    /// Minor version and patch, on the safe side where it came with a patch of several.
    const fn since(self) -> (u32, u32) {
        match self {
            Self::SanitizePath => (4, 0),
            Self::EncodedCharacters => (6, 4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(name: &str, label: Option<&str>) -> EdgeImage {
        EdgeImage {
            name: name.to_owned(),
            version: version(name, label.map(str::to_owned)),
            is_on_engine: true,
        }
    }

    #[test]
    fn settings_are_for_versions_that_know_them() {
        let knows = |name, label: Option<&str>| {
            let image = image(name, label);
            (
                image.knows(Setting::SanitizePath),
                image.knows(Setting::EncodedCharacters),
            )
        };
        assert_eq!(knows("traefik:v3.0", None), (false, false));
        assert_eq!(knows("traefik:v3.4", None), (true, false));
        assert_eq!(knows("traefik:v3.6", None), (true, false));
        assert_eq!(knows("traefik:v3", Some("v3.6.4")), (true, true));
        assert_eq!(knows("traefik:v3.7", None), (true, true));
        assert_eq!(knows("mine:1", Some("3.7.15")), (true, true));
        assert_eq!(knows("traefik:v3", None), (false, false));
        assert_eq!(knows("traefik:v2.11", None), (false, false));
    }

    #[test]
    fn only_a_third_version_of_traefik_will_do() {
        let none = |_: &str| None;
        assert!(EdgeImage::of("traefik:v3.0", none).is_some());
        assert!(EdgeImage::of("traefik:v2.11", none).is_none());
        assert!(EdgeImage::of("shop:3.7", none).is_none());
        let titled = |label: &str| match label {
            TITLE => Some("Traefik".to_owned()),
            _ => Some("v3.5.1".to_owned()),
        };
        let found = EdgeImage::of("registry/proxy:latest", titled).unwrap();
        assert_eq!(found.parts(), Some((3, 5, Some(1))));
    }
}
