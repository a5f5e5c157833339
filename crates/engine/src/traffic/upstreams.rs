//! Whether a proxy's own settings send requests to a name that it looks up once, at its start.

use std::io::{Cursor, Read};

use bollard::{
    Docker, errors::Error as BollardError, query_parameters::DownloadFromContainerOptions,
};
use futures_util::TryStreamExt;

use super::program::Program;
use crate::docker::{Missing, patiently};

/// A larger file is no settings that somebody wrote.
const LARGEST_FILE: u64 = 256 * 1024;
/// Words of nginx after which a name stands without a port.
const BEFORE_A_NAME: [&str; 6] = [
    "fastcgi_pass",
    "grpc_pass",
    "proxy_pass",
    "scgi_pass",
    "server",
    "uwsgi_pass",
];

/// Whether the settings in a container send requests to one of these names for good. A proxy
/// without a file at the usual places says nothing: `None`.
///
/// # Errors
/// The engine can't hand its files out.
pub(crate) async fn keeps_address_of(
    docker: &Docker,
    container: &str,
    program: Program,
    names: &[String],
) -> Result<Option<bool>, BollardError> {
    let mut found = None;
    for folder in folders(program) {
        let options = DownloadFromContainerOptions {
            path: (*folder).to_owned(),
        };
        let archive = patiently(|| {
            docker
                .download_from_container(container, Some(options.clone()))
                .try_collect::<Vec<_>>()
        })
        .await
        .missing()?;
        let Some(archive) = archive else { continue };
        for text in texts(&archive.concat()) {
            found = Some(found == Some(true) || names_upstream(&text, names));
        }
    }
    Ok(found)
}

/// Where programs of this kind have their settings, in their official images and in Debian's.
fn folders(program: Program) -> &'static [&'static str] {
    match program {
        Program::Nginx => &["/etc/nginx", "/usr/local/openresty/nginx/conf"],
        Program::Haproxy { .. } => &["/usr/local/etc/haproxy", "/etc/haproxy"],
        Program::Httpd => &["/usr/local/apache2/conf", "/etc/apache2"],
        Program::Caddy | Program::Other => &[],
    }
}

/// The text files of an archive; one that can't be read ends the list.
fn texts(archive: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(Cursor::new(archive));
    let entries = archive.entries().into_iter().flatten();
    let files = entries
        .map_while(Result::ok)
        .filter(|entry| entry.header().entry_type().is_file());
    files
        .filter_map(|entry| {
            let mut text = String::new();
            entry
                .take(LARGEST_FILE)
                .read_to_string(&mut text)
                .ok()
                .map(|_| text)
        })
        .collect()
}

/// Whether a line sends requests to one of these names, and says nothing of looking it up again.
fn names_upstream(text: &str, names: &[String]) -> bool {
    text.lines().any(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<_> = line
            .split(|at: char| at.is_whitespace() || ";{}\"'".contains(at))
            .filter(|word| !word.is_empty())
            .collect();
        // A variable, `resolve` of nginx, `resolvers` of HAProxy: looked up as it goes.
        let looks_up_again = words.first().is_some_and(|word| *word == "set")
            || words.iter().any(|word| word.starts_with("resolve"));
        let before = std::iter::once("").chain(words.iter().copied());
        !looks_up_again
            && before
                .zip(&words)
                .any(|(before, word)| is_upstream(before, word, names))
    })
}

fn is_upstream(before: &str, word: &str, names: &[String]) -> bool {
    let (scheme, rest) = match word.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, word),
    };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let (name, port) = match host.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    };
    let is_address = scheme.is_some()
        || port.is_some_and(|port| port.parse::<u16>().is_ok())
        || BEFORE_A_NAME.contains(&before);
    is_address && names.iter().any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> bool {
        names_upstream(text, &["shop".to_owned(), "shop-web".to_owned()])
    }

    #[test]
    fn an_upstream_is_a_name_where_requests_go() {
        for text in [
            "proxy_pass http://shop:8080;",
            "location / { proxy_pass http://shop/api/; }",
            "upstream app {\n  server shop-web max_fails=3;\n}",
            "fastcgi_pass shop:9000;",
            "  server one shop:8080 check",
            "ProxyPass \"/\" \"http://shop:8080/\"",
        ] {
            assert!(names(text), "{text}");
        }
    }

    #[test]
    fn a_name_that_is_looked_up_again_or_only_resembles_it_is_none() {
        for text in [
            "# proxy_pass http://shop:8080;",
            "server_name shop;",
            "proxy_pass http://shop.example.com;",
            "proxy_pass http://workshop:8080;",
            "set $upstream http://shop:8080;",
            "server shop:8080 resolve;",
            "  server one shop:8080 check resolvers docker",
            "root /srv/shop;",
        ] {
            assert!(!names(text), "{text}");
        }
    }
}
