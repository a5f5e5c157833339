//! Whether a proxy's own settings send requests to a name that it looks up once, at its start.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Cursor, Read},
    path::Path,
    time::Duration,
};

use bollard::Docker;
use tokio::time::timeout;

use super::{program::Program, whose::Names};
use teal_docker::{Missing, archive};
use teal_model::{Error, Result};

/// A larger file is not a settings file that somebody wrote.
const LARGEST_FILE: u64 = 256 * 1024;
/// Of a folder that holds more than settings the beginning has to do.
const LARGEST_FOLDER: usize = 8 * 1024 * 1024;
const AT_MOST: Duration = Duration::from_secs(5);

/// What a proxy's settings send requests to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Upstream {
    /// A name that all containers of the service share: another look finds all of them.
    Service,
    /// One container: nobody else will ever have its name.
    Container,
}

/// An upstream of a proxy's settings, and the names that it is asked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub upstream: Upstream,
    pub names: BTreeSet<String>,
}

/// Where the settings in a container send requests that ask for one of these names for good; `None`
/// where they don't.
///
/// # Errors
/// The engine does not hand its files out, or not in time.
pub async fn upstream_of(
    docker: &Docker,
    container: &str,
    program: Program,
    names: &Names,
) -> Result<Option<Asked>> {
    let mut found: BTreeMap<String, Upstream> = BTreeMap::new();
    for folder in folders(program) {
        let archive = archive(docker, container, folder, LARGEST_FOLDER);
        let archive = timeout(AT_MOST, archive);
        let archive = archive.await.map_err(|_| {
            Error::Unexpected(format!(
                "{folder} of container {container} is not read in time"
            ))
        })?;
        let archive = archive.missing();
        let Some(archive) = archive.map_err(teal_docker::failed("read a proxy's settings"))? else {
            continue;
        };
        for text in texts(&archive.bytes) {
            for name in upstreams(program, &text) {
                if let Some(upstream) = names.upstream(&name) {
                    found.insert(name, upstream);
                }
            }
        }
    }
    // One container's name is enough to have nothing left once this container has gone.
    let upstream = found.values().max().copied();
    Ok(upstream.map(|upstream| Asked {
        upstream,
        names: found.into_keys().collect(),
    }))
}

impl Names {
    fn upstream(&self, name: &str) -> Option<Upstream> {
        let is_one_of = |names: &[String]| names.iter().any(|own| own == name);
        match (is_one_of(&self.own), is_one_of(&self.shared)) {
            (true, _) => Some(Upstream::Container),
            (false, true) => Some(Upstream::Service),
            (false, false) => None,
        }
    }
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

/// The settings in an archive that are in use; an archive that was cut off ends the list.
fn texts(archive: &[u8]) -> Vec<String> {
    let mut links = BTreeSet::new();
    let mut files = Vec::new();
    let mut archive = tar::Archive::new(Cursor::new(archive));
    let entries = archive.entries().into_iter().flatten();
    for entry in entries.map_while(std::result::Result::ok) {
        let (Ok(path), kind) = (
            entry.path().map(std::borrow::Cow::into_owned),
            entry.header().entry_type(),
        ) else {
            continue;
        };
        if kind.is_symlink() {
            let target = entry.link_name().ok().flatten();
            links.extend(target.and_then(|target| Some(target.file_name()?.to_owned())));
        }
        let mut text = String::new();
        let is_text = entry.take(LARGEST_FILE).read_to_string(&mut text).is_ok();
        if kind.is_file() && is_text && !is_put_aside(&path) {
            files.push((path, text));
        }
    }
    // Debian's programs read what is linked from `sites-enabled`, and nothing else of this folder.
    let is_used = |path: &Path| {
        let is_available = path.iter().any(|part| {
            part.to_str()
                .is_some_and(|part| part.ends_with("-available"))
        });
        !is_available || path.file_name().is_some_and(|name| links.contains(name))
    };
    files.retain(|(path, _)| is_used(path));
    files.into_iter().map(|(_, text)| text).collect()
}

/// Whether a file is a copy or a pattern that no program reads.
fn is_put_aside(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let endings = [
        ".bak",
        ".default",
        ".disabled",
        ".off",
        ".old",
        ".orig",
        ".save",
        ".template",
        "~",
    ];
    name.is_some_and(|name| endings.iter().any(|ending| name.ends_with(ending)))
}

/// The names that requests go to, without those that are looked up as the proxy goes.
fn upstreams(program: Program, text: &str) -> Vec<String> {
    let plain: Vec<_> = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default())
        .collect();
    match program {
        Program::Nginx => of_nginx(&plain.join("\n")),
        Program::Haproxy { .. } => of_haproxy(&plain),
        Program::Httpd => of_httpd(&plain),
        Program::Caddy | Program::Other => Vec::new(),
    }
}

/// `proxy_pass http://shop:8080/;` and its like, and `server shop:8080;` of an upstream.
fn of_nginx(text: &str) -> Vec<String> {
    let statements = text.split([';', '{', '}']);
    let addresses = statements.filter_map(|statement| {
        let mut words = statement.split_whitespace();
        let directive = words.next()?;
        let address = words.next()?;
        let is_upstream = directive == "server" || directive.ends_with("_pass");
        let is_looked_up_again = address.contains('$') || words.any(|word| word == "resolve");
        (is_upstream && !is_looked_up_again).then(|| host(address))
    });
    addresses.collect()
}

/// `server NAME shop:8080 check`, unless somebody names `resolvers`.
fn of_haproxy(lines: &[&str]) -> Vec<String> {
    let words = |line: &&str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let lines: Vec<_> = lines.iter().map(words).collect();
    let has_resolvers = |line: &Vec<String>| line.iter().any(|word| word == "resolvers");
    let is_default = |line: &&Vec<String>| line.first().is_some_and(|it| it == "default-server");
    if lines.iter().filter(is_default).any(has_resolvers) {
        return Vec::new();
    }
    let servers = lines.iter().filter(|line| {
        let is_server = line.first().is_some_and(|word| word.starts_with("server"));
        is_server && !has_resolvers(line)
    });
    let addresses = servers.filter_map(|line| {
        // `server-template PREFIX NUMBER shop:8080`
        let at = if line[0] == "server" { 2 } else { 3 };
        line.get(at)
    });
    addresses.map(|address| host(address)).collect()
}

/// `ProxyPass / http://shop:8080/` and its like.
fn of_httpd(lines: &[&str]) -> Vec<String> {
    const DIRECTIVES: [&str; 4] = [
        "balancermember",
        "proxypass",
        "proxypassmatch",
        "rewriterule",
    ];
    let proxied = lines.iter().filter(|line| {
        let directive = line.split_whitespace().next().unwrap_or_default();
        DIRECTIVES.contains(&directive.to_lowercase().as_str())
    });
    let words = proxied.flat_map(|line| line.split_whitespace());
    let words = words.map(|word| word.trim_matches(['"', '\'']));
    words
        .filter(|word| word.contains("://"))
        .map(host)
        .collect()
}

/// The host of an address, with or without scheme, port and path.
fn host(address: &str) -> String {
    let address = address.trim_matches(['"', '\'']);
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let end = rest.find([':', '/', '?']).unwrap_or(rest.len());
    rest[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HAPROXY: Program = Program::Haproxy { has_master: true };

    fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, text) in entries {
            let mut header = tar::Header::new_gnu();
            match text.strip_prefix("-> ") {
                Some(target) => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    header.set_size(0);
                    archive.append_link(&mut header, path, target).unwrap();
                }
                None => {
                    header.set_size(text.len() as u64);
                    header.set_mode(0o644);
                    archive
                        .append_data(&mut header, path, text.as_bytes())
                        .unwrap();
                }
            }
        }
        archive.into_inner().unwrap()
    }

    #[test]
    fn an_upstream_is_a_name_where_requests_go() {
        for (program, text) in [
            (Program::Nginx, "proxy_pass http://shop:8080;"),
            (
                Program::Nginx,
                "location / { proxy_pass http://shop/api/; }",
            ),
            (
                Program::Nginx,
                "upstream app {\n  server shop max_fails=3;\n}",
            ),
            (Program::Nginx, "fastcgi_pass shop:9000;"),
            (HAPROXY, "backend app\n  server one shop:8080 check"),
            (HAPROXY, "  server-template web 3 shop:8080 check"),
            (Program::Httpd, "ProxyPass \"/\" \"http://shop:8080/\""),
            (Program::Httpd, "  BalancerMember http://shop:8080"),
        ] {
            assert!(
                upstreams(program, text).contains(&"shop".to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_name_that_is_looked_up_again_or_only_resembles_it_is_none() {
        for (program, text) in [
            (Program::Nginx, "# proxy_pass http://shop:8080;"),
            (Program::Nginx, "server { server_name shop; }"),
            (Program::Nginx, "proxy_pass http://shop.example.com;"),
            (Program::Nginx, "proxy_pass http://workshop:8080;"),
            (
                Program::Nginx,
                "set $upstream http://shop:8080; proxy_pass $upstream;",
            ),
            (Program::Nginx, "proxy_pass http://shop:8080$request_uri;"),
            (Program::Nginx, "map $host $to { default shop:8080; }"),
            (Program::Nginx, "upstream app { server shop:8080 resolve; }"),
            (
                Program::Nginx,
                "proxy_redirect http://shop:8080 /; return 301 http://shop/;",
            ),
            (HAPROXY, "  server shop 10.0.0.5:8080 check"),
            (HAPROXY, "  server one shop:8080 check resolvers docker"),
            (
                HAPROXY,
                "  default-server resolvers docker\n  server one shop:8080",
            ),
            (Program::Httpd, "ServerName shop\nRedirect / http://shop/"),
        ] {
            assert!(
                !upstreams(program, text).contains(&"shop".to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_name_of_one_container_is_told_from_one_that_all_share() {
        let names = Names {
            shared: vec!["shop".to_owned()],
            own: vec!["shop-1".to_owned()],
        };
        assert_eq!(names.upstream("shop"), Some(Upstream::Service));
        assert_eq!(names.upstream("shop-1"), Some(Upstream::Container));
        assert_eq!(names.upstream("other"), None);
    }

    #[test]
    fn files_that_nothing_reads_say_nothing() {
        let all = archive(&[
            ("nginx/nginx.conf", "main"),
            ("nginx/conf.d/shop.conf.bak", "copy"),
            ("nginx/templates/shop.conf.template", "pattern"),
            ("nginx/sites-available/shop", "linked"),
            ("nginx/sites-available/old", "left"),
            ("nginx/sites-enabled/shop", "-> ../sites-available/shop"),
        ]);
        assert_eq!(texts(&all), ["main", "linked"]);
        // Where it was cut off, what came before counts.
        assert_eq!(texts(&all[..1024 + 512]), ["main"]);
        assert_eq!(texts(b"nothing"), [""; 0]);
    }
}
