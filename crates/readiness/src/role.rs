//! What a service is for besides answering requests. A job has no Blue; of a scheduler, a singleton
//! or an agent of the host a second one does everything twice.
//!
//! Names and words only suggest it, so what they say can be overruled with `--force`; only what the
//! files themselves say of a job is final.

use std::path::Path;

use super::{
    Facts, duty, proxy,
    words::{all, image, is_one_of, last, parts, program, serves},
};
use teal_compose::{ComposeModel, ComposeService};
use teal_docker::ImageName;
use teal_model::{Verdict, VerdictCode};

/// What a service is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It runs to its end.
    Job,
    /// People start it when they need it.
    Tool,
    /// It starts what is due.
    Scheduler,
    /// It has something that only one can have: a session, a lease, a backup.
    Singleton,
    /// It looks after the machine.
    HostAgent,
    /// It takes its work from a queue.
    Worker,
}

pub(super) fn verdict(facts: &Facts) -> Option<Verdict> {
    let live = "change its limits with `teal update` or in a maintenance window, or use `--force` if two instances can briefly run side by side";
    let verdict = match facts.role()? {
        Role::Worker => return None,
        Role::Job => Verdict::needs_force(VerdictCode::OneShot, "is a job, by its name or by what it runs")
            .means("it runs to completion: there is no running Blue to replace, and Green would do its work again")
            .remedy("apply the new limits on its next run, or use `--force` if it is a long-running service"),
        Role::Tool => Verdict::needs_force(VerdictCode::OneShot, "is a tool that is started by hand")
            .means("it gets no requests, and whoever uses it now would lose their session with Blue")
            .remedy("apply the new limits on its next run, or use `--force` if it is a long-running service"),
        Role::Scheduler => Verdict::needs_force(VerdictCode::Scheduler, "is a scheduler")
            .means("while Blue and Green both run, every scheduled job starts twice")
            .remedy(live),
        Role::Singleton => Verdict::needs_force(VerdictCode::Singleton, "only one instance may run at a time")
            .means("Blue and Green would do the same work twice, or compete for it")
            .remedy(live),
        Role::HostAgent => Verdict::needs_force(VerdictCode::HostAgent, "is a host agent")
            .means("Blue and Green would both report on the same host, or act on it")
            .remedy(live),
    };
    Some(verdict.for_good())
}

/// What a service is for; none for one that answers requests, or of which nothing is known. What is
/// known of a program counts whoever else asks it; a name is only a guess.
pub(super) fn of(name: &str, service: &ComposeService, model: &ComposeModel) -> Option<Role> {
    if is_host_agent(name, service) {
        return Some(Role::HostAgent);
    }
    if duty::is_known_scheduler(name, service) {
        return Some(Role::Scheduler);
    }
    if duty::is_known_singleton(service) {
        return Some(Role::Singleton);
    }
    if serves(service) {
        return None;
    }
    if duty::runs_scheduler(service) {
        return Some(Role::Scheduler);
    }
    if is_offered(service) {
        return None;
    }
    if duty::is_named_scheduler(name) {
        return Some(Role::Scheduler);
    }
    if duty::is_named_singleton(name, service, model) {
        return Some(Role::Singleton);
    }
    if ends(service) && !service.has_health_check() && !model.is_called(name) {
        if is_job(name, service) {
            return Some(Role::Job);
        }
        if is_tool(name, service) {
            return Some(Role::Tool);
        }
    }
    is_worker(name, service, model).then_some(Role::Worker)
}

/// Whether the files lead people's requests to it.
fn is_offered(service: &ComposeService) -> bool {
    /// Where debuggers and who collects figures ask: that is nobody's request.
    const ASIDE: [u16; 8] = [2112, 2345, 5005, 8125, 9090, 9100, 9229, 9464];
    let mut ports = service.ports.iter();
    ports.any(|port| !ASIDE.contains(&port.target))
        || asks_for_traefik(service)
        || proxy::is_asked_for(service)
}

/// Whether its labels ask Traefik for a route of any kind but UDP.
fn asks_for_traefik(service: &ComposeService) -> bool {
    service.labels.iter().any(|(key, value)| {
        let key = key.to_ascii_lowercase();
        key.starts_with("traefik.http.")
            || key.starts_with("traefik.tcp.")
            || (key == "traefik.enable" && value.eq_ignore_ascii_case("true"))
    })
}

/// Whether nothing starts it again once it has ended.
fn ends(service: &ComposeService) -> bool {
    let restart = service.restart.as_deref().unwrap_or("no");
    restart == "no" || restart.starts_with("on-failure")
}

fn is_job(name: &str, service: &ComposeService) -> bool {
    const NAMES: &str = "bootstrap certs collectstatic createbucket createbuckets cypress e2e \
                         fixtures genkeys init initdb install installer keygen migrate migration \
                         migrations migrator playwright prepare provision seed seeder setup";
    /// Of a longer name they say where it runs, not what it is.
    const ALONE: &str = "test tests";
    const COMMANDS: &str = "alembic collectstatic createsuperuser cypress dbmate flyway initdb \
                            liquibase loaddata mc migrate migrations migrator newman playwright \
                            seed";
    /// Tasks of Rails, Laravel and the like.
    const TASKS: [&str; 3] = ["db:", "migrate:", "assets:precompile"];
    let words = program(service);
    parts(name).iter().any(|part| is_one_of(NAMES, part))
        || is_one_of(ALONE, name)
        || is_one_of(COMMANDS, &last(&image(service)))
        || words.iter().any(|word| {
            is_one_of(COMMANDS, word) || TASKS.iter().any(|task| word.starts_with(task))
        })
}

fn is_tool(name: &str, service: &ComposeService) -> bool {
    const NAMES: &str = "cli console psql repl shell toolbox tools";
    const SHELLS: &str = "ash bash irb mysql psql redis-cli sh zsh";
    const ASKED: &str = "db kafka mongo mysql postgres psql redis sql";
    /// Without a command they run a shell, where somebody gives them a terminal.
    const SYSTEMS: &str = "alpine archlinux busybox debian fedora ubuntu";
    let words = all(service);
    let is_shell = match words.as_slice() {
        [] => service.tty && service.stdin_open && is_one_of(SYSTEMS, &image(service)),
        [word] => is_one_of(SHELLS, word),
        _ => false,
    };
    let mut name = parts(name);
    let last = name.pop().unwrap_or_default();
    let is_client = last == "client" && name.iter().any(|part| is_one_of(ASKED, part));
    is_one_of(NAMES, &last) || is_client || is_shell
}

fn is_host_agent(name: &str, service: &ComposeService) -> bool {
    const PROGRAMS: &str = "auditbeat beszel-agent cadvisor datadog-agent dcgm-exporter diun falco \
                            filebeat glances journalbeat metricbeat netdata node-exporter \
                            node_exporter packetbeat process-exporter promtail \
                            smartctl-exporter telegraf watchtower winlogbeat zabbix-agent \
                            zabbix-agent2";
    const OWNED: &str = "beats/heartbeat datadog/agent datadoghq/agent elastic/heartbeat \
                         grafana/agent grafana/alloy newrelic/infrastructure portainer/agent";
    let repository = service
        .image
        .as_deref()
        .map(|image| ImageName::new(image).repository);
    let repository = repository.unwrap_or_default().to_lowercase();
    let mut parts = repository.rsplit('/');
    let image = parts.next().unwrap_or_default();
    let owned = format!("{}/{image}", parts.next().unwrap_or_default());
    // As it is published without what not everybody may use.
    let program = image.trim_end_matches("-oss");
    let is_built_one = service.build.is_some() && is_one_of(PROGRAMS, name);
    let mounts = service.mounts();
    let mut sources = mounts.iter().filter_map(|mount| mount.source.as_deref());
    is_one_of(PROGRAMS, program)
        || is_one_of(OWNED, owned.trim_end_matches("-oss"))
        || is_built_one
        || service.pid.as_deref() == Some("host")
        || sources.any(is_whole_of_the_host)
}

/// What the machine is, all of it: somebody who mounts that watches the machine.
pub(super) fn is_whole_of_the_host(source: &str) -> bool {
    const PLACES: &str = "/ /proc /run/log/journal /run/udev /sys /var/lib/docker \
                          /var/lib/docker/containers /var/log /var/log/journal";
    let source = match source.trim_end_matches('/') {
        "" => "/",
        source => source,
    };
    Path::new(source).is_absolute() && is_one_of(PLACES, source)
}

/// Whether it takes its work from a queue, and nobody calls it. What only its name or the number of
/// its containers suggests, a service that waits for it disproves: it may well ask it.
fn is_worker(name: &str, service: &ComposeService, model: &ComposeModel) -> bool {
    if duty::is_known_worker(service) {
        return !model.is_called(name);
    }
    let runs_several = service.replicas() > 1 && service.has_no_port();
    (is_named_worker(name) || runs_several) && model.callers(name).is_empty()
}

pub(super) fn is_named_worker(name: &str) -> bool {
    is_one_of(duty::WORKERS, &last(name)) || is_one_of("worker", &first(name))
}

fn first(name: &str) -> String {
    parts(name).into_iter().next().unwrap_or_default()
}
