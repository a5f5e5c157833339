//! What a caller runs, as far as it matters for how it looks names up.

/// A program that calls others for its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Nginx,
    Haproxy {
        /// Whether a master process restarts it on a signal.
        has_master: bool,
    },
    Httpd,
    Caddy,
    Other,
}

impl Program {
    /// Of the command lines of a container's processes.
    pub fn of<'a>(processes: impl IntoIterator<Item = &'a str>) -> Self {
        let known = processes.into_iter().filter_map(Self::of_one);
        // A worker does not say how its master was started.
        known
            .max_by_key(|program| matches!(program, Self::Haproxy { has_master: true }))
            .unwrap_or(Self::Other)
    }

    fn of_one(command: &str) -> Option<Self> {
        let mut words = command.split_whitespace();
        let path = words.next()?.trim_end_matches(':');
        match path.rsplit('/').next()? {
            "nginx" | "openresty" => Some(Self::Nginx),
            "haproxy" => Some(Self::Haproxy {
                has_master: words.any(|word| matches!(word, "-W" | "-Ws")),
            }),
            "httpd" | "apache2" => Some(Self::Httpd),
            "caddy" => Some(Self::Caddy),
            _ => None,
        }
    }

    /// Whether this process is a proxy's master or one that answers requests: no command that signals
    /// or tests it, no worker on its way out.
    pub fn serves(command: &str) -> bool {
        let has = |wanted: &[&str]| {
            command
                .split_whitespace()
                .any(|word| wanted.contains(&word))
        };
        match Self::of_one(command) {
            // It names its processes; those that it has not named are commands.
            Some(Self::Nginx) => {
                command.starts_with("nginx:") && !command.ends_with("is shutting down")
            }
            Some(Self::Haproxy { .. }) => !has(&["-c", "-v", "-vv"]),
            Some(Self::Httpd) => !has(&["-t", "-v", "graceful", "restart", "stop"]),
            Some(Self::Caddy | Self::Other) | None => false,
        }
    }

    /// Whether it learns of all addresses that a name has when it looks it up. `HAProxy` and others take
    /// the first one.
    pub const fn takes_all_addresses(self) -> bool {
        matches!(self, Self::Nginx)
    }

    /// Whether it keeps the addresses that a name had at its start, unless it is configured to look
    /// them up again.
    pub const fn resolves_once(self) -> bool {
        matches!(self, Self::Nginx | Self::Haproxy { .. } | Self::Httpd)
    }

    /// How people call it; none for one that is not known.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Nginx => Some("nginx"),
            Self::Haproxy { .. } => Some("HAProxy"),
            Self::Httpd => Some("httpd"),
            Self::Caddy => Some("Caddy"),
            Self::Other => None,
        }
    }

    /// The command that has it look names up again, without a failed request where it can do that.
    pub fn reload(self, container: &str) -> String {
        match self {
            Self::Nginx => format!("docker exec {container} nginx -s reload"),
            Self::Haproxy { has_master: true } => format!("docker kill -s USR2 {container}"),
            Self::Httpd => format!("docker exec {container} apachectl graceful"),
            Self::Caddy => format!(
                "docker exec {container} caddy reload --force --config /etc/caddy/Caddyfile"
            ),
            Self::Haproxy { has_master: false } | Self::Other => {
                format!("docker restart {container}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_processes() {
        let of = |processes: &[&str]| Program::of(processes.iter().copied());
        assert_eq!(
            of(&[
                "nginx: master process /usr/sbin/nginx -g daemon off;",
                "nginx: worker process"
            ]),
            Program::Nginx
        );
        assert_eq!(
            of(&["sh /start.sh", "/usr/sbin/nginx -g daemon off;"]),
            Program::Nginx
        );
        assert_eq!(
            of(&[
                "haproxy -sf 7 -x sockpair@4",
                "haproxy -W -db -f /usr/local/etc/haproxy/haproxy.cfg"
            ]),
            Program::Haproxy { has_master: true }
        );
        assert_eq!(
            of(&["haproxy -db -f h.cfg"]),
            Program::Haproxy { has_master: false }
        );
        assert_eq!(of(&["/usr/sbin/apache2 -DFOREGROUND"]), Program::Httpd);
        assert_eq!(of(&["caddy run --config Caddyfile"]), Program::Caddy);
        assert_eq!(
            of(&["node nginx.js", "", "/nginx-exporter"]),
            Program::Other
        );
        assert_eq!(of(&[]), Program::Other);
    }

    #[test]
    fn what_only_signals_a_proxy_is_no_part_of_it() {
        for command in [
            "nginx: master process /usr/sbin/nginx -g daemon off;",
            "nginx: master process nginx -c /etc/nginx/other.conf",
            "nginx: worker process",
            "haproxy -W -db -f h.cfg",
            "/usr/sbin/apache2 -k start -DFOREGROUND",
        ] {
            assert!(Program::serves(command), "{command}");
        }
        for command in [
            "nginx -s reload",
            "nginx -t",
            "haproxy -c -f h.cfg",
            "httpd -k graceful",
            "nginx: worker process is shutting down",
            "wget -q http://127.0.0.1/",
            "/bin/sh",
        ] {
            assert!(!Program::serves(command), "{command}");
        }
    }

    #[test]
    fn each_has_a_command_that_makes_it_look_again() {
        let command = |program: Program| program.reload("shop-proxy-1");
        assert_eq!(
            command(Program::Nginx),
            "docker exec shop-proxy-1 nginx -s reload"
        );
        assert_eq!(
            command(Program::Haproxy { has_master: true }),
            "docker kill -s USR2 shop-proxy-1"
        );
        assert_eq!(command(Program::Other), "docker restart shop-proxy-1");
    }
}
