//! What a rollout means for the other services of the project.

use super::{Facts, role::Role, words};
use teal_compose::ComposeService;
use teal_model::{Verdict, VerdictCode, list};
use teal_traffic::Program;

pub(super) fn verdicts(facts: &Facts) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    verdicts.extend(callers(facts));
    verdicts.extend(restarted(facts));
    verdicts
}

fn callers(facts: &Facts) -> Option<Verdict> {
    let callers = facts.model.callers(facts.name);
    // Nobody names a worker's address: who waits for it gives it work by its queue.
    if callers.is_empty() || facts.role() == Some(Role::Worker) {
        return None;
    }
    let servers: Vec<_> = callers
        .iter()
        .map(|caller| (caller, program(&facts.model.services[caller])))
        .collect();
    let names = servers
        .iter()
        .map(|(caller, program)| match program.name() {
            Some(name) => format!("`{caller}` ({name})"),
            None => format!("`{caller}`"),
        });
    let names: Vec<_> = names.collect();
    let resolving = servers.iter().filter(|(_, it)| it.resolves_once());
    let resolving: Vec<_> = resolving.map(|(caller, _)| *caller).collect();
    let mut programs: Vec<Program> = Vec::new();
    for (_, program) in servers {
        if !programs.contains(&program) {
            programs.push(program);
        }
    }
    let mut meaning = vec![match has_route(facts) {
        true => "such requests bypass Traefik and reach both Blue and Green".to_owned(),
        false => "such requests aren't routed: they reach both Blue and Green, and may hit a container that is stopping".to_owned(),
    }];
    if !resolving.is_empty() {
        meaning.push(format!(
            "{} may resolve the name only at startup, and would keep calling Blue after Blue is removed",
            list(&resolving)
        ));
    }
    let remedies: Vec<_> = programs.into_iter().map(remedy).collect();
    Some(
        Verdict::warning(
            VerdictCode::Callers,
            format!("{} may call it by its service name", names.join(", ")),
        )
        .means(meaning.join("; "))
        .remedy(remedies.join("; ")),
    )
}

fn has_route(facts: &Facts) -> bool {
    facts.found.is_some_and(|found| !found.routes.is_empty())
}

/// The server that a service runs, by its image.
fn program(service: &ComposeService) -> Program {
    match words::image(service).as_str() {
        "nginx" | "nginx-unprivileged" | "openresty" => Program::Nginx,
        "haproxy" | "haproxy-alpine" | "haproxy-debian" | "haproxy-ubuntu" => {
            Program::Haproxy { has_master: false }
        }
        "httpd" | "apache" => Program::Httpd,
        "caddy" => Program::Caddy,
        _ => Program::Other,
    }
}

fn remedy(program: Program) -> String {
    let how = match program {
        Program::Nginx => "`resolver`, and a variable in `proxy_pass`",
        Program::Haproxy { .. } => "`resolvers`",
        Program::Httpd => "`disablereuse=on`",
        Program::Caddy => {
            return "Caddy needs no reload: it looks names up as it connects, and tries the other container where one refuses".to_owned();
        }
        Program::Other => {
            return "have them call it through Traefik, or retry a failed connection".to_owned();
        }
    };
    let name = program.name().unwrap_or_default();
    format!(
        "reload {name} when the rollout asks for it, or have it resolve names at run time ({how})"
    )
}

fn restarted(facts: &Facts) -> Option<Verdict> {
    let dependants = facts.model.restarted_with(facts.name);
    if dependants.is_empty() {
        return None;
    }
    let names = list(&dependants);
    Some(
        Verdict::warning(
            VerdictCode::Dependants,
            format!("{names} asks Compose for a restart whenever it changes"),
        )
        .means("a rollout restarts no other service")
        .remedy(format!(
            "if it needs the restart, run it afterwards: `docker compose restart {}`",
            dependants.join(" ")
        )),
    )
}
